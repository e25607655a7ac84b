/** Sets of essays with known strengths, judges with known habits, and what comes of them. */
import type { Design } from "../../../src/domain/scaling/designs.ts";
import { diceOf, type Dice } from "../../../src/domain/scaling/dice.ts";
import type { JudgedCall } from "../../../src/domain/scaling/evidence.ts";
import { planOf, type PlanInput, type PlannedCall, type SetPlan } from "../../../src/domain/scaling/plan.ts";
import { reportOn, type ReportInput, type SetReport } from "../../../src/domain/scaling/report.ts";

/** E1, E2, … */
export function essaysNamed(count: number): PlanInput["essays"] {
  return Array.from({ length: count }, (_, at) => ({ id: `E${at + 1}`, sha256: `hash-${at + 1}` }));
}

export function regular(perEssay: number): Design {
  return { kind: "regular", perEssay };
}

export function plannedSet(essays: number, changes: Partial<PlanInput> = {}): SetPlan {
  const planned = planOf({
    essays: essaysNamed(essays),
    judges: ["judge"],
    design: regular(10),
    seed: 7,
    auditShare: 0.1,
    repeatShare: 0,
    ...changes,
  });
  if (!planned.ok) throw new Error(planned.error.kind);
  return planned.value;
}

/** Does the essay that is read first win? */
export type MadeUpJudge = (first: string, second: string, dice: Dice) => boolean;

export const coin: MadeUpJudge = (_, __, dice) => dice() < 0.5;
export const alwaysFirst: MadeUpJudge = () => true;

/** A better essay has the higher number; E1 to En lie so far apart that the standard deviation is `spread` logits. */
export function noisy(essays: number, { spread = 1, order = 0 } = {}): MadeUpJudge {
  const deviation = Math.sqrt((essays ** 2 - 1) / 12);
  return (first, second, dice) => {
    const ahead = (spread * (numberOf(first) - numberOf(second))) / deviation;
    return dice() < 1 / (1 + Math.exp(-ahead - order));
  };
}

/** Knows who is better, always. */
export const perfect: MadeUpJudge = (first, second) => numberOf(first) > numberOf(second);

export function numberOf(essay: string): number {
  return Number(essay.slice(1));
}

export function judgedBy(
  plan: SetPlan,
  judge: MadeUpJudge,
  { seed = 1, of = () => true }: { seed?: number; of?: (call: PlannedCall) => boolean } = {},
): JudgedCall[] {
  const dice = diceOf(seed, "verdicts");
  return plan.calls.filter(of).map((call) => {
    const second = call.shownFirst === call.essay1 ? call.essay2 : call.essay1;
    return verdictOn(call, judge(call.shownFirst, second, dice) ? call.shownFirst : second);
  });
}

export function verdictOn(call: PlannedCall, winner: string | null): JudgedCall {
  return {
    ...call,
    model: "gpt-6-luna",
    winner,
    confidence: winner === null ? null : 3,
    errorType: winner === null ? "CONTENT_REFUSED" : null,
    costEstimate: 0.001,
    responseTimeMs: 800,
    promptSha256: "prompt",
    pairSha256: "pair",
    judgedAt: "2026-11-30T12:00:00.000Z",
    justification: null,
  };
}

export function reported(
  plan: SetPlan,
  calls: readonly JudgedCall[],
  changes: Partial<ReportInput> = {},
): SetReport {
  return reportOn({
    setId: "set",
    asOf: "2026-11-30T12:00:00.000Z",
    status: "complete",
    plan,
    calls,
    lengths: new Map(plan.essays.map(({ id }) => [id, 1000])),
    pairsAddedAfterResults: false,
    provenance: {},
    ...changes,
  });
}
