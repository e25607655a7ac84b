/** A ticket's row that notes beside each move, in the same change, what somebody in the same store is to be told of it. */
import type { Ticket, TicketEvent } from "../domain/ticket/ticket.ts";
import type { TicketRow } from "./ticket-parts.ts";

/** @param written is called once for each move that is stored, within the change that stores it, which may run more than once */
export function notedRow(
  row: TicketRow,
  written: (ticket: Ticket, events: readonly TicketEvent[]) => void,
): TicketRow {
  return {
    ...row,
    change: (work) =>
      row.change((open) =>
        work({
          read: open.read,
          insert(ticket, events, nowMs) {
            const there = open.insert(ticket, events, nowMs);
            if (there === null) written(ticket, events);
            return there;
          },
          write(ticket, events) {
            open.write(ticket, events);
            if (events.length > 0) written(ticket, events);
          },
        }),
      ),
  };
}
