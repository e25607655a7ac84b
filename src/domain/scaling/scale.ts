/** Scores of a set's essays with their errors, and each judge's order effect: one fit of all verdicts. */
import { fitOf, usualPenalty } from "./bradley-terry.ts";
import type { Anchor } from "./designs.ts";
import { covarianceOf, informationOnEffects, type Covariance } from "./errors.ts";
import type { Evidence } from "./evidence.ts";
import type { Fit } from "./likelihood.ts";
import { groupsOf, type Groups, type ScaleModel } from "./observations.ts";

export interface Scale {
  readonly model: ScaleModel;
  readonly fit: Fit;
  readonly covariance: Covariance;
  /** Essays that can be compared, the largest group first. With more than one, no essay has an error. */
  readonly groups: Groups;
  /** One for each judge of the evidence. */
  readonly orderEffects: readonly OrderEffect[];
}

/** In logits in favour of the essay that is read first: among equal ones it wins with probability σ(eta). */
export type OrderEffect =
  | { readonly eta: number; readonly error: number; readonly column: number }
  | { readonly eta: null; readonly reason: NoOrderEffect };

type NoOrderEffect =
  | "no_verdicts"
  /** Whoever was first always won: no number is large enough. */
  | "always_first"
  | "always_second"
  /** Who was first and who is better can't be told apart. */
  | "order_confounded";

/** @returns `null` without any verdict */
export function scaleOf(evidence: Evidence, anchors: readonly Anchor[], start?: Fit): Scale | null {
  if (evidence.verdicts.length === 0) return null;
  const places = new Map(evidence.essays.map((id, at) => [id, at]));
  const model: ScaleModel = {
    essays: evidence.essays.length,
    observations: evidence.verdicts,
    columns: [],
    penalty: usualPenalty,
    anchors: new Map(
      anchors.flatMap(({ id, theta }) => {
        const at = places.get(id);
        return at === undefined ? [] : [[at, theta] as const];
      }),
    ),
  };
  const judged = orderColumns(evidence, model);
  const columns = judged.flatMap(({ column }) => column ?? []);
  const whole = { ...model, columns };
  const fit = fitOf(whole, start?.effects.length === columns.length ? { start } : {});
  const covariance = fit === null ? null : covarianceOf(whole, fit);
  if (fit === null || covariance === null)
    throw new Error("A penalised fit without confounded effects has a maximum.");
  return {
    model: whole,
    fit,
    covariance,
    groups: groupsOf(whole).toSorted((one, other) => other.length - one.length),
    orderEffects: judged.map(({ column, reason }): OrderEffect => {
      if (column === null) return { eta: null, reason };
      const at = columns.indexOf(column);
      const [eta = 0, variance] = [fit.effects[at], covariance.ofEffect(at)];
      return { eta, error: Math.sqrt(variance), column: at };
    }),
  };
}

/** √ of a score's variance; `null` for an anchor, and where essays can't all be compared. */
export function errorOf({ covariance, groups, model }: Scale, essay: number): number | null {
  if (groups.length > 1 || model.anchors.has(essay)) return null;
  return Math.sqrt(Math.max(0, covariance.ofScores(essay, essay)));
}

type Column =
  | { readonly column: Float64Array; readonly reason: null }
  | { readonly column: null; readonly reason: NoOrderEffect };

/** 1 for each verdict of a judge; none where its effect would be infinite, or can't be told from the scores. */
function orderColumns({ verdicts, judges }: Evidence, model: ScaleModel): readonly Column[] {
  const found = judges.map((_, judge): Column => {
    const own = verdicts.filter((verdict) => verdict.judge === judge);
    const firstWon = own.filter((verdict) => verdict.firstWon).length;
    if (own.length === 0) return { column: null, reason: "no_verdicts" };
    if (firstWon === own.length) return { column: null, reason: "always_first" };
    if (firstWon === 0) return { column: null, reason: "always_second" };
    const column = Float64Array.from(verdicts, (verdict) => (verdict.judge === judge ? 1 : 0));
    return { column, reason: null };
  });
  const columns = found.flatMap(({ column }) => column ?? []);
  const information = informationOnEffects({ ...model, columns });
  return found.map((one) => {
    if (one.column === null) return one;
    const { all, left } = information[columns.indexOf(one.column)] ?? { all: 0, left: 0 };
    return left < confounded * all ? { column: null, reason: "order_confounded" } : one;
  });
}

/** Of the information on an order effect, what is less than this is rounding. */
const confounded = 1e-10;
