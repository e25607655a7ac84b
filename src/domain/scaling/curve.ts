/** Slope and curvature of what a fit maximises: with the penalty for a step, without it for the information that verdicts alone hold. */
import { placesIn, type Bordered } from "./bordered.ts";
import { chanceOf, sigmoid, type Fit } from "./likelihood.ts";
import type { Groups, ScaleModel } from "./observations.ts";

export interface Curve {
  readonly system: Bordered;
  readonly scoreSlope: Float64Array;
  readonly effectSlope: Float64Array;
}

/** Where nothing says where a block of essays lies, their mean is 0. */
export function curveAt(model: ScaleModel, blocks: Groups, fit: Fit, penalty: number): Curve {
  const curve = emptyCurve(model, blocks);
  const places = placesIn(blocks);
  for (const [at, observation] of model.observations.entries()) {
    const chance = chanceOf(model, fit, at);
    const surplus = observation.weight * ((observation.firstWon ? 1 : 0) - chance);
    const information = observation.weight * chance * (1 - chance);
    addObservation(curve, model, places, at, { surplus, information });
  }
  const floats = penalty === 0 ? floatingBlocks(model, blocks) : new Set<number>();
  for (const [number, block] of blocks.entries()) {
    const matrix = curve.system.inner[number] as Float64Array;
    if (floats.has(number)) {
      for (let at = 0; at < matrix.length; at++) matrix[at] = (matrix[at] as number) + 1 / block.length;
    }
    for (const [row, essay] of block.entries()) {
      const chance = sigmoid(fit.theta[essay] as number);
      const at = row * (block.length + 1);
      matrix[at] = (matrix[at] as number) + 2 * penalty * chance * (1 - chance);
      curve.scoreSlope[essay] = (curve.scoreSlope[essay] as number) + penalty * (1 - 2 * chance);
    }
  }
  return curve;
}

function emptyCurve({ essays, columns }: ScaleModel, blocks: Groups): Curve {
  return {
    system: {
      blocks,
      inner: blocks.map(({ length }) => new Float64Array(length * length)),
      border: columns.map(() => new Float64Array(essays)),
      corner: new Float64Array(columns.length ** 2),
    },
    scoreSlope: new Float64Array(essays),
    effectSlope: new Float64Array(columns.length),
  };
}

/** @param at which observation. @param surplus by how much the first essay did better than was to be expected */
function addObservation(
  { system, scoreSlope, effectSlope }: Curve,
  { columns, observations }: ScaleModel,
  places: ReturnType<typeof placesIn>,
  at: number,
  { surplus, information }: { readonly surplus: number; readonly information: number },
): void {
  const { first = 0, second = 0 } = observations[at] ?? {};
  const [one, two] = [places.get(first), places.get(second)];
  for (const [place, essay, sign] of [
    [one, first, 1],
    [two, second, -1],
  ] as const) {
    if (place === undefined) continue;
    const size = system.blocks[place.block]?.length ?? 0;
    add(system.inner[place.block], place.at * (size + 1), information);
    add(scoreSlope, essay, sign * surplus);
    for (const [effect, column] of columns.entries()) {
      add(system.border[effect], essay, sign * information * (column[at] as number));
    }
  }
  if (one !== undefined && two !== undefined) {
    const size = system.blocks[one.block]?.length ?? 0;
    add(system.inner[one.block], one.at * size + two.at, -information);
    add(system.inner[one.block], two.at * size + one.at, -information);
  }
  for (const [row, column] of columns.entries()) {
    const value = column[at] as number;
    add(effectSlope, row, surplus * value);
    for (const [other, values] of columns.entries()) {
      add(system.corner, row * columns.length + other, information * value * (values[at] as number));
    }
  }
}

function add(to: Float64Array | undefined, at: number, value: number): void {
  if (to !== undefined) to[at] = (to[at] as number) + value;
}

/** Blocks that no anchor ties down, by number. */
export function floatingBlocks({ observations, anchors }: ScaleModel, blocks: Groups): ReadonlySet<number> {
  const places = placesIn(blocks);
  const floats = new Set(blocks.keys());
  for (const { first, second } of observations) {
    if (anchors.has(first)) floats.delete(places.get(second)?.block ?? -1);
    if (anchors.has(second)) floats.delete(places.get(first)?.block ?? -1);
  }
  return floats;
}
