/**
 * Brings to the shared store what this process kept while it was away: outcomes of its claims first, then what it must forget, then tickets.
 *
 * A ticket moves in three steps, each of which can be repeated: it is marked, so that nobody here touches it any more; the shared store takes
 * it in, unless it has it; its row is deleted. A crash between any two leaves it marked, and so with one owner.
 */
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import { NotDone, type SharedTickets } from "./shared-store.ts";
import type { Doubtful, LocalStore, Movable, Spooled } from "./local-store.ts";
import type { FailoverEvent } from "../../telemetry/failover.ts";
import type { Watch } from "./watch.ts";

export interface MoverParts {
  readonly local: Pick<LocalStore, "moves" | "notes">;
  readonly shared: Pick<SharedTickets, "adopt" | "load" | "withdraw" | "settleAsOf">;
  readonly watch: () => Pick<Watch, "ask" | "isAway">;
  readonly clock: Clock;
  readonly tell: (event: FailoverEvent) => void;
  /** Hears of bugs, and of a local store that is away. */
  readonly onFault: (error: unknown) => void;
}

export interface Mover {
  /** There is something to bring, or may be. Does nothing while the shared store is away, and not at once after it has failed to take. */
  kick(): void;
  /** The shared store has come back: at once. */
  kickNow(): void;
  /**
   * The shared store is there, and nobody else asks it yet: tells it the outcomes of its claims, before others find these overdue, and takes back
   * what nobody was told of, before it is worked on. @throws {StoreAway}
   */
  bringNotes(): Promise<void>;
  /** Begins nothing any more. @returns when what is under way is over */
  stop(): Promise<void>;
}

/** Few enough that a store that goes away in the middle holds up only these. */
const batch = 16;
/** After something could not be brought though the store is there. */
const againMs = 5_000;

type Ask = Watch["ask"];

export function createMover({ local, shared, watch, clock, tell, onFault }: MoverParts): Mover {
  const { moves, notes } = local;
  let underWay: Promise<void> | null = null;
  let isMore = false;
  let isStopped = false;
  let cancelPause: (() => void) | null = null;

  /** @returns false: some were refused. Others need not wait for what the store won't have; it stays for another time */
  async function tellNotes(ask: Ask): Promise<boolean> {
    let isDone = true;
    const orLater = async (note: () => Promise<void>) => {
      try {
        await note();
      } catch (error) {
        if (!isRefusal(error)) throw error;
        isDone = false;
      }
    };
    for (const spooled of notes.spooled()) await orLater(() => settle(ask, spooled));
    for (const doubtful of notes.doubtful()) await orLater(() => withdraw(ask, doubtful));
    return isDone;
  }

  async function settle(ask: Ask, { id, fence, outcome, atMs }: Spooled): Promise<void> {
    const settled = await ask(() => shared.settleAsOf(id, fence, outcome, atMs));
    if (settled.kind === "stale") tell({ kind: "spooled_too_late" });
    await notes.unspool({ id, fence });
  }

  async function withdraw(ask: Ask, { id, provider }: Doubtful): Promise<void> {
    const isGone = await ask(() => shared.withdraw(id, provider));
    if (!isGone) tell({ kind: "judged_for_nobody" });
    await notes.undoubt(id);
  }

  /** @returns false: some were refused */
  async function moveTickets(ask: Ask): Promise<boolean> {
    let count = 0;
    try {
      for (;;) {
        const marked = isStopped ? [] : await moves.mark(batch);
        if (marked.length === 0) return true;
        const { adopted, refused, lost } = await adoptAll(ask, marked);
        if (adopted.length > 0) await moves.moved(adopted);
        if (refused.length > 0) await moves.stay(refused);
        count += adopted.length;
        if (lost !== undefined) throw lost;
        if (refused.length > 0) return false;
      }
    } finally {
      if (count > 0) tell({ kind: "tickets_moved", count });
    }
  }

  async function adoptAll(ask: Ask, marked: readonly Movable[]) {
    const tried = await Promise.allSettled(marked.map((movable) => adopt(ask, movable)));
    const ids = (which: "adopted" | "refused") =>
      marked
        .filter((_, index) => {
          const outcome = tried[index];
          return outcome?.status === "fulfilled" && outcome.value === which;
        })
        .map(({ ticket }) => ticket.about.id);
    // Of these nobody knows: they stay marked until the store says.
    const lost = tried.find((outcome) => outcome.status === "rejected");
    return { adopted: ids("adopted"), refused: ids("refused"), lost: lost?.reason as unknown };
  }

  async function adopt(ask: Ask, { ticket, events, isFresh }: Movable): Promise<"adopted" | "refused"> {
    try {
      await ask(() => shared.adopt(ticket, events));
      return "adopted";
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (isFresh) return "refused";
      // It was asked before, and what was asked may still arrive: only that it is there can be known.
      if ((await ask(() => shared.load(ticket.about.id))) === null) throw error;
      return "adopted";
    }
  }

  async function bringAll(): Promise<void> {
    const { ask } = watch();
    isMore = false;
    try {
      const areTold = await tellNotes(ask);
      const haveMoved = await moveTickets(ask);
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
    bringNotes: async () => void (await tellNotes((verb) => verb())),
    async stop() {
      isStopped = true;
      cancelPause?.();
      await underWay;
    },
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof NotDone && error.why === "refused";
}
