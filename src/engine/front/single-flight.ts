/**
 * One at a time, between requests: no request may wait for a promise of another one, with which it could end. So those who come meanwhile look
 * again every now and then, each by a timer of its own.
 */
import { wait } from "../../gateway/deadline.ts";
import type { Clock } from "../../gateway/ports.ts";

/** Something that one request does for others too. */
export interface Flight {
  readonly sinceMs: number;
  /** After so long it has died with its request. */
  readonly limitMs: number;
}

export function isUnderWay(flight: Flight | null, nowMs: number): boolean {
  return flight !== null && Math.abs(nowMs - flight.sinceMs) < flight.limitMs;
}

/** The first pause between two looks; each is twice as long as the one before. */
const shortestPauseMs = 20;

/**
 * Looks until there is something, and at the last when the time is over.
 *
 * @param look is told how much time is left. What it does when it finds something is done before anybody else looks
 * @returns `undefined`: there was nothing
 */
export async function lookFor<Found>(
  clock: Clock,
  limitMs: number,
  look: (leftMs: number) => Found | Promise<Found> | undefined,
): Promise<Found | undefined> {
  let leftMs = limitMs;
  for (let pauseMs = shortestPauseMs; ; pauseMs *= 2) {
    const found = look(leftMs);
    if (found !== undefined || leftMs <= 0) return found;
    const nextMs = Math.min(pauseMs, leftMs);
    await wait(clock, nextMs);
    leftMs -= nextMs;
  }
}
