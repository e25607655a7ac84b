/** What stands behind a store's door (`Door`): a gate that gives tickets their turn, and a store that gives claims. No part of the flow. */
import type { Start } from "../domain/gate/queue.ts";
import type { DatedStarter } from "./other-clock.ts";
import type { QueueItem } from "../domain/gate/places.ts";
import type { Claimed } from "../domain/ticket/moves.ts";
import type { Ticket } from "../domain/ticket/ticket.ts";
import type { Tickets } from "../gateway/ports.ts";

export interface StartingGate {
  /** May a ticket be called for now, under this permit? Each verb can be repeated. */
  start(item: QueueItem, starter: DatedStarter): Start | Promise<Start>;
}

export interface ClaimableTickets extends Tickets {
  /** The ticket comes with a claim: it holds the texts. @param early see `Start` */
  claim(id: string, permit: string, asProbe: boolean, early?: boolean): Promise<ClaimAnswer | null>;
}

/** Of a store whose gates are a hop away, by clocks of their own. */
export interface DistantTickets extends ClaimableTickets {
  /** As `load`, for who asks its gate for its turn. */
  look(id: string): Promise<SeenTicket | null>;
}

export interface SeenTicket {
  readonly ticket: Ticket;
  /** The store's clock then: by it all moments of the ticket are to be read. Absent from older code, in a Durable Object. */
  readonly nowMs?: number;
}

export interface ClaimAnswer {
  readonly claimed: Claimed;
  readonly ticket: Ticket;
  /** The store's clock then. Absent from older code, in a Durable Object. */
  readonly nowMs?: number;
}
