/** What is told of a ticket that was stored. */
import { endOf } from "../domain/ticket/ticket-end.ts";
import type { Moved } from "../domain/ticket/steps.ts";
import type { Ticket } from "../domain/ticket/ticket.ts";
import type { OfTicket, TicketEnded } from "./events.ts";
import { readTraceparent } from "./tracing/context.ts";

export function ofTicket({ about }: Pick<Ticket, "about">): OfTicket {
  const { id: queueId, correlationId, tenant, provider, model } = about;
  const accepted = readTraceparent(about.traceparent);
  const traceId = about.traceId ?? accepted?.traceId ?? null;
  return { queueId, correlationId, traceId, accepted, tenant, provider, model };
}

/** @returns `null`: the ticket has not ended by this move */
export function endedBy(moved: Pick<Moved<unknown>, "ticket" | "events">): TicketEnded | null {
  const end = endOf(moved);
  return end && { kind: "ticket_ended", ...ofTicket(moved.ticket), ...end };
}
