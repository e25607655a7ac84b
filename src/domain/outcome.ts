/** What a call tells the gate about its provider. The one place where a failure becomes news. */
import { isProviderFault, type Failure } from "./failure.ts";

/** One call that was let through, whether it was made or not. Plain JSON: it travels in batches. */
export interface Outcome {
  /** The permit that it was let through with; `null` for a call that was answered from a snapshot. Only a turn's permit means anything. */
  readonly permit: string | null;
  /** The breaker's epoch that it was let through in; `null`: not known, for the gate could not be asked. */
  readonly epoch: number | null;
  readonly finding: Finding;
  /** Of the call, in milliseconds; `null` for one that was not made. */
  readonly durationMs: number | null;
}

export type Finding =
  /** The provider answered, be it that this request can't succeed. */
  | { readonly kind: "healthy" }
  | { readonly kind: "fault" }
  /** A 429. `holdMs`: how long its model is to be left alone; `null`: the caller waits for it within its own time. */
  | { readonly kind: "rate_limited"; readonly model: string; readonly holdMs: number | null }
  /** Our key was refused (or there is none), or our credit is gone. */
  | { readonly kind: "refused"; readonly why: Refusal }
  /** The call was not made, its client hung up, or what came was not from the provider. */
  | { readonly kind: "nothing" };

export type Refusal = "credentials_refused" | "quota_exhausted";

/** The longest hold of a model, and of a vendor's `Retry-After`, in milliseconds. */
export const longestHoldMs = 900_000;
const unnamedHoldMs = 30_000;

/**
 * @param failure of the call; `null`: it brought a judgement
 * @param model the one that was asked for
 * @param patienceMs how long the caller can wait before it calls once more itself; 0: it won't, as a ticket's attempt never does
 */
export function findingOf(failure: Failure | null, model: string, patienceMs: number): Finding {
  if (failure === null) return { kind: "healthy" };
  if (isProviderFault(failure)) return { kind: "fault" };
  switch (failure.reason) {
    case "rate_limited":
      return { kind: "rate_limited", model, holdMs: holdMs(failure.retryAfterMs, patienceMs) };
    case "credentials_refused":
    case "quota_exhausted":
      return { kind: "refused", why: failure.reason };
    case "unreadable":
      // A redirect or a proxy's page: no sign that the provider lives.
      return { kind: failure.why === "not_an_answer" ? "nothing" : "healthy" };
    case "request_refused":
    case "content_refused":
    case "truncated":
      return { kind: "healthy" };
    case "hung_up":
    case "connection":
    case "timeout":
    case "unavailable":
      return { kind: "nothing" };
  }
}

function holdMs(askedMs: number | null, patienceMs: number): number | null {
  if (askedMs === null) return patienceMs > 0 ? null : unnamedHoldMs;
  return askedMs > patienceMs ? Math.min(askedMs, longestHoldMs) : null;
}
