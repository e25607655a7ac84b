/** The one alarm of an object. It is stored, so it outlives the object's memory; it may ring late, and twice. */
import type { WallClock } from "./wall-clock.ts";
import type { World } from "./world.ts";

export interface Alarm {
  set(atMs: number): void;
  /** `null`: it is not set. */
  atMs(): number | null;
  /** All that was stored is gone. */
  clear(): void;
}

/** @param clock of the object: by it the alarm's moment is meant. When that is set meanwhile, the alarm rings all the same in what was its time. */
export function createAlarm(world: World, clock: Pick<WallClock, "nowMs">, ring: () => void): Alarm {
  const { scheduler, strikes } = world;
  let setForMs: number | null = null;
  let cancel: (() => void) | null = null;

  return {
    set(atMs) {
      if (atMs === setForMs) return;
      cancel?.();
      setForMs = atMs;
      const lateMs = strikes("alarm_late") ? world.random("lateness").between(1, latestMs) : 0;
      cancel = scheduler.after(Math.max(1, atMs - clock.nowMs()) + lateMs, () => {
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
