/**
 * The moves of a ticket (the drawing is in `ticket.ts`). Each first lets happen what time has brought (a lease that ended, its expiry), and
 * returns the ticket to store, the events to append in the same transaction, and what to answer. Where the ticket is the same value as
 * before, there is nothing to store. Time is the store's clock.
 */
import type { Failure } from "../failure.ts";
import type { Others } from "../gate/call-report.ts";
import { fail, threw } from "./failure.ts";
import { presentTicket } from "./set-back.ts";
import { callIsOver, cancelNow, die, endAt, expire, move, backToQueue, type Moved } from "./steps.ts";
import {
  versionOf,
  type About,
  type CancelledBy,
  type Ended,
  type Processing,
  type Progress,
  type Spent,
  type Texts,
  type Ticket,
  type TicketPolicy,
  type TicketResult,
} from "./ticket.ts";

/**
 * A new ticket, and the first line of its history.
 *
 * @param spent on live calls for the same comparison before
 * @param lastFailure of those calls; `null`: none was made
 * @param delayMs of its first attempt: a delay, for the moment is the store's to say
 */
export function acceptTicket(
  about: Omit<About, "acceptedAtMs" | "expiresAtMs">,
  texts: Texts,
  spent: Spent,
  lastFailure: Failure | null,
  delayMs: number,
  nowMs: number,
  policy: TicketPolicy,
): Moved<null> {
  const progress: Progress = {
    updatedAtMs: nowMs,
    attempts: 0,
    failedAttempts: 0,
    spent,
    fence: 0,
    lastPermit: null,
    events: 1,
    gateHeard: 0,
    suspect: false,
    deaths: 0,
  };
  const state: Ticket["state"] = { status: "queued", texts, notBeforeMs: nowMs + delayMs, lastFailure };
  const ticket: Ticket = {
    version: versionOf(about, state),
    about: { ...about, acceptedAtMs: nowMs, expiresAtMs: nowMs + policy.ttlMs },
    progress,
    state,
  };
  return { ticket, events: [{ number: 1, atMs: nowMs, kind: "accepted" }], reply: null };
}

/** Lets happen what time has brought. Done late or twice, it comes to the same. */
export function elapse(known: Ticket, nowMs: number, policy: TicketPolicy): Moved<null> {
  const ticket = presentTicket(known, nowMs);
  const { state, about } = ticket;
  switch (state.status) {
    case "queued":
      return nowMs < about.expiresAtMs ? still(ticket, null) : expire(ticket, state, nowMs, policy);
    case "processing":
      return nowMs < state.claim.leaseEndsAtMs
        ? still(ticket, null)
        : die(ticket, state, ticket.progress.suspect, nowMs, policy);
    case "cancelled":
      return state.claim === null || nowMs < state.claim.leaseEndsAtMs
        ? still(ticket, null)
        : still(callIsOver(ticket, state), null);
    case "completed":
    case "failed":
    case "expired":
      return still(ticket, null);
  }
}

/** The gate gave the start by its own clock, and the ticket's may be behind it. */
const clockSkewMs = 2_000;

export type Claimed =
  /** Call for it, and settle with this token before the lease ends. */
  | { readonly kind: "claimed"; readonly fence: number; readonly leaseEndsAtMs: number }
  /** Another has it. */
  | { readonly kind: "held"; readonly untilMs: number }
  | { readonly kind: "early"; readonly notBeforeMs: number }
  /** It has ended, or the claim of this permit is over: forget the message. */
  | { readonly kind: "over" };

/**
 * Takes it for one call. Asked again with the same permit while the claim lives, it is the same claim.
 *
 * @param permit fresh for every call; the one that the gate gave the start to
 * @param early the gate has ended its backoff before its time
 */
export function claim(
  ticket: Ticket,
  permit: string,
  asProbe: boolean,
  nowMs: number,
  policy: TicketPolicy,
  early = false,
): Moved<Claimed> {
  const present = elapse(ticket, nowMs, policy);
  const { progress, state } = present.ticket;
  switch (state.status) {
    case "completed":
    case "failed":
    case "expired":
    case "cancelled":
      return { ...present, reply: { kind: "over" } };
    case "processing": {
      const { leaseEndsAtMs } = state.claim;
      return state.claim.permit === permit
        ? { ...present, reply: { kind: "claimed", fence: progress.fence, leaseEndsAtMs } }
        : { ...present, reply: { kind: "held", untilMs: leaseEndsAtMs } };
    }
    case "queued": {
      const { texts, notBeforeMs, lastFailure } = state;
      if (progress.lastPermit === permit) return { ...present, reply: { kind: "over" } };
      if (!early && nowMs < notBeforeMs - clockSkewMs)
        return { ...present, reply: { kind: "early", notBeforeMs } };
      const fence = progress.fence + 1;
      const leaseEndsAtMs = nowMs + policy.leaseMs;
      const { calledAtMs, calledBeforeMs: untilNowMs } = progress;
      const calledBeforeMs = calledAtMs ?? untilNowMs ?? present.ticket.about.acceptedAtMs;
      const first = fence === 1 ? { firstCalledAtMs: nowMs } : {};
      const started = move(
        present.ticket,
        { ...progress, fence, lastPermit: permit, calledAtMs: nowMs, calledBeforeMs, ...first },
        { status: "processing", texts, lastFailure, claim: { permit, leaseEndsAtMs, asProbe } },
        { kind: "started", fence, asProbe },
        nowMs,
      );
      const events = [...present.events, ...started.events];
      return { ticket: started.ticket, events, reply: { kind: "claimed", fence, leaseEndsAtMs } };
    }
  }
}

