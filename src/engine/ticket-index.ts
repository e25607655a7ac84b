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
  /** When nobody needs the entry any more: the ticket is forgotten by then. */
  readonly forgetAtMs: number;
  /** The number of the ticket's latest event: a later entry replaces an earlier one, and none another. */
  readonly event: number;
}

/** It hears of a ticket twice: that there is one, and how that has ended. */
export function isMissingInIndex({ state, progress }: Ticket, heard: number): boolean {
  return heard === 0 || (isEnded(state) && heard < progress.events);
}

/** An unfinished ticket ends at the latest one lease after its time. */
export function indexEntryOf(
  { about, progress, state }: Ticket,
  { leaseMs, retentionMs }: TicketPolicy,
): IndexEntry {
  const { id, provider, acceptedAtMs, expiresAtMs } = about;
  const of = { id, provider, acceptedAtMs, event: progress.events };
  return isEnded(state)
    ? { ...of, status: state.status, endedAtMs: state.endedAtMs, forgetAtMs: state.forgetAtMs }
    : { ...of, status: "queued", endedAtMs: null, forgetAtMs: expiresAtMs + leaseMs + retentionMs };
}
