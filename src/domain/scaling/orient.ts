/** Who is read first: as often first as second, for every essay. */
import type { Pair } from "./designs.ts";
import { shuffled, type Dice } from "./dice.ts";

/**
 * Turns pairs round so that every essay stands first as often as second, but for one where it has an odd number of them. A place more is joined to
 * every essay with an odd number; then all pairs are walked in closed trails (Euler), which enter an essay as often as they leave it. Each trail goes
 * the one way or the other by the dice.
 *
 * @returns the same pairs, who is read first in front
 */
export function oriented(pairs: readonly Pair[], dice: Dice): Pair[] {
  const nobody = 1 + pairs.reduce((most, [one, two]) => Math.max(most, one, two), 0);
  const edges = shuffled(pairs, dice);
  edges.push(...oddOnes(pairs).map((essay): Pair => [essay, nobody]));
  const at: number[][] = Array.from({ length: nobody + 1 }, () => []);
  for (const [edge, [one, two]] of edges.entries()) {
    at[one]?.push(edge);
    at[two]?.push(edge);
  }
  const walked = new Uint8Array(edges.length);
  const nextFrom = (essay: number): number | undefined => {
    const open = at[essay] ?? [];
    while (open.length > 0) {
      const edge = open.pop() as number;
      if (walked[edge] === 0) return edge;
    }
    return undefined;
  };

  const turned: Pair[] = [];
  // From the place more at first: what it is joined to are ends of trails.
  for (const start of [nobody, ...shuffled([...at.keys()].slice(0, -1), dice)]) {
    for (let edge = nextFrom(start); edge !== undefined; edge = nextFrom(start)) {
      const trail: Pair[] = [];
      let essay = start;
      do {
        const [one, two]: Pair = edges[edge] as Pair;
        walked[edge] = 1;
        const other = one === essay ? two : one;
        if (essay !== nobody && other !== nobody) trail.push([essay, other]);
        essay = other;
        edge = essay === start ? undefined : nextFrom(essay);
      } while (edge !== undefined);
      turned.push(...(dice() < 0.5 ? trail : trail.map(([one, two]): Pair => [two, one])));
    }
  }
  return turned;
}

/** The essays with an odd number of pairs: always evenly many. */
function oddOnes(pairs: readonly Pair[]): readonly number[] {
  const odd = new Set<number>();
  for (const essay of pairs.flat()) if (!odd.delete(essay)) odd.add(essay);
  return [...odd];
}

/** Of any essay, how much more often it stands first than second, or second than first; each pair counts by its weight. */
export function mostSkew(pairs: readonly Pair[], weightOf: (at: number) => number = () => 1): number {
  const skew = new Map<number, number>();
  for (const [at, [first, second]] of pairs.entries()) {
    skew.set(first, (skew.get(first) ?? 0) + weightOf(at));
    skew.set(second, (skew.get(second) ?? 0) - weightOf(at));
  }
  let most = 0;
  for (const value of skew.values()) most = Math.max(most, Math.abs(value));
  return most;
}
