/**
 * Brings to the primary store what this process kept while that store was away: outcomes of its claims first, then what it must forget
 * (`note-teller.ts`), then tickets (`ticket-mover.ts`).
 */
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import type { FailoverEvent } from "../../telemetry/events.ts";
import type { FallbackStore } from "./fallback-store.ts";
import { tellNotes } from "./note-teller.ts";
import type { PrimaryTickets } from "./primary-store.ts";
import { moveTickets } from "./ticket-mover.ts";
import type { Watch } from "./watch.ts";

export interface MoverParts {
  readonly fallback: Pick<FallbackStore, "moves" | "notes">;
  readonly primary: Pick<PrimaryTickets, "adopt" | "load" | "withdraw" | "settleAsOf">;
  readonly watch: () => Pick<Watch, "ask" | "isAway">;
  readonly clock: Clock;
  readonly tell: (event: FailoverEvent) => void;
  /** Hears of bugs, and of a fallback that is away. */
  readonly onFault: (error: unknown) => void;
}

export interface Mover {
  /** There is something to bring, or may be. Does nothing while the primary store is away, and not at once after it has failed to take. */
  kick(): void;
  /** The primary store has come back: at once. */
  kickNow(): void;
  /**
   * The primary store is there, and nobody else asks it yet: tells it the outcomes of its claims, before others find these overdue, and takes back
   * what nobody was told of, before it is worked on. @throws {StoreAway}
   */
  bringNotes(): Promise<void>;
  /** Begins nothing any more. @returns when what is under way is over */
  stop(): Promise<void>;
}

/** After something could not be brought though the store is there. */
const againMs = 5_000;

export function createMover({ fallback, primary, watch, clock, tell, onFault }: MoverParts): Mover {
  const { moves, notes } = fallback;
  let underWay: Promise<void> | null = null;
  let isMore = false;
  let isStopped = false;
  let cancelPause: (() => void) | null = null;

  async function bringAll(): Promise<void> {
    const { ask } = watch();
    isMore = false;
    try {
      const areTold = await tellNotes({ notes, primary, tell }, ask);
      const haveMoved = await moveTickets({ moves, primary, tell }, ask, () => isStopped);
      if (!areTold || !haveMoved) pause();
    } catch (error) {
      if (!(error instanceof StoreAway)) onFault(error);
      pause();
    }
  }

  function pause(): void {
    cancelPause ??= clock.after(againMs, () => {
      cancelPause = null;
      kick();
    });
  }

  function kick(): void {
    isMore = true;
    if (underWay !== null || cancelPause !== null || isStopped || watch().isAway()) return;
    underWay = bringAll().finally(() => {
      underWay = null;
      if (isMore) kick();
    });
  }

  return {
    kick,
    kickNow() {
      cancelPause?.();
      cancelPause = null;
      kick();
    },
    bringNotes: async () => void (await tellNotes({ notes, primary, tell }, (verb) => verb())),
    async stop() {
      isStopped = true;
      cancelPause?.();
      await underWay;
    },
  };
}
