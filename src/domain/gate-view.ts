/** What others are shown of a gate: isolates, the providers page, `/healthz`. */
import { breakerState, type Breaker } from "./breaker.ts";
import type { GateCore, GateLimits } from "./gate.ts";
import { liveHolds } from "./holds.ts";
import type { Tally } from "./places.ts";
import type { Snapshot } from "./snapshot.ts";

/** An open one lasts until its time is over, for nothing changes before. */
export function snapshotOf(core: GateCore, nowMs: number): Snapshot {
  const { breaker, holds, accepting, exchanges } = core;
  const state = breakerState(breaker, nowMs);
  const probeFromMs = breaker.state === "open" && state === "open" ? breaker.probeFromMs : null;
  const openForMs = probeFromMs === null ? 0 : probeFromMs - nowMs;
  return {
    takenAtMs: nowMs,
    epoch: breaker.epoch,
    state,
    probeFromMs,
    holds: liveHolds(holds, nowMs),
    accepting,
    refreshAfterMs: Math.max(exchanges.refreshAfterMs, openForMs),
    usableForMs: Math.max(exchanges.refreshAfterMs * 2, openForMs),
  };
}

/** For the providers page and `/healthz`. */
export interface Overview {
  readonly state: Breaker["state"];
  readonly faultsInRow: number;
  readonly lastSuccessMs: number | null;
  readonly lastFailureMs: number | null;
  readonly meanResponseMs: number | null;
  /** When a call, or the queue's next ask with refused credentials, can be tried; `null`: now, or a probe is under way. */
  readonly retryAtMs: number | null;
  readonly isRefused: boolean;
  readonly queue: {
    readonly size: number;
    readonly maxSize: number;
    readonly bytes: number;
    readonly maxBytes: number;
    readonly accepting: boolean;
    /** `null`: it is empty. */
    readonly oldestAcceptedAtMs: number | null;
  };
}

export function overviewOf(core: GateCore, tally: Tally, nowMs: number, limits: GateLimits): Overview {
  const { breaker, credentials, vitals } = core;
  const waits = [
    breaker.state === "open" ? breaker.probeFromMs : 0,
    credentials === null ? 0 : credentials.askFromMs,
  ];
  const retryAtMs = Math.max(...waits);
  return {
    state: breakerState(breaker, nowMs),
    faultsInRow: vitals.faultsInRow,
    lastSuccessMs: vitals.lastSuccessMs,
    lastFailureMs: vitals.lastFailureMs,
    meanResponseMs: vitals.meanResponseMs,
    retryAtMs: retryAtMs > nowMs ? retryAtMs : null,
    isRefused: credentials !== null,
    queue: {
      size: tally.size,
      maxSize: limits.maxSize,
      bytes: tally.bytes,
      maxBytes: limits.maxBytes,
      accepting: core.accepting,
      oldestAcceptedAtMs: tally.oldestAcceptedAtMs,
    },
  };
}
