/**
 * Every expected way in which a call to a provider can fail, with what a debugger needs. A bug is not here: bugs are thrown.
 * What a failure means is decided here, once, by exhaustive switches.
 */
export type Failure =
  /** No complete HTTP answer. `code` is the transport's own word, such as `ECONNREFUSED`. */
  | { readonly reason: "connection"; readonly code: string }
  /** Our deadline for the attempt passed. */
  | { readonly reason: "timeout" }
  /** The client went away, so the call was ended. */
  | { readonly reason: "hung_up" }
  /** The vendor is ill: a 5xx, 408, 409, 425, or the like inside a 200. `status` is the HTTP status, or the one that the error names. */
  | { readonly reason: "unavailable"; readonly status: number; readonly retryAfterMs: number | null }
  /** 429 about pace. */
  | { readonly reason: "rate_limited"; readonly retryAfterMs: number | null }
  /** The vendor refused our key. */
  | { readonly reason: "credentials_refused"; readonly status: number }
  /** Our credit or spend limit is gone. */
  | { readonly reason: "quota_exhausted"; readonly status: number }
  /** This request can never succeed. `vendorSays` is the vendor's message, not yet masked. */
  | { readonly reason: "request_refused"; readonly status: number; readonly vendorSays: string }
  /** A refusal or a safety block. `kind` is the vendor's word for it. */
  | { readonly reason: "content_refused"; readonly kind: string }
  /** The judge ran out of tokens. */
  | { readonly reason: "truncated" }
  /** Answered, but not with a judgement. */
  | { readonly reason: "unreadable"; readonly why: Unreadable };

/** Why an answer is not a judgement, from the outside in. */
export type Unreadable =
  /** A redirect, HTML, or another thing that is not the vendor's envelope. */
  | "not_an_answer"
  | "too_large"
  | "empty"
  | "not_json"
  | "no_verdict"
  | "conflicting_verdicts"
  | "bad_winner"
  | "bad_confidence"
  | "no_justification";

/** Is another call for the same comparison worth paying for? */
export function isTransient(failure: Failure): boolean {
  switch (failure.reason) {
    case "connection":
    case "timeout":
    case "unavailable":
    case "rate_limited":
      return true;
    case "hung_up":
    case "credentials_refused":
    case "quota_exhausted":
    case "request_refused":
    case "content_refused":
    case "truncated":
    case "unreadable":
      return false;
  }
}

/** Does it say that the vendor is ill? Nothing else counts for the breaker: a 429 is about our pace, a 4xx about our request. */
export function isProviderFault(failure: Failure): boolean {
  switch (failure.reason) {
    case "connection":
    case "timeout":
    case "unavailable":
      return true;
    case "rate_limited":
    case "hung_up":
    case "credentials_refused":
    case "quota_exhausted":
    case "request_refused":
    case "content_refused":
    case "truncated":
    case "unreadable":
      return false;
  }
}

/** How long the vendor asked us to wait, in milliseconds; `null` where it did not say. */
export function retryAfterMs(failure: Failure): number | null {
  return failure.reason === "unavailable" || failure.reason === "rate_limited" ? failure.retryAfterMs : null;
}
