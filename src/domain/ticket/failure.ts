/**
 * What a failed call means for its ticket. It ends `failed` only by its own faults: an answer that is no judgement, or a fault of the provider's
 * while somebody else is served, several times. All else is waiting.
 */
import { retryAfterMs, type Failure } from "../failure.ts";
import { doubledMs } from "../gate/pauses.ts";
import { chargesApartMs, longestPauseMs, unnamedPauseMs, type Others } from "../gate/call-report.ts";
import { ticketWaitMs, timeoutWaitMs } from "../retry.ts";
import { endAt, expire, move, backToQueue, type Moved } from "./steps.ts";
import type { Ended, Processing, Progress, Ticket, TicketPolicy } from "./ticket.ts";

export interface FailedCall {
  readonly failure: Failure;
  /** How others fared meanwhile; `null`: the gate could not be asked, so nobody is served. */
  readonly others: Others | null;
}

/** 429s in a row while others of its model were served, a minute apart: others' calls may have used the rate up, for a while. */
const mostLimited = 8;
/** Calls that throw before the ticket is to blame. */
const mostThrows = 3;

/** @param random uniform in [0, 1) */
export function fail(
  ticket: Ticket,
  state: Processing,
  { failure, others }: FailedCall,
  nowMs: number,
  policy: TicketPolicy,
  random: number,
): Moved<null> {
  const { asProbe } = state.claim;
  const back = (progress: Progress, waitMs: number, why: "attempt_failed" | "probe_failed" | "refused") =>
    backToQueue(ticket, progress, state, failure, nowMs + waitMs, why, nowMs, policy);
  const { progress } = ticket;
  switch (failure.reason) {
    case "hung_up":
      // Nobody waits at the other end of a ticket: the process is stopping.
      return backToQueue(ticket, progress, state, state.lastFailure, nowMs, "given_back", nowMs, policy);
    case "credentials_refused":
    case "quota_exhausted": {
      const wait = askedAgain(progress, others, policy);
      return back(wait.progress, wait.waitMs, "refused");
    }
    case "request_refused": {
      const { unlessServed } = failure;
      if (unlessServed === undefined || others?.served === true)
        return end(ticket, state, failure, nowMs, policy);
      return fail(ticket, state, { failure: unlessServed, others }, nowMs, policy, random);
    }
    case "content_refused":
    case "truncated":
      return end(ticket, state, failure, nowMs, policy);
    case "unreadable":
      return unreadable(ticket, state, { failure, others }, nowMs, policy);
    case "rate_limited": {
      const { limited: before = 0, limitedAtMs } = progress;
      const isApart = limitedAtMs === undefined || Math.abs(nowMs - limitedAtMs) >= chargesApartMs;
      const isCounted = others?.served === true && !asProbe && isApart;
      const limited = before + (isCounted ? 1 : 0);
      if (limited > mostLimited) return end(ticket, state, failure, nowMs, policy);
      const unnamed = failure.retryAfterMs === null ? (progress.limitedUnnamed ?? 0) + 1 : 0;
      const askedMs = failure.retryAfterMs ?? unnamedPauseMs * 2 ** Math.min(unnamed - 1, 10);
      return back(
        {
          ...(asProbe ? progress : failedOnce(progress)),
          limited,
          ...(isCounted ? { limitedAtMs: nowMs } : {}),
          limitedUnnamed: unnamed,
        },
        Math.min(askedMs, longestPauseMs),
        asProbe ? "probe_failed" : "attempt_failed",
      );
    }
    case "connection":
    case "timeout":
    case "unavailable":
      return fault(ticket, state, { failure, others }, nowMs, policy, random);
  }
}

/** The provider's fault: charged only while somebody else is served, a minute after the last charge, by a model that is well otherwise. */
function fault(
  ticket: Ticket,
  state: Processing,
  { failure, others }: FailedCall,
  nowMs: number,
  policy: TicketPolicy,
  random: number,
): Moved<null> {
  const { progress } = ticket;
  const { asProbe } = state.claim;
  const { faults = 0, timeouts = 0, chargedAtMs } = progress;
  const isTimeout = failure.reason === "timeout";
  const askedMs = retryAfterMs(failure);
  const waitMs = isTimeout
    ? timeoutWaitMs(timeouts, random)
    : ticketWaitMs(faults, askedMs === null ? null : Math.min(askedMs, longestPauseMs), random);
  const isCharged =
    !asProbe &&
    others?.served === true &&
    !others.mostlyFaults &&
    (chargedAtMs === undefined || Math.abs(nowMs - chargedAtMs) >= chargesApartMs);
  const counted: Progress = {
    ...without(asProbe ? progress : failedOnce(progress), "limited"),
    faults: faults + (asProbe ? 0 : 1),
    timeouts: isTimeout ? timeouts + 1 : 0,
  };
  const charged = isCharged ? { ...counted, attempts: counted.attempts + 1, chargedAtMs: nowMs } : counted;
  if (charged.attempts >= policy.maxAttempts && isCharged) {
    return ended({ ...ticket, progress: charged }, state, failure, nowMs, policy);
  }
  const why = asProbe ? "probe_failed" : "attempt_failed";
  return backToQueue(ticket, charged, state, failure, nowMs + waitMs, why, nowMs, policy);
}

