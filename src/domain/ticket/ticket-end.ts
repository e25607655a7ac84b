/** How a ticket has ended, in figures: what operators are told of it. */
import type { Moved } from "./steps.ts";
import { isEnded, type Ended, type TicketCopy, type TicketEvent, type TicketFailure } from "./ticket.ts";

export interface TicketEnd {
  readonly status: Ended["status"];
  /** Why it failed, what it waited for when its time was over, or who cancelled it; `null`: nothing to say. */
  readonly reason: TicketFailure["reason"] | "owner" | "operator" | "set" | null;
  /** Calls that it is charged with. */
  readonly attempts: number;
  /** US dollars of all calls for it; `null`: not known. */
  readonly costUsd: number | null;
  /** From its acceptance to the first claim of it; `null`: it was never called for, or older code gave that claim. */
  readonly waitMs: number | null;
  /** From its acceptance to its end. */
  readonly durationMs: number;
}

type Move = Pick<Moved<unknown>, "ticket" | "events">;

/** Has it ended by this move, and not before? Its terminal event is the last that there is. */
export function endsBy({ ticket: { progress, state }, events }: Move): boolean {
  return isEnded(state) && events.length > 0 && progress.events === events.at(-1)?.number;
}

/** @returns `null`: it has not ended by this move */
export function endOf(move: Move): TicketEnd | null {
  const { about, progress, state } = move.ticket;
  if (!isEnded(state) || !endsBy(move)) return null;
  const { firstCalledAtMs } = progress;
  return {
    status: state.status,
    reason: reasonOfEnd(state),
    attempts: progress.attempts,
    costUsd: progress.spent.costUsd,
    waitMs: firstCalledAtMs === undefined ? null : Math.max(0, firstCalledAtMs - about.acceptedAtMs),
    durationMs: Math.max(0, state.endedAtMs - about.acceptedAtMs),
  };
}

/** The same each time that this event is told, by whichever way. Holds no dot. */
export function eventIdOf(ticketId: string, eventNumber: number): string {
  return `evt_${ticketId}_${eventNumber}`;
}

/** The terminal event, as it was written. @throws where the ticket has not ended, which is a bug of the caller's */
export function endEventOf({ progress, state }: Pick<TicketCopy, "progress" | "state">): TicketEvent {
  if (!isEnded(state)) throw new Error("the ticket has not ended");
  const event = { number: progress.events, atMs: state.endedAtMs };
  switch (state.status) {
    case "completed":
    case "expired":
      return { ...event, kind: state.status };
    case "failed":
      return { ...event, kind: "failed", reason: state.failure.reason };
    case "cancelled":
      return { ...event, kind: "cancelled", cancelledBy: state.cancelledBy };
  }
}

function reasonOfEnd(state: Ended): TicketEnd["reason"] {
  switch (state.status) {
    case "completed":
      return null;
    case "failed":
      return state.failure.reason;
    case "expired":
      return state.lastFailure?.reason ?? null;
    case "cancelled":
      return state.cancelledBy;
  }
}
