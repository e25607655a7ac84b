/** One timer for whatever falls due next. */
import type { Clock } from "../../gateway/ports.ts";

export interface Alarm {
  /** Looks at this moment, unless it will sooner. */
  set(atMs: number): void;
  stop(): void;
}

/**
 * @param longestMs between two looks, whatever is due when: the clock may have jumped, or the last look have failed
 * @param look does what is due. @returns when something is due next; `null`: nothing is. Never rejects.
 */
export function createAlarm(clock: Clock, longestMs: number, look: () => Promise<number | null>): Alarm {
  let cancel: (() => void) | null = null;
  let setForMs = Infinity;
  let isStopped = false;

  function set(atMs: number): void {
    if (isStopped || atMs >= setForMs) return;
    cancel?.();
    setForMs = atMs;
    cancel = clock.after(Math.max(0, atMs - clock.nowMs()), ring);
  }

  async function ring(): Promise<void> {
    // Meanwhile the alarm can be set for what comes up behind the look.
    setForMs = Infinity;
    const dueMs = await look();
    const latestMs = clock.nowMs() + longestMs;
    // What is still due could not be done: no sense in trying at once.
    set(dueMs === null || dueMs <= clock.nowMs() ? latestMs : Math.min(dueMs, latestMs));
  }

  return {
    set,
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}
