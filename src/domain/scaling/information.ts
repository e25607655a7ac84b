/** The information that verdicts hold on scores and effects: the curvature of their likelihood. */
import { placesIn, type Bordered } from "./bordered.ts";
import { chanceOf, sigmoid, type Fit } from "./likelihood.ts";
import type { Groups, ScaleModel } from "./observations.ts";

/**
 * Where nothing says where a block of essays lies, their mean is 0.
 *
 * @param penalty as a fit has it, where that is to count as information
 */
export function informationAt(model: ScaleModel, blocks: Groups, fit: Fit, penalty: number): Bordered {
  const system = nothingKnown(model, blocks);
  const places = placesIn(blocks);
  for (const [at, { weight }] of model.observations.entries()) {
    const chance = chanceOf(model, fit, at);
    addObservation(system, model, places, at, weight * chance * (1 - chance));
  }
  const floats = penalty === 0 ? floatingBlocks(model, blocks) : new Set<number>();
  for (const [number, block] of blocks.entries()) {
    const matrix = system.inner[number] as Float64Array;
    if (floats.has(number)) {
      for (let at = 0; at < matrix.length; at++) matrix[at] = (matrix[at] as number) + 1 / block.length;
    }
    for (const [row, essay] of block.entries()) {
      const chance = sigmoid(fit.theta[essay] as number);
      add(matrix, row * (block.length + 1), 2 * penalty * chance * (1 - chance));
    }
  }
  return system;
}

function nothingKnown({ essays, columns }: ScaleModel, blocks: Groups): Bordered {
  return {
    blocks,
    inner: blocks.map(({ length }) => new Float64Array(length * length)),
    border: columns.map(() => new Float64Array(essays)),
    corner: new Float64Array(columns.length ** 2),
  };
}

function addObservation(
  system: Bordered,
  { columns, observations }: ScaleModel,
  places: ReturnType<typeof placesIn>,
  at: number,
  information: number,
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
