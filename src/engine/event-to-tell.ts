/** What is entered for endpoints when a ticket ends. */
import type { EventToTell } from "../domain/push/delivery.ts";
import { eventIdOf } from "../domain/ticket/ticket-end.ts";
import { isEnded, type TicketCopy } from "../domain/ticket/ticket.ts";

/** @returns `null`: the ticket has not ended */
export function eventToTell({
  about,
  progress,
  state,
}: Pick<TicketCopy, "about" | "progress" | "state">): EventToTell | null {
  if (!isEnded(state)) return null;
  return {
    eventId: eventIdOf(about.id, progress.events),
    type: `ticket.${state.status}`,
    tenant: about.tenant,
    ticketId: about.id,
    endedAtMs: state.endedAtMs,
    forgetAtMs: state.forgetAtMs,
  };
}
