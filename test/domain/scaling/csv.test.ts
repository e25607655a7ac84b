import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  choixCsv,
  itemsCsv,
  judgementsCsv,
  scoresCsv,
  sirtCsv,
  type CsvLayout,
} from "../../../src/domain/scaling/csv.ts";
import type { JudgedCall } from "../../../src/domain/scaling/evidence.ts";
import { judgedBy, noisy, plannedSet, reported, verdictOn } from "./made-up-judges.ts";

/** As RFC 4180 reads it. */
function read(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let cells: string[] = [];
  for (const [, quoted, plain = "", end = ""] of text.matchAll(
    /(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r\n)/g,
  )) {
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    rows.push(cells);
    cells = [];
  }
  return rows;
}

const tableOf = ({ head, lineOf }: CsvLayout, calls: readonly JudgedCall[]) =>
  read([head, ...calls.map(lineOf)].join(""));

const plan = plannedSet(6, { judges: ["one", "two"] });
const calls = judgedBy(plan, noisy(6));
const [call] = calls;
if (call === undefined) throw new Error("There is no call.");
const loserOf = ({ essay1, essay2, winner }: JudgedCall) => (winner === essay1 ? essay2 : essay1);

describe("judgements", () => {
  it("have all columns of the API, and a line for each call, also for one without a verdict", () => {
    const [head, ...rows] = tableOf(judgementsCsv, [...calls, verdictOn(call, null)]);
    expect(head).toEqual(
      (
        "seq,judge,model,essay_1,essay_2,shown_first,winner,confidence,audit,error_type,cost_estimate," +
        "response_time_ms,prompt_sha256,pair_sha256,judged_at,justification"
      ).split(","),
    );
    expect(rows).toHaveLength(calls.length + 1);
    expect(rows[0]).toEqual([
      "1",
      "one",
      "gpt-6-luna",
      call.essay1,
      call.essay2,
      call.shownFirst,
      call.winner,
      "3",
      "none",
      "",
      "0.001",
      "800",
      "prompt",
      "pair",
      "2026-11-30T12:00:00.000Z",
      "",
    ]);
    expect(rows.at(-1)?.slice(6, 10)).toEqual(["", "", "none", "CONTENT_REFUSED"]);
  });

  it("come back as they were, whatever a judge has written, but for an apostrophe before what begins a formula", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const [, row] = tableOf(judgementsCsv, [{ ...call, justification: text }]);
        expect(row?.at(-1)).toBe(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
      }),
    );
  });

  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])("never begin a cell with %j", (text) => {
    const [, row] = tableOf(judgementsCsv, [{ ...call, justification: text }]);
    expect(row?.at(-1)).toBe(`'${text}`);
  });
});

it("sirt's layout names first who was read first", () => {
  const [head, ...rows] = tableOf(sirtCsv, [...calls, verdictOn(call, null)]);
  expect(head).toEqual(["id1", "id2", "result", "judge"]);
  expect(rows).toEqual(
    calls.map((one) => [
      one.shownFirst,
      one.shownFirst === one.essay1 ? one.essay2 : one.essay1,
      one.winner === one.shownFirst ? "1" : "0",
      one.judge,
    ]),
  );
});

it("choix' layout names winner and loser by their places among the items", () => {
  const ids = plan.essays.map(({ id }) => id);
  const [, ...items] = read(itemsCsv(ids));
  expect(items).toEqual(ids.map((id, at) => [String(at), id]));
  const [head, ...rows] = tableOf(choixCsv(ids), [...calls, verdictOn(call, null)]);
  expect(head).toEqual(["winner", "loser"]);
  expect(rows.map(([winner, loser]) => [ids[Number(winner)], ids[Number(loser)]])).toEqual(
    calls.map((one) => [one.winner, loserOf(one)]),
  );
});

it("scores are a line each, numbers as numbers, and nothing where there is nothing", () => {
  const { scores } = reported(
    plan,
    calls.filter(({ essay1, essay2 }) => ![essay1, essay2].includes("E3")),
  );
  const [head, ...rows] = read(scoresCsv(scores));
  expect(head?.slice(0, 6)).toEqual(["rank", "essay", "score", "se", "low", "high"]);
  expect(rows.map(([, essay]) => essay)).toEqual(scores.map(({ essay }) => essay));
  for (const [at, [, , theta = ""]] of rows.slice(0, -1).entries()) {
    expect(Number(theta)).toBeCloseTo(scores[at]?.theta ?? NaN, 6);
  }
  expect(rows.some(([, , theta = ""]) => theta.startsWith("-"))).toBe(true);
  expect(rows.at(-1)).toEqual(["", "E3", "", "", "", "", "", "", "0", "0", "", "", "", ""]);
});
