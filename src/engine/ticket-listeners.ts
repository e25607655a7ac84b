/**
 * Who must hear what becomes of a ticket, beside its gate: the index of its tenant's tickets. Each has a cursor of its own, stored with the
 * ticket, and is told behind the ticket's verbs until it has confirmed; where that fails, by the alarm. A listener that is slow or away costs
 * the ticket nothing.
 */
import type { Ticket } from "../domain/ticket/ticket.ts";
import { createTeller, type Telling } from "./telling.ts";
import type { TicketRow } from "./ticket-parts.ts";

export interface TicketListener {
  /** The number of the latest event of which it has confirmed to have heard; 0: of none. */
  heard(): number;
  /** Called within a change of the row, and stored with it. */
  noteHeard(event: number): void;
  /** Must it hear of the ticket as it is now? */
  isMissing(ticket: Ticket, heard: number): boolean;
  /** Rejects where it may not have heard. */
  tell(ticket: Ticket): Promise<void>;
  /** Nothing looks for the ticket there, so it is in no hurry: where it is away, an alarm tells it each quarter of an hour at last. */
  readonly isUnhurried?: true;
}

export interface Listening {
  /** Tells each what it hasn't heard. Never rejects. */
  tell(): Promise<void>;
  /** Has any of them not heard of the ticket at all, where somebody looks for it? */
  isUnheard(): boolean;
  /** When the alarm is to tell what is still to be told; `Infinity`: nothing is. */
  dueMs(ticket: Ticket, atMs: number): number;
}

/** When to tell something again that is so old already: 1 s, 2, 4, and so on, up to a minute unless told. */
export function againAtMs(ageMs: number, atMs: number, longestMs = 60_000): number {
  return atMs + Math.min(Math.max(ageMs, shortestMs), longestMs);
}

/** Each alarm of each ticket is paid for. */
const unhurriedMs = 900_000;
const shortestMs = 1_000;

/** @param onTold an alarm may be needed for another moment */
export function createListening(
  listeners: readonly TicketListener[],
  row: TicketRow,
  onTold: () => void,
): Listening {
  const tellers = listeners.map((listener) => createTeller(row, tellingOf(listener, row), onTold));
  return {
    tell: async () => void (await Promise.all(tellers.map((tell) => tell()))),
    isUnheard: () => listeners.some(({ isUnhurried, heard }) => isUnhurried !== true && heard() === 0),
    dueMs(ticket, atMs) {
      const ageMs = Math.max(0, atMs - ticket.progress.updatedAtMs);
      const missing = listeners.filter(({ isMissing, heard }) => isMissing(ticket, heard()));
      return Math.min(
        ...missing.map(({ isUnhurried }) =>
          againAtMs(ageMs, atMs, isUnhurried === true ? unhurriedMs : undefined),
        ),
      );
    },
  };
}

function tellingOf(listener: TicketListener, row: TicketRow): Telling<Ticket> {
  return {
    missing() {
      const ticket = row.read();
      return ticket !== null && listener.isMissing(ticket, listener.heard()) ? ticket : null;
    },
    say: (ticket) => listener.tell(ticket),
    note(open, { progress }) {
      if (open.read() !== null) listener.noteHeard(progress.events);
    },
  };
}
