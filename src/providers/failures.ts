/** What a status means in a vendor's envelope, where the vendor has no word of its own for what is wrong. */
import type { Failure } from "../domain/failure.ts";

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

/** @returns whether it is a status that an error inside a 200 can name */
export function isErrorStatus(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 400 && value <= 599;
}
