import { describe, expect, it } from "vitest";
import { evidenceOf, type JudgedCall } from "../../../src/domain/scaling/evidence.ts";
import { differencesIn } from "../../../src/domain/scaling/difference.ts";
import { lengthEffectOf } from "../../../src/domain/scaling/length-figures.ts";
import { orderFiguresOf } from "../../../src/domain/scaling/order-figures.ts";
import type { SetPlan } from "../../../src/domain/scaling/plan.ts";
import { separationOf } from "../../../src/domain/scaling/reliability.ts";
import type { SetReport } from "../../../src/domain/scaling/report.ts";
import { scaleOf } from "../../../src/domain/scaling/scale.ts";
import {
  alwaysFirst,
  coin,
  judgedBy,
  noisy,
  numberOf,
  perfect,
  plannedSet,
  regular,
  reported,
  verdictOn,
} from "./made-up-judges.ts";

const seeds = Array.from({ length: 100 }, (_, at) => at + 1);
const many = { auditShare: 0.2, repeatShare: 0.2 };

function orderOf(report: SetReport) {
  const [order] = report.order.judges;
  if (order === undefined) throw new Error("There is no judge.");
  return order;
}

function codesOf(report: SetReport): readonly string[] {
  return report.warnings.map(({ code }) => code);
}

/** What a report says of the order, and all that it takes. */
function scaledBy(plan: SetPlan, calls: readonly JudgedCall[]) {
  const evidence = evidenceOf(calls, plan.judges);
  const scale = scaleOf(evidence, plan.anchors);
  const [effect] = scale?.orderEffects ?? [];
  if (effect === undefined) throw new Error("There is no judge.");
  return { evidence, scale, order: orderFiguresOf(evidence.verdicts, effect) };
}

describe("a judge that tosses a coin", () => {
  const sets = seeds.map((seed) => {
    const plan = plannedSet(30, { seed });
    return scaledBy(plan, judgedBy(plan, coin, { seed }));
  });

  it("is found to have no order effect in 95 of 100 sets", () => {
    expect(sets.filter(({ order }) => order.finding === "none").length).toBeGreaterThanOrEqual(95);
  });

  it("makes no reliability", () => {
    const all = sets.map(({ scale }) => separationOf(scale).ssr.value ?? NaN);
    expect(all.reduce((sum, ssr) => sum + ssr, 0) / all.length).toBeLessThan(0.05);
    expect(all.filter((ssr) => ssr > 0.4).length).toBeLessThanOrEqual(5);
  });

  it("makes no length effect in 95 of 100 sets", () => {
    const lengths = new Map(plannedSet(30).essays.map(({ id }) => [id, 500 + 100 * numberOf(id)]));
    const effects = sets.map(({ evidence, scale }) => lengthEffectOf(evidence, scale, lengths).value);
    const found = effects.filter(
      (effect) => !(Math.abs(effect?.beta ?? NaN) < 1.96 * (effect?.error ?? NaN)),
    );
    expect(found.length).toBeLessThanOrEqual(5);
  });
});

describe("a judge that knows, but wavers", () => {
  it.each([
    [1, 0.64],
    [2, 0.77],
  ])(
    "is found to have no order effect in 95 of 100 sets: spread %d, the order changes as many verdicts as asking again does",
    (spread, consistency) => {
      const orders = seeds.map((seed) => {
        const plan = plannedSet(30, { seed, ...many });
        return scaledBy(plan, judgedBy(plan, noisy(30, { spread }), { seed })).order;
      });
      expect(orders.filter(({ finding }) => finding === "none").length).toBeGreaterThanOrEqual(95);
      for (const key of ["swapped", "repeated"] as const) {
        const mean = orders.reduce((sum, order) => sum + (order[key]?.share ?? NaN), 0) / orders.length;
        expect(Math.abs(mean - consistency)).toBeLessThan(0.02);
      }
    },
  );

  it("and favours the first essay by .8 logits is found out", () => {
    const orders = seeds.slice(0, 40).map((seed) => {
      const plan = plannedSet(30, { seed });
      return scaledBy(plan, judgedBy(plan, noisy(30, { order: 0.8 }), { seed })).order;
    });
    expect(orders.filter(({ finding }) => finding === "towards_first").length).toBeGreaterThanOrEqual(38);
    const eta = orders.reduce((sum, order) => sum + (order.eta.eta ?? NaN), 0) / orders.length;
    // With 150 verdicts estimates lie further out than what they estimate.
    expect(Math.abs(eta - 0.95)).toBeLessThan(0.15);
  });

  it("is found out where it favours the second", () => {
    const plan = plannedSet(30, { auditShare: 0.3 });
    const order = orderOf(reported(plan, judgedBy(plan, noisy(30, { order: -1.5 }))));
    expect(order).toMatchObject({ finding: "towards_second" });
    expect(order.says).toContain("favours the essay it reads second");
  });
});

