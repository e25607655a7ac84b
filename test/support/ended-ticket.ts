/** A ticket with the end that is to be told: its third event. */
import type { EventToTell } from "../../src/domain/push/delivery.ts";
import { acceptTicket, claim, settle } from "../../src/domain/ticket/moves.ts";
import type { Ticket, TicketEvent } from "../../src/domain/ticket/ticket.ts";
import { draftOf, judged } from "../contracts/tickets.ts";
import { policy } from "./sqlite-store.ts";

export function endedTicket(event: Omit<EventToTell, "eventId" | "type">): {
  readonly ticket: Ticket;
  readonly events: readonly TicketEvent[];
} {
  const { ticketId, tenant, endedAtMs, forgetAtMs } = event;
  const { about, texts, spent } = draftOf({ id: ticketId });
  const accepted = acceptTicket({ ...about, tenant }, texts, spent, null, 0, 0, policy);
  const claimed = claim(accepted.ticket, "p", false, 1, policy);
  const { ticket, events } = settle(claimed.ticket, 1, judged, 2, policy, 0.5);
  if (ticket.state.status !== "completed") throw new Error(ticket.state.status);
  return {
    ticket: { ...ticket, state: { ...ticket.state, endedAtMs, forgetAtMs } },
    events: [...accepted.events, ...claimed.events, ...events],
  };
}
