import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectedErrorOf } from "../../../src/domain/scaling/expected-error.ts";
import { plannedOf } from "../../../src/domain/scaling/planned.ts";
import { planOf, planText, type PlannedCall, type SetPlan } from "../../../src/domain/scaling/plan.ts";
import { mostSkew } from "../../../src/domain/scaling/orient.ts";
import { essaysNamed, plannedSet, regular } from "./made-up-judges.ts";

const skewOf = (calls: readonly PlannedCall[]) =>
  mostSkew(
    calls.map(({ essay1, essay2, shownFirst }) => {
      const [one, two] = [Number(essay1.slice(1)), Number(essay2.slice(1))];
      return shownFirst === essay1 ? [one, two] : [two, one];
    }),
  );

function of(plan: SetPlan, audit: PlannedCall["audit"]): readonly PlannedCall[] {
  return plan.calls.filter((call) => call.audit === audit);
}

describe("a plan", () => {
  it("is the same for the same seed, and for another order of uploading; another for another seed", () => {
    const input = {
      judges: ["a", "b"],
      design: regular(6),
      seed: 7,
      auditShare: 0.3,
      repeatShare: 0.2,
    };
    const [one, other] = [essaysNamed(12), essaysNamed(12).toReversed()].map((essays) =>
      planOf({ ...input, essays }),
    );
    expect(one).toEqual(other);
    expect(planOf({ ...input, essays: essaysNamed(12), seed: 8 })).not.toEqual(one);
  });

  it("is the same in every version of this code", () => {
    const plan = plannedSet(6, { design: regular(2), auditShare: 0, seed: 7 });
    expect(
      plan.calls.map(({ shownFirst, essay1, essay2 }) => [shownFirst, essay1, essay2].join(" ")),
    ).toEqual(["E3 E3 E5", "E1 E1 E2", "E6 E6 E4", "E2 E2 E3", "E5 E5 E6", "E4 E4 E1"]);
  });

  it("asks every judge the same, in the same orders", () => {
    const plan = plannedSet(12, { judges: ["a", "b"], auditShare: 0.3, repeatShare: 0.1 });
    const asked = (judge: string) =>
      plan.calls
        .filter((call) => call.judge === judge)
        .map(({ essay1, essay2, shownFirst, audit }) => ({ essay1, essay2, shownFirst, audit }));
    expect(asked("a")).toEqual(asked("b"));
    expect(plan.calls.map(({ seq }) => seq)).toEqual(plan.calls.map((_, at) => at + 1));
  });

  it.each([
    [30, 10, 0.1, 150, 30],
    [100, 10, 0.1, 500, 50],
    [100, 10, 0.105, 500, 53],
    [100, 20, 0.07, 1000, 70],
    [8, 6, 0.1, 24, 24],
    [30, 10, 0, 150, 0],
    [30, 10, 1, 150, 150],
  ])("of %d essays × %d, audits at %f: of %d pairs %d", (essays, perEssay, auditShare, pairs, audited) => {
    const plan = plannedSet(essays, { design: regular(perEssay), auditShare });
    expect(plan).toMatchObject({ pairs, auditedPairs: audited, repeatedPairs: 0 });
    expect(of(plan, "swapped")).toHaveLength(audited);
    expect(plan.calls).toHaveLength(pairs + audited);
  });

  it("asks an audited pair later, in the other order, and a repeated one in the same", () => {
    const plan = plannedSet(30, { auditShare: 0.2, repeatShare: 0.2 });
    const base = new Map(of(plan, "none").map((call) => [`${call.essay1}/${call.essay2}`, call]));
    for (const call of [...of(plan, "swapped"), ...of(plan, "repeated")]) {
      const before = base.get(`${call.essay1}/${call.essay2}`);
      expect(before?.seq).toBeLessThan(call.seq);
      expect(call.shownFirst).toBe(call.audit === "swapped" ? call.essay2 : before?.shownFirst);
    }
    // The same pairs, so that the one can be held against the other.
    const keys = (audit: PlannedCall["audit"]) =>
      of(plan, audit)
        .map(({ essay1, essay2 }) => `${essay1}/${essay2}`)
        .sort();
    expect(keys("swapped")).toEqual(keys("repeated"));
  });

  it("shows every essay first as often as second, in what is asked once, in what is audited, and at the end of each round", () => {
    fc.assert(
      fc.property(fc.integer({ min: 12, max: 40 }), fc.nat(), (essays, seed) => {
        const plan = plannedSet(essays, { seed });
        expect(plan.maxSkew).toBe(0);
        expect(skewOf(of(plan, "none"))).toBe(0);
        expect(skewOf(of(plan, "swapped"))).toBe(0);
        for (let round = 1; round <= 5; round++) {
          expect(skewOf(of(plan, "none").slice(0, round * essays))).toBe(0);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("refuses an id, or a judge, that is there twice", () => {
    const essays = [...essaysNamed(3), { id: "E2", sha256: "other" }];
    const input = { essays, judges: ["a"], design: regular(2), seed: 1, auditShare: 0, repeatShare: 0 };
    expect(planOf(input)).toEqual({ ok: false, error: { kind: "same_id_twice", id: "E2" } });
    expect(planOf({ ...input, essays: essaysNamed(3), judges: ["a", "b", "a"] })).toEqual({
      ok: false,
      error: { kind: "same_judge_twice", judge: "a" },
    });
  });

  it("says that a design became complete", () => {
    expect(plannedSet(8)).toMatchObject({
      design: "complete",
      askedDesign: "regular",
      perEssay: null,
      pairs: 28,
    });
    expect(plannedSet(30)).toMatchObject({ design: "regular", perEssay: 10 });
  });
});

it("the text of a plan differs wherever what is asked does", () => {
  const plan = plannedSet(8, { design: regular(4), judges: ["a", "b"], auditShare: 0.1 });
  const [first] = plan.calls;
  if (first === undefined) throw new Error("There is no call.");
  const changed: readonly SetPlan[] = [
    { ...plan, seed: 8 },
    { ...plan, judges: ["b", "a"] },
    { ...plan, anchors: [{ id: "E1", theta: 0 }] },
    { ...plan, essays: plan.essays.map((essay) => ({ ...essay, sha256: "other" })) },
    { ...plan, calls: plan.calls.slice(1) },
    { ...plan, calls: [{ ...first, shownFirst: first.essay2 }, ...plan.calls.slice(1)] },
    { ...plan, calls: [{ ...first, audit: "repeated" }, ...plan.calls.slice(1)] },
  ];
  const texts = [plan, ...changed].map((one) => planText(one, "prompt"));
  expect(new Set([...texts, planText(plan, "another prompt")]).size).toBe(changed.length + 2);
  expect(planText(JSON.parse(JSON.stringify(plan)) as SetPlan, "prompt")).toBe(texts[0]);
});

it("a plan comes to what the API says of it", () => {
  const { expected_se, ...counts } = plannedOf(plannedSet(30));
  expect(counts).toEqual({
    design: "regular",
    essays: 30,
    pairs: 150,
    audited_pairs: 30,
    repeated_pairs: 0,
    calls: 180,
  });
  expect(Object.keys(expected_se)).toEqual(["even", "spread_1", "spread_2"]);
  expect(expected_se.even).toBe(0.63);
});

describe("the expected error", () => {
  it("of 30 essays with 10 comparisons each is .64, .89 and 1.16", () => {
    const expected = expectedErrorOf(plannedSet(30));
    expect(expected.even).toBeCloseTo(0.64, 1);
    expect(Math.abs((expected.spread1 ?? 0) - 0.89)).toBeLessThan(0.05);
    expect(Math.abs((expected.spread2 ?? 0) - 1.16)).toBeLessThan(0.07);
  });

  it("of a complete design of 20 is .436 at even strengths", () => {
    expect(expectedErrorOf(plannedSet(20, { design: { kind: "complete" } })).even).toBeCloseTo(0.4359, 3);
  });

  it("shrinks with judges, and not by asking again", () => {
    const [one, two, again] = [
      plannedSet(20),
      plannedSet(20, { judges: ["a", "b"] }),
      plannedSet(20, { auditShare: 1 }),
    ].map(expectedErrorOf);
    expect((two?.even ?? NaN) * Math.SQRT2).toBeCloseTo(one?.even ?? NaN, 6);
    expect(again?.even).toBeCloseTo(one?.even ?? NaN, 6);
  });

  it("of anchored essays is given their anchors", () => {
    const anchors = [0, 1, 2, 3].map((at) => ({ id: `E${at + 1}`, theta: 0 }));
    const plan = plannedSet(12, { design: { kind: "anchored", perEssay: 4, anchors }, auditShare: 0 });
    // Four comparisons at p = ½.
    expect(expectedErrorOf(plan).even).toBeCloseTo(1, 9);
  });
});
