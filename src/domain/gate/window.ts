/**
 * Calls and faults of the last ten seconds, by whole seconds. Between 9 and 10 s are looked at, never more. It is read, counted and written with
 * nearly every call: so the present second only has numbers that grow, and the others are one text.
 */
export interface Window {
  /** The present one: whole seconds since the epoch. */
  readonly second: number;
  /** Of all of them. */
  readonly calls: number;
  readonly faults: number;
  /** Of each second before it that had calls `second calls faults`, oldest first, divided by commas. */
  readonly before: string;
}

export interface Bucket {
  readonly second: number;
  readonly calls: number;
  readonly faults: number;
}

const windowSeconds = 10;

export const noCalls: Window = { second: 0, calls: 0, faults: 0, before: "" };

export function countCall(window: Window, isFault: boolean, nowMs: number): Window {
  const { second, calls, faults, before } = moved(window, nowMs);
  return { second, calls: calls + 1, faults: faults + (isFault ? 1 : 0), before };
}

export function sumCalls(window: Window, nowMs: number): { calls: number; faults: number } {
  return moved(window, nowMs);
}

/** Brought to the present. What is of the future is dropped too: the clock was set back, and it would otherwise count until the clock is there again. */
function moved(window: Window, nowMs: number): Window {
  const second = Math.floor(nowMs / 1000);
  return second === window.second ? window : windowOf(bucketsOf(window), second);
}

/** @param buckets in any order; several may be of one second */
export function windowOf(buckets: readonly Bucket[], second: number): Window {
  const recent = buckets.filter(
    (bucket) => bucket.second > second - windowSeconds && bucket.second <= second,
  );
  let calls = 0;
  let faults = 0;
  for (const bucket of recent) {
    calls += bucket.calls;
    faults += bucket.faults;
  }
  const before = recent.map((bucket) => `${bucket.second} ${bucket.calls} ${bucket.faults}`).join(",");
  return { second, calls, faults, before };
}

function bucketsOf({ second, calls, faults, before }: Window): readonly Bucket[] {
  const earlier = before === "" ? [] : before.split(",").map(bucketIn);
  const own = earlier.reduce(
    (rest, bucket) => ({ second, calls: rest.calls - bucket.calls, faults: rest.faults - bucket.faults }),
    { second, calls, faults },
  );
  return own.calls > 0 ? [...earlier, own] : earlier;
}

function bucketIn(text: string): Bucket {
  const [second = "", calls = "", faults = ""] = text.split(" ");
  return { second: Number(second), calls: Number(calls), faults: Number(faults) };
}
