/** The store of this process alone, and what it must be able to do to stand in for a shared one (`failover.ts`). */
import type { Use } from "../../accounts/totals.ts";
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { AttemptOutcome } from "../../domain/ticket/moves.ts";
import type { Ticket, TicketEvent } from "../../domain/ticket/ticket.ts";
import type {
  Actions,
  Created,
  Door,
  Draft,
  Gate,
  StoreTrouble,
  Tickets,
  Totals,
} from "../../gateway/ports.ts";

/** A full engine: it accepts, sends tickets to workers and lets them expire, whatever the primary store does. */
export interface FallbackStore extends Door {
  readonly gate: (provider: ProviderName) => Gate;
  /** Those that are moving can't be reached by any verb: `StoreAway`. */
  readonly tickets: Tickets;
  readonly totals: FallbackTotals;
  readonly actions: Actions;
  readonly moves: FallbackMoves;
  readonly notes: FallbackNotes;
  /** Gives back what is in flight still, stores what is not stored yet, and closes. */
  close(): Promise<void>;
  health(): Promise<LocalHealth>;
}

export interface LocalHealth {
  /** `null`: it is well. */
  readonly trouble: StoreTrouble | null;
  readonly latencyMs: number;
}

export interface FallbackTotals extends Totals {
  /** All that is stored, which is deleted with it. */
  take(): Promise<readonly Use[]>;
}

export interface Movable {
  /** Queued, with its texts, or ended. */
  readonly ticket: Ticket;
  /** All of them. */
  readonly events: readonly TicketEvent[];
  /** It was marked just now: the primary store was never asked to take it in. */
  readonly isFresh: boolean;
}

/** Tickets on their way to the primary store. Each verb is one transaction. @throws {StoreAway} */
export interface FallbackMoves {
  /** As `Tickets.create`; one that is kept notes in the same transaction that the primary store may hold it under another id (`null`: it can't). */
  keep(draft: Draft, doubtfulId: string | null): Promise<Created>;
  /** `here`: it is worked on by this process. `moving`: nobody may touch it, for the primary store may have it already. */
  whereabouts(id: string): "here" | "moving" | "absent";
  /** One that is moving, as it was when it was marked. `null`: it is not moving, or forgotten. */
  frozen(id: string): Ticket | null;
  /**
   * Marks tickets that wait or have ended as moving and takes them out of their gates; never one that is being called for.
   *
   * @returns at most so many, those that were marked before first; none: there is nothing to move now
   */
  mark(limit: number): Promise<readonly Movable[]>;
  /** The primary store has them: they are deleted. */
  moved(ids: readonly string[]): Promise<void>;
  /** It is certain that the primary store does not have them, and never will by what was asked of it: they go on here. */
  stay(ids: readonly string[]): Promise<void>;
  /** Calls it whenever a ticket has come to where it could move. */
  onMovable(listener: () => void): void;
}

/** A claim's outcome that the primary store could not be told. */
export interface Spooled {
  readonly id: string;
  readonly fence: number;
  readonly outcome: AttemptOutcome;
  /** When it came, in epoch milliseconds. */
  readonly atMs: number;
}

/** A ticket that the primary store may have stored, though nobody was told of it. */
export interface Doubtful {
  readonly id: string;
  readonly provider: ProviderName;
}

/** What the primary store is to be told when it is back. Each verb is one transaction. @throws {StoreAway} */
export interface FallbackNotes {
  /** Said again of the same claim, the first stays. */
  spool(spooled: Spooled): Promise<void>;
  /** The oldest first. */
  spooled(): readonly Spooled[];
  unspool(spooled: Pick<Spooled, "id" | "fence">): Promise<void>;
  doubt(doubtful: Doubtful): Promise<void>;
  doubtful(): readonly Doubtful[];
  undoubt(id: string): Promise<void>;
}
