/**
 * What one provider allows now, shared by all who call it. Its small state (this value, rewritten whole) says whether calls may be made; its
 * places (`places.ts`, a table) say which tickets wait. Here: the state, and live calls. `report.ts`: how calls went.
 * `queue.ts` and `dispatch.ts`: tickets. `view.ts`: what others are shown.
 *
 * Every function of these files can be repeated by the runtime: a permit's report counts once, a batch with trouble in it counts once.
 */
import type { Weights } from "../shares.ts";
import { acceptsMore, type AdmissionLimits, type Load } from "./admission.ts";
import {
  breakerTurn,
  turnOf,
  closedBreaker,
  isClosedFor,
  isOnlyCounted,
  isProbe,
  takeProbe,
  type Breaker,
  type BreakerLimits,
  type Whose,
} from "./breaker.ts";
import {
  callsWait,
  isAsked,
  isAsker,
  type CallWait,
  type CredentialsPause,
  type ModelPause,
} from "./pauses.ts";
import { haltedMs, type Halt } from "./halt.ts";
import { keptBytes, type Kept } from "./kept.ts";
import type { ModelRecords } from "./model-records.ts";
import { carriedOn, isOlder, type OlderGate } from "./older-gates.ts";
import type { Pace } from "./paces.ts";
import type { Group } from "./places.ts";
import type { Ramp } from "../ramp.ts";
import { noExchanges, type Exchanges } from "./snapshot.ts";
import type { Lease } from "./turn.ts";
import { noVitals, type Vitals } from "./vitals.ts";

export interface GateState {
  readonly version: 1;
  readonly breaker: Breaker;
  readonly holds: readonly ModelPause[];
  /** `null`: our credentials are not known to be refused. */
  readonly credentials: CredentialsPause | null;
  /** False from the high watermark until both loads are below the low one. */
  readonly accepting: boolean;
  /** `null`: as many tickets in flight as there are permits. */
  readonly ramp: Ramp | null;
  readonly vitals: Vitals;
  readonly exchanges: Exchanges;
  /** Batches with trouble in them that were counted, newest last: the last characters of their names. */
  readonly countedReports: readonly string[];
  /** How models have answered lately. */
  readonly records: ModelRecords;
  readonly paces: readonly Pace[];
  /** Whose tickets had the last turns of probes, newest last. */
  readonly probed: readonly Group[];
  /** The latest clean ends of two different tickets, newest first. */
  readonly cleanEnds: readonly CleanEnd[];
  /** What tickets that have ended still hold. */
  readonly kept: Kept;
  /** What waited for its backoff at this moment waits no more: the breaker closed then, or our account was let in again. */
  readonly waitsEndedMs: number;
  /** The clock when it was last changed, or its places were: what is stored is of this moment at the latest (`set-back.ts`). Absent from older code. */
  readonly seenMs?: number;
  /** Absent: no operator has halted it. */
  readonly halt?: Halt;
}

interface CleanEnd {
  readonly comparison: string;
  readonly atMs: number;
}

export interface GateLimits extends BreakerLimits, AdmissionLimits {
  /** Tickets in flight at most, at least 1. */
  readonly concurrency: number;
  /** How long a probe or a ticket's call may take, storing included, before its turn is given away, in milliseconds. */
  readonly leaseMs: number;
  /** How long a ticket is kept after its end, in milliseconds. */
  readonly retentionMs: number;
  /** By tenants' names as in `QueueItem`; absent: all weigh the same. */
  readonly weights?: Weights;
}

export const newGate: GateState = {
  version: 1,
  breaker: closedBreaker,
  holds: [],
  credentials: null,
  accepting: true,
  ramp: null,
  vitals: noVitals,
  exchanges: noExchanges,
  countedReports: [],
  records: [],
  paces: [],
  probed: [],
  cleanEnds: [],
  kept: [],
  waitsEndedMs: 0,
  seenMs: 0,
};

/** What older code has stored is carried on. */
export function completeGate(stored: OlderGate): GateState {
  return isOlder(stored) ? carriedOn(newGate, stored) : (stored as GateState);
}

export type Admission =
  /**
   * `probe` is the lease under which the call is the probe; `null`: it is an ordinary one. Its outcome names this epoch; `null`: not known, for
   * the gate could not be asked.
   */
  | { readonly kind: "call"; readonly epoch: number | null; readonly probe: Lease | null }
  | { readonly kind: "wait"; readonly retryAtMs: number; readonly why: CallWait };

/** A live call asks. Asked twice with the same permit, a probe is given the same lease. Refused credentials don't stop it: it fails at once. */
export function enter(
  gate: GateState,
  permit: string,
  whose: Whose,
  nowMs: number,
  limits: GateLimits,
): { gate: GateState; reply: Admission } {
  const { breaker } = gate;
  const { epoch } = breaker;
  if (breaker.state === "half_open" && breaker.probe?.permit === permit && nowMs < breaker.probe.endsAtMs) {
    return { gate, reply: { kind: "call", epoch, probe: breaker.probe } };
  }
  if (gate.halt !== undefined) {
    return { gate, reply: { kind: "wait", retryAtMs: nowMs + haltedMs, why: "paused" } };
  }
  const turn = turnOf(breaker, whose, nowMs);
  const paused = callsWait(gate.holds, whose, nowMs);
  if (turn.kind === "wait") {
    // A probe is answered long before its lease ends.
    const retryAtMs =
      breaker.state === "half_open" ? Math.min(turn.untilMs, nowMs + limits.recoveryMs) : turn.untilMs;
    return { gate, reply: { kind: "wait", retryAtMs, why: "breaker" } };
  }
  if (paused !== null) return { gate, reply: { kind: "wait", retryAtMs: paused.untilMs, why: paused.why } };
  if (turn.kind === "free") return { gate, reply: { kind: "call", epoch, probe: null } };
  const probe = { permit, endsAtMs: nowMs + limits.leaseMs };
  const isEarly = breakerTurn(breaker, nowMs).kind === "wait";
  return {
    gate: { ...gate, breaker: takeProbe(breaker, probe, isEarly) },
    reply: { kind: "call", epoch, probe },
  };
}

