/** Can two essays be told apart? Their error bars don't say so: whether bars overlap is another question. */
import { errorOfDifference } from "./errors.ts";
import { evidenceOf } from "./evidence.ts";
import { around, normalP, type Interval } from "./intervals.ts";
import type { ReportInput } from "./report.ts";
import { scaleOf } from "./scale.ts";

/** As it stands in a report that was asked for it. */
export interface ScoreDifference {
  readonly essays: readonly [string, string];
  /** The first's score less the second's, in logits. */
  readonly difference: number | null;
  readonly se: number | null;
  readonly ci95: Interval | null;
  /** Of a difference at least as large if there were none: one pair's own, without correction for how many are asked about. */
  readonly p: number | null;
  readonly reason: "no_verdicts" | "disconnected" | null;
}

/** Of each two essays that are named. */
export function differencesIn(
  { plan, calls }: Pick<ReportInput, "plan" | "calls">,
  pairs: readonly (readonly [string, string])[],
): readonly ScoreDifference[] {
  const judges = [...new Set([...plan.judges, ...calls.map(({ judge }) => judge)])];
  const evidence = evidenceOf(calls, judges);
  const scale = scaleOf(evidence, plan.anchors);
  const places = new Map(evidence.essays.map((id, at) => [id, at]));
  return pairs.map((essays): ScoreDifference => {
    const none = { essays, difference: null, se: null, ci95: null, p: null };
    const [one, other] = essays.map((id) => places.get(id));
    if (scale === null || one === undefined || other === undefined) return { ...none, reason: "no_verdicts" };
    const areTied = scale.groups.some((group) => group.includes(one) && group.includes(other));
    if (!areTied) return { ...none, reason: "disconnected" };
    const difference = (scale.fit.theta[one] ?? 0) - (scale.fit.theta[other] ?? 0);
    const se = errorOfDifference(scale.covariance, one, other);
    const p = se === 0 ? null : normalP(difference / se);
    return { essays, difference, se, ci95: around(difference, se), p, reason: null };
  });
}
