/** Who stands before whom, and between which ranks nobody can say. */
import { errorOfDifference } from "./errors.ts";
import type { Scale } from "./scale.ts";

export interface Ranked {
  readonly essay: number;
  /** From 1, among the group's essays. Equal scores share a rank. */
  readonly rank: number;
  /** 1 is the largest group of essays that can be compared. */
  readonly group: number;
  /**
   * The ranks of the furthest essays that lie within 1.96 standard errors of the difference: pair by pair, without correction for how many pairs there are.
   * `null` where there are no errors.
   */
  readonly tied: readonly [from: number, to: number] | null;
}

/** Group by group, the best first. */
export function ranksOf(scale: Scale): readonly Ranked[] {
  const { groups, fit } = scale;
  const scoreOf = (essay: number) => fit.theta[essay] ?? 0;
  return groups.flatMap((group, at) => {
    const order = group.toSorted((one, other) => scoreOf(other) - scoreOf(one) || one - other);
    const ranks: number[] = [];
    for (const [place, essay] of order.entries()) {
      const before = order[place - 1];
      const isEqual = before !== undefined && scoreOf(before) - scoreOf(essay) < 1e-9;
      ranks.push(isEqual ? (ranks[place - 1] as number) : place + 1);
    }
    const tied = groups.length > 1 ? null : tiesOf(scale, order, ranks);
    return order.map((essay, place) => ({
      essay,
      rank: ranks[place] as number,
      group: at + 1,
      tied: tied?.[place] ?? null,
    }));
  });
}

function tiesOf(
  { covariance, fit }: Scale,
  order: readonly number[],
  ranks: readonly number[],
): readonly (readonly [number, number])[] {
  const ties = ranks.map((rank): [number, number] => [rank, rank]);
  for (const [place, essay] of order.entries()) {
    for (let later = place + 1; later < order.length; later++) {
      const other = order[later] as number;
      const apart = (fit.theta[essay] as number) - (fit.theta[other] as number);
      if (apart >= 1.96 * errorOfDifference(covariance, essay, other)) continue;
      const [better, worse] = [ties[place], ties[later]];
      if (better !== undefined) better[1] = Math.max(better[1], ranks[later] as number);
      if (worse !== undefined) worse[0] = Math.min(worse[0], ranks[place] as number);
    }
  }
  return ties;
}
