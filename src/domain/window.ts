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
  const place = recent.length - 1;
  const last = recent[place];
  const faults = isFault ? 1 : 0;
  if (last === undefined || last.second !== second) return [...recent, { second, calls: 1, faults }];
  return recent.with(place, { second, calls: last.calls + 1, faults: last.faults + faults });
}

export function sumCalls(window: Window, nowMs: number): { calls: number; faults: number } {
  let calls = 0;
  let faults = 0;
  for (const bucket of recentBuckets(window, Math.floor(nowMs / 1000))) {
    calls += bucket.calls;
    faults += bucket.faults;
  }
  return { calls, faults };
}

/** A bucket from the future is dropped too: the clock was set back, and it would otherwise count until the clock is there again. */
function recentBuckets(window: Window, second: number): Window {
  const [first] = window;
  const last = window.at(-1);
  if (first === undefined || last === undefined) return window;
  // In order, so that these two speak for all.
  if (isRecent(first, second) && isRecent(last, second)) return window;
  return window.filter((bucket) => isRecent(bucket, second));
}

function isRecent(bucket: Bucket, second: number): boolean {
  return bucket.second > second - windowSeconds && bucket.second <= second;
}
