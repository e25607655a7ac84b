import { describe, expect, it } from "vitest";
import { coinP, normalP, pairedDifference, wilson } from "../../../src/domain/scaling/intervals.ts";
import type { JudgedCall } from "../../../src/domain/scaling/evidence.ts";
import { plannedSet, reported, verdictOn } from "./made-up-judges.ts";

/** Pairs of their own essays, each asked in both orders: so many flip to the first, to the second, and the rest stand. */
function flipped(pairs: number, toFirst: number, toSecond: number, unreadable = 0) {
  const all = pairs + unreadable / 2;
  const given = Array.from({ length: all }, (_, at) => [`E${2 * at + 1}`, `E${2 * at + 2}`] as const);
  const plan = plannedSet(2 * all, { design: { kind: "pairs", pairs: given }, auditShare: 1 });
  const calls = plan.calls.map((call): JudgedCall => {
    const pair = Math.floor((Number(call.essay1.slice(1)) - 1) / 2);
    const second = call.shownFirst === call.essay1 ? call.essay2 : call.essay1;
    if (pair >= pairs) return verdictOn(call, null);
    if (pair < toFirst) return verdictOn(call, call.shownFirst);
    if (pair < toFirst + toSecond) return verdictOn(call, second);
    return verdictOn(call, `E${2 * pair + 1 + (pair % 2)}`);
  });
  const [order] = reported(plan, calls).order.judges;
  if (order === undefined) throw new Error("There is no judge.");
  return order;
}

describe("LLMBar's recorded judges, by the counts of their verdicts", () => {
  it.each([
    ["GPT-4", 419, 0, 389, 20, 10, 9.9e-2, 0.512, [0.499, 0.525], "none"],
    ["PaLM2", 415, 8, 300, 83, 32, 2.2e-6, 0.561, [0.537, 0.586], "towards_first"],
    ["ChatGPT-0301", 419, 0, 242, 160, 17, 2.4e-30, 0.671, [0.644, 0.697], "towards_first"],
    ["ChatGPT", 419, 0, 276, 133, 10, 1.4e-28, 0.647, [0.623, 0.671], "towards_first"],
    ["Falcon", 419, 0, 174, 238, 7, 3.5e-61, 0.776, [0.75, 0.801], "towards_first"],
  ] as const)("%s", (_, pairs, unreadable, consistent, first, second, p, rate, ci95, finding) => {
    const order = flipped(pairs, first, second, unreadable);
    expect(order).toMatchObject({
      pairs_in_both_orders: pairs,
      failed: unreadable,
      consistent,
      flips_to_first: first,
      flips_to_second: second,
      first_slot_method: "paired",
      finding,
    });
    expect((order.p ?? NaN) / p).toBeCloseTo(1, 1);
    expect(order.first_slot_rate).toBeCloseTo(rate, 3);
    expect(order.first_slot_ci95?.[0]).toBeCloseTo(ci95[0], 3);
    expect(order.first_slot_ci95?.[1]).toBeCloseTo(ci95[1], 3);
    expect(order.consistency).toBeCloseTo(consistent / pairs, 9);
  });
});

it("three flips of thirty, all towards the second, are too few to call it a bias", () => {
  const order = flipped(30, 0, 3);
  expect(order).toMatchObject({
    consistency: 0.9,
    first_slot_rate: 0.45,
    first_slot_method: "paired_plus_one",
    finding: "none",
    says: "3 of 30 pairs changed with the order, all towards the second essay: too few to call it a bias.",
  });
  expect(order.p).toBeCloseTo(0.25, 12);
  expect(order.consistency_ci95?.[0]).toBeCloseTo(0.744, 3);
  expect(order.consistency_ci95?.[1]).toBeCloseTo(0.965, 3);
});

describe("intervals", () => {
  it("of few changes are wider than the plain ones, and named so", () => {
    expect(pairedDifference(4, 20, 100)).toMatchObject({ method: "paired_plus_one", value: -0.16 });
    expect(pairedDifference(5, 20, 100)).toMatchObject({ method: "paired", value: -0.15 });
    expect(pairedDifference(0, 0, 0)).toBeNull();
    // Nothing changed: still nobody knows that nothing would.
    const [low = 0, high = 0] = pairedDifference(0, 0, 30)?.ci95 ?? [];
    expect([low, high].map((end) => end.toFixed(3))).toEqual(["-0.087", "0.087"]);
  });

  it("hold the true share 95 times of 100, with few pairs too", () => {
    // Exactly, over all outcomes: 30 pairs that flip to either side with the probabilities named.
    const factorials = Array.from({ length: 31 }, (_, at) => at).reduce<number[]>(
      (all, at) => [...all, (all.at(-1) ?? 1) * Math.max(1, at)],
      [],
    );
    const chance = (first: number, second: number, one: number, other: number) =>
      ((factorials[30] ?? NaN) /
        (factorials[first] ?? NaN) /
        (factorials[second] ?? NaN) /
        (factorials[30 - first - second] ?? NaN)) *
      one ** first *
      other ** second *
      (1 - one - other) ** (30 - first - second);
    for (const [one, other] of [
      [0.025, 0.025],
      [0.05, 0.05],
      [0.15, 0.05],
      [0.2, 0.2],
    ] as const) {
      let covered = 0;
      for (let first = 0; first <= 30; first++) {
        for (let second = 0; first + second <= 30; second++) {
          const [low = 1, high = 0] = pairedDifference(first, second, 30)?.ci95 ?? [];
          if (low <= one - other && one - other <= high) covered += chance(first, second, one, other);
        }
      }
      expect(covered).toBeGreaterThan(0.93);
    }
  });

  it("of Wilson are those of the book", () => {
    expect(wilson(0, 10)?.map((end) => end.toFixed(4))).toEqual(["0.0000", "0.2775"]);
    expect(wilson(10, 10)?.map((end) => end.toFixed(4))).toEqual(["0.7225", "1.0000"]);
    expect(wilson(5, 10)?.map((end) => end.toFixed(4))).toEqual(["0.2366", "0.7634"]);
    expect(wilson(0, 0)).toBeNull();
  });

  it("p is exact for coins, and right to seven digits for a normal distribution", () => {
    expect(coinP(0, 0)).toBe(1);
    expect(coinP(0, 5)).toBeCloseTo(0.0625, 12);
    expect(coinP(6, 0)).toBeCloseTo(0.03125, 12);
    expect(coinP(3, 3)).toBe(1);
    expect(coinP(1000, 1100)).toBeCloseTo(0.030720707864, 9);
    expect(normalP(1.959963985)).toBeCloseTo(0.05, 6);
    expect(normalP(-2.575829304)).toBeCloseTo(0.01, 6);
  });
});
