/** Time that jumps from one thing that happens to the next, in whole milliseconds, and chance that is the same in every run. */
import type { Clock } from "../../../src/gateway/ports.ts";

export interface VirtualTime extends Clock {
  /** Runs `then` at that moment; of what is past, in a millisecond. */
  at(atMs: number, then: () => void): void;
  run(endMs: number): Promise<void>;
}

export function virtualTime(): VirtualTime {
  let nowMs = 0;
  const ticks: (() => void)[][] = [];
  const at = (atMs: number, then: () => void) => {
    const tick = Math.max(nowMs + 1, Math.ceil(atMs));
    (ticks[tick] ??= []).push(then);
  };
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    at,
    after(delayMs, then) {
      let isOff = false;
      at(nowMs + delayMs, () => isOff || then());
      return () => {
        isOff = true;
      };
    },
    async run(endMs) {
      for (; nowMs < endMs; nowMs++) {
        const due = ticks[nowMs];
        if (due === undefined) continue;
        delete ticks[nowMs];
        for (const then of due) then();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** Uniform in [0, 1), the same in every run. */
export function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
