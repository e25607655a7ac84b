/** What a plan comes to, as the API says it before anything is asked; what it may cost stands beside it. */
import { expectedErrorOf } from "./expected-error.ts";
import type { SetPlan } from "./plan.ts";

export interface Planned {
  /** `complete` where a regular design was asked for that has not enough essays. */
  readonly design: SetPlan["design"];
  readonly essays: number;
  readonly pairs: number;
  readonly audited_pairs: number;
  readonly repeated_pairs: number;
  readonly calls: number;
  /** Mean standard error of a score, in logits, where strengths are all even, or spread by 1 or 2; `null` where essays can't all be compared. */
  readonly expected_se: {
    readonly even: number | null;
    readonly spread_1: number | null;
    readonly spread_2: number | null;
  };
}

/** Takes .1 to .7 s of CPU above 200 essays: nothing to do in a thread that others wait for. */
export function plannedOf(plan: SetPlan): Planned {
  const { even, spread1, spread2 } = expectedErrorOf(plan);
  return {
    design: plan.design,
    essays: plan.essays.length,
    pairs: plan.pairs,
    audited_pairs: plan.auditedPairs,
    repeated_pairs: plan.repeatedPairs,
    calls: plan.calls.length,
    expected_se: { even: rounded(even), spread_1: rounded(spread1), spread_2: rounded(spread2) },
  };
}

/** An expectation has no third digit. */
function rounded(error: number | null): number | null {
  return error === null ? null : Math.round(error * 100) / 100;
}
