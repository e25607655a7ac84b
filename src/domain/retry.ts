/** How long to wait before another call. Randomness is passed in, so tests choose it. */

const baseMs = 500;
const capMs = 8_000;

/**
 * Full jitter: anywhere from 0 to `500 ms * 2^(failed - 1)`, at most 8 s; never sooner than the vendor asked.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @param failed calls that failed so far, from 1
 * @param retryAfterMs the latest `Retry-After`, in milliseconds; `null` where the vendor did not say
 * @param random uniform in [0, 1)
 * @returns milliseconds to wait
 */
export function backoffMs(failed: number, retryAfterMs: number | null, random: number): number {
  const jitteredMs = Math.floor(random * Math.min(baseMs * 2 ** (failed - 1), capMs));
  return retryAfterMs === null ? jitteredMs : Math.max(retryAfterMs, jitteredMs);
}