/** What came of an attempt, its one more ask included. */
export type AttemptOutcome =
  | { readonly kind: "judged"; readonly result: TicketResult; readonly spent: Spent }
  /** A vendor's words in it are masked before they come here: they are stored. */
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      readonly spent: Spent;
      /** How others fared meanwhile, by the gate; absent or `null`: it could not be asked. */
      readonly others?: Others | null;
      /**
       * The call threw: a bug of ours. Said beside a failure that gives the ticket back, for older code that may have to settle it, in another
       * process or after a rollback.
       */
      readonly threw?: true;
    };

/** `stale`: the token is not the present claim's, or its lease is over. Nothing changed. */
export type Settled = { readonly kind: "stored" } | { readonly kind: "stale" };

/**
 * Stores what came of the claim with this token.
 *
 * @param random uniform in [0, 1), for the backoff
 */
export function settle(
  ticket: Ticket,
  fence: number,
  outcome: AttemptOutcome,
  nowMs: number,
  policy: TicketPolicy,
  random: number,
): Moved<Settled> {
  return withClaim(ticket, fence, outcome.spent, nowMs, policy, (claimed, state) => {
    // It ran to an end without killing its process.
    const clean: Progress = { ...claimed.progress, suspect: false };
    const others = outcome.kind === "judged" ? null : (outcome.others ?? null);
    if (outcome.kind === "failed") {
      const { failure } = outcome;
      if (outcome.threw === true) {
        return threw(
          { ...claimed, progress: { ...clean, suspect: true } },
          state,
          others,
          nowMs,
          policy,
          random,
        );
      }
      return fail({ ...claimed, progress: clean }, state, { failure, others }, nowMs, policy, random);
    }
    const attempts = clean.attempts + (state.claim.asProbe ? 0 : 1);
    const ended: Ended = { status: "completed", result: outcome.result, ...endAt(nowMs, policy) };
    return move(claimed, { ...clean, attempts }, ended, { kind: "completed" }, nowMs);
  });
}

/**
 * Returns it unharmed: the process is stopping, or the call was not made after all. Costs no attempt, raises no suspicion.
 *
 * @param spent on calls that were broken off
 */
export function giveBack(
  ticket: Ticket,
  fence: number,
  nowMs: number,
  policy: TicketPolicy,
  spent: Spent = nothingSpent,
): Moved<Settled> {
  return withClaim(ticket, fence, spent, nowMs, policy, (claimed, state) =>
    backToQueue(claimed, claimed.progress, state, state.lastFailure, nowMs, "given_back", nowMs, policy),
  );
}

const nothingSpent: Spent = { calls: 0, costUsd: null };

/**
 * The process that held the claim is known to be dead: its successor need not wait for the lease.
 *
 * @param alone it was the only ticket in flight there, so none but it can be to blame
 */
export function claimantDied(
  ticket: Ticket,
  fence: number,
  alone: boolean,
  nowMs: number,
  policy: TicketPolicy,
): Moved<Settled> {
  return withClaim(ticket, fence, nothingSpent, nowMs, policy, (claimed, state) =>
    die(claimed, state, alone || claimed.progress.suspect, nowMs, policy),
  );
}

/**
 * Ends it because somebody who may wants that, unless it has ended. What a call that is under way brings is thrown away, but for its cost. Said
 * again, it changes nothing.
 */
export function cancel(ticket: Ticket, by: CancelledBy, nowMs: number, policy: TicketPolicy): Moved<null> {
  const present = elapse(ticket, nowMs, policy);
  const { state } = present.ticket;
  switch (state.status) {
    case "queued":
    case "processing": {
      const cancelled = cancelNow(present.ticket, state, by, nowMs, policy);
      return { ...cancelled, events: [...present.events, ...cancelled.events] };
    }
    case "cancelled":
    case "completed":
    case "failed":
    case "expired":
      return present;
  }
}

/** Notes that the gate was told what `noticeOf` said after this event. Not an event: nothing happened to the ticket. */
export function gateHeard(ticket: Ticket, event: number): Ticket {
  const { progress } = ticket;
  const heard = Math.min(event, progress.events);
  return heard <= progress.gateHeard ? ticket : { ...ticket, progress: { ...progress, gateHeard: heard } };
}

/** @param spent by the call that was made with the claim; it counts also where the ticket was cancelled meanwhile */
function withClaim(
  ticket: Ticket,
  fence: number,
  spent: Spent,
  nowMs: number,
  policy: TicketPolicy,
  act: (claimed: Ticket, state: Processing) => Moved<null>,
): Moved<Settled> {
  const present = elapse(ticket, nowMs, policy);
  const { state, progress } = present.ticket;
  const paid: Ticket = {
    ...present.ticket,
    progress: { ...progress, spent: sum(progress.spent, spent) },
  };
  const isHolder = progress.fence === fence;
  switch (state.status) {
    case "processing":
      if (!isHolder) break;
      return { ...act(paid, state), reply: { kind: "stored" } };
    case "cancelled":
      if (!isHolder || state.claim === null) break;
      return still(callIsOver(paid, state), { kind: "stored" });
    case "queued":
    case "completed":
    case "failed":
    case "expired":
      break;
  }
  return { ...present, reply: { kind: "stale" } };
}

function still<Reply>(ticket: Ticket, reply: Reply): Moved<Reply> {
  return { ticket, events: [], reply };
}

/** A cost that is not known adds nothing: it is that of a call without usage, or every one's. */
function sum(a: Spent, b: Spent): Spent {
  const costUsd = a.costUsd === null ? b.costUsd : a.costUsd + (b.costUsd ?? 0);
  return { calls: a.calls + b.calls, costUsd };
}
