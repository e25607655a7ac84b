/** Which pairs are asked again. */
import type { Pair } from "./designs.ts";
import { shuffled, type Dice } from "./dice.ts";

/**
 * A sample of so many pairs in which every essay stands first as often as second, where there is one: so audits leave a balanced design balanced, and a judge
 * that always says the first gets equal scores for all. It is put together from circles, in which each pair's second is the next one's first; what no
 * circles fill up is a stretch of one more.
 *
 * @param pairs who is read first in front
 * @returns all pairs, the sample in front
 */
export function sampleFirst(pairs: readonly Pair[], count: number, dice: Dice): readonly Pair[] {
  let best = filled(pairs, count, dice);
  for (let times = 1; times < mostTries && best.left > 0; times++) {
    const other = filled(pairs, count, dice);
    if (other.left < best.left) best = other;
  }
  return [...best.taken, ...best.others].flat();
}

const mostTries = 20;

interface Filled {
  readonly taken: readonly (readonly Pair[])[];
  readonly others: readonly (readonly Pair[])[];
  /** How many are still to be found. */
  readonly left: number;
}

/** Circles in a random order, each where it still fits. */
function filled(pairs: readonly Pair[], count: number, dice: Dice): Filled {
  const { circles, rest } = circlesIn(pairs, dice);
  const [taken, others]: [(readonly Pair[])[], (readonly Pair[])[]] = [[], []];
  let left = count;
  for (const circle of shuffled(circles, dice)) {
    if (circle.length <= left) {
      taken.push(circle);
      left -= circle.length;
    } else others.push(circle);
  }
  return { taken, others: [...others, rest], left };
}

/** Walks from first to second, along each pair once, and cuts a circle off wherever it comes back to where it was. */
function circlesIn(pairs: readonly Pair[], dice: Dice): { circles: Pair[][]; rest: Pair[] } {
  const from = new Map<number, Pair[]>();
  for (const pair of shuffled(pairs, dice)) {
    const others = from.get(pair[0]);
    if (others === undefined) from.set(pair[0], [pair]);
    else others.push(pair);
  }
  const [circles, rest]: [Pair[][], Pair[]] = [[], []];
  for (const start of from.keys()) {
    while ((from.get(start)?.length ?? 0) > 0) {
      const walked: Pair[] = [];
      const at = new Map<number, number>();
      let essay = start;
      for (let next = from.get(essay)?.pop(); next !== undefined; next = from.get(essay)?.pop()) {
        at.set(essay, walked.length);
        walked.push(next);
        essay = next[1];
        const since = at.get(essay);
        if (since === undefined) continue;
        const circle = walked.splice(since);
        for (const [first] of circle) at.delete(first);
        circles.push(circle);
      }
      rest.push(...walked);
    }
  }
  return { circles, rest };
}
