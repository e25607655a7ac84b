/** The one alarm of an object. It is stored, so it outlives the object's memory; it may ring late, and twice. */
import type { World } from "./world.ts";

export interface Alarm {
  set(atMs: number): void;
  /** `null`: it is not set. */
  atMs(): number | null;
  /** All that was stored is gone. */
  clear(): void;
}

export function createAlarm(world: World, ring: () => void): Alarm {
  const { scheduler, strikes } = world;
  let setForMs: number | null = null;
  let cancel: (() => void) | null = null;

  return {
    set(atMs) {
      if (atMs === setForMs) return;
      cancel?.();
      setForMs = atMs;
      const lateMs = strikes("alarm_late") ? world.random("lateness").between(1, latestMs) : 0;
      cancel = scheduler.after(Math.max(1, atMs - scheduler.nowMs()) + lateMs, () => {
        setForMs = null;
        if (strikes("alarm_doubled")) scheduler.after(world.random("doubling").between(0, 5_000), ring);
        ring();
      });
    },
    atMs: () => setForMs,
    clear() {
      cancel?.();
      setForMs = null;
    },
  };
}

/** How late an alarm can be. */
export const latestMs = 60_000;
