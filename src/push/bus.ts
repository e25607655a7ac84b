/** The bus: whoever in the operator's house wants to hear of every transition of every ticket. */
import type { Ticket, TicketCopy, TicketEvent } from "../domain/ticket/ticket.ts";

/** One transition of one ticket, as it is sent. */
export interface BusEvent {
  /** What a receiver knows it by when it comes twice. */
  readonly id: string;
  /** The ticket's. Events of one ticket keep their order. */
  readonly queueId: string;
  /** A CloudEvent. */
  readonly json: string;
}

/** Where events go. */
export interface Bus {
  /** In the words of the log. */
  readonly name: "kafka" | "http" | "queue";
  /**
   * Sends events in their order, as far as that goes: of each ticket none before the one before it. Never rejects, and answers within about a
   * minute. An event that is not confirmed may have arrived all the same.
   */
  publish(events: readonly BusEvent[]): Promise<Published>;
  close(): Promise<void>;
}

export type Published =
  | { readonly kind: "all" }
  | {
      readonly kind: "some";
      /** What is to be sent again, in its order. */
      readonly unsent: readonly BusEvent[];
      /** false: each of them was refused for itself, and other tickets' may be taken. */
      readonly isAway: boolean;
      /** A word for the log: no address, and no word of the other side's. */
      readonly why: string;
      /** For so long the other side wants to be left alone; `null`: it has not said. */
      readonly retryAfterMs: number | null;
    };

/** `withdrawn`: the ticket was kept twice while a store was in doubt, and this is the one of which no client knows. */
export type BusTransition =
  | TicketEvent
  | { readonly number: number; readonly atMs: number; readonly kind: "withdrawn" };

/** @param ticket as it is at the transition, or later */
export type RenderForBus = (ticket: Ticket | TicketCopy, transition: BusTransition) => BusEvent;
