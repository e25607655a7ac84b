/**
 * Symmetric equations of scores and a few effects. The scores' part falls into blocks, one for each set of essays that hang together; only the effects
 * tie blocks to each other:
 *
 *     A₁          B₁
 *          A₂     B₂      scores
 *     B₁ᵀ  B₂ᵀ    D       effects
 */
import { factorise, inverse, solve } from "./matrix.ts";
import type { Groups } from "./observations.ts";

export interface Bordered {
  readonly blocks: Groups;
  /** One matrix for each block, row by row. */
  readonly inner: readonly Float64Array[];
  /** For each effect a value for each essay. */
  readonly border: readonly Float64Array[];
  readonly corner: Float64Array;
}

/** Its blocks taken apart. */
export interface Factored {
  readonly system: Bordered;
  readonly inner: readonly Float64Array[];
  /** The blocks' inverse times the border. */
  readonly leaning: readonly Float64Array[];
  /** What the effects' part is once the scores are taken out of it: the information on effects alone, where the system is one. */
  readonly rest: Float64Array;
}

/** @returns `null` where a block can't be solved */
export function factored(system: Bordered): Factored | null {
  const { blocks, border, corner } = system;
  const inner = system.inner.map((matrix) => matrix.slice());
  for (const [at, block] of blocks.entries()) {
    if (!factorise(inner[at] as Float64Array, block.length)) return null;
  }
  const leaning = border.map((values) => withinBlocks(blocks, inner, values));
  const rest = corner.slice();
  for (const [row, values] of border.entries()) {
    for (const [column, other] of leaning.entries()) {
      const at = row * border.length + column;
      rest[at] = (rest[at] as number) - product(values, other);
    }
  }
  return { system, inner, leaning, rest };
}

export interface Inverse {
  /** Between the scores of two essays. */
  readonly ofScores: (one: number, other: number) => number;
  readonly ofEffect: (at: number) => number;
}

/** @returns `null` where the effects can't be told from each other or from the scores */
export function inverted({ system, inner, leaning, rest }: Factored): Inverse | null {
  const effects = leaning.length;
  const factor = rest.slice();
  if (!factorise(factor, effects)) return null;
  const ofEffects = inverse(factor, effects);
  // Who asks for effects alone doesn't pay for them.
  let blocks: readonly Float64Array[] | undefined;
  const places = placesIn(system.blocks);
  const ofScores = (one: number, other: number) => {
    const [place, another] = [places.get(one), places.get(other)];
    if (place === undefined || another === undefined) return 0;
    blocks ??= inner.map((matrix, at) => inverse(matrix, system.blocks[at]?.length ?? 0));
    const size = system.blocks[place.block]?.length ?? 0;
    let sum = place.block === another.block ? (blocks[place.block]?.[place.at * size + another.at] ?? 0) : 0;
    for (let row = 0; row < effects; row++) {
      for (let column = 0; column < effects; column++) {
        const [left = 0, right = 0] = [leaning[row]?.[one], leaning[column]?.[other]];
        sum += left * (ofEffects[row * effects + column] as number) * right;
      }
    }
    return sum;
  };
  return { ofScores, ofEffect: (at) => ofEffects[at * effects + at] ?? 0 };
}

/** Where each essay's row is. */
export function placesIn(
  blocks: Groups,
): ReadonlyMap<number, { readonly block: number; readonly at: number }> {
  return new Map(blocks.flatMap((block, at) => block.map((essay, row) => [essay, { block: at, at: row }])));
}

function withinBlocks(blocks: Groups, factors: readonly Float64Array[], values: Float64Array): Float64Array {
  const found = new Float64Array(values.length);
  for (const [at, block] of blocks.entries()) {
    const part = Float64Array.from(block, (essay) => values[essay] as number);
    solve(factors[at] as Float64Array, block.length, part);
    for (const [row, essay] of block.entries()) found[essay] = part[row] as number;
  }
  return found;
}

function product(one: Float64Array, other: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += (one[at] as number) * (other[at] as number);
  return sum;
}
