/**
 * Which essay the judge reads first. A comparison in the other order is the caller's own with the two essays exchanged and nothing else: labels stay
 * with their places, so it is, byte for byte, what a caller who had exchanged them would have asked.
 */
import type { Comparison, Presentation } from "./comparison.ts";
import { utf8Bytes } from "../utf8-bytes.ts";

/** How the order is to be chosen, where it is not to be as given. */
export interface OrderAsked {
  readonly as: Exclude<Presentation, "as_given">;
  /** Names a series: the same pair under the same key always falls the same way. */
  readonly key: string | null;
  /** Which judgement of its pair in the series it is, from 0. */
  readonly index: number;
}

/** Is the order left to chance? Then each judgement has its own. */
export function isByChance(asked: OrderAsked | undefined): boolean {
  return asked?.as === "random" && asked.key === null;
}

/** By hashes of the two essays, 64 lower-case hex digits each, as the caller has them. */
interface Pair {
  readonly a: string;
  readonly b: string;
}

/**
 * The text the first bit of whose SHA-256 says which essay of a pair comes first in a series. It doesn't matter which of the two is called A: the one
 * with the lesser hash stands first in it.
 */
export function orderText(key: string | null, { a, b }: Pair): string {
  const name = key ?? "";
  return `presentation 1\n${utf8Bytes(name)}:${name}\n${a < b ? a + b : b + a}`;
}

/**
 * Is essay B to be read first, by the rule of a series?
 *
 * @param orderSha256 the hash of `orderText`, in hex
 */
export function isExchangedIn({ as, index }: OrderAsked, { a, b }: Pair, orderSha256: string): boolean {
  // Of two that are equal neither can come first.
  if (a === b) return false;
  const bit = Number.parseInt(orderSha256.charAt(0), 16) >> 3;
  const turn = as === "counterbalanced" ? index % 2 : 0;
  // 0: the essay with the lesser hash comes first.
  return (bit ^ turn) === 0 ? b < a : a < b;
}

/** Twice, it is the same comparison again. */
export function exchanged(comparison: Comparison): Comparison {
  const { essayA, essayB } = comparison;
  return { ...comparison, essayA: essayB, essayB: essayA };
}

/** In the caller's names. @param wasExchanged absent: not */
export function shownFirst(wasExchanged = false): "Essay A" | "Essay B" {
  return wasExchanged ? "Essay B" : "Essay A";
}
