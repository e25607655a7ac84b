/**
 * What a gate is told by those who go by another clock: a ticket in an object of its own lives on another machine, whose clock may be an hour off.
 * Whoever tells a gate of moments says what time it is for him; for the gate they are as far away as they are for him. So each of them says
 * delays, and none a moment of his own.
 */
import type { Requeueing, Starter } from "../domain/gate/queue.ts";

/** By the clock of the ticket's store. */
export interface DatedStarter extends Starter {
  /** That clock then. Absent: it is the gate's own, or older code asks. */
  readonly atMs?: number | undefined;
}

/** @param atMs the other's clock when he said it; absent: older code doesn't say, and has the same clock as far as it knows */
export function momentHere(momentMs: number, atMs: number | undefined, nowMs: number): number {
  return atMs === undefined ? momentMs : momentMs + nowMs - atMs;
}

export function requeueingHere(requeueing: Requeueing, atMs: number | undefined, nowMs: number): Requeueing {
  return { ...requeueing, notBeforeMs: momentHere(requeueing.notBeforeMs, atMs, nowMs) };
}

export function starterHere({ atMs, ...starter }: DatedStarter, nowMs: number): Starter {
  const { notBeforeMs, sinceMs } = starter;
  const since = sinceMs === undefined ? {} : { sinceMs: momentHere(sinceMs, atMs, nowMs) };
  return { ...starter, notBeforeMs: momentHere(notBeforeMs, atMs, nowMs), ...since };
}
