/** The single steps that a ticket's moves are made of (`ticket-moves.ts`). */
import { isTransient, retryAfterMs, type Failure } from "./failure.ts";
import { longestHoldMs } from "./outcome.ts";
import { backoffMs } from "./retry.ts";
import {
  isEnded,
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

/** What a failed call means for the ticket. After its time it expires, whatever the failure was. */
export function fail(
  ticket: Ticket,
  state: Processing,
  failure: Failure,
  nowMs: number,
  policy: TicketPolicy,
  random: number,
): Moved<null> {
  const { progress, about } = ticket;
  const { asProbe } = state.claim;
  switch (failure.reason) {
    case "hung_up":
      // Nobody waits at the other end of a ticket: the process is stopping.
      return requeue(ticket, progress, state, state.lastFailure, nowMs, "given_back", nowMs, policy);
    case "credentials_refused":
    case "quota_exhausted":
      return requeue(ticket, progress, state, failure, nowMs, "refused", nowMs, policy);
    case "connection":
    case "timeout":
    case "unavailable":
    case "rate_limited":
    case "request_refused":
    case "content_refused":
    case "truncated":
    case "unreadable":
      break;
  }
  const again = isTransient(failure);
  if (asProbe && again) {
    return requeue(ticket, progress, state, failure, nowMs, "probe_failed", nowMs, policy);
  }
  const cost = asProbe ? 0 : 1;
  const attempts = progress.attempts + cost;
  const counted = { ...progress, attempts, failedAttempts: progress.failedAttempts + cost };
  if (again && attempts < policy.maxAttempts) {
    const askedMs = retryAfterMs(failure);
    const waitMs = backoffMs(attempts, askedMs === null ? null : Math.min(askedMs, longestHoldMs), random);
    return requeue(ticket, counted, state, failure, nowMs + waitMs, "attempt_failed", nowMs, policy);
  }
  if (nowMs >= about.expiresAtMs)
    return expire({ ...ticket, progress: counted }, { ...state, lastFailure: failure }, nowMs, policy);
  const ended: Ended = { status: "failed", failure, ...endAt(nowMs, policy) };
  return move(ticket, counted, ended, { kind: "failed", reason: failure.reason }, nowMs);
}

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
    return requeue(ticket, suspected, state, state.lastFailure, nowMs, "died", nowMs, policy);
  }
  const ended: Ended = { status: "failed", failure: { reason: "crashed" }, ...endAt(nowMs, policy) };
  return move(ticket, suspected, ended, { kind: "failed", reason: "crashed" }, nowMs);
}

/** Back to waiting, or to its end where its time is over. */
export function requeue(
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
  const reason = why === "given_back" || why === "died" ? null : (lastFailure?.reason ?? null);
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
  const moved: Ticket = { ...ticket, progress: { ...progress, events: number, updatedAtMs: nowMs }, state };
  return { ticket: moved, events: [{ number, atMs: nowMs, ...happening }], reply: null };
}