/**
 * After a start of the service: refused credentials and models are asked again at once, for they may be new.
 *
 * @param isAlone nobody else can hold a turn (one process owns the store): those of the predecessor are void
 */
export function started(gate: GateState, isAlone: boolean, nowMs: number): GateState {
  const { breaker, credentials, holds: pauses } = gate;
  return {
    ...gate,
    breaker: isAlone && breaker.state === "half_open" ? { ...breaker, probe: null } : breaker,
    holds: pauses.map((pause) =>
      isAsked(pause)
        ? {
            ...pause,
            untilMs: Math.min(pause.untilMs, nowMs),
            asker: isAlone ? null : (pause.asker ?? null),
          }
        : pause,
    ),
    credentials:
      credentials === null
        ? null
        : {
            ...credentials,
            askFromMs: Math.min(credentials.askFromMs, nowMs),
            asker: isAlone ? null : credentials.asker,
          },
  };
}

/** The load of unfinished tickets, and what ended ones still hold. */
export function wholeLoad(gate: GateState, load: Load, nowMs: number, limits: GateLimits): Load {
  return { size: load.size, bytes: load.bytes + keptBytes(gate.kept, limits.retentionMs, nowMs) };
}

/** Sets the admission flag after the load has changed. */
export function weighed(gate: GateState, load: Load, nowMs: number, limits: GateLimits): GateState {
  const accepting = acceptsMore(gate.accepting, wholeLoad(gate, load, nowMs, limits), limits);
  return accepting === gate.accepting ? gate : { ...gate, accepting };
}

/**
 * Must the change be stored before anybody hears of it? Otherwise within a second or so is enough: only counters moved, and losing them
 * costs a few calls. An open breaker, a pause, a halt, a turn or the admission flag must not be lost.
 */
export function isMomentous(before: GateState, after: GateState): boolean {
  return (
    !isOnlyCounted(before.breaker, after.breaker) ||
    before.holds !== after.holds ||
    before.credentials !== after.credentials ||
    before.accepting !== after.accepting ||
    before.halt !== after.halt ||
    before.ramp !== after.ramp
  );
}

/** Has a ticket no turn of the breaker to wait for? Where our account is refused too, one asks for all. */
export function isClosedForTicket({ breaker, credentials }: GateState, whose: Whose): boolean {
  return breaker.state === "closed" || (credentials === null && isClosedFor(breaker, whose));
}

/** Does this permit have the one turn of the breaker, of the credentials, of its model, or of all that have one? */
export function ownsTurn(gate: GateState, whose: Whose, permit: string): boolean {
  const { breaker, credentials } = gate;
  const pause = askedPause(gate, whose.model);
  const isClosed = isClosedForTicket(gate, whose);
  const probes = isClosed || isProbe(breaker, permit);
  const asks = credentials === null || isAsker(credentials, permit);
  const asksModel = pause === null || pause.asker?.permit === permit;
  return probes && asks && asksModel && (!isClosed || credentials !== null || pause !== null);
}

/** The pause of a model that one ticket at a time asks again; `null`: there is none. */
export function askedPause({ holds: pauses }: GateState, model: string): ModelPause | null {
  const pause = pauses.find((pause) => pause.model === model);
  return pause !== undefined && isAsked(pause) ? pause : null;
}

/** Gives the turn to a lease, wherever there is only one. */
export function takeTurn(gate: GateState, whose: Whose, lease: Lease): GateState {
  const { breaker, credentials } = gate;
  return withAsker(
    {
      ...gate,
      breaker: isClosedForTicket(gate, whose) ? breaker : takeProbe(breaker, lease),
      credentials: credentials === null ? null : { ...credentials, asker: lease },
    },
    askedPause(gate, whose.model),
    lease,
  );
}

/** Gives a turn back that was never used. */
export function dropTurn(gate: GateState, model: string, permit: string): GateState {
  const { breaker, credentials } = gate;
  const pause = askedPause(gate, model);
  return withAsker(
    {
      ...gate,
      breaker:
        isProbe(breaker, permit) && breaker.state === "half_open" ? { ...breaker, probe: null } : breaker,
      credentials:
        credentials !== null && isAsker(credentials, permit) ? { ...credentials, asker: null } : credentials,
    },
    pause?.asker?.permit === permit ? pause : null,
    null,
  );
}

function withAsker(gate: GateState, pause: ModelPause | null, asker: Lease | null): GateState {
  if (pause === null) return gate;
  const pauses = gate.holds.map((other) => (other === pause ? { ...pause, asker } : other));
  return { ...gate, holds: pauses };
}