describe("a judge that always says the first", () => {
  it.each([20, 30, 31, 100])("of %d essays: says nothing of the essays, and the report says so", (essays) => {
    const plan = plannedSet(essays);
    const report = reported(plan, judgedBy(plan, alwaysFirst));
    expect(orderOf(report)).toMatchObject({
      first_slot_rate: 1,
      consistency: 0,
      eta: null,
      eta_se: null,
      eta_reason: "always_first",
      flips_to_second: 0,
      finding: "towards_first",
    });
    expect(new Set(report.scores.map(({ rank }) => rank))).toEqual(new Set([1]));
    for (const { theta } of report.scores) expect(theta).toBeCloseTo(0, 9);
    expect(report.reliability).toMatchObject({
      ssr: null,
      ssr_reason: "no_spread",
      separation: null,
      split_half: null,
      split_half_reason: "no_spread",
      guidance: "The verdicts say nothing about the essays.",
    });
    expect(codesOf(report)).toEqual(expect.arrayContaining(["no_spread", "order_effect", "always_first"]));
  });

  it("is found out where it always says the second, too", () => {
    const plan = plannedSet(30);
    const report = reported(
      plan,
      judgedBy(plan, () => false),
    );
    expect(orderOf(report)).toMatchObject({
      first_slot_rate: 0,
      eta_reason: "always_second",
      finding: "towards_second",
    });
  });
});

describe("a judge that knows", () => {
  const plan = plannedSet(30, { auditShare: 0.2 });
  const report = reported(plan, judgedBy(plan, perfect));

  it("finds the order again", () => {
    const places = report.scores.map(({ essay }, at) => Math.abs(30 - numberOf(essay) - at));
    expect(Math.max(...places)).toBeLessThanOrEqual(4);
    expect(report.scores[0]?.rank).toBe(1);
  });

  it("has scores for who never lost, which the report calls guesses", () => {
    const best = report.scores.find(({ flags }) => flags.includes("won_all"));
    expect(best).toBeDefined();
    const warning = report.warnings.find(({ code }) => code === "perfect_record");
    expect(warning?.essays).toContain(best?.essay);
    expect(warning?.says).toMatch(/never lost: .* guess(es)? upwards/);
    const flagged = report.scores.filter(({ flags }) => flags.includes("lost_all"));
    expect(flagged.map(({ wins }) => wins)).toEqual(flagged.map(() => 0));
    expect(flagged.map(({ essay }) => essay)).toContain("E1");
  });

  it("is called more regular than chance, not good", () => {
    expect(report.fit.judges[0]).toMatchObject({ flags: ["too_regular"] });
    expect(orderOf(report)).toMatchObject({ consistency: 1, p: 1, finding: "none" });
  });

  it("has ties to the furthest essays within 1.96 errors of the difference, and to none further", () => {
    const scored = report.scores;
    expect(scored[0]?.tied_to).toBeLessThan(30);
    for (const { rank, tied_from, tied_to, essay } of scored) {
      const pairs = scored.map((other) => [essay, other.essay] as const);
      const near = differencesIn({ plan, calls: judgedBy(plan, perfect) }, pairs).flatMap((found, other) =>
        Math.abs(found.difference ?? NaN) < 1.96 * (found.se ?? NaN) ? [scored[other]?.rank ?? NaN] : [],
      );
      expect([tied_from, tied_to]).toEqual([Math.min(rank ?? NaN, ...near), Math.max(rank ?? NaN, ...near)]);
    }
  });

  it("has ties around each score that hold it", () => {
    for (const { rank, tied_from, tied_to } of report.scores) {
      expect(tied_from).toBeLessThanOrEqual(rank ?? NaN);
      expect(tied_to).toBeGreaterThanOrEqual(rank ?? NaN);
    }
  });
});