/**
 * An answer without a judgement ends it at its second, a minute after the first, if its model gave a judgement to somebody else in between or
 * has given none for a day. Otherwise it is the model that has changed: the gate pauses it, and one ticket asks.
 */
function unreadable(
  ticket: Ticket,
  state: Processing,
  { failure, others }: FailedCall,
  nowMs: number,
  policy: TicketPolicy,
): Moved<null> {
  const { progress } = ticket;
  const { asProbe } = state.claim;
  const { unreadableAtMs } = progress;
  const firstAtMs = unreadableAtMs ?? nowMs;
  const counted = without(asProbe ? progress : failedOnce(progress), "limited");
  const cleared = { ...counted, faults: 0, timeouts: 0, unreadableAtMs: firstAtMs };
  const isLater = nowMs - firstAtMs >= chargesApartMs;
  const isItsOwn = others !== null && others.judged !== "before";
  const isLast = progress.attempts + 1 >= policy.maxAttempts;
  if (!asProbe && isItsOwn && (isLater || isLast)) {
    const last = { ...cleared, attempts: cleared.attempts + 1 };
    return ended({ ...ticket, progress: last }, state, failure, nowMs, policy);
  }
  // Its first costs an attempt; what follows, until it is known whose fault it is, costs none.
  const isFirst = unreadableAtMs === undefined && !asProbe && !isLast;
  const why = asProbe ? "probe_failed" : "attempt_failed";
  const again = isLater
    ? askedAgain(cleared, others, policy)
    : {
        progress: isFirst ? { ...cleared, attempts: cleared.attempts + 1 } : cleared,
        waitMs: firstAtMs + chargesApartMs - nowMs,
      };
  return backToQueue(ticket, again.progress, state, failure, nowMs + again.waitMs, why, nowMs, policy);
}

/** Paused by the gate, it waits for its turn to ask; else by itself, in the same way. */
function askedAgain(
  progress: Progress,
  others: Others | null,
  policy: TicketPolicy,
): { readonly progress: Progress; readonly waitMs: number } {
  if (others?.held === true) return { progress: without(progress, "refusals"), waitMs: 0 };
  const refusals = (progress.refusals ?? 0) + 1;
  return { progress: { ...progress, refusals }, waitMs: doubledMs(policy.recoveryMs, refusals - 1) };
}

/**
 * A call for it threw: a bug of ours, that it may have brought about or not. It runs in its own turn from now on, as after the death of a
 * process; the third time it is to blame, if another ticket came to a clean end since the first.
 */
export function threw(
  ticket: Ticket,
  state: Processing,
  others: Others | null,
  nowMs: number,
  policy: TicketPolicy,
  random: number,
): Moved<null> {
  const { progress } = ticket;
  const throws = (progress.throws ?? 0) + 1;
  const thrownAtMs = progress.thrownAtMs ?? nowMs;
  const suspected: Progress = { ...progress, throws, thrownAtMs, suspect: true };
  if (throws >= mostThrows && others?.cleanEnd === true && nowMs < ticket.about.expiresAtMs) {
    const end: Ended = { status: "failed", failure: { reason: "crashed" }, ...endAt(nowMs, policy) };
    return move(ticket, suspected, end, { kind: "failed", reason: "crashed" }, nowMs);
  }
  const waitMs = ticketWaitMs(throws - 1, null, random);
  return backToQueue(ticket, suspected, state, state.lastFailure, nowMs + waitMs, "threw", nowMs, policy);
}

/** Its own fault: the call is counted, unless it was a probe, and is its last. */
function end(
  ticket: Ticket,
  state: Processing,
  failure: Failure,
  nowMs: number,
  policy: TicketPolicy,
): Moved<null> {
  const { progress } = ticket;
  const counted = { ...failedOnce(progress), attempts: progress.attempts + 1 };
  return ended(
    { ...ticket, progress: state.claim.asProbe ? progress : counted },
    state,
    failure,
    nowMs,
    policy,
  );
}

/** Its end, or its expiry, whichever is due. */
function ended(
  ticket: Ticket,
  state: Processing,
  failure: Failure,
  nowMs: number,
  policy: TicketPolicy,
): Moved<null> {
  const { progress } = ticket;
  if (nowMs >= ticket.about.expiresAtMs) {
    return expire({ ...ticket, progress }, { ...state, lastFailure: failure }, nowMs, policy);
  }
  const end: Ended = { status: "failed", failure, ...endAt(nowMs, policy) };
  return move(ticket, progress, end, { kind: "failed", reason: failure.reason }, nowMs);
}

function failedOnce(progress: Progress): Progress {
  return { ...progress, failedAttempts: progress.failedAttempts + 1 };
}

function without(progress: Progress, field: "limited" | "refusals"): Progress {
  return progress[field] === undefined || progress[field] === 0 ? progress : { ...progress, [field]: 0 };
}
