/** Something that runs until it dies: an instance, or an object in memory. What it was about to do when it died is never done. */
import type { Scheduler } from "./scheduler.ts";

export interface Life {
  readonly name: string;
  isAlive: boolean;
  /** It stands still until then, and goes on as if nothing had been. */
  pausedUntilMs: number;
  readonly onDeath: Set<() => void>;
}

/** A process that is stopped, a machine that is moved. */
export const longestPauseMs = 120_000;

export function createLife(name: string): Life {
  return { name, isAlive: true, pausedUntilMs: 0, onDeath: new Set() };
}

export function die(life: Life): void {
  if (!life.isAlive) return;
  life.isAlive = false;
  const mourners = [...life.onDeath];
  life.onDeath.clear();
  for (const mourn of mourners) mourn();
}

/** Does it as soon as the life can; never, if it is dead by then. */
export function asAlive(scheduler: Scheduler, life: Life, act: () => void): void {
  if (!life.isAlive) return;
  const waitMs = life.pausedUntilMs - scheduler.nowMs();
  if (waitMs > 0) scheduler.after(waitMs, () => asAlive(scheduler, life, act));
  else act();
}

/** @returns takes it back: also what is due already, and waits for a life that stands still */
export function afterAlive(scheduler: Scheduler, life: Life, delayMs: number, act: () => void): () => void {
  let isOff = false;
  const cancel = scheduler.after(delayMs, () =>
    asAlive(scheduler, life, () => {
      if (!isOff) act();
    }),
  );
  return () => {
    isOff = true;
    cancel();
  };
}
