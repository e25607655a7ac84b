/**
 * Tables as text, for people, for R's sirt and for Python's choix. Lines end as RFC 4180 has them, each ends with one, and each can be made by itself, so that
 * a long table can be streamed.
 */
import type { JudgedCall } from "./evidence.ts";
import type { Score } from "./scores.ts";

type Cell = string | number | boolean | null;

const judgementColumns: readonly (readonly [string, (call: JudgedCall) => Cell])[] = [
  ["seq", ({ seq }) => seq],
  ["judge", ({ judge }) => judge],
  ["model", ({ model }) => model],
  ["essay_1", ({ essay1 }) => essay1],
  ["essay_2", ({ essay2 }) => essay2],
  ["shown_first", ({ shownFirst }) => shownFirst],
  ["winner", ({ winner }) => winner],
  ["confidence", ({ confidence }) => confidence],
  ["audit", ({ audit }) => audit],
  ["error_type", ({ errorType }) => errorType],
  ["cost_estimate", ({ costEstimate }) => costEstimate],
  ["response_time_ms", ({ responseTimeMs }) => responseTimeMs],
  ["prompt_sha256", ({ promptSha256 }) => promptSha256],
  ["pair_sha256", ({ pairSha256 }) => pairSha256],
  ["judged_at", ({ judgedAt }) => judgedAt],
  ["justification", ({ justification }) => justification],
];

/** A layout of judgements: its first line, and what each call is in it. */
export interface CsvLayout {
  readonly head: string;
  /** "" where the layout has no place for a call. */
  readonly lineOf: (call: JudgedCall) => string;
}

/** All that is known of each call. */
export const judgementsCsv: CsvLayout = {
  head: line(judgementColumns.map(([name]) => name)),
  lineOf: (call) => line(judgementColumns.map(([, cellOf]) => cellOf(call))),
};

/**
 * For R: `btm(read.csv(…), judge = d$judge, ignore.ties = TRUE)` of the package sirt, whose "Home" is then the order effect. Who is first in a line was read
 * first; 1 means that it won.
 */
export const sirtCsv: CsvLayout = {
  head: line(["id1", "id2", "result", "judge"]),
  lineOf: ({ essay1, essay2, shownFirst, winner, judge }) =>
    winner === null
      ? ""
      : line([shownFirst, shownFirst === essay1 ? essay2 : essay1, winner === shownFirst ? 1 : 0, judge]),
};

/**
 * For Python's choix: winner and loser, as places in the list of items from 0.
 *
 * @param ids of all essays, in the order of `itemsCsv`
 */
export function choixCsv(ids: readonly string[]): CsvLayout {
  const places = new Map(ids.map((id, at) => [id, at]));
  return {
    head: line(["winner", "loser"]),
    lineOf: ({ essay1, essay2, winner }) => {
      if (winner === null) return "";
      const [won, lost] = [places.get(winner), places.get(winner === essay1 ? essay2 : essay1)];
      return won === undefined || lost === undefined ? "" : line([won, lost]);
    },
  };
}

/** Which essay is which number in choix' layout. */
export function itemsCsv(ids: readonly string[]): string {
  return [line(["item", "essay"]), ...ids.map((id, at) => line([at, id]))].join("");
}

/** The report's table of scores. */
export function scoresCsv(scores: readonly Score[]): string {
  const head = line([
    "rank",
    "essay",
    "score",
    "se",
    "low",
    "high",
    "tied_from",
    "tied_to",
    "comparisons",
    "wins",
    "infit",
    "outfit",
    "group",
    "flags",
  ]);
  const lines = scores.map((score) =>
    line([
      score.rank,
      score.essay,
      rounded(score.theta),
      rounded(score.se),
      rounded(score.ci95?.[0]),
      rounded(score.ci95?.[1]),
      score.tied_from,
      score.tied_to,
      score.comparisons,
      score.wins,
      rounded(score.infit),
      rounded(score.outfit),
      score.group,
      score.flags.join(" "),
    ]),
  );
  return [head, ...lines].join("");
}

function line(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(",")}\r\n`;
}

/** People read it. */
function rounded(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Number(value.toFixed(6));
}

/** A text that a spreadsheet would take for a formula begins with an apostrophe; a number never is one. */
function cellText(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell !== "string") return String(cell);
  const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
