/**
 * How well verdicts fit the scale: of an essay, or of a judge. Infit and outfit are 1 where verdicts waver as much as the model says; more is
 * surprise, less is more regular than chance allows (Wright and Masters 1982; the same figures as sirt's `btm_fit_statistics`).
 */
import type { Interval } from "./intervals.ts";
import { chanceOf } from "./likelihood.ts";
import type { Scale } from "./scale.ts";

export interface Misfit {
  /** Verdicts that it is made of. */
  readonly verdicts: number;
  /** Σ w (y − p)² / Σ w v. */
  readonly infit: number;
  /** Σ w (y − p)²/v / Σ w: moved more by a single surprise. */
  readonly outfit: number;
  /** Where infit lies in 95 of 100 cases if the model holds. */
  readonly expected95: Interval;
}

/** @param own the observations that are asked about, by their places in the model. @returns `null` without any */
export function misfitOf({ model, fit }: Scale, own: readonly number[]): Misfit | null {
  const sums = { verdicts: 0, weight: 0, squares: 0, variance: 0, relative: 0, spread: 0 };
  for (const at of own) {
    const { firstWon = false, weight = 0 } = model.observations[at] ?? {};
    const chance = chanceOf(model, fit, at);
    const square = ((firstWon ? 1 : 0) - chance) ** 2;
    const variance = chance * (1 - chance);
    sums.verdicts += 1;
    sums.weight += weight;
    sums.squares += weight * square;
    sums.variance += weight * variance;
    // The square over the variance, which may have been lost in rounding.
    sums.relative += weight * (firstWon ? (1 - chance) / chance : chance / (1 - chance));
    // The variance of the square itself.
    sums.spread += weight ** 2 * variance * (1 - 4 * variance);
  }
  if (sums.verdicts === 0) return null;
  const half = (1.96 * Math.sqrt(Math.max(0, sums.spread))) / sums.variance;
  return {
    verdicts: sums.verdicts,
    infit: sums.squares / sums.variance,
    outfit: sums.relative / sums.weight,
    expected95: [Math.max(0, 1 - half), 1 + half],
  };
}

/** An infit that a person should look into: above 1.5; or above 1, and more than two standard deviations above the mean of all. */
export function isMisfit(infit: number, all: readonly number[]): boolean {
  if (infit > 1.5) return true;
  if (all.length < 3) return false;
  const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
  const variance = all.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (all.length - 1);
  return infit > 1 && infit > mean + 2 * Math.sqrt(variance);
}
