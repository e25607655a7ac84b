/** Calls and faults of the last ten seconds, in buckets of one second. Between 9 and 10 s are looked at, never more. */

interface Bucket {
  /** Whole seconds since the epoch. */
  readonly second: number;
  readonly calls: number;
  readonly faults: number;
}

/** Oldest first, at most ten. */
export type Window = readonly Bucket[];

const windowSeconds = 10;

export function countCall(window: Window, isFault: boolean, nowMs: number): Window {
  const second = Math.floor(nowMs / 1000);
  const recent = recentBuckets(window, second);
  const last = recent.find((bucket) => bucket.second === second) ?? { second, calls: 0, faults: 0 };
  const counted = { second, calls: last.calls + 1, faults: last.faults + (isFault ? 1 : 0) };
  return [...recent.filter((bucket) => bucket.second !== second), counted];
}

export function sumCalls(window: Window, nowMs: number): { calls: number; faults: number } {
  const recent = recentBuckets(window, Math.floor(nowMs / 1000));
  return {
    calls: recent.reduce((sum, bucket) => sum + bucket.calls, 0),
    faults: recent.reduce((sum, bucket) => sum + bucket.faults, 0),
  };
}

/** A bucket from the future is dropped too: the clock was set back, and it would otherwise count until the clock is there again. */
function recentBuckets(window: Window, second: number): Window {
  return window.filter((bucket) => bucket.second > second - windowSeconds && bucket.second <= second);
}
