/**
 * Every expected way in which a call to a provider can fail, with what a debugger needs. A bug is not here: bugs are thrown.
 * What a failure means is decided here, once, by exhaustive switches.
 *
 * Failures are stored with tickets. A new fact about one is an optional field, never a new reason: older code, which may run beside this one
 * or come back after a rollback, must be able to read it.
 */
export type Failure =
  /** No complete HTTP answer. `code` is the transport's own word, such as `ECONNREFUSED`. */
  | { readonly reason: "connection"; readonly code: string }
  /** Our deadline for the attempt passed. */
  | { readonly reason: "timeout" }
  /** The client went away, so the call was ended. */
  | { readonly reason: "hung_up" }
  /** The vendor is ill: a 5xx, 408, 409, 425, or the like inside a 200. `status` is the HTTP status, or the one that the error names. */
  | {
      readonly reason: "unavailable";
      readonly status: number;
      readonly retryAfterMs: number | null;
      /** The answer holds no envelope of the vendor's: a proxy's page, an empty body, a redirect. Something between us and the vendor spoke. */
      readonly fromBetween?: true;
      /** The vendor asks not to be called again at once (`x-should-retry: false`). */
      readonly notAtOnce?: true;
    }
  /** 429 about pace. */
  | {
      readonly reason: "rate_limited";
      readonly retryAfterMs: number | null;
      readonly notAtOnce?: true;
      readonly fromBetween?: true;
    }
  /** The vendor refused our key, our account, or (`scope: "model"`) the model to our account. */
  | {
      readonly reason: "credentials_refused";
      readonly status: number;
      readonly scope?: "model";
      readonly fromBetween?: true;
    }
  /** Our credit or spend limit is gone. `retryAfterMs`: until the vendor says that it is renewed; absent where it does not say. */
  | { readonly reason: "quota_exhausted"; readonly status: number; readonly retryAfterMs?: number }
  /** This request can never succeed. `vendorSays` is the vendor's message, not yet masked. */
  | {
      readonly reason: "request_refused";
      readonly status: number;
      readonly vendorSays: string;
      readonly fromBetween?: true;
      /** Only a sentence says so, which counts where the model has answered somebody else; elsewhere the failure is this one. */
      readonly unlessServed?: Extract<
        Failure,
        { reason: "rate_limited" | "quota_exhausted" | "unavailable" | "credentials_refused" }
      >;
    }
  /** A refusal or a safety block. `kind` is the vendor's word for it. */
  | {
      readonly reason: "content_refused";
      readonly kind: string;
      /** It came as an error, from a filter before the model: the model itself has not spoken. */
      readonly inError?: true;
    }
  /** The judge ran out of tokens. */
  | { readonly reason: "truncated" }
  /** Answered, but not with a judgement. */
  | { readonly reason: "unreadable"; readonly why: Unreadable };

/** Why an answer is not a judgement, from the outside in. */
export type Unreadable =
  /** The vendor's envelope, but with nothing in it that is known as an answer. */
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

/** Has the model spoken? An error in the vendor's envelope, whatever its status, is no answer. */
export function isAnswer(failure: Failure): boolean {
  switch (failure.reason) {
    case "truncated":
      return true;
    case "content_refused":
      return failure.inError !== true;
    case "unreadable":
      return failure.why !== "not_an_answer" && failure.why !== "too_large";
    case "connection":
    case "timeout":
    case "unavailable":
    case "rate_limited":
    case "hung_up":
    case "credentials_refused":
    case "quota_exhausted":
    case "request_refused":
      return false;
  }
}

/** How long the vendor asked us to wait, in milliseconds; `null` where it did not say. */
export function retryAfterMs(failure: Failure): number | null {
  return failure.reason === "unavailable" || failure.reason === "rate_limited" ? failure.retryAfterMs : null;
}
