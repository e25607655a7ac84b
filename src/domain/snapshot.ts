/**
 * A copy of the gate's view that an isolate or a process keeps in front of it, so that a call through a closed breaker costs no hop. It is
 * used for as long as the gate allowed, and never longer. All its times are of the gate's clock; `answer` translates, so a clock that is
 * wrong here misleads nobody.
 */
import { heldUntilMs, type ModelHold } from "./holds.ts";
import type { Outcome } from "./outcome.ts";

export interface Snapshot {
  readonly takenAtMs: number;
  readonly epoch: number;
  readonly state: "closed" | "open" | "half_open";
  /** When an open breaker lets a probe through; `null` in the other states. */
  readonly probeFromMs: number | null;
  readonly holds: readonly ModelHold[];
  /** Whether a ticket would be kept now. A hint: `reserve` decides. */
  readonly accepting: boolean;
  /** From this age on it is to be refreshed behind the request that uses it. */
  readonly refreshAfterMs: number;
  /** From this age on it may not be used. */
  readonly usableForMs: number;
}

/** A snapshot and when it came, by the clock of whoever keeps it: the moment at which it was asked for, to be on the safe side. */
export interface KeptSnapshot {
  readonly snapshot: Snapshot;
  readonly askedAtMs: number;
}

export type SnapshotAnswer =
  | { readonly kind: "call"; readonly epoch: number }
  | { readonly kind: "wait"; readonly retryAtMs: number; readonly why: "breaker" | "rate_limit" }
  /** Only the gate can tell: no usable snapshot, or it is a matter of a probe. */
  | { readonly kind: "ask" };

/** What may a live call for `model` do? Without a hop, wherever that is certain. */
export function answer(kept: KeptSnapshot | null, model: string, nowMs: number): SnapshotAnswer {
  if (kept === null || !isUsable(kept, nowMs)) return { kind: "ask" };
  const { snapshot, askedAtMs } = kept;
  const skewMs = snapshot.takenAtMs - askedAtMs;
  switch (snapshot.state) {
    case "closed": {
      const untilMs = heldUntilMs(snapshot.holds, model, nowMs + skewMs);
      return untilMs === null
        ? { kind: "call", epoch: snapshot.epoch }
        : { kind: "wait", retryAtMs: untilMs - skewMs, why: "rate_limit" };
    }
    case "open":
      return snapshot.probeFromMs === null || nowMs + skewMs >= snapshot.probeFromMs
        ? { kind: "ask" }
        : { kind: "wait", retryAtMs: snapshot.probeFromMs - skewMs, why: "breaker" };
    case "half_open":
      return { kind: "ask" };
  }
}

/** Is it time to ask for a new one, behind the request? */
export function isRefreshDue(kept: KeptSnapshot | null, nowMs: number): boolean {
  return kept === null || nowMs < kept.askedAtMs || nowMs - kept.askedAtMs >= kept.snapshot.refreshAfterMs;
}

/** A clock that was set back says nothing about its age: then it is not used. */
function isUsable({ snapshot, askedAtMs }: KeptSnapshot, nowMs: number): boolean {
  return nowMs >= askedAtMs && nowMs - askedAtMs < snapshot.usableForMs;
}

/** Outcomes that the gate hasn't heard of yet, in the order in which they came. */
export type Unreported = readonly Outcome[];

const fullBatch = 50;
const mostUnreported = 200;

/** Adds one. When the gate can't be reached for long, the oldest are dropped. */
export function addOutcome(unreported: Unreported, outcome: Outcome): Unreported {
  return [...unreported, outcome].slice(-mostUnreported);
}

/** Must they be reported at once, all of them and in order? Otherwise they go along with the next refresh. */
export function isReportDue(unreported: Unreported): boolean {
  return unreported.length >= fullBatch || unreported.some(isUrgent);
}

/** All but plain successes: whoever calls next should know. A permit's turn is given back without delay. */
function isUrgent({ permit, finding }: Outcome): boolean {
  switch (finding.kind) {
    case "healthy":
    case "nothing":
      return permit !== null;
    case "fault":
    case "refused":
      return true;
    case "rate_limited":
      return permit !== null || finding.holdMs !== null;
  }
}

/** How often the gate is asked: it sets how long snapshots last, so that its own load stays bounded however many isolates there are. */
export interface Exchanges {
  readonly sinceMs: number;
  readonly count: number;
  readonly refreshAfterMs: number;
}

/** A Durable Object answers about 1,000 simple requests a second, 200 to 500 that write. */
const exchangesPerSecond = 300;
const shortestRefreshMs = 1_000;
const longestRefreshMs = 60_000;
const measureMs = 1_000;

export const noExchanges: Exchanges = { sinceMs: 0, count: 0, refreshAfterMs: shortestRefreshMs };

/**
 * Counts one exchange. About once a second the refresh time is set so that as many isolates as were seen would make 300 exchanges a second:
 * those seen are the rate times the refresh time that they were given.
 */
export function countExchange(exchanges: Exchanges, nowMs: number): Exchanges {
  const elapsedMs = nowMs - exchanges.sinceMs;
  const count = exchanges.count + 1;
  if (elapsedMs >= 0 && elapsedMs < measureMs) return { ...exchanges, count };
  const perSecond = elapsedMs > 0 ? (exchanges.count * 1000) / elapsedMs : 0;
  const fittingMs = (exchanges.refreshAfterMs * perSecond) / exchangesPerSecond;
  const refreshAfterMs = Math.min(Math.max(Math.round(fittingMs), shortestRefreshMs), longestRefreshMs);
  return { sinceMs: nowMs, count: 1, refreshAfterMs };
}
