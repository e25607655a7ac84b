/** How models have answered lately, as one text each. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countAnswer,
  countFault,
  isMostlyFaults,
  recordOf,
  servedOthers,
  type ModelRecords,
} from "../../../src/domain/gate/model-records.ts";

const startMs = Date.UTC(2026, 10, 30, 12);
const hex = (number: number) => number.toString(16).padStart(16, "0");

describe("a model's record", () => {
  it("has the latest answers to two comparisons and its last 20 calls, in whatever order reports come", () => {
    const told = fc.record({
      comparison: fc.nat(3).map(hex),
      isFault: fc.boolean(),
      judged: fc.boolean(),
      agoMs: fc.constantFrom(0, 0, 1, 40, 900),
    });
    fc.assert(
      fc.property(fc.array(told, { minLength: 1, maxLength: 40 }), (calls) => {
        let records: ModelRecords = [];
        const answers = new Map<string, number>();
        let judgedAtMs: number | null = null;
        for (const [index, { comparison, isFault, judged, agoMs }] of calls.entries()) {
          const atMs = startMs + index * 10 - agoMs;
          records = isFault ? countFault(records, "m") : countAnswer(records, "m", comparison, judged, atMs);
          if (isFault) continue;
          answers.set(comparison, Math.max(atMs, answers.get(comparison) ?? 0));
          if (judged) judgedAtMs = Math.max(atMs, judgedAtMs ?? 0);
        }
        const record = recordOf(records, "m");
        const [newest] = [...answers.values()].toSorted((a, b) => b - a);
        expect(record.answers[0]?.atMs).toBe(newest);
        expect(record.answers).toHaveLength(Math.min(2, answers.size));
        for (const { comparison, atMs } of record.answers) expect(atMs).toBe(answers.get(comparison));
        expect(record.judgedAtMs).toBe(judgedAtMs);
        const last = calls.map(({ isFault }) => (isFault ? "1" : "0")).join("");
        expect(record.calls).toBe(last.slice(-20));
        const faults = [...record.calls].filter((call) => call === "1").length;
        expect(isMostlyFaults(record)).toBe(faults > 0 && faults >= record.calls.length / 2);
      }),
      { numRuns: 500 },
    );
  });

  it("says who else was served, after a moment and not at it", () => {
    let records = countAnswer([], "m", hex(1), true, startMs);
    expect(servedOthers(recordOf(records, "m"), hex(1), 0)).toBe(false);
    expect(servedOthers(recordOf(records, "m"), hex(2), startMs)).toBe(false);
    expect(servedOthers(recordOf(records, "m"), hex(2), startMs - 1)).toBe(true);
    records = countAnswer(records, "m", hex(2), true, startMs + 5);
    expect(servedOthers(recordOf(records, "m"), hex(2), startMs - 1)).toBe(true);
    expect(servedOthers(recordOf(records, "n"), hex(2), 0)).toBe(false);
  });
});

describe("the records of many models", () => {
  const answered = (count: number) => {
    let records: ModelRecords = [];
    for (let model = 0; model < count; model++) {
      for (const comparison of [hex(1), hex(2)]) {
        records = countAnswer(records, `#${hex(model)}`, comparison, true, startMs + model);
      }
    }
    return records;
  };

  it("are as many as there is room for, those that were heard of last", () => {
    const records = answered(100);
    expect(records.length).toBeGreaterThanOrEqual(25);
    expect(records.join("").length).toBeLessThanOrEqual(2_900);
    expect(recordOf(records, `#${hex(99)}`).answers).toHaveLength(2);
    expect(recordOf(records, `#${hex(0)}`).answers).toEqual([]);
  });

  it("forget first whom nobody has answered: names that nobody has push out none that answers", () => {
    let records = answered(20);
    for (let name = 0; name < 200; name++) records = countFault(records, `nobody-${name}`);
    expect(recordOf(records, "nobody-199").calls).toBe("1");
    for (let model = 0; model < 20; model++) {
      expect(recordOf(records, `#${hex(model)}`).answers).toHaveLength(2);
    }
    expect(records.length).toBeLessThanOrEqual(64);
    records = countAnswer(records, "nobody-199", hex(7), true, startMs);
    expect(records.at(-1)).toMatch(/^nobody-199 /);
    expect(recordOf(records, "nobody-199")).toMatchObject({ calls: "10", judgedAtMs: startMs });
  });
});
