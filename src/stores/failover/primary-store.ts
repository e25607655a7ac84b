/** A store that several processes share, and what a process needs of it to keep working while it is away (`failover/`). */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { AttemptOutcome, Settled } from "../../domain/ticket/moves.ts";
import type { Ticket, TicketEvent } from "../../domain/ticket/ticket.ts";
import type { DeliveryStore } from "../../gateway/delivery-store.ts";
import {
  StoreAway,
  type Actions,
  type Door,
  type Feed,
  type Gate,
  type Keys,
  type StoreTrouble,
  type Tickets,
  type Totals,
} from "../../gateway/ports.ts";

/** Every verb of every part throws `StoreAway` within about 300 ms where the store does not answer: its outcome is unknown then. */
export interface PrimaryStore extends Door {
  readonly gate: (provider: ProviderName) => Gate;
  readonly tickets: PrimaryTickets;
  readonly keys: Keys;
  readonly totals: Totals & { flush(): Promise<void> };
  readonly actions: Actions;
  /** Absent: nobody is told from there. */
  readonly deliveries?: DeliveryStore | undefined;
  readonly feed: Feed;
  /** The store is away: no use in asking it for tickets. Those in flight go on. */
  pause(): void;
  /** It is back: looks at once. */
  resume(): void;
  close(): Promise<void>;
  /** Is it there, can it be written, and does it keep its promises? @throws {StoreAway} */
  health(): Promise<PrimaryHealth>;
}

export interface PrimaryHealth {
  readonly latencyMs: number;
  /** It is there, but does not take all that it is asked to; `null`: it does. */
  readonly trouble: StoreTrouble | null;
  /** What of its settings breaks a promise of ours, a sentence each. */
  readonly warnings: readonly string[];
}

export interface PrimaryTickets extends Tickets {
  /** Takes one in that was accepted elsewhere, with its history, whatever the watermark; unless it is here already. Never one that is claimed. */
  adopt(ticket: Ticket, events: readonly TicketEvent[]): Promise<void>;
  /** As `settle`, of what had come by that moment: a claim that was alive then, and that nobody has touched since, takes it. */
  settleAsOf(id: string, fence: number, outcome: AttemptOutcome, atMs: number): Promise<Settled>;
  /** Deletes one that nobody was told of. @returns false: it stays, for it was worked on */
  withdraw(id: string, provider: ProviderName): Promise<boolean>;
}

/** A `StoreAway` whose outcome is known: nothing of what was asked has happened, nor will. */
export class NotDone extends StoreAway {
  /** `not_connected`: it was not even sent. `refused`: the store answers, but won't do this (no room, read-only, a newer record). */
  readonly why: "not_connected" | "refused";

  constructor(why: NotDone["why"], message: string, options?: ConstructorParameters<typeof StoreAway>[1]) {
    super(message, options);
    this.why = why;
  }
}

/** The store answers, but won't do what it is asked. */
export function isRefusal(error: unknown): boolean {
  return error instanceof NotDone && error.why === "refused";
}
