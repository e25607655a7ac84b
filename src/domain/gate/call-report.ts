/** What a call tells the gate about its provider. The one place where a failure becomes a report. */
import { isAnswer, isProviderFault, type Failure } from "../failure.ts";

/** One call that was let through, whether it was made or not. Plain JSON: it travels in batches. */
export interface CallReport {
  /** The permit that it was let through with; `null` for a call that was answered from a snapshot. Only a turn's permit means anything. */
  readonly permit: string | null;
  /** The breaker's epoch that it was let through in; `null`: not known, for the gate could not be asked. */
  readonly epoch: number | null;
  readonly finding: Finding;
  /** Of the call, in milliseconds; `null` for one that was not made. */
  readonly durationMs: number | null;
  /** Absent where no call was made, and from older code: then nobody is charged with it, and nobody is served by it. */
  readonly call?: CallFacts;
  /** How old the report is, where it is told late, in milliseconds. */
  readonly ageMs?: number;
  /** What failed; absent for a judgement, and from older code. For people: nothing is decided by it. */
  readonly reason?: Failure["reason"];
  /** Only a sentence of the vendor's says so: it counts where nobody else of the model was served. */
  readonly unlessServed?: true;
}

/** Whose call it was, and when it was made. All times are spans up to the report: the clocks of callers and gate need not agree. */
export interface CallFacts {
  /** Names the comparison: 16 hex digits of its hash, the same for the same texts, judge and parameters. */
  readonly comparison: string;
  /** 16 hex digits of a hash. */
  readonly tenant: string;
  /** See `modelKey`. */
  readonly model: string;
  /** Since the call began. */
  readonly beganAgoMs: number;
  /** Since this comparison's call before it began; of the first one, since the comparison was accepted. */
  readonly beforeAgoMs: number;
  /** Only of a ticket's. */
  readonly ticket?: {
    /** Since the model first answered it with no judgement; `null`: it never did. */
    readonly unreadableAgoMs: number | null;
    /** Since a call for it first threw; `null`: none did. */
    readonly thrownAgoMs: number | null;
  };
}

export type Finding =
  /** The model has spoken. `judged`: it gave a judgement; absent from older code. */
  | { readonly kind: "healthy"; readonly judged?: boolean }
  | { readonly kind: "fault" }
  /** A 429. `holdMs`: how long its model is to be left alone; `null`: the caller waits for it within its own time. */
  | {
      readonly kind: "rate_limited";
      readonly model: string;
      readonly holdMs: number | null;
      /** The vendor named no time: each one in a row pauses it for twice as long. */
      readonly unnamed?: true;
    }
  /** Our key was refused (or there is none), our credit is gone, or (`model`) that model is not for us. */
  | {
      readonly kind: "refused";
      readonly why: Refusal;
      readonly model?: string;
      /** Until the vendor says that it is over, in milliseconds; absent where it does not say. */
      readonly forMs?: number;
    }
  /** The call was not made, its client hung up, or what came was an error that says nothing of the provider's health. */
  | { readonly kind: "nothing" };

export type Refusal = "credentials_refused" | "quota_exhausted";

/** How others fared meanwhile: what a gate answers to a report, and what decides who is charged with a failure. */
export interface Others {
  /** Since this comparison's previous call began, the same model has answered another comparison. */
  readonly served: boolean;
  /** Half or more of the model's last 20 calls were faults. */
  readonly mostlyFaults: boolean;
  /** The gate has paused the model, or the account: the ticket need not wait by itself. */
  readonly held: boolean;
  /** The model's latest judgement: since the ticket's first answer without one, within a day before that, or in neither. */
  readonly judged: "since" | "before" | "not_for_a_day";
  /** Since a call for this ticket first threw, another ticket of the provider came to a clean end. */
  readonly cleanEnd: boolean;
}

/**
 * Must who reports it know how others fared, since somebody is charged with it or not? A judgement charges nobody, so it can be told with
 * others, later.
 */
export function asksForOthers({ finding, call, unlessServed, reason }: CallReport): boolean {
  if (unlessServed === true) return true;
  return call?.ticket !== undefined && (finding.kind !== "healthy" || reason !== undefined);
}

/** The longest pause of a model, and of a vendor's `Retry-After`, in milliseconds. */
export const longestPauseMs = 900_000;
/**
 * Two calls that a ticket is charged with for the provider's faults lie so far apart, and so do its two answers without a judgement, in
 * milliseconds.
 */
export const chargesApartMs = 60_000;
/** Where a 429 names no time. */
export const unnamedPauseMs = 30_000;

/**
 * @param failure of the call; `null`: it brought a judgement
 * @param model the one that was asked for
 * @param patienceMs how long the caller can wait before it calls once more itself; 0: it won't, as a ticket's attempt never does
 */
export function findingOf(failure: Failure | null, model: string, patienceMs: number): Finding {
  if (failure === null) return { kind: "healthy", judged: true };
  if (isProviderFault(failure)) return { kind: "fault" };
  if (isAnswer(failure)) return { kind: "healthy", judged: false };
  switch (failure.reason) {
    case "rate_limited":
      return rateLimit(failure.retryAfterMs, model, patienceMs);
    case "credentials_refused":
      return failure.scope === "model"
        ? { kind: "refused", why: failure.reason, model }
        : { kind: "refused", why: failure.reason };
    case "quota_exhausted": {
      const { retryAfterMs: forMs } = failure;
      return { kind: "refused", why: failure.reason, ...(forMs === undefined ? {} : { forMs }) };
    }
    case "request_refused":
      // What it is otherwise, the gate decides, which knows whether anybody else is served: see `unlessServed`.
      return failure.unlessServed === undefined
        ? { kind: "nothing" }
        : findingOf(failure.unlessServed, model, patienceMs);
    case "content_refused":
    case "truncated":
    case "unreadable":
    case "hung_up":
    case "connection":
    case "timeout":
    case "unavailable":
      return { kind: "nothing" };
  }
}

function rateLimit(askedMs: number | null, model: string, patienceMs: number): Finding {
  if (askedMs === null) {
    return patienceMs > 0
      ? { kind: "rate_limited", model, holdMs: null }
      : { kind: "rate_limited", model, holdMs: unnamedPauseMs, unnamed: true };
  }
  return {
    kind: "rate_limited",
    model,
    holdMs: askedMs > patienceMs ? Math.min(askedMs, longestPauseMs) : null,
  };
}
