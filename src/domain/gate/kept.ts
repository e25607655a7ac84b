/**
 * What ended tickets still hold until they are forgotten: their metadata and user ids, in bytes. It counts against the queue's limit of bytes,
 * or a tenant could fill the store with what is kept of tickets that end at once. Counted by sixths of the retention, so that it stays small:
 * each sixth is forgotten as a whole, when the last of it surely is.
 */

interface Part {
  readonly sinceMs: number;
  readonly bytes: number;
}

/** Oldest first. */
export type Kept = readonly Part[];

const parts = 6;

export function keep(kept: Kept, bytes: number, retentionMs: number, nowMs: number): Kept {
  if (bytes <= 0) return kept;
  const present = presentParts(kept, retentionMs, nowMs);
  const last = present.at(-1);
  if (last === undefined || nowMs - last.sinceMs >= retentionMs / parts) {
    return [...present, { sinceMs: nowMs, bytes }];
  }
  return [...present.slice(0, -1), { sinceMs: last.sinceMs, bytes: last.bytes + bytes }];
}

export function keptBytes(kept: Kept, retentionMs: number, nowMs: number): number {
  return presentParts(kept, retentionMs, nowMs).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** One from the future was written before the clock was set back: it counts from now on as if it were new, and no longer. */
function presentParts(kept: Kept, retentionMs: number, nowMs: number): Kept {
  const longestMs = retentionMs + retentionMs / parts;
  return kept.filter(({ sinceMs }) => Math.abs(nowMs - sinceMs) < longestMs);
}
