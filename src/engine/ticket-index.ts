/** A tenant's index of tickets: what it holds of each, and when a ticket tells it. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import { isEnded, type Ticket, type TicketPolicy, type TicketState } from "../domain/ticket/ticket.ts";
import type { ListPosition } from "../gateway/ports.ts";

export interface IndexEntry extends ListPosition {
  readonly provider: ProviderName;
  /** `queued` for all that have not ended: whether one is called for, only the ticket knows. */
  readonly status: Exclude<TicketState["status"], "processing">;
  /** `null`: it has not ended. */
  readonly endedAtMs: number | null;
  /** When nobody needs the entry any more: the ticket is forgotten by then, by any clock. */
  readonly forgetAtMs: number;
  /** The number of the ticket's latest event: a later entry replaces an earlier one, and none another. */
  readonly event: number;
  /** Its caller's own URL is told its end: the name of the prefix that allows it. Absent: none is. */
  readonly callback?: string;
}

/** It hears of a ticket twice: that there is one, and how that has ended. */
export function isMissingInIndex({ state, progress }: Ticket, heard: number): boolean {
  return heard === 0 || (isEnded(state) && heard < progress.events);
}

/** A ticket that had ended when the index had not heard of it yet: its place is gone, and a list must know of it. */
export interface UnheardEnd {
  /** As in `QueueItem`. */
  readonly tenant: string;
  readonly acceptedAtMs: number;
}

/** The index goes by another clock than the ticket, and each may be an hour off. */
export const clocksApartMs = 7_200_000;

/** An unfinished ticket ends at the latest one lease after its time. */
export function indexEntryOf(
  { about, progress, state }: Ticket,
  { leaseMs, retentionMs }: TicketPolicy,
): IndexEntry {
  const { id, provider, acceptedAtMs, expiresAtMs, callback } = about;
  const of = {
    id,
    provider,
    acceptedAtMs,
    event: progress.events,
    ...(callback && { callback: callback.name }),
  };
  return isEnded(state)
    ? {
        ...of,
        status: state.status,
        endedAtMs: state.endedAtMs,
        forgetAtMs: state.forgetAtMs + clocksApartMs,
      }
    : {
        ...of,
        status: "queued",
        endedAtMs: null,
        forgetAtMs: expiresAtMs + leaseMs + retentionMs + clocksApartMs,
      };
}
