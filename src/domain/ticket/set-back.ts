/**
 * A ticket whose store's clock was set back. Every move notes when it was made; where the clock is behind that, all moments of the ticket lie as
 * much earlier from then on, so that its lease, its backoff, its time and its retention last as long as they were to, and no longer. What comes
 * of it is stored: looked at only, the moments would move along with the clock. A client is told another `expires_at` then, for the one
 * before was of a clock that was wrong.
 */
import type { About, Claim, Progress, Ticket, TicketState } from "./ticket.ts";

/** Clocks of one store's parts, and what is known of a distant one, differ by fractions of a second. */
export const clockSlackMs = 2_000;

/** How far the clock is behind the ticket's latest move; 0: as good as not. */
function ticketBehindMs({ progress }: Pick<Ticket, "progress">, nowMs: number): number {
  return progress.updatedAtMs - nowMs < clockSlackMs ? 0 : progress.updatedAtMs - nowMs;
}

/** @returns the same value where the clock was not set back */
export function presentTicket(ticket: Ticket, nowMs: number): Ticket {
  return ticketMoved(ticket, -ticketBehindMs(ticket, nowMs));
}

/** All moments so much later: by a clock that is ahead by so much. Below zero: earlier. @returns the same value where that is no matter */
export function ticketMoved(ticket: Ticket, byMs: number): Ticket {
  if (Math.abs(byMs) < clockSlackMs) return ticket;
  const move = (atMs: number) => Math.max(0, atMs + byMs);
  const { about, progress, state } = ticket;
  return {
    ...ticket,
    about: aboutWith(about, move),
    progress: progressWith(progress, about, move),
    state: stateWith(state, move),
  };
}

type Move = (atMs: number) => number;

function aboutWith(about: About, move: Move): About {
  // Not when it was accepted: that names the acceptance.
  return { ...about, expiresAtMs: move(about.expiresAtMs) };
}

function progressWith(progress: Progress, { acceptedAtMs }: About, move: Move): Progress {
  const moments = Object.fromEntries(
    lastTimes.flatMap((name) => {
      const atMs = progress[name];
      return atMs === undefined ? [] : [[name, move(atMs)]];
    }),
  );
  // One that was never called for counts from its acceptance, which keeps its moment.
  const calledBefore =
    progress.calledBeforeMs === undefined ? { calledBeforeMs: move(acceptedAtMs) } : undefined;
  return { ...progress, updatedAtMs: move(progress.updatedAtMs), ...moments, ...calledBefore };
}

const lastTimes = [
  ...(["calledAtMs", "calledBeforeMs", "firstCalledAtMs", "chargedAtMs"] as const),
  ...(["unreadableAtMs", "limitedAtMs", "thrownAtMs"] as const),
] as const satisfies readonly (keyof Progress)[];

function stateWith(state: TicketState, move: Move): TicketState {
  switch (state.status) {
    case "queued":
      return { ...state, notBeforeMs: move(state.notBeforeMs) };
    case "processing":
      return { ...state, claim: claimWith(state.claim, move) };
    case "cancelled": {
      const claim = state.claim && claimWith(state.claim, move);
      return { ...state, claim, endedAtMs: move(state.endedAtMs), forgetAtMs: move(state.forgetAtMs) };
    }
    case "completed":
    case "failed":
    case "expired":
      return { ...state, endedAtMs: move(state.endedAtMs), forgetAtMs: move(state.forgetAtMs) };
  }
}

function claimWith(claim: Claim, move: Move): Claim {
  return { ...claim, leaseEndsAtMs: move(claim.leaseEndsAtMs) };
}