describe("length", () => {
  const plan = plannedSet(20, { design: { kind: "complete" }, auditShare: 0 });
  const lengths = new Map(plan.essays.map(({ id }) => [id, 300 * Math.exp(numberOf(id) / 5)]));

  it("that decides is counted, has no finite effect, and is called an association", () => {
    const { length, warnings } = reported(plan, judgedBy(plan, perfect), { lengths });
    expect(length).toMatchObject({
      longer_chosen: 190,
      of: 190,
      pairs: 190,
      share: 1,
      beta: null,
      beta_reason: "length_decides",
    });
    expect(length.says).toContain("cannot tell whether the judge likes length");
    expect(warnings).toContainEqual({ code: "length", says: length.says });
  });

  it("has an effect where longer essays mostly win, which moves no score", () => {
    const calls = judgedBy(plan, noisy(20, { spread: 2 }));
    const [known, unknown] = [{ lengths }, { lengths: new Map() }].map((given) =>
      reported(plan, calls, given),
    );
    expect((known?.length.beta ?? 0) / (known?.length.beta_se ?? NaN)).toBeGreaterThan(1.96);
    expect(unknown?.length).toMatchObject({ of: 0, beta: null, beta_reason: "lengths_unknown" });
    expect(known?.scores).toEqual(unknown?.scores);
  });

  it("that is equal tells nothing", () => {
    expect(reported(plan, judgedBy(plan, coin)).length).toMatchObject({
      of: 0,
      share: null,
      beta_reason: "equal_lengths",
    });
  });
});

describe("two judges", () => {
  const plan = plannedSet(20, { judges: ["one", "two"], auditShare: 0.3 });
  const judged = [
    ...judgedBy(plan, noisy(20, { spread: 3 }), { of: ({ judge }) => judge === "one" }),
    ...judgedBy(plan, noisy(20, { spread: 3, order: 2 }), { of: ({ judge }) => judge === "two" }),
  ];
  const report = reported(plan, judged);

  it("have order effects of their own, in one scale", () => {
    const [one, two] = report.order.judges;
    expect(one?.finding).toBe("none");
    expect(two?.finding).toBe("towards_first");
    expect(Math.abs(one?.eta ?? NaN)).toBeLessThan(1);
    expect(two?.eta).toBeGreaterThan(1.2);
  });

  it("have scales of their own beside it, and agree so far", () => {
    expect(report.scores_by_judge.map(({ judge, scores }) => [judge, scores.length])).toEqual([
      ["one", 20],
      ["two", 20],
    ]);
    const [pair] = report.agreement.pairs;
    expect(pair).toMatchObject({ judges: ["one", "two"], essays: 20, same_questions: 130 });
    expect(pair?.r).toBeGreaterThan(0.8);
    expect(report.agreement.matrix).toEqual([
      [1, pair?.r],
      [pair?.r, 1],
    ]);
  });

  it("who both contradict each other name the essays they do it about", () => {
    const against = [
      ...judgedBy(plan, perfect, { of: ({ judge }) => judge === "one" }),
      ...judgedBy(plan, (first, second) => !perfect(first, second, () => 0), {
        of: ({ judge }) => judge === "two",
      }),
    ];
    const [pair] = reported(plan, against).agreement.pairs;
    expect(pair?.r).toBeLessThan(-0.9);
    expect(pair).toMatchObject({ agreed: 0, agreed_share: 0 });
    expect(pair?.apart.map(({ essay }) => essay)).toEqual(expect.arrayContaining(["E20", "E1"]));
  });

  it("one of whom is a person that judged beside the plan", () => {
    const [first, ...rest] = judgedBy(plannedSet(20), noisy(20, { spread: 3 }));
    if (first === undefined) throw new Error("There is no call.");
    const human = { ...first, seq: 10_000, judge: "human:Ada", model: null, costEstimate: 0 };
    const { order, progress, agreement } = reported(plannedSet(20), [first, ...rest, human]);
    expect(order.judges.map(({ judge }) => judge)).toEqual(["judge", "human:Ada"]);
    expect(order.judges[1]).toMatchObject({ judgements: 1, eta: null });
    expect(progress.judged).toBe(progress.planned + 1);
    expect(agreement.pairs[0]).toMatchObject({ same_questions: 1, agreed: 1 });
  });
});

