/** Watches whether the primary store answers those who ask it, and looks for it while it does not. */
import { StoreAway, type Clock, type StoreTrouble } from "../../gateway/ports.ts";
import { NotDone } from "./primary-store.ts";
import { answered, failed, lost, probe, probed, unknownStore, type StoreBreaker } from "./store-breaker.ts";

export interface WatchParts {
  readonly clock: Clock;
  /** Is it there? @throws {StoreAway} */
  readonly health: () => Promise<unknown>;
  /** It has gone away: nobody else asks it from now on. */
  readonly onAway: () => void;
  /** It is still away. */
  readonly onStillAway: () => void;
  /** It is there. Done before anybody else may ask it. @throws {StoreAway} it is not, after all */
  readonly beforeBack: () => Promise<void>;
  /** Everybody may ask it again. */
  readonly onBack: () => void;
  /** Hears of bugs. */
  readonly onFault: (error: unknown) => void;
}

export interface Watch {
  isAway(): boolean;
  /** What was the matter when it was asked last; `null`: nothing, or that isn't known. */
  trouble(): StoreTrouble | null;
  /** Asks it, unless it is away. @throws {StoreAway} `NotDone` where it was not asked, or has refused */
  ask<Reply>(verb: () => Promise<Reply>): Promise<Reply>;
  /** Looks for it at the next opportunity, and again every second until it is there. @returns after the first look */
  look(): Promise<void>;
  stop(): void;
}

export type Ask = Watch["ask"];

export function createWatch({ clock, health, ...parts }: WatchParts): Watch {
  const { nowMs } = clock;
  let breaker: StoreBreaker = unknownStore(nowMs());
  let trouble: StoreTrouble | null = null;
  let cancel: (() => void) | null = null;
  let isStopped = false;

  function become(next: StoreBreaker): void {
    const wasClosed = breaker.state === "closed";
    breaker = next;
    if (next.state === "open") lookAt(next.probeAtMs);
    if (wasClosed && next.state === "open") parts.onAway();
    if (!wasClosed && next.state === "closed") parts.onBack();
  }

  function lookAt(atMs: number): void {
    cancel?.();
    if (!isStopped) cancel = clock.after(Math.max(0, atMs - nowMs()), () => void look());
  }

  async function look(): Promise<void> {
    const before = breaker;
    breaker = probe(before, nowMs());
    if (breaker === before) {
      // A timer can ring a moment before its time, and nobody else would look again.
      if (breaker.state === "open") lookAt(breaker.probeAtMs);
      return;
    }
    const isBack = await isThere();
    if (isStopped) return;
    become(probed(breaker, isBack, nowMs()));
    if (!isBack) parts.onStillAway();
  }

  async function isThere(): Promise<boolean> {
    try {
      await health();
      await parts.beforeBack();
      trouble = null;
      return true;
    } catch (error) {
      if (!(error instanceof StoreAway)) parts.onFault(error);
      else if (error.trouble !== null) trouble = error.trouble;
      return false;
    }
  }

  return {
    isAway: () => breaker.state !== "closed",
    trouble: () => trouble,

    async ask(verb) {
      if (breaker.state !== "closed") throw new NotDone("not_connected", "The shared store is away");
      try {
        const reply = await verb();
        breaker = answered(breaker);
        return reply;
      } catch (error) {
        if (error instanceof StoreAway && error.trouble !== null) trouble = error.trouble;
        become(after(breaker, error, nowMs()));
        throw error;
      }
    },

    look,

    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}

function after(breaker: StoreBreaker, error: unknown, nowMs: number): StoreBreaker {
  // It has answered that it won't, or that it is full.
  if (!(error instanceof StoreAway)) return answered(breaker);
  if (!(error instanceof NotDone)) return failed(breaker, nowMs);
  return error.why === "refused" ? answered(breaker) : lost(breaker, nowMs);
}
