/** The state of a gate: in memory, and behind it in the store. */
import type { GateState } from "../../domain/gate/gate.ts";
import type { Clock } from "../../gateway/ports.ts";

export interface StoredGateState {
  read(): GateState;
  /** @param withinMs when it is to be stored at the latest; 0: now, and `settled` waits for it */
  write(state: GateState, withinMs: number): void;
  /** When what is to be stored now has been, or could not be: then it is tried again soon, and the gate goes on from memory meanwhile. */
  settled(): Promise<void>;
  /** Stores what is not stored yet, if it can. */
  flush(): Promise<void>;
}

const retryMs = 1_000;

/** @param store takes what to store from its argument when it comes to it. Rejects when it can't store it. */
export function createStoredGateState(
  initial: GateState,
  store: (state: () => GateState) => Promise<unknown>,
  clock: Clock,
): StoredGateState {
  let state = initial;
  let stored = initial;
  /** A write that has not come to its turn yet takes along whatever changes until then. */
  let storing: Promise<void> | null = null;
  let timer = { atMs: Infinity, cancel: () => {} };

  function storeBy(atMs: number): void {
    if (atMs >= timer.atMs) return;
    timer.cancel();
    const cancel = clock.after(Math.max(0, atMs - clock.nowMs()), () => {
      timer = { atMs: Infinity, cancel: () => {} };
      void flush();
    });
    timer = { atMs, cancel };
  }

  async function storeNow(): Promise<void> {
    let written = state;
    try {
      await store(() => {
        storing = null;
        written = state;
        return state;
      });
      stored = written;
    } catch {
      storing = null;
      storeBy(clock.nowMs() + retryMs);
    }
  }

  function flush(): Promise<void> {
    if (storing === null && stored !== state) storing = storeNow();
    return storing ?? Promise.resolve();
  }

  return {
    read: () => state,
    write(next, withinMs) {
      state = next;
      if (withinMs === 0) void flush();
      else storeBy(clock.nowMs() + withinMs);
    },
    settled: () => storing ?? Promise.resolve(),
    flush,
  };
}
