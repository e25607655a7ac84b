/**
 * Newton's step: what the curvature makes of the slope. Nearly all pairs are never asked, so the curvature is not written out as a matrix; the equations are
 * solved by conjugate gradients (Hestenes and Stiefel 1952), each of whose rounds looks at every verdict once.
 */
import { chanceOf, sigmoid, type Fit } from "./likelihood.ts";
import type { ScaleModel } from "./observations.ts";

/** Scores, and behind them effects. */
type Values = Float64Array;

/** @returns how to move scores and effects */
export function stepFrom(model: ScaleModel, fit: Fit): Fit {
  const { slope, weights, floor } = curveAt(model, fit);
  const step = solved(
    (values) => product(model, weights, floor, values),
    diagonalOf(model, weights, floor),
    slope,
  );
  return { theta: step.slice(0, model.essays), effects: step.slice(model.essays) };
}

interface Curve {
  readonly slope: Values;
  /** Of each observation, its information. */
  readonly weights: Float64Array;
  /** Of each essay, what the penalty adds. */
  readonly floor: Float64Array;
}

function curveAt(model: ScaleModel, fit: Fit): Curve {
  const { observations, columns, essays, anchors, penalty } = model;
  const slope = new Float64Array(essays + columns.length);
  const weights = new Float64Array(observations.length);
  for (const [at, { first, second, firstWon, weight }] of observations.entries()) {
    const chance = chanceOf(model, fit, at);
    weights[at] = weight * chance * (1 - chance);
    spread(model, slope, at, first, second, weight * ((firstWon ? 1 : 0) - chance));
  }
  const floor = fit.theta.map((theta, essay) => {
    const chance = sigmoid(theta);
    slope[essay] = (slope[essay] as number) + penalty * (1 - 2 * chance);
    return 2 * penalty * chance * (1 - chance);
  });
  for (const essay of anchors.keys()) slope[essay] = 0;
  return { slope, weights, floor };
}

/** The curvature times values. Anchors don't move, so theirs are 0 before and after. */
function product(model: ScaleModel, weights: Float64Array, floor: Float64Array, values: Values): Values {
  const { observations, columns, essays, anchors } = model;
  const found = new Float64Array(values.length);
  const together = isFloating(model)
    ? values.subarray(0, essays).reduce((sum, value) => sum + value, 0) / essays
    : 0;
  for (let essay = 0; essay < essays; essay++) {
    found[essay] = (floor[essay] as number) * (values[essay] as number) + together;
  }
  for (let at = 0; at < observations.length; at++) {
    const { first = 0, second = 0 } = observations[at] ?? {};
    let along = (values[first] as number) - (values[second] as number);
    for (let effect = 0; effect < columns.length; effect++) {
      along += (columns[effect]?.[at] as number) * (values[essays + effect] as number);
    }
    spread(model, found, at, first, second, (weights[at] as number) * along);
  }
  for (const essay of anchors.keys()) found[essay] = 0;
  return found;
}

/** Without a penalty and anchors nothing says where all scores together lie: then their mean is to stay where it is. */
function isFloating({ penalty, anchors }: ScaleModel): boolean {
  return penalty === 0 && anchors.size === 0;
}

function diagonalOf(
  { observations, columns, essays }: ScaleModel,
  weights: Float64Array,
  floor: Float64Array,
): Values {
  const found = new Float64Array(essays + columns.length);
  found.set(floor);
  for (const [at, { first, second }] of observations.entries()) {
    const weight = weights[at] as number;
    found[first] = (found[first] as number) + weight;
    found[second] = (found[second] as number) + weight;
    for (const [effect, column] of columns.entries()) {
      const place = essays + effect;
      found[place] = (found[place] as number) + weight * (column[at] as number) ** 2;
    }
  }
  return found;
}

/** An observation bears on its first essay, the other way on its second, and on the effects by their columns. */
function spread(
  { columns, essays }: ScaleModel,
  to: Values,
  at: number,
  first: number,
  second: number,
  value: number,
): void {
  to[first] = (to[first] as number) + value;
  to[second] = (to[second] as number) - value;
  for (let effect = 0; effect < columns.length; effect++) {
    const place = essays + effect;
    to[place] = (to[place] as number) + value * (columns[effect]?.[at] as number);
  }
}

/** Far below what a step is wanted to: the next step starts from where this one ends. */
const tolerance = 1e-9;

function solved(curvature: (values: Values) => Values, diagonal: Values, slope: Values): Values {
  const found = new Float64Array(slope.length);
  const left = slope.slice();
  const eased = left.map((value, at) => easedBy(diagonal, value, at));
  const along = eased.slice();
  let size = dot(left, eased);
  const enough = size * tolerance ** 2;
  // As many rounds as there are unknowns would do without rounding.
  for (let round = 0; round < 10 * slope.length + 100 && size > enough && size > 1e-300; round++) {
    const bent = curvature(along);
    const length = size / dot(along, bent);
    if (!Number.isFinite(length)) break;
    for (let at = 0; at < found.length; at++) {
      found[at] = (found[at] as number) + length * (along[at] as number);
      left[at] = (left[at] as number) - length * (bent[at] as number);
      eased[at] = easedBy(diagonal, left[at] as number, at);
    }
    const next = dot(left, eased);
    for (let at = 0; at < along.length; at++) {
      along[at] = (eased[at] as number) + (next / size) * (along[at] as number);
    }
    size = next;
  }
  return found;
}

/** Divided by the diagonal, which evens out that some essays have more verdicts than others. */
function easedBy(diagonal: Values, value: number, at: number): number {
  const by = diagonal[at] as number;
  return by > 0 ? value / by : 0;
}

function dot(one: Values, other: Values): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += (one[at] as number) * (other[at] as number);
  return sum;
}
