/** What others are shown of a gate: isolates, the providers page, `/healthz`. */
import { breakerState, breakerTurn, type Breaker, type BreakerLimits } from "./breaker.ts";
import type { GateCore, GateLimits } from "./gate.ts";
import { queueTurn } from "./gate-dispatch.ts";
import type { WaitReason } from "./gate-queue.ts";
import { heldUntilMs, liveHolds } from "./holds.ts";
import type { Refusal } from "./outcome.ts";
import type { Place, Tally } from "./places.ts";
import { estimatedWaitMs } from "./policy.ts";
import type { Snapshot } from "./snapshot.ts";
import { msPerTicket } from "./vitals.ts";

/** One of an open breaker lasts until its time is over, for nothing changes before. */
export function snapshotOf(core: GateCore, nowMs: number, limits: BreakerLimits): Snapshot {
  const { breaker, holds, accepting, exchanges } = core;
  const state = breakerState(breaker, nowMs);
  const turn = breakerTurn(breaker, nowMs);
  const openForMs = state === "open" && turn.kind === "wait" ? turn.untilMs - nowMs : 0;
  // As for a call that is turned away: a probe is answered long before its lease ends.
  const patienceMs = state === "open" ? Infinity : limits.recoveryMs;
  return {
    takenAtMs: nowMs,
    epoch: breaker.epoch,
    state,
    probeFromMs: turn.kind === "wait" ? Math.min(turn.untilMs, nowMs + patienceMs) : null,
    holds: liveHolds(holds, nowMs),
    accepting,
    refreshAfterMs: exchanges.refreshAfterMs,
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
  /** Why the queue stands for our credentials; `null`: it does not. */
  readonly refused: Refusal | null;
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
    refused: credentials?.why ?? null,
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

/** Where a waiting ticket stands, for its 202 and its status. */
export interface Outlook {
  /** 1: next. */
  readonly position: number;
  readonly why: WaitReason;
  /** Where it waits for credentials: what of them was refused. */
  readonly refused?: Refusal;
  /** Until its next attempt, in milliseconds; `null` where no estimate can be made. */
  readonly waitMs: number | null;
  /** When the gate next lets somebody try, in epoch milliseconds; the present moment: at once. */
  readonly opensAtMs: number;
}

/**
 * @param ahead places that start before it
 * @returns `null` for a place that doesn't wait: it is held, or runs
 */
export function outlookOf(
  core: GateCore,
  place: Place,
  ahead: number,
  nowMs: number,
  limits: GateLimits,
): Outlook | null {
  const { breaker, credentials, holds, vitals } = core;
  switch (place.standing.state) {
    case "held":
    case "running":
      return null;
    case "waiting":
    case "dispatched":
      break;
  }
  const turn = queueTurn(core, nowMs);
  const opensAtMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  const held = heldUntilMs(holds, place.model, nowMs);
  const position = 1 + ahead;
  const forecast = {
    position,
    // Nobody can say when somebody pays, or changes the key.
    opensAtMs: credentials === null ? opensAtMs : null,
    notBeforeMs: Math.max(place.notBeforeMs, held ?? 0),
    msPerTicket: msPerTicket(vitals, limits.concurrency),
  };
  const waitMs = estimatedWaitMs(forecast, nowMs);
  const refused = credentials === null ? {} : { refused: credentials.why };
  return { position, why: why(), ...refused, waitMs, opensAtMs };

  function why(): WaitReason {
    if (credentials !== null) return "credentials";
    if (breaker.state !== "closed") return "breaker";
    if (held !== null) return "rate_limit";
    return nowMs < place.notBeforeMs ? "backoff" : "turn";
  }
}