describe("verdicts of one judge on one pair", () => {
  it("weigh 1 together: asking again makes nothing surer", () => {
    const plan = plannedSet(30, { auditShare: 0, repeatShare: 1 });
    const calls = judgedBy(plan, noisy(30));
    const winners = new Map(
      calls
        .filter(({ audit }) => audit === "none")
        .map((call) => [`${call.essay1}/${call.essay2}`, call.winner]),
    );
    const same = calls.map((call) => ({
      ...call,
      winner: winners.get(`${call.essay1}/${call.essay2}`) ?? null,
    }));
    const [once, twice] = [same.filter(({ audit }) => audit === "none"), same].map((all) =>
      reported(plan, all),
    );
    expect(twice?.progress).toMatchObject({ judged: 300, effective_judgements: 150 });
    expect(twice?.reliability.ssr).toBeCloseTo(once?.reliability.ssr ?? NaN, 9);
    for (const [at, score] of (once?.scores ?? []).entries()) {
      expect(twice?.scores[at]?.theta).toBeCloseTo(score.theta ?? NaN, 9);
      expect(twice?.scores[at]?.se).toBeCloseTo(score.se ?? NaN, 9);
    }
  });
});

describe("a set that is not whole", () => {
  it("without a verdict has a report without figures, none of them 0 in their place", () => {
    const plan = plannedSet(12);
    const report = reported(plan, [], { status: "running" });
    expect(report).toMatchObject({ complete: false, progress: { judged: 0, failed: 0 } });
    for (const score of report.scores) {
      expect(score).toMatchObject({ rank: null, theta: null, se: null, reason: "no_verdicts" });
    }
    expect(report.reliability).toMatchObject({ ssr: null, ssr_reason: "no_verdicts", split_half: null });
    expect(orderOf(report)).toMatchObject({
      consistency: null,
      first_slot_rate: null,
      first_slot_reason: "no_verdicts",
      eta: null,
      eta_reason: "no_verdicts",
      finding: "untested",
    });
    expect(codesOf(report)).toContain("no_verdicts");
  });

  it("in two groups says that they can't be ranked against each other", () => {
    const pairs = [
      ["E1", "E2"],
      ["E3", "E4"],
      ["E4", "E5"],
    ] as const;
    const plan = plannedSet(6, { design: { kind: "pairs", pairs }, auditShare: 1 });
    const report = reported(plan, judgedBy(plan, perfect));
    expect(report.scores.map(({ essay, group, rank }) => [essay, group, rank])).toEqual([
      ["E5", 1, 1],
      ["E4", 1, 2],
      ["E3", 1, 3],
      ["E2", 2, 1],
      ["E1", 2, 2],
      ["E6", null, null],
    ]);
    for (const { se, tied_from, reason } of report.scores.slice(0, 5)) {
      expect([se, tied_from, reason]).toEqual([null, null, "disconnected"]);
    }
    expect(report.reliability).toMatchObject({ ssr: null, ssr_reason: "disconnected" });
    expect(codesOf(report)).toEqual(
      expect.arrayContaining(["disconnected", "no_verdicts", "few_comparisons"]),
    );
    // What is asked in both orders says all it can all the same.
    expect(orderOf(report)).toMatchObject({ pairs_in_both_orders: 3, consistent: 3 });
  });

  it("loses one essay, whose calls all failed, and keeps the others' errors", () => {
    const plan = plannedSet(30);
    const calls = judgedBy(plan, noisy(30)).map((call): JudgedCall =>
      [call.essay1, call.essay2].includes("E7") ? verdictOn(call, null) : call,
    );
    const report = reported(plan, calls);
    expect(report.scores.at(-1)).toMatchObject({ essay: "E7", theta: null, comparisons: 0 });
    expect(report.scores.filter(({ se }) => se !== null)).toHaveLength(29);
    expect(report.reliability.ssr).not.toBeNull();
    expect(report.failures).toEqual({
      CONTENT_REFUSED: calls.filter(({ winner }) => winner === null).length,
    });
    expect(report.complete).toBe(true);
    expect(codesOf(report)).toEqual(expect.arrayContaining(["failed_calls", "no_verdicts"]));
  });

  it.each([
    ["stopped_by_budget", "Stopped by its budget at 20 of 180 judgements: the report is made of these."],
    ["cancelled", "Cancelled at 20 of 180 judgements: the report is made of these."],
    ["incomplete", "Its time was over at 20 of 180 judgements: the report is made of these."],
  ] as const)("%s says so", (status, says) => {
    const plan = plannedSet(30);
    const calls = judgedBy(plan, noisy(30)).slice(0, 20);
    expect(reported(plan, calls, { status }).warnings).toContainEqual({ code: status, says });
  });
});

