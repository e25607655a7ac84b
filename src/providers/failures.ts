/** What is wrong where no vendor has a word for it: what a bare status means, and the end of a call that we ended ourselves. */
import type { Failure } from "../domain/failure.ts";

/**
 * What an HTTP status other than 200 means, in a vendor's envelope that says nothing more telling.
 *
 * @param retryAfterMs the vendor's hint, milliseconds; `null` where it gave none
 * @param vendorSays the vendor's message, told only where the request itself is at fault
 */
export function failureOfStatus(status: number, retryAfterMs: number | null, vendorSays: string): Failure {
  switch (status) {
    case 401:
    case 403:
    case 407:
      return { reason: "credentials_refused", status };
    case 402:
      return { reason: "quota_exhausted", status };
    case 408:
    case 409:
    case 421:
    case 425:
    // A client that closed its request; where we did not, the vendor's own front gave up under load.
    case 499:
      return { reason: "unavailable", status, retryAfterMs };
    case 429:
      return { reason: "rate_limited", retryAfterMs };
  }
  if (status >= 500) return { reason: "unavailable", status, retryAfterMs };
  if (status >= 400) return { reason: "request_refused", status, vendorSays };
  return { reason: "unreadable", why: "not_an_answer" };
}

/** @param signal its reason is an `AbortCause` */
export function failureOfAbort(signal: AbortSignal): Failure {
  return { reason: signal.reason === "timeout" ? "timeout" : "hung_up" };
}

/** @returns whether `value` is a status that an error inside a 200 can name */
export function isErrorStatus(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 400 && value <= 599;
}
