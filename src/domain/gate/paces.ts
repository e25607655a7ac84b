/**
 * How quickly one tenant's tickets of one model are started, after the vendor limited them while it answered others: so that a vendor with a
 * tight limit isn't run into again and again, and nobody else waits for it. A 429 adds what the vendor asked for to the time between two starts,
 * but at most doubles it; of calls that were under way together only the first counts. Each answer makes it a tenth shorter.
 */

import { longestPauseMs } from "./call-report.ts";

export interface Pace {
  readonly tenant: string;
  readonly model: string;
  /** Between two starts, in milliseconds. */
  readonly everyMs: number;
  readonly nextAtMs: number;
  /** When it was last made longer. */
  readonly sinceMs: number;
}

/** What the gate's state has room for; beyond it the one that was changed least lately is given up. */
const mostPaces = 6;
/** The first step is this part of the vendor's time, and a shorter pace than this is none. */
const firstPart = 8;
const shortestMs = 50;
const eased = 0.9;

/**
 * @param askedMs how long the vendor asked us to wait, in milliseconds
 * @param beganAtMs when the call began that it refused
 */
export function slowed(
  paces: readonly Pace[],
  tenant: string,
  model: string,
  askedMs: number,
  beganAtMs: number,
  nowMs: number,
): readonly Pace[] {
  const known = paceOf(paces, tenant, model);
  if (known !== undefined && beganAtMs < known.sinceMs) return paces;
  const longerMs =
    known === undefined ? askedMs / firstPart : Math.min(known.everyMs * 2, known.everyMs + askedMs);
  const everyMs = Math.round(Math.min(Math.max(longerMs, shortestMs), longestPauseMs));
  const pace = { tenant, model, everyMs, nextAtMs: nowMs + everyMs, sinceMs: nowMs };
  return [...paces.filter((other) => other !== known), pace].slice(-mostPaces);
}

/** An answer: the time until the next start, too, becomes shorter, or it would be further away than one is from the other. */
export function quickened(paces: readonly Pace[], tenant: string, model: string): readonly Pace[] {
  const known = paceOf(paces, tenant, model);
  if (known === undefined) return paces;
  const everyMs = Math.round(known.everyMs * eased);
  const others = paces.filter((pace) => pace !== known);
  return everyMs < shortestMs
    ? others
    : [...others, { ...known, everyMs, nextAtMs: known.nextAtMs - (known.everyMs - everyMs) }];
}

/** A ticket is started. */
export function paced(paces: readonly Pace[], tenant: string, model: string, nowMs: number): readonly Pace[] {
  const known = paceOf(paces, tenant, model);
  if (known === undefined) return paces;
  const nextAtMs = nowMs + known.everyMs;
  return paces.map((pace) => (pace === known ? { ...pace, nextAtMs } : pace));
}

function paceOf(paces: readonly Pace[], tenant: string, model: string): Pace | undefined {
  return paces.find((pace) => pace.tenant === tenant && pace.model === model);
}
