/**
 * Ids of tickets that were accepted while the primary store was away. They carry a mark, so that whoever can't find such a ticket knows that
 * another instance's file may hold it, and does not say that there is none.
 *
 * A UUID of version 8, which is free for uses of one's own (RFC 9562 section 5.8): 48 bits of epoch milliseconds, as in version 7, the version,
 * and the rest of a random UUID, its variant included.
 */

/** @param newId a UUID of any version whose last 62 bits are random */
export function markedId(nowMs: number, newId: () => string): string {
  const moment = nowMs.toString(16).padStart(12, "0");
  return `${moment.slice(0, 8)}-${moment.slice(8, 12)}-8${newId().slice(15)}`;
}

/** When a marked id was made, in epoch milliseconds; `null`: it is not marked. */
export function markedAtMs(id: string): number | null {
  const [, first, second] = pattern.exec(id) ?? [];
  return first === undefined || second === undefined ? null : Number.parseInt(first + second, 16);
}

const pattern = /^([0-9a-f]{8})-([0-9a-f]{4})-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
