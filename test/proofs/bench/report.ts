/** The measured samples as tables: the same text for the terminal and for Markdown. */
import type { Contender } from "./candidates.ts";
import type { LoadResult } from "./load.ts";
import type { Sample, Setting } from "./measure.ts";
import { figureOf, type Figure } from "./statistics.ts";

/** A window in which others used more of the machine than this says more about them. */
const mostForeignShare = 0.12;

/** The samples to trust: a noisy window counts only where its candidate has no quiet one at that setting. */
export function trustedSamples(samples: readonly Sample[]): Sample[] {
  const quiet = samples.filter((sample) => !isNoisy(sample));
  return samples.filter((sample) => !isNoisy(sample) || !quiet.some((other) => sameCell(other, sample)));
}

/** How quiet the machine was, in a sentence: a reader must be able to see it. */
export function noiseLine(samples: readonly Sample[]): string {
  const noisy = samples.filter(isNoisy).length;
  const kept = trustedSamples(samples).filter(isNoisy).length;
  return (
    `Others used more than ${mostForeignShare * 100} % of the machine in ${noisy} of ${samples.length} windows` +
    (noisy === 0 ? "." : `: ${noisy - kept} left out, ${kept} kept for want of a quiet one.`)
  );
}

/** CPU time of a candidate per request at one setting, in microseconds; `null` where it wasn't measured. */
export function cpuFigure(samples: readonly Sample[], candidate: Contender, setting: Setting): Figure | null {
  return figure(samples, { candidate, setting }, ({ result }) => result.cpuMicrosecondsPerRequest);
}

/** One table for each setting, a line for each candidate, and the direct call above them. */
export function tables(
  samples: readonly Sample[],
  candidates: readonly Contender[],
  settings: readonly Setting[],
): string {
  return settings
    .map((setting) => {
      const lines = [null, ...candidates].map((candidate) => line(samples, candidate, setting));
      return `### ${settingName(setting)}\n\n${table([header, ...lines])}`;
    })
    .join("\n\n");
}

export function settingName({ connections, latencyMs }: Setting): string {
  return `${connections} connection${connections === 1 ? "" : "s"}, upstream ${latencyMs} ms`;
}

/** Rows of cells as a Markdown table whose columns line up; the first row is the header, all columns but the first are numbers. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns =
    rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const [head = "", ...lines] = rows.map(
    (row) => `| ${columns.map((width, column) => pad(row[column] ?? "", width, column)).join(" | ")} |`,
  );
  const rule = `|${columns.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [head, rule, ...lines].join("\n");
}

const header = [
  "",
  "CPU µs/request",
  "requests/s",
  "added p50 ms",
  "added p95 ms",
  "added p99 ms",
  "resident MB",
];

function isNoisy({ result }: Sample): boolean {
  return result.foreignShare > mostForeignShare;
}

type Cell = Pick<Sample, "candidate" | "setting">;

function line(samples: readonly Sample[], candidate: Contender | null, setting: Setting): string[] {
  const cell = { candidate, setting };
  const of = (read: (sample: Sample) => number | null) => figure(samples, cell, read);
  const latency = (key: "p50Ms" | "p95Ms" | "p99Ms"): string =>
    candidate === null
      ? shown(
          of(({ result }) => result[key]),
          2,
        )
      : shown(
          of((sample) => sample.result[key] - directly(samples, sample, key)),
          2,
        );
  return [
    candidate?.name ?? "direct call (its own latency)",
    shown(
      of(({ result }) => result.cpuMicrosecondsPerRequest),
      0,
    ),
    shown(
      of(({ result }) => result.requestsPerSecond),
      0,
    ),
    latency("p50Ms"),
    latency("p95Ms"),
    latency("p99Ms"),
    shown(
      of(({ result }) => result.residentMegabytes),
      0,
    ),
  ];
}

/** What the direct call took in the same round, a minute away at most: the machine's mood of that hour is in both. */
function directly(samples: readonly Sample[], { round, setting }: Sample, key: keyof LoadResult): number {
  const direct = samples.filter((sample) => sameCell(sample, { candidate: null, setting }));
  const sample = direct.find((other) => other.round === round) ?? direct[0];
  return sample?.result[key] ?? Number.NaN;
}

/** A reading over all rounds of one candidate at one setting; `null` where there is none. */
export function figure(
  samples: readonly Sample[],
  cell: Cell,
  read: (sample: Sample) => number | null,
): Figure | null {
  const values = samples.filter((sample) => sameCell(sample, cell)).map(read);
  return figureOf(values.filter((value) => value !== null));
}

function sameCell(one: Cell, other: Cell): boolean {
  return (
    one.candidate === other.candidate &&
    one.setting.connections === other.setting.connections &&
    one.setting.latencyMs === other.setting.latencyMs
  );
}

/** The median, and the spread where there is one. */
export function shown(value: Figure | null, digits: number): string {
  if (value === null) return "–";
  const { median, least, most } = value;
  const spread = least === most ? "" : ` (${least.toFixed(digits)}–${most.toFixed(digits)})`;
  return median.toFixed(digits) + spread;
}

function pad(text: string, width: number, column: number): string {
  return column === 0 ? text.padEnd(width) : text.padStart(width);
}
