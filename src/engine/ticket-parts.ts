/** What a ticket's keeper stands on: its row, its gate, whoever else follows it, and its machine. */
import type { QueueItem } from "../domain/gate/places.ts";
import type { Admitted } from "../domain/gate/view.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import type * as moves from "../domain/ticket/moves.ts";
import type {
  GateNotice,
  noticeOf,
  Ticket,
  ticketDueMs,
  TicketEvent,
  TicketPolicy,
} from "../domain/ticket/ticket.ts";
import type { TicketEnded } from "../telemetry/events.ts";
import type { TicketListener } from "./ticket-listeners.ts";

/** Where one ticket is stored. */
export interface TicketRow {
  /** As it is stored now; `null`: there is none. */
  read(): Ticket | null;
  /**
   * Runs `work` as one transaction, perhaps more than once: all that it writes, and the alarm that it sets, is stored together or not at all.
   *
   * @returns what `work` returned, once that is stored
   */
  change<T>(work: (row: OpenRow) => T): Promise<T>;
  /** Removes all that is stored of the ticket, its alarm included. Where there is nothing, nothing happens. */
  erase(): Promise<void>;
}

/** The row within a transaction. */
export interface OpenRow {
  read(): Ticket | null;
  /**
   * Stores a new ticket, unless there is one that is not forgotten.
   *
   * @returns the one that is there; `null`: there was none, and the new one is stored
   */
  insert(ticket: Ticket, events: readonly TicketEvent[], nowMs: number): Ticket | null;
  /** Texts never change, and go with the end. Without events nothing has happened to the ticket: what its gate has heard is noted. */
  write(ticket: Ticket, events: readonly TicketEvent[]): void;
}

/** A ticket that is not admitted yet: what its gate is asked, and what names the question should it have to be taken back. Stored. */
export interface AdmissionQuestion {
  readonly version: 1;
  readonly provider: ProviderName;
  readonly item: QueueItem;
}

/** Where it is stored for as long as a distant gate has not answered: beside the ticket's row, which is empty until then. */
export interface AskedRow {
  /** `null`: nothing is asked. */
  read(): AdmissionQuestion | null;
  /** Within `TicketRow.change`. `null`: it is answered. */
  write(asked: AdmissionQuestion | null): void;
}

/** The gate of a ticket's provider. */
export type Listener =
  /** In the same memory as the ticket's process: it hears at once, so nobody notes that it did. Its start tells it of every ticket. */
  | {
      readonly kind: "here";
      tell(ticket: Ticket, notice: GateNotice): void;
      admit(asked: AdmissionQuestion, notBeforeMs: number): Admitted;
      withdraw(asked: AdmissionQuestion): void;
    }
  /** A hop away. What rejects may have been heard, or may be later. */
  | {
      readonly kind: "away";
      readonly asked: AskedRow;
      /**
       * @param atMs the ticket's clock: the gate goes by another, and makes delays of what it is told (`other-clock.ts`)
       * @param isUnheard some listener has not heard of the ticket at all
       */
      tell(ticket: Ticket, notice: GateNotice, atMs: number, isUnheard: boolean): Promise<void>;
      /** Said once of each acceptance. */
      admit(asked: AdmissionQuestion, notBeforeMs: number, atMs: number): Promise<Admitted>;
      withdraw(asked: AdmissionQuestion): Promise<void>;
    };

/** The gate, where it is a hop away. */
export type AwayGate = Extract<Listener, { kind: "away" }>;

/** Who else is brought each change of the ticket, behind its verbs. */
export interface Follower {
  /** Never throws. */
  bring(): Promise<void>;
  /** When an alarm is to bring the ticket again, in epoch milliseconds. `null`: at no time, or it is being brought. */
  dueMs(): number | null;
}

export interface TicketKeeperParts {
  readonly row: TicketRow;
  /** Calls `ring` at this moment or later, and no more at the one set before. Within `row.change` it is stored with what is written. */
  readonly setAlarm: (atMs: number) => void;
  readonly gate: Listener;
  /** The store's clock, epoch milliseconds. */
  readonly nowMs: () => number;
  readonly policy: () => TicketPolicy;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Lets work that no verb waits for come to its end. It never rejects. */
  readonly later: (work: Promise<void>) => void;
  /** Notes in the same store what has happened to the ticket, for who is to be told: within the change that stores it. Absent: nobody does. */
  readonly written?: (ticket: Ticket, events: readonly TicketEvent[]) => void;
  /** Hears of each move, once that is stored. Never throws. Absent: nobody does. */
  readonly onMoved?: (ticket: Ticket) => void;
  /** Hears of the ticket's end, once that is stored. Absent: nobody does. */
  readonly onEnd?: (ended: TicketEnded) => void;
  /** `null`: there is nobody else. */
  readonly follower: Follower | null;
  /** Who else must hear of the ticket, a hop away. Absent: nobody. */
  readonly listeners?: readonly TicketListener[];
}

/** A ticket's machine. Proofs plant deliberate bugs in it. */
export interface TicketRules {
  readonly moves: typeof moves;
  readonly noticeOf: typeof noticeOf;
  readonly ticketDueMs: typeof ticketDueMs;
}
