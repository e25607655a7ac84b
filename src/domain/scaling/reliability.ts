/**
 * How far this judge with these words would find the same scale again with other pairs: stability, not whether it is right.
 */
import { fitOf } from "./bradley-terry.ts";
import { diceOf, shuffled } from "./dice.ts";
import type { Evidence, SetVerdict } from "./evidence.ts";
import { correlation, type Interval } from "./intervals.ts";
import type { Fit } from "./likelihood.ts";
import { groupsOf, type ScaleModel } from "./observations.ts";
import { errorOf, type Scale } from "./scale.ts";

/** A figure, or why there is none. */
export type Figure<T, Reason> =
  | { readonly value: T; readonly reason: null }
  | { readonly value: null; readonly reason: Reason };

export type NoReliability =
  | "no_verdicts"
  | "too_few_essays"
  /** Not all essays can be compared. */
  | "disconnected"
  | "anchored"
  /** All scores are equal. */
  | "no_spread"
  /** The scores vary no more than their errors. */
  | "no_reliability"
  /** More essays than a report has time to split. */
  | "too_large"
  /** Half of the pairs leave essays that can't be compared. */
  | "halves_disconnected"
  | "no_agreement";

export interface Separation {
  /** Scale separation reliability, (V − MSE)/V: negative where scores vary less than their errors. */
  readonly ssr: Figure<number, NoReliability>;
  /** Taking the essays as a sample of many like them (Feldt 1965). */
  readonly ssrInterval: Interval | null;
  /** √(SSR/(1 − SSR)) (Wright 1996). */
  readonly separation: Figure<number, NoReliability>;
}

export interface SplitHalf {
  readonly median: number;
  /** Over the splits. */
  readonly range: Interval;
  readonly splits: number;
  /** The median correlation between halves, before it is stepped up. */
  readonly r: number;
}

export function separationOf(scale: Scale | null): Separation {
  const reason = whyNone(scale);
  if (scale === null || reason !== null) return none(reason ?? "no_verdicts");
  const { variance, meanSquare } = spreadOf(scale);
  const ssr = 1 - meanSquare / variance;
  return {
    ssr: { value: ssr, reason: null },
    ssrInterval: intervalOf(ssr, scale.model.essays),
    separation:
      ssr <= 0
        ? { value: null, reason: "no_reliability" }
        : { value: Math.sqrt(ssr / (1 - ssr)), reason: null },
  };
}

/**
 * Between scales from halves of the pairs, stepped up to all of them by Spearman and Brown: the median of the splits. Pairs are split, not verdicts: two
 * verdicts on one pair are no two witnesses.
 *
 * @param seed of the splits
 */
export function splitHalfOf(
  { verdicts }: Evidence,
  scale: Scale | null,
  seed: number,
): Figure<SplitHalf, NoReliability> {
  const reason = whyNone(scale);
  if (scale === null || reason !== null) return { value: null, reason: reason ?? "no_verdicts" };
  const splits = splitsFor(scale.model.essays);
  if (splits === 0) return { value: null, reason: "too_large" };
  const found = betweenHalves(verdicts, scale, seed, splits);
  if (found.length === 0) return { value: null, reason: "halves_disconnected" };
  const r = median(found);
  if (r <= 0) return { value: null, reason: "no_agreement" };
  const stepped = found.map((one) => (one <= -1 ? -1 : (2 * one) / (1 + one)));
  return {
    value: {
      median: (2 * r) / (1 + r),
      range: [Math.min(...stepped), Math.max(...stepped)],
      splits: found.length,
      r,
    },
    reason: null,
  };
}

/** V and MSE: how far scores lie apart, and how far by error alone. */
function spreadOf(scale: Scale): { readonly variance: number; readonly meanSquare: number } {
  const { theta } = scale.fit;
  const mean = theta.reduce((sum, score) => sum + score, 0) / theta.length;
  const variance = theta.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (theta.length - 1);
  const squares = Array.from(theta, (_, essay) => (errorOf(scale, essay) ?? 0) ** 2);
  return { variance, meanSquare: squares.reduce((sum, square) => sum + square, 0) / theta.length };
}

function whyNone(scale: Scale | null): NoReliability | null {
  if (scale === null) return "no_verdicts";
  if (scale.model.anchors.size > 0) return "anchored";
  if (scale.groups.length > 1) return "disconnected";
  if (scale.model.essays < 3) return "too_few_essays";
  return spreadOf(scale).variance < 1e-12 ? "no_spread" : null;
}

function none(reason: NoReliability): Separation {
  return { ssr: { value: null, reason }, ssrInterval: null, separation: { value: null, reason } };
}

/** The variance of so many scores is as uncertain as a χ² is, whose bounds are those of Wilson and Hilferty. */
function intervalOf(ssr: number, essays: number): Interval {
  const freedom = essays - 1;
  const bound = (z: number) => (1 - 2 / (9 * freedom) + z * Math.sqrt(2 / (9 * freedom))) ** 3;
  return [1 - (1 - ssr) * bound(1.96), 1 - (1 - ssr) * bound(-1.96)];
}

/** As many as a report has time for. */
function splitsFor(essays: number): number {
  if (essays > 500) return 0;
  return essays > 300 ? 5 : 20;
}

/** @returns a correlation for each split that leaves all essays comparable in both halves */
function betweenHalves(
  verdicts: readonly SetVerdict[],
  { model, fit }: Scale,
  seed: number,
  splits: number,
): readonly number[] {
  const dice = diceOf(seed, "split halves");
  const pairs = [...new Set(verdicts.map(({ pair }) => pair))];
  const found: number[] = [];
  for (let split = 0; split < splits; split++) {
    const half = new Set(shuffled(pairs, dice).slice(0, Math.floor(pairs.length / 2)));
    const isIn = (at: number) => half.has(verdicts[at]?.pair ?? -1);
    const [one, other] = [partOf(model, fit, isIn), partOf(model, fit, (at) => !isIn(at))];
    if (groupsOf(one.part).length > 1 || groupsOf(other.part).length > 1) continue;
    const [scores, others] = [one, other].map(
      ({ part, start }) => fitOf(part, { start, tolerance: 1e-4 })?.theta,
    );
    const r = scores === undefined || others === undefined ? null : correlation(scores, others);
    if (r !== null) found.push(r);
  }
  return found;
}

/** An effect stays where some of these verdicts are for it and some against, for otherwise it would be infinite. */
function partOf(
  model: ScaleModel,
  { theta, effects }: Fit,
  isIn: (at: number) => boolean,
): { readonly part: ScaleModel; readonly start: Fit } {
  const observations = model.observations.filter((_, at) => isIn(at));
  const columns = model.columns.map((column) => column.filter((_, at) => isIn(at)));
  const stays = columns.map((column) =>
    [true, false].every((won) =>
      observations.some(({ firstWon }, at) => firstWon === won && column[at] !== 0),
    ),
  );
  return {
    part: { ...model, observations, columns: columns.filter((_, at) => stays[at]) },
    start: { theta, effects: effects.filter((_, at) => stays[at]) },
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [low = 0, high = 0] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.floor(sorted.length / 2)],
  ];
  return (low + high) / 2;
}
