/**
 * A copy of the gate's view that an isolate or a process keeps in front of it, so that a call through a closed breaker costs no hop. It is
 * used for as long as the gate allowed, and never longer. All its times are of the gate's clock; `answer` translates, so a clock that is
 * wrong here misleads nobody.
 */
import { isAnothers, type Blame, type Whose } from "./breaker.ts";
import { haltedMs } from "./halt.ts";
import { callsWait, type CallWait, type ModelPause } from "./pauses.ts";
import type { CallReport } from "./call-report.ts";

export interface Snapshot {
  readonly takenAtMs: number;
  readonly epoch: number;
  readonly state: "closed" | "open" | "half_open";
  /**
   * When somebody can next be the probe: of an open breaker, when its time is over; of a half-open one, when the probe that is under way has
   * surely been answered, or its lease ends. `null`: the breaker is closed, or the turn is free.
   */
  readonly probeFromMs: number | null;
  /** For whom the breaker is open; absent: for all. */
  readonly blame?: Blame;
  /** One call at a time of anybody else may be the next probe, before its time. */
  readonly doubt?: Blame;
  /** An operator has halted the provider: nobody may call. Absent: no operator has. */
  readonly halted?: true;
  readonly holds: readonly ModelPause[];
  /** Whether anybody's ticket would be kept now; `false`: only of who holds less than a share. `true` is a hint: `admit` decides. */
  readonly accepting: boolean;
  /** From this age on the gate can bear to be asked again: by the next request that needs to know what may have changed. */
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
  | { readonly kind: "wait"; readonly retryAtMs: number; readonly why: CallWait }
  /** Only the gate can tell: no usable snapshot, or it is a matter of a probe. */
  | { readonly kind: "ask" };

/** What may a live call do? Without a hop, wherever that is certain. */
export function answer(kept: KeptSnapshot | null, whose: Whose, nowMs: number): SnapshotAnswer {
  if (kept === null || !isUsable(kept, nowMs)) return { kind: "ask" };
  const { snapshot, askedAtMs } = kept;
  const skewMs = snapshot.takenAtMs - askedAtMs;
  const { state, blame, doubt } = snapshot;
  if (snapshot.halted === true && !isStale(kept, nowMs)) {
    return { kind: "wait", retryAtMs: nowMs + haltedMs, why: "paused" };
  }
  if (state === "closed" || isAnothers(blame, whose)) {
    const paused = callsWait(snapshot.holds, whose, nowMs + skewMs);
    return paused === null
      ? { kind: "call", epoch: snapshot.epoch }
      : { kind: "wait", retryAtMs: paused.untilMs - skewMs, why: paused.why };
  }
  if (isAnothers(doubt, whose)) return { kind: "ask" };
  switch (state) {
    case "open":
      return snapshot.probeFromMs === null || nowMs + skewMs >= snapshot.probeFromMs
        ? { kind: "ask" }
        : { kind: "wait", retryAtMs: snapshot.probeFromMs - skewMs, why: "breaker" };
    case "half_open": {
      // A free turn is for the next request. One that is taken is not asked for with every request, but each time the gate can bear it.
      const { probeFromMs } = snapshot;
      return probeFromMs === null || nowMs + skewMs >= probeFromMs || isStale(kept, nowMs)
        ? { kind: "ask" }
        : { kind: "wait", retryAtMs: probeFromMs - skewMs, why: "breaker" };
    }
  }
}

/**
 * Is it time to ask for a new one, behind the request? Not while the breaker is open for all: nothing that a call needs to know changes before.
 */
export function isRefreshDue(kept: KeptSnapshot | null, nowMs: number): boolean {
  if (kept === null) return true;
  const { state, blame, doubt } = kept.snapshot;
  return (state !== "open" || blame !== undefined || doubt !== undefined) && isStale(kept, nowMs);
}

/** Whether a ticket can be kept, as far as is known without a hop: perhaps; no; or not when it was last heard, and it is time to hear again. */
export type Room = "perhaps" | "none" | "none_lately";

/**
 * A queue that has drained accepts again as soon as those hear of it whose turn it is to ask: of up to 300 isolates, each within a second. For
 * whom a queue that accepts no more is full only its gate can say.
 *
 * @param fullAtMs when the gate last said so to the tenant that asks; `null`: it never did
 */
export function roomIn(kept: KeptSnapshot | null, fullAtMs: number | null, nowMs: number): Room {
  if (kept === null || kept.snapshot.accepting || fullAtMs === null) return "perhaps";
  const { askedAtMs, snapshot } = kept;
  if (Math.abs(nowMs - fullAtMs) >= snapshot.refreshAfterMs * 2) return "perhaps";
  if (!isStale(kept, nowMs)) return "none";
  return Math.abs(nowMs - askedAtMs) < snapshot.refreshAfterMs * 2 ? "none_lately" : "perhaps";
}

function isStale({ askedAtMs, snapshot }: KeptSnapshot, nowMs: number): boolean {
  return nowMs < askedAtMs || nowMs - askedAtMs >= snapshot.refreshAfterMs;
}

/** A clock that was set back says nothing about its age: then it is not used. */
function isUsable({ snapshot, askedAtMs }: KeptSnapshot, nowMs: number): boolean {
  return nowMs >= askedAtMs && nowMs - askedAtMs < snapshot.usableForMs;
}

/** Outcomes that the gate hasn't heard of yet, in the order in which they came. */
export type Unreported = readonly CallReport[];

const fullBatch = 50;
const mostUnreported = 200;

/** Adds one. When the gate can't be reached for long, the oldest are dropped. */
export function addReport(unreported: Unreported, callReport: CallReport): Unreported {
  return [...unreported, callReport].slice(-mostUnreported);
}

/** Must they be reported at once, all of them and in order? Otherwise they go along with the next refresh. */
export function isReportDue(unreported: Unreported): boolean {
  return unreported.length >= fullBatch || unreported.some(isUrgent);
}

/** All but plain successes: whoever calls next should know. A permit's turn is given back without delay. */
function isUrgent({ permit, finding }: CallReport): boolean {
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

/**
 * When the gate is asked: each who asks is told to come again after all who were told before, a three-hundredth of a second after the last
 * of them. So its load stays bounded however many isolates there are and however they begin, and nobody has to know how many.
 */
export interface Exchanges {
  /** When somebody last took a place in this line, by the gate's clock. */
  readonly sinceMs: number;
  /** What they were told: how long after `sinceMs` the line ended, in milliseconds. */
  readonly refreshAfterMs: number;
}

/** A Durable Object answers about 1,000 simple requests a second, 200 to 500 that write. */
const exchangesPerSecond = 300;
const shortestRefreshMs = 1_000;
const longestRefreshMs = 60_000;
const troubledRefreshMs = 5_000;

export const noExchanges: Exchanges = { sinceMs: 0, refreshAfterMs: shortestRefreshMs };

/**
 * Counts one who asks. Those who come with trouble come out of turn: they don't make the line longer than 10 s, or a storm of faults would
 * make everybody's view old for as long as it lasted.
 */
export function countExchange(
  exchanges: Exchanges,
  callReports: readonly CallReport[],
  nowMs: number,
): Exchanges {
  const lineMs = lineFrom(exchanges, nowMs);
  const mostMs = callReports.some(isUrgent) ? Math.max(lineMs, troubledRefreshMs) : longestRefreshMs;
  const nextMs = Math.min(lineMs + 1_000 / exchangesPerSecond, mostMs);
  return { sinceMs: nowMs, refreshAfterMs: Math.max(nextMs, shortestRefreshMs) };
}

/** How far the line reaches from now. A clock that was set back leaves it as long as it was. */
function lineFrom({ sinceMs, refreshAfterMs }: Exchanges, nowMs: number): number {
  return refreshAfterMs - Math.max(0, nowMs - sinceMs);
}
