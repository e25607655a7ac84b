/**
 * What one provider allows now, shared by all who call it. Its small core (this value, rewritten whole) says whether calls may be made; its
 * places (`places.ts`, a table) say which tickets wait. Here: the core, and live calls. `report.ts`: how calls went.
 * `queue.ts` and `dispatch.ts`: tickets. `view.ts`: what others are shown.
 *
 * Every function of these files can be repeated by the runtime: a permit's news count once, a batch with trouble in it counts once.
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
  type CredentialsHold,
  type ModelHold,
} from "./pauses.ts";
import { keptBytes, type Kept } from "./kept.ts";
import type { ModelRecords } from "./model-records.ts";
import { carriedOn, isOlder, type OlderGate } from "./older-gates.ts";
import type { Pace } from "./paces.ts";
import type { Group } from "./places.ts";
import type { Ramp } from "./ramp.ts";
import { noExchanges, type Exchanges } from "./snapshot.ts";
import type { Lease } from "./turn.ts";
import { noVitals, type Vitals } from "./vitals.ts";

export interface GateCore {
  readonly version: 1;
  readonly breaker: Breaker;
  readonly holds: readonly ModelHold[];
  /** `null`: our credentials are not known to be refused. */
  readonly credentials: CredentialsHold | null;
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
  /** By tenants' names as in `Seat`; absent: all weigh the same. */
  readonly weights?: Weights;
}

export const newGate: GateCore = {
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
};

/** What older code has stored is carried on. */
export function completeGate(stored: OlderGate): GateCore {
  return isOlder(stored) ? carriedOn(newGate, stored) : (stored as GateCore);
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
  core: GateCore,
  permit: string,
  whose: Whose,
  nowMs: number,
  limits: GateLimits,
): { core: GateCore; reply: Admission } {
  const { breaker } = core;
  const { epoch } = breaker;
  if (breaker.state === "half_open" && breaker.probe?.permit === permit && nowMs < breaker.probe.endsAtMs) {
    return { core, reply: { kind: "call", epoch, probe: breaker.probe } };
  }
  const turn = turnOf(breaker, whose, nowMs);
  const held = callsWait(core.holds, whose, nowMs);
  if (turn.kind === "wait") {
    // A probe is answered long before its lease ends.
    const retryAtMs =
      breaker.state === "half_open" ? Math.min(turn.untilMs, nowMs + limits.recoveryMs) : turn.untilMs;
    return { core, reply: { kind: "wait", retryAtMs, why: "breaker" } };
  }
  if (held !== null) return { core, reply: { kind: "wait", retryAtMs: held.untilMs, why: held.why } };
  if (turn.kind === "free") return { core, reply: { kind: "call", epoch, probe: null } };
  const probe = { permit, endsAtMs: nowMs + limits.leaseMs };
  const isEarly = breakerTurn(breaker, nowMs).kind === "wait";
  return {
    core: { ...core, breaker: takeProbe(breaker, probe, isEarly) },
    reply: { kind: "call", epoch, probe },
  };
}

/**
 * After a start of the service: refused credentials and models are asked again at once, for they may be new.
 *
 * @param isAlone nobody else can hold a turn (one process owns the store): those of the predecessor are void
 */
export function started(core: GateCore, isAlone: boolean, nowMs: number): GateCore {
  const { breaker, credentials, holds } = core;
  return {
    ...core,
    breaker: isAlone && breaker.state === "half_open" ? { ...breaker, probe: null } : breaker,
    holds: holds.map((hold) =>
      isAsked(hold)
        ? {
            ...hold,
            untilMs: Math.min(hold.untilMs, nowMs),
            asker: isAlone ? null : (hold.asker ?? null),
          }
        : hold,
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
export function wholeLoad(core: GateCore, load: Load, nowMs: number, limits: GateLimits): Load {
  return { size: load.size, bytes: load.bytes + keptBytes(core.kept, limits.retentionMs, nowMs) };
}

/** Sets the admission flag after the load has changed. */
export function weighed(core: GateCore, load: Load, nowMs: number, limits: GateLimits): GateCore {
  const accepting = acceptsMore(core.accepting, wholeLoad(core, load, nowMs, limits), limits);
  return accepting === core.accepting ? core : { ...core, accepting };
}

/**
 * Must the change be stored before anybody hears of it? Otherwise within a second or so is enough: only counters moved, and losing them
 * costs a few calls. An open breaker, a hold, a turn or the admission flag must not be lost.
 */
export function isMomentous(before: GateCore, after: GateCore): boolean {
  return (
    !isOnlyCounted(before.breaker, after.breaker) ||
    before.holds !== after.holds ||
    before.credentials !== after.credentials ||
    before.accepting !== after.accepting ||
    before.ramp !== after.ramp
  );
}

/** Has a ticket no turn of the breaker to wait for? Where our account is refused too, one asks for all. */
export function isClosedForTicket({ breaker, credentials }: GateCore, whose: Whose): boolean {
  return breaker.state === "closed" || (credentials === null && isClosedFor(breaker, whose));
}

/** Does this permit have the one turn of the breaker, of the credentials, of its model, or of all that have one? */
export function ownsTurn(core: GateCore, whose: Whose, permit: string): boolean {
  const { breaker, credentials } = core;
  const hold = askedHold(core, whose.model);
  const isClosed = isClosedForTicket(core, whose);
  const probes = isClosed || isProbe(breaker, permit);
  const asks = credentials === null || isAsker(credentials, permit);
  const asksModel = hold === null || hold.asker?.permit === permit;
  return probes && asks && asksModel && (!isClosed || credentials !== null || hold !== null);
}

/** The hold of a model that one ticket at a time asks again; `null`: there is none. */
export function askedHold({ holds }: GateCore, model: string): ModelHold | null {
  const hold = holds.find((hold) => hold.model === model);
  return hold !== undefined && isAsked(hold) ? hold : null;
}

/** Gives the turn to a lease, wherever there is only one. */
export function takeTurn(core: GateCore, whose: Whose, lease: Lease): GateCore {
  const { breaker, credentials } = core;
  return withAsker(
    {
      ...core,
      breaker: isClosedForTicket(core, whose) ? breaker : takeProbe(breaker, lease),
      credentials: credentials === null ? null : { ...credentials, asker: lease },
    },
    askedHold(core, whose.model),
    lease,
  );
}

/** Gives a turn back that was never used. */
export function dropTurn(core: GateCore, model: string, permit: string): GateCore {
  const { breaker, credentials } = core;
  const hold = askedHold(core, model);
  return withAsker(
    {
      ...core,
      breaker:
        isProbe(breaker, permit) && breaker.state === "half_open" ? { ...breaker, probe: null } : breaker,
      credentials:
        credentials !== null && isAsker(credentials, permit) ? { ...credentials, asker: null } : credentials,
    },
    hold?.asker?.permit === permit ? hold : null,
    null,
  );
}

function withAsker(core: GateCore, hold: ModelHold | null, asker: Lease | null): GateCore {
  if (hold === null) return core;
  const holds = core.holds.map((other) => (other === hold ? { ...hold, asker } : other));
  return { ...core, holds };
}
