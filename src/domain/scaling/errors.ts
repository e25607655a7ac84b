/** Standard errors of scores and effects, from the information of the verdicts. */
import { factored, inverted, placesIn } from "./bordered.ts";
import { floatingBlocks, informationAt } from "./information.ts";
import type { Fit } from "./likelihood.ts";
import { scoreBlocks, type ScaleModel } from "./observations.ts";

export interface Covariance {
  /** Of two essays' scores. An anchor's are 0. */
  readonly ofScores: (one: number, other: number) => number;
  /** The variance of an effect. */
  readonly ofEffect: (at: number) => number;
}

/**
 * From the information of the verdicts alone: a penalty is no evidence. A score's variance is that of an essay against the mean of all in its group, or
 * given the anchors.
 *
 * @param penalty for an effect that is one only under a penalty
 * @returns `null` where an effect can't be told from the scores
 */
export function covarianceOf(model: ScaleModel, fit: Fit, penalty = 0): Covariance | null {
  const blocks = scoreBlocks(model);
  const factors = factored(informationAt(model, blocks, fit, penalty));
  const found = factors === null ? null : inverted(factors);
  if (found === null) return null;
  const floats = penalty === 0 ? floatingBlocks(model, blocks) : new Set<number>();
  const places = placesIn(blocks);
  return {
    ofScores: (one, other) => {
      const [place, another] = [places.get(one)?.block, places.get(other)?.block];
      const isFloating = place !== undefined && place === another && floats.has(place);
      return found.ofScores(one, other) - (isFloating ? 1 / (blocks[place]?.length ?? 1) : 0);
    },
    ofEffect: found.ofEffect,
  };
}

/** √ of the variance of a difference: error bars of two essays can't be compared by looking at whether they overlap. */
export function errorOfDifference({ ofScores }: Covariance, one: number, other: number): number {
  return Math.sqrt(Math.max(0, ofScores(one, one) + ofScores(other, other) - 2 * ofScores(one, other)));
}

/** The information on each effect before a verdict is known, at p = ½: all of it, and what the scores and the other effects leave of it. */
export function informationOnEffects(
  model: ScaleModel,
): readonly { readonly all: number; readonly left: number }[] {
  const blocks = scoreBlocks(model);
  const nothing: Fit = {
    theta: new Float64Array(model.essays),
    effects: new Float64Array(model.columns.length),
  };
  const system = informationAt(model, blocks, nothing, 0);
  const factors = factored(system);
  if (factors === null) return [];
  const size = model.columns.length;
  return model.columns.map((_, effect) => ({
    all: system.corner[effect * size + effect] as number,
    left: leftOf(factors.rest, size, effect),
  }));
}

/** What the other rows of a semidefinite matrix leave of one: eliminated one by one; a pivot that is none is passed over. */
function leftOf(matrix: Float64Array, size: number, effect: number): number {
  const rest = matrix.slice();
  const at = (row: number, column: number) => rest[row * size + column] as number;
  for (let pivot = 0; pivot < size; pivot++) {
    if (pivot === effect || at(pivot, pivot) <= 1e-12 * (matrix[pivot * size + pivot] as number)) continue;
    const whole = at(pivot, pivot);
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const share = at(row, pivot) / whole;
      for (let column = 0; column < size; column++) {
        rest[row * size + column] = at(row, column) - share * at(pivot, column);
      }
    }
  }
  return at(effect, effect);
}
