/** What the vendors' answers have in common when they are not judgements: statuses and hints of how long to wait. */
import type { Failure } from "../domain/failure.ts";

/** The longest that a vendor's hint is believed. Longer ones are taken as this. */
export const longestHintMs = 15 * 60_000;

/**
 * What an HTTP status other than 200 means where the vendor has no word of its own for it.
 *
 * @param retryAfterMs the vendor's hint, milliseconds; `null` where it gave none
 * @param vendorSays the vendor's message, told only where the request itself is at fault
 */
export function failureOfStatus(status: number, retryAfterMs: number | null, vendorSays: string): Failure {
  switch (status) {
    case 401:
    case 403:
      return { reason: "credentials_refused", status };
    case 402:
      return { reason: "quota_exhausted", status };
    case 408:
    case 409:
    case 425:
      return { reason: "unavailable", status, retryAfterMs };
    case 429:
      return { reason: "rate_limited", retryAfterMs };
  }
  if (status >= 500) return { reason: "unavailable", status, retryAfterMs };
  if (status >= 400) return { reason: "request_refused", status, vendorSays };
  return { reason: "unreadable", why: "not_an_answer" };
}

/**
 * What an error means that came inside a 200: worth another call, unless it names a status that says otherwise.
 *
 * @param namedStatus the status that the error itself names; anything else where it names none
 */
export function failureInside(
  namedStatus: unknown,
  retryAfterMs: number | null,
  vendorSays: string,
): Failure {
  return typeof namedStatus === "number" && namedStatus >= 400 && namedStatus <= 599
    ? failureOfStatus(namedStatus, retryAfterMs, vendorSays)
    : { reason: "unavailable", status: 200, retryAfterMs };
}

/**
 * How long the answer's headers ask us to wait: `retry-after-ms`, else `retry-after` in seconds or as an HTTP date.
 *
 * @param header by lower-case name
 * @param nowMs epoch milliseconds, which a date is compared with
 * @returns milliseconds from 0 to 15 minutes; `null` where there is no hint, or none that makes sense (negative, past, not a number)
 */
export function retryHintMs(header: (name: string) => string | null, nowMs: number): number | null {
  const exact = header("retry-after-ms");
  const exactMs = exact === null ? null : decimalMs(exact, 1);
  if (exactMs !== null) return exactMs;
  const coarse = header("retry-after");
  return coarse === null ? null : (decimalMs(coarse, 1_000) ?? untilDateMs(coarse, nowMs));
}

/**
 * A duration as Google's JSON spells it, such as `"59s"` or `"1.5s"`.
 *
 * @returns milliseconds from 0 to 15 minutes; `null` where it is not one
 */
export function durationHintMs(duration: unknown): number | null {
  return typeof duration === "string" && duration.endsWith("s")
    ? decimalMs(duration.slice(0, -1), 1_000)
    : null;
}

/** Whole milliseconds, never earlier than asked: a fraction is rounded up. Digits only, so `-5`, `1e9` and `0x10` are no hints. */
function decimalMs(text: string, unitMs: number): number | null {
  return /^\s*\d+(\.\d+)?\s*$/.test(text) ? Math.min(Math.ceil(Number(text) * unitMs), longestHintMs) : null;
}

/** The one form that RFC 9110 lets a server send: `Sun, 06 Nov 1994 08:49:37 GMT`. `Date.parse` alone would take almost anything. */
function untilDateMs(text: string, nowMs: number): number | null {
  if (!/^\s*[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\s*$/.test(text)) return null;
  const delayMs = Date.parse(text) - nowMs;
  return delayMs >= 0 ? Math.min(delayMs, longestHintMs) : null;
}
