/** The single steps that a ticket's moves are made of (`moves.ts`). */
import type { Failure } from "../failure.ts";
import {
  isEnded,
  versionOf,
  type Cancelled,
  type CancelledBy,
  type Ended,
  type Happening,
  type Processing,
  type Progress,
  type Queued,
  type Ticket,
  type TicketEvent,
  type TicketPolicy,
} from "./ticket.ts";

export interface Moved<Reply> {
  readonly ticket: Ticket;
  readonly events: readonly TicketEvent[];
  readonly reply: Reply;
}

/** Deaths alone after which a ticket is no longer run. */
const mostDeaths = 3;

/** Its process died with it in flight. No attempt is counted, for nobody knows how far the call came. */
export function die(
  ticket: Ticket,
  state: Processing,
  alone: boolean,
  nowMs: number,
  policy: TicketPolicy,
): Moved<null> {
  const { progress, about } = ticket;
  const deaths = progress.deaths + (alone ? 1 : 0);
  const suspected = { ...progress, suspect: true, deaths };
  if (deaths < mostDeaths || nowMs >= about.expiresAtMs) {
    return backToQueue(ticket, suspected, state, state.lastFailure, nowMs, "died", nowMs, policy);
  }
  const ended: Ended = { status: "failed", failure: { reason: "crashed" }, ...endAt(nowMs, policy) };
  return move(ticket, suspected, ended, { kind: "failed", reason: "crashed" }, nowMs);
}

/** Back to waiting, or to its end where its time is over. */
export function backToQueue(
  ticket: Ticket,
  progress: Progress,
  state: Processing,
  lastFailure: Failure | null,
  notBeforeMs: number,
  why: Extract<Happening, { kind: "returned" }>["why"],
  nowMs: number,
  policy: TicketPolicy,
): Moved<null> {
  if (nowMs >= ticket.about.expiresAtMs) {
    return expire({ ...ticket, progress }, { ...state, lastFailure }, nowMs, policy);
  }
  const saysNothing = why === "given_back" || why === "died" || why === "threw";
  const reason = saysNothing ? null : (lastFailure?.reason ?? null);
  return move(
    ticket,
    progress,
    { status: "queued", texts: state.texts, notBeforeMs, lastFailure },
    { kind: "returned", why, reason },
    nowMs,
  );
}

export function expire(
  ticket: Ticket,
  state: Queued | Processing,
  nowMs: number,
  policy: TicketPolicy,
): Moved<null> {
  const { lastFailure } = state;
  const ended: Ended = { status: "expired", lastFailure, ...endAt(nowMs, policy) };
  return move(ticket, ticket.progress, ended, { kind: "expired" }, nowMs);
}

/** At once, texts and all; but a call that is under way goes on to its end, for nobody can take it back. */
export function cancelNow(
  ticket: Ticket,
  state: Queued | Processing,
  cancelledBy: CancelledBy,
  nowMs: number,
  policy: TicketPolicy,
): Moved<null> {
  const claim = state.status === "processing" ? state.claim : null;
  const ended: Cancelled = { status: "cancelled", cancelledBy, claim, ...endAt(nowMs, policy) };
  return move(ticket, ticket.progress, ended, { kind: "cancelled", cancelledBy }, nowMs);
}

/** The call that was under way when it was cancelled is over, and with it the last that the ticket held. Not an event: the ticket had ended. */
export function callIsOver(ticket: Ticket, state: Cancelled): Ticket {
  return { ...ticket, state: { ...state, claim: null } };
}

export function endAt(nowMs: number, policy: TicketPolicy) {
  return { endedAtMs: nowMs, forgetAtMs: nowMs + policy.retentionMs };
}

/** The one way from state to state: every move is one event, and none leaves an end. */
export function move(
  ticket: Ticket,
  progress: Progress,
  state: Ticket["state"],
  happening: Happening,
  nowMs: number,
): Moved<null> {
  if (isEnded(ticket.state))
    throw new Error(`ticket ${ticket.about.id} has ended and can't be ${happening.kind}`);
  const number = progress.events + 1;
  const version = versionOf(ticket.about, state);
  const moved: Ticket = {
    ...ticket,
    version,
    progress: { ...progress, events: number, updatedAtMs: nowMs },
    state,
  };
  return { ticket: moved, events: [{ number, atMs: nowMs, ...happening }], reply: null };
}
