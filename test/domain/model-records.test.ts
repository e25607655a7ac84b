import { expect, it } from "vitest";
import {
  countAnswer,
  countFault,
  isMostlyFaults,
  recordOf,
  servedOthers,
  type ModelRecords,
} from "../../src/domain/model-records.ts";

const hex = (letter: string) => letter.repeat(16);
const answered = (records: ModelRecords, comparison: string, atMs: number, judged = true) =>
  countAnswer(records, "m", hex(comparison), judged, atMs);

it("serves others by answers to another comparison, after the moment asked about and not at it", () => {
  const records = answered([], "a", 1_000);
  expect(servedOthers(recordOf(records, "m"), hex("b"), 999)).toBe(true);
  expect(servedOthers(recordOf(records, "m"), hex("b"), 1_000)).toBe(false);
  expect(servedOthers(recordOf(records, "m"), hex("a"), 0)).toBe(false);
  expect(servedOthers(recordOf(records, "n"), hex("b"), 0)).toBe(false);
});

it("remembers the latest of two comparisons, so that whoever asks finds another's", () => {
  const records = ["a", "b", "b", "b"].reduce(
    (before, one, at) => answered(before, one, at),
    [] as ModelRecords,
  );
  expect(servedOthers(recordOf(records, "m"), hex("b"), -1)).toBe(true);
  expect(servedOthers(recordOf(records, "m"), hex("b"), 0)).toBe(false);
  expect(servedOthers(recordOf(records, "m"), hex("a"), 2)).toBe(true);
});

it("takes what is told late for what it was: no older answer hides a newer one", () => {
  const records = answered(answered([], "a", 5_000), "b", 1_000);
  expect(servedOthers(recordOf(records, "m"), hex("c"), 4_999)).toBe(true);
  expect(recordOf(answered(records, "a", 2_000), "m").answers[0]).toEqual({
    comparison: hex("a"),
    atMs: 5_000,
  });
});

it("knows the latest judgement, which an answer without one leaves as it was", () => {
  const records = answered(answered([], "a", 1_000), "b", 2_000, false);
  expect(recordOf(records, "m").judgedAtMs).toBe(1_000);
  expect(recordOf(answered([], "a", 1_000, false), "m").judgedAtMs).toBeNull();
});

it("looks at the last 20 calls: half or more of them faults is mostly", () => {
  const calls = (faults: number, answers: number) => {
    let records = answered([], "a", 0);
    for (let i = 1; i < answers; i++) records = answered(records, "a", i);
    for (let i = 0; i < faults; i++) records = countFault(records, "m");
    return isMostlyFaults(recordOf(records, "m"));
  };
  expect([calls(9, 11), calls(10, 10), calls(1, 1), calls(1, 2), calls(10, 100)]).toEqual([
    false,
    true,
    true,
    false,
    true,
  ]);
  expect(isMostlyFaults(recordOf([], "m"))).toBe(false);
});

it("remembers faults of models that never answered, but made-up names cost no answering model its place", () => {
  let records = answered([], "a", 0);
  for (let i = 0; i < 200; i++) records = countFault(records, `made-up-${i}`);
  expect(recordOf(records, "m").judgedAtMs).toBe(0);
  expect(isMostlyFaults(recordOf(records, "made-up-199"))).toBe(true);
  expect(records.join("").length).toBeLessThanOrEqual(2_600);
});

it("stays small, and forgets the model that was heard of least lately first", () => {
  let records: ModelRecords = [];
  for (let i = 0; i < 200; i++) records = countAnswer(records, `model-${i}`, hex("a"), true, i);
  expect(records.length).toBeLessThanOrEqual(64);
  expect(records.join("").length).toBeLessThanOrEqual(2_600);
  expect(recordOf(records, "model-199").judgedAtMs).toBe(199);
  expect(recordOf(records, "model-0").judgedAtMs).toBeNull();
});

it("reads back every moment as it was written", () => {
  for (const atMs of [0, 1, 1_795_349_700_000, 1_764_480_000_123, 9_999_999_999_999]) {
    expect(recordOf(answered([], "a", atMs), "m")).toMatchObject({ judgedAtMs: atMs, answers: [{ atMs }] });
  }
});
