/** Pages of a feed (`Feed`): what each store gives to who knows a number, and to who knows none. */
import type { FeedPage } from "../gateway/ports.ts";

export interface FeedBounds {
  /** The lowest number that is kept; `null`: none is. */
  readonly first: number | null;
  /** The highest that was ever given; 0: none was. */
  readonly last: number;
}

export interface FeedEntry {
  readonly number: number;
  /** JSON; `null`: its ticket is forgotten, or can't be read. */
  readonly event: string | null;
}

export type FeedStart =
  /** The page begins behind this number. */
  { readonly kind: "behind"; readonly number: number } | Extract<FeedPage, { kind: "expired" }>;

/** @param after as in `Feed.page` */
export function startOf({ first, last }: FeedBounds, after: number | null): FeedStart {
  const oldest = first === null ? last : first - 1;
  if (after === null) return { kind: "behind", number: oldest };
  return after < oldest || after > last ? { kind: "expired", oldest } : { kind: "behind", number: after };
}

/**
 * @param last the highest number that was given, looked up before the entries were: those that have come since may be among them
 * @param entries what is kept behind `behind`, in order: as many as are wanted, or all
 */
export function pageOf(
  behind: number,
  last: number,
  entries: readonly FeedEntry[],
  most: number,
): Extract<FeedPage, { kind: "page" }> {
  const end = entries.at(-1)?.number ?? behind;
  const upTo = entries.length < most ? Math.max(end, last) : end;
  return {
    kind: "page",
    events: entries.flatMap(({ event }) => event ?? []),
    last: upTo,
    more: upTo < last,
  };
}
