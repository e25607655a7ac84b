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

const ticketBaseMs = 2_000;
const ticketCapMs = 300_000;
const timeoutBaseMs = 60_000;
const timeoutCapMs = 900_000;

/**
 * How long a ticket waits between two of its calls: `2 s * 2^failed`, the upper half of it at random, at most 5 minutes; never less than the
 * vendor asked for.
 *
 * @param failed its failures in a row before this one, from 0
 * @param retryAfterMs the vendor's `Retry-After`, in milliseconds; `null` where it named none
 * @param random uniform in [0, 1)
 */
export function ticketWaitMs(failed: number, retryAfterMs: number | null, random: number): number {
  const waitMs = Math.min(doubled(ticketBaseMs, failed), ticketCapMs) * (0.5 + random / 2);
  return Math.max(Math.round(waitMs), retryAfterMs ?? 0);
}

/**
 * After a timeout, which is billed: `60 s * 2^failed`, the upper half of it at random, and 15 minutes to the second from the fifth in a row on:
 * so that a ticket alone makes no more than 20 paid calls in four hours.
 */
export function timeoutWaitMs(failed: number, random: number): number {
  return Math.round(Math.min(doubled(timeoutBaseMs, failed) * (0.5 + random / 2), timeoutCapMs));
}

/** The exponent is bounded too, since a ticket may fail for hours. */
function doubled(baseMs: number, failed: number): number {
  return baseMs * 2 ** Math.min(failed, 20);
}
