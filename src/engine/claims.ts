/** What stands behind a store's door (`Door`): a gate that gives tickets their turn, and a store that gives claims. No part of the flow. */
import type { Start, Starter } from "../domain/gate/queue.ts";
import type { QueueItem } from "../domain/gate/places.ts";
import type { Claimed } from "../domain/ticket/moves.ts";
import type { Ticket } from "../domain/ticket/ticket.ts";
import type { Tickets } from "../gateway/ports.ts";

export interface StartingGate {
  /** May a ticket be called for now, under this permit? Each verb can be repeated. */
  start(item: QueueItem, starter: Starter): Start | Promise<Start>;
}

export interface ClaimableTickets extends Tickets {
  /** The ticket comes with a claim: it holds the texts. @param early see `Start` */
  claim(
    id: string,
    permit: string,
    asProbe: boolean,
    early?: boolean,
  ): Promise<{ readonly claimed: Claimed; readonly ticket: Ticket } | null>;
}
