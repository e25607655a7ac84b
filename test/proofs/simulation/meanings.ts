/** What came of a call, by the contract's section 3, read off once more: for watches to hold `src` against. */
import type { Failure } from "../../../src/domain/failure.ts";
import type { Call } from "./walk.ts";

export type Meaning =
  | "judged"
  /** The model spoke, but not with a judgement. */
  | "answered"
  | "fault"
  | "rate_limited"
  /** Our key, our account, our credit. */
  | "account_refused"
  | "model_refused"
  /** It was not made, its client hung up, or it is an error that says nothing of the provider. */
  | "nothing";

/** @param call that is over */
export function meaningOf({ hasThrown, reply, verdict }: Call): Meaning {
  if (hasThrown || reply === null) return "nothing";
  if (reply.outcome.ok) return verdict === null ? "answered" : "judged";
  return meaningOfFailure(reply.outcome.error);
}

export function meaningOfFailure(failure: Failure): Meaning {
  switch (failure.reason) {
    case "connection":
    case "timeout":
    case "unavailable":
      return "fault";
    case "rate_limited":
      return "rate_limited";
    case "quota_exhausted":
      return "account_refused";
    case "credentials_refused":
      return failure.scope === "model" ? "model_refused" : "account_refused";
    case "truncated":
      return "answered";
    case "content_refused":
      return failure.inError === true ? "nothing" : "answered";
    case "unreadable":
      return failure.why === "not_an_answer" || failure.why === "too_large" ? "nothing" : "answered";
    // What only a sentence says is the other thing, unless somebody else is served.
    case "request_refused":
      return failure.unlessServed === undefined ? "nothing" : meaningOfFailure(failure.unlessServed);
    case "hung_up":
      return "nothing";
  }
}

/** What only a sentence says counts where somebody else of the model is served. */
export function asServed(failure: Failure, isServed: boolean): Failure {
  if (failure.reason !== "request_refused" || failure.unlessServed === undefined) return failure;
  const { reason, status, vendorSays, unlessServed } = failure;
  return isServed ? { reason, status, vendorSays } : unlessServed;
}

/** What a vendor has answered; `null`: a judgement, something that can't be read, or nothing. */
export function failureOf({ reply, verdict }: Call): Failure | null {
  if (reply === null) return null;
  if (!reply.outcome.ok) return reply.outcome.error;
  return verdict === null ? { reason: "unreadable", why: "not_json" } : null;
}