describe("what keeps figures from meaning what they seem to", () => {
  const plan = plannedSet(30);
  const calls = judgedBy(plan, noisy(30, { spread: 2 }));

  it("names pairs that were added by someone who had seen results", () => {
    const report = reported(plan, calls, { pairsAddedAfterResults: true });
    expect(report.design.pairs_added_after_results).toBe(true);
    expect(codesOf(report)).toContain("adaptive_pairs");
    expect(codesOf(reported(plan, calls))).not.toContain("adaptive_pairs");
  });

  it("names a judge that changed on the way", () => {
    const changed = calls.map((call, at) => (at < 90 ? call : { ...call, model: "gpt-6-sol" }));
    const report = reported(plan, changed);
    expect(report.models_that_answered).toEqual([
      { judge: "judge", model: "gpt-6-luna", judgements: 90 },
      { judge: "judge", model: "gpt-6-sol", judgements: 90 },
    ]);
    expect(report.warnings.find(({ code }) => code === "model_changed")?.says).toContain(
      "gpt-6-luna, gpt-6-sol",
    );
  });

  it("names equal texts, and takes them out of what is said of the order", () => {
    const essays = plan.essays.map((essay) => ({
      ...essay,
      sha256: ["E1", "E2"].includes(essay.id) ? "same" : essay.id,
    }));
    const equal = plannedSet(4, {
      essays: essays.filter(({ id }) => numberOf(id) <= 4),
      design: { kind: "complete" },
      auditShare: 1,
    });
    const report = reported(equal, judgedBy(equal, alwaysFirst));
    expect(orderOf(report)).toMatchObject({ pairs_in_both_orders: 5, judgements: 10 });
    expect(report.warnings.find(({ code }) => code === "identical_essays")).toMatchObject({
      essays: ["E1", "E2"],
    });
  });

  it("has no rate of the first where the better one was always first, and no order effect to tell", () => {
    const pairs = plan.calls.map(({ essay1, essay2 }) => ({ essay1, essay2 }));
    const better = plan.calls
      .filter(({ audit }) => audit === "none")
      .map((call) => ({
        ...call,
        shownFirst: numberOf(call.essay1) > numberOf(call.essay2) ? call.essay1 : call.essay2,
      }))
      .map((call) => verdictOn(call, call.shownFirst));
    expect(pairs.length).toBeGreaterThan(better.length);
    const order = orderOf(reported(plan, better));
    expect(order).toMatchObject({
      first_slot_rate: null,
      first_slot_reason: "order_unbalanced",
      eta_reason: "always_first",
      finding: "untested",
    });
  });

  it("calls nothing an order effect where the worse one was always first, however large it comes out", () => {
    const worse = plannedSet(30, { auditShare: 0 });
    const turned = worse.calls.map((call) => ({
      ...call,
      shownFirst: numberOf(call.essay1) < numberOf(call.essay2) ? call.essay1 : call.essay2,
    }));
    const order = orderOf(reported(worse, judgedBy({ ...worse, calls: turned }, noisy(30, { spread: 3 }))));
    expect(Math.abs((order.eta ?? NaN) / (order.eta_se ?? NaN))).toBeGreaterThan(1.96);
    expect(order).toMatchObject({ finding: "untested", first_slot_rate: null });
  });

  it("has no order effect where who is first and who is better can't be told apart", () => {
    const odd = ({ essay1, essay2 }: JudgedCall) => (numberOf(essay1) + numberOf(essay2)) % 2 === 1;
    const confounded = calls
      .filter(({ audit }) => audit === "none")
      .filter(odd)
      .map((call) => ({ ...call, shownFirst: numberOf(call.essay1) % 2 === 1 ? call.essay1 : call.essay2 }));
    const report = reported(plan, confounded);
    expect(orderOf(report)).toMatchObject({ eta: null, eta_se: null, eta_reason: "order_confounded" });
    expect(codesOf(report)).toContain("order_confounded");
  });
});

