/** Time that stands still until a test moves it. */
import type { Clock } from "../../src/gateway/ports.ts";

export interface ManualClock extends Clock {
  /**
   * Moves time on. What falls due on the way runs at its own time, in order, and all that follows from it is done before the next.
   * @param ms from 0 (which lets pending work finish, and runs what is due now)
   */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock on by so much, or back. Nobody's timer runs for that. */
  setWall(byMs: number): void;
  /** Timers that have neither run nor been cancelled. */
  pending(): number;
}

/** @param startMs epoch milliseconds */
export function manualClock(startMs = Date.UTC(2026, 10, 22, 12)): ManualClock {
  let nowMs = startMs;
  let setByMs = 0;
  let timers: readonly { readonly atMs: number; readonly run: () => void }[] = [];
  return {
    nowMs: () => nowMs + setByMs,
    // Of another beginning than the wall's, as in truth: whoever mixes the two is far off.
    monotonicMs: () => nowMs - startMs + 1_000,
    after(delayMs, then) {
      const timer = { atMs: nowMs + delayMs, run: then };
      timers = [...timers, timer];
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        await settled();
        const dueMs = Math.min(...timers.map(({ atMs }) => atMs));
        if (dueMs > untilMs) break;
        nowMs = Math.max(nowMs, dueMs);
        const due = timers.find(({ atMs }) => atMs === dueMs);
        timers = timers.filter((other) => other !== due);
        due?.run();
      }
      nowMs = untilMs;
    },
    setWall(byMs) {
      setByMs += byMs;
    },
    pending: () => timers.length,
  };
}

/** After all that can happen without time passing: a turn of the event loop runs every promise there is, a few more every stream. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
