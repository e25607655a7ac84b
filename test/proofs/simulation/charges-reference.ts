/**
 * Which calls a ticket is charged with, and what ends it, as the contract says it (section 3, *Retries*, *429*): counted once more from what
 * the vendor answered and the gate said of others. One ticket's.
 */
import type { Failure } from "../../../src/domain/failure.ts";
import type { Others } from "../../../src/domain/gate/call-report.ts";
import type { Ticket, TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import { asServed, failureOf, meaningOfFailure } from "./meanings.ts";
import type { Walk } from "./walk.ts";

export interface ChargesReference {
  /**
   * @param after the ticket with this event
   * @param holder who had the claim that it is about; absent: nobody knows
   * @returns what is wrong; `null`: nothing
   */
  happened(event: TicketEvent, after: Ticket, holder: Walk | undefined): string | null;
  /** As they should be counted. */
  attempts(): number;
  /** The clock of its store was set back: what has happened lies as much earlier. */
  setBack(byMs: number): void;
}

/** Between two charges for the provider's faults, and between two answers without a judgement. */
const apartMs = 60_000;
/** 429s in a row while others are served. */
const most429s = 8;
const longestWaitMs = 900_000;

/** What a call means for its ticket. */
type Sentence = "free" | "charged" | "its end";

/** @param isUnsure a process may be stopping, and gives its calls back */
export function createChargesReference(maxAttempts: number, isUnsure: boolean): ChargesReference {
  let attempts = 0;
  /** "Attempts that failed", whoever is charged: no probes, and none that our account or its model was refused for. */
  let failedCalls = 0;
  /** The calls before. */
  let chargedAtMs: number | null = null;
  let unreadableAtMs: number | null = null;
  let faults = 0;
  let timeouts = 0;
  let limited = 0;
  let limitedAtMs: number | null = null;
  let throws = 0;
  let deaths = 0;
  let firstThrowAtMs: number | null = null;

  function sentenceOn(failure: Failure, others: Others | null, asProbe: boolean, atMs: number): Sentence {
    const isServed = others?.served === true;
    const isLast = attempts + 1 >= maxAttempts;
    const plain = asServed(failure, isServed);
    if (plain.reason === "unreadable") {
      const isLater = unreadableAtMs !== null && atMs - unreadableAtMs >= apartMs;
      const isFirst = unreadableAtMs === null;
      unreadableAtMs ??= atMs;
      // "Only if its model gave a judgement to somebody else in between or has given none for 24 h."
      const isItsOwn = others !== null && others.judged !== "before";
      if (asProbe) return "free";
      if (isItsOwn && (isLater || isLast)) return "its end";
      return isFirst && !isLast ? "charged" : "free";
    }
    switch (meaningOfFailure(plain)) {
      case "fault": {
        const isApart = chargedAtMs === null || atMs - chargedAtMs >= apartMs;
        if (asProbe || !isServed || others.mostlyFaults || !isApart) return "free";
        chargedAtMs = atMs;
        return isLast ? "its end" : "charged";
      }
      case "rate_limited":
        return limited > most429s ? "its end" : "free";
      case "account_refused":
      case "model_refused":
        return "free";
      // It can never succeed, or it is refused for what it says: its own, once and for all.
      case "answered":
      case "nothing":
      case "judged":
        return "its end";
    }
  }

  /** What is counted in a row: "but probes, asks of a hold, 429s and calls given back". */
  function countRow(failure: Failure, isServed: boolean, asProbe: boolean, atMs: number): void {
    const plain = asServed(failure, isServed);
    const meaning = plain.reason === "unreadable" ? "answered" : meaningOfFailure(plain);
    if (!asProbe && meaning !== "account_refused" && meaning !== "model_refused") failedCalls++;
    switch (meaning) {
      case "rate_limited":
        if (isServed && !asProbe && (limitedAtMs === null || atMs - limitedAtMs >= apartMs)) {
          limited++;
          limitedAtMs = atMs;
        }
        return;
      case "fault":
        limited = 0;
        timeouts = plain.reason === "timeout" ? timeouts + 1 : 0;
        if (!asProbe) faults++;
        return;
      case "answered":
        limited = 0;
        faults = 0;
        timeouts = 0;
        return;
      case "account_refused":
      case "model_refused":
      case "nothing":
      case "judged":
        return;
    }
  }

  /** "2 s · 2ⁿ, the upper half at random, at most 5 minutes (after a timeout 60 s · 2ⁿ, at most 15 minutes, as a probe too)". */
  function wrongWait(failure: Failure, isServed: boolean, asProbe: boolean, waitMs: number): string | null {
    if (waitMs > longestWaitMs) return `waits ${waitMs} ms`;
    const plain = asServed(failure, isServed);
    if (plain.reason === "unreadable" || meaningOfFailure(plain) !== "fault") return null;
    const isTimeout = plain.reason === "timeout";
    const n = isTimeout ? timeouts - 1 : faults - (asProbe ? 0 : 1);
    const fullMs = (isTimeout ? 60_000 : 2_000) * 2 ** Math.min(n, 20);
    const mostMs = isTimeout ? longestWaitMs : 300_000;
    const askedMs = Math.min(
      (plain.reason === "unavailable" ? plain.retryAfterMs : null) ?? 0,
      longestWaitMs,
    );
    const leastMs = Math.max(Math.min(fullMs, mostMs) / 2, askedMs);
    const isIn = waitMs >= leastMs - 1 && waitMs <= Math.max(Math.min(fullMs, mostMs), askedMs) + 1;
    return isIn ? null : `waits ${waitMs} ms after failure ${n + 1} in a row (${plain.reason})`;
  }

  function returned(
    event: Extract<TicketEvent, { kind: "returned" }>,
    after: Ticket,
    holder: Walk | undefined,
  ): string | null {
    switch (event.why) {
      case "died":
        deaths++;
        return null;
      case "given_back":
        return isUnsure || holder === undefined || wasNotCalled(holder)
          ? null
          : "is given back, though it was called for";
      case "threw":
        return threw(event.atMs, after, holder);
      case "attempt_failed":
      case "probe_failed":
      case "refused":
        break;
    }
    if (holder?.claim === undefined || holder.claim === null) return "is returned by nobody";
    const { asProbe } = holder.claim;
    const failure = lastFailure(holder);
    if (failure === null) return `is returned though its call has not failed`;
    const isServed = holder.others?.served === true;
    countRow(failure, isServed, asProbe, event.atMs);
    const sentence = sentenceOn(failure, holder.others, asProbe, event.atMs);
    if (sentence === "its end") return `goes on, though it has failed by itself: ${failure.reason}`;
    if (sentence === "charged") attempts++;
    const { state } = after;
    const waitMs = state.status === "queued" ? state.notBeforeMs - event.atMs : 0;
    return wrongWait(failure, isServed, asProbe, waitMs);
  }

  function threw(atMs: number, after: Ticket, holder: Walk | undefined): string | null {
    if (holder?.calls.at(-1)?.hasThrown !== true) return "is returned as thrown, which it has not";
    throws++;
    firstThrowAtMs ??= atMs;
    if (!after.progress.suspect) return "has thrown, and is no suspect";
    return throws >= 3 && holder.others?.cleanEnd === true ? "goes on after its third throw" : null;
  }

  function failed(event: Extract<TicketEvent, { kind: "failed" }>, holder: Walk | undefined): string | null {
    if (event.reason === "crashed") {
      // Its third death: what its last call came to could not be stored.
      if (holder?.calls.at(-1)?.hasThrown !== true || deaths >= 2) return null;
      throws++;
      return throws >= 3 && holder.others?.cleanEnd === true
        ? null
        : `failed as crashed after ${throws} throws, ${holder.others?.cleanEnd ? "" : "without a clean end of another"}`;
    }
    if (holder?.claim === undefined || holder.claim === null) return "failed by nobody";
    const { asProbe } = holder.claim;
    const failure = lastFailure(holder);
    if (failure === null) return "failed though its call has not";
    const isServed = holder.others?.served === true;
    countRow(failure, isServed, asProbe, event.atMs);
    if (sentenceOn(failure, holder.others, asProbe, event.atMs) !== "its end")
      return `failed by the provider's day: ${failure.reason} ${JSON.stringify(holder.others)}`;
    if (asServed(failure, isServed).reason !== event.reason)
      return `failed by ${event.reason}, not ${failure.reason}`;
    if (!asProbe) attempts++;
    return null;
  }

  return {
    attempts: () => attempts,
    setBack(byMs) {
      const earlier = (atMs: number | null) => (atMs === null ? null : atMs - byMs);
      chargedAtMs = earlier(chargedAtMs);
      unreadableAtMs = earlier(unreadableAtMs);
      limitedAtMs = earlier(limitedAtMs);
      firstThrowAtMs = earlier(firstThrowAtMs);
    },
    happened(event, after, holder) {
      const wrong = wrongIn(event, after, holder);
      if (wrong !== null) return wrong;
      const { attempts: counted, failedAttempts } = after.progress;
      if (event.kind === "expired") {
        // It may have ended with the call that was under way then, and is charged with that.
        if (counted < attempts || counted > attempts + 1) return `${counted} attempts counted of ${attempts}`;
        return null;
      }
      if (counted !== attempts) return `${counted} attempts counted of ${attempts}`;
      return failedAttempts === failedCalls
        ? null
        : `${failedAttempts} failed calls counted of ${failedCalls}`;
    },
  };

  function wrongIn(event: TicketEvent, after: Ticket, holder: Walk | undefined): string | null {
    switch (event.kind) {
      case "accepted":
      case "started":
      case "expired":
      case "cancelled":
        return null;
      case "returned":
        return returned(event, after, holder);
      case "failed":
        return failed(event, holder);
      case "completed":
        if (holder?.claim === undefined || holder.claim === null) return "completed by nobody";
        // The call that judged it is its last attempt.
        if (!holder.claim.asProbe) attempts++;
        return null;
    }
  }
}

/** No vendor was asked, or the call was broken off. */
function wasNotCalled({ calls }: Walk): boolean {
  const last = calls.at(-1);
  if (last === undefined) return true;
  const { outcome } = last.reply ?? {};
  return outcome === undefined || (!outcome.ok && outcome.error.reason === "hung_up");
}

/** A provider that is not configured any more is not called: its ticket waits as for credentials. */
function lastFailure({ calls }: Walk): Failure | null {
  const last = calls.at(-1);
  return last === undefined ? { reason: "credentials_refused", status: 401 } : failureOf(last);
}