describe("anchored essays", () => {
  const anchors = [5, 10, 15, 20, 25].map((at) => ({ id: `E${at}`, theta: (at - 15) / 5 }));
  const plan = plannedSet(30, { design: { kind: "anchored", perEssay: 5, anchors } });
  const report = reported(plan, judgedBy(plan, noisy(30, { spread: 2 })));

  it("have scores on the anchors' scale, which stays as it was given", () => {
    for (const { id, theta } of anchors) {
      const score = report.scores.find(({ essay }) => essay === id);
      expect(score).toMatchObject({
        theta,
        se: null,
        reason: "anchor",
        flags: expect.arrayContaining(["anchor"]) as unknown,
      });
    }
    expect(report.scores.filter(({ se }) => se !== null)).toHaveLength(25);
  });

  it("have no reliability of their own", () => {
    expect(report.reliability).toMatchObject({ ssr: null, ssr_reason: "anchored" });
    expect(report.reliability.guidance).toContain("given the anchors");
  });
});

describe("the report", () => {
  const plan = plannedSet(24, { design: regular(6), judges: ["one", "two"], repeatShare: 0.1 });
  const calls = judgedBy(plan, noisy(24));

  it("is the same for the same verdicts, in whatever order they came", () => {
    expect(reported(plan, calls.toReversed())).toEqual(reported(plan, calls));
  });

  it("is plain JSON, with all its parts", () => {
    const report = reported(plan, calls);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(Object.keys(report)).toEqual([
      "set_id",
      "as_of",
      "status",
      "complete",
      "provenance",
      "design",
      "progress",
      "scores",
      "scores_by_judge",
      "order",
      "length",
      "reliability",
      "fit",
      "agreement",
      "cost",
      "failures",
      "models_that_answered",
      "warnings",
    ]);
  });

  it("has for every figure that is null its reason, and for every other one its interval", () => {
    const { reliability, order, length } = reported(plan, calls);
    expect((reliability.ssr === null) === (reliability.ssr_reason !== null)).toBe(true);
    expect((reliability.ssr === null) === (reliability.ssr_ci95 === null)).toBe(true);
    for (const judge of order.judges) {
      expect((judge.eta === null) === (judge.eta_reason !== null)).toBe(true);
      expect((judge.eta === null) === (judge.eta_ci95 === null)).toBe(true);
      expect((judge.first_slot_rate === null) === (judge.first_slot_ci95 === null)).toBe(true);
      expect((judge.consistency === null) === (judge.consistency_ci95 === null)).toBe(true);
    }
    expect((length.beta === null) === (length.beta_reason !== null)).toBe(true);
  });

  it("names the verdicts that fit least, so that somebody reads them", () => {
    const { surprises } = reported(plan, calls).fit;
    expect(surprises).toHaveLength(20);
    const chances = surprises.map(({ chance }) => chance);
    expect(chances).toEqual(chances.toSorted((one, other) => one - other));
    expect(chances[0]).toBeLessThan(0.5);
  });

  it("counts what it cost, and says where that isn't known", () => {
    expect(reported(plan, calls).cost.total).toBeCloseTo(calls.length * 0.001, 9);
    const [first, ...rest] = calls;
    if (first === undefined) throw new Error("There is no call.");
    const cost = reported(plan, [{ ...first, costEstimate: null }, ...rest]).cost;
    expect(cost).toMatchObject({ total: null, unknown_cost_calls: 1, per_judgement: null });
    expect(cost.known).toBeCloseTo((calls.length - 1) * 0.001, 9);
  });

  it("has numbers that JSON holds, of a judge that never errs in all pairs of many", () => {
    const complete = plannedSet(120, { design: { kind: "complete" }, auditShare: 0 });
    const { fit, scores } = reported(complete, judgedBy(complete, perfect));
    const all = fit.essays.flatMap(({ infit, outfit }) => [infit, outfit]);
    expect([...all, ...scores.map(({ se }) => se ?? NaN)].every(Number.isFinite)).toBe(true);
  });

  it("tells how the stated confidence goes with the scale", () => {
    const confident = calls.map((call, at) => ({ ...call, confidence: 1 + (at % 2) }));
    const { confidence } = reported(plan, confident).fit;
    expect(confidence.map((level) => level.confidence)).toEqual([1, 2]);
    expect(confidence.reduce((sum, { judgements }) => sum + judgements, 0)).toBe(calls.length);
  });
});
