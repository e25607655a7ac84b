/** What others are shown of a gate: isolates, the providers page, `/healthz`. */
import { breakerState, breakerTurn, type Breaker, type BreakerLimits } from "./breaker.ts";
import { isClosedForTicket, wholeLoad, type GateState, type GateLimits } from "./gate.ts";
import type { Failure } from "../failure.ts";
import { ticketTurn } from "./ticket-turn.ts";
import type { WaitReason } from "./queue.ts";
import {
  isAsked,
  isPaused,
  livePauses,
  presentPauses,
  sparesTicketsOf,
  type PauseReason,
  type ModelPause,
} from "./pauses.ts";
import type { Refusal } from "./call-report.ts";
import type { Place, QueueLoad } from "./places.ts";
import { estimatedWaitMs } from "./forecast.ts";
import { haltedMs, type Halt } from "./halt.ts";
import type { Snapshot } from "./snapshot.ts";
import { msPerTicket, type Vitals } from "./vitals.ts";

/** One of an open breaker lasts until its time is over, for nothing changes before. */
export function snapshotOf(gate: GateState, nowMs: number, limits: BreakerLimits): Snapshot {
  if (gate.halt !== undefined) return haltedSnapshot(gate, nowMs);
  const { breaker, holds: pauses, accepting, exchanges } = gate;
  const state = breakerState(breaker, nowMs);
  const turn = breakerTurn(breaker, nowMs);
  // While another's call is the probe, the others wait like everybody.
  const isTaken = breaker.state === "half_open" && breaker.isEarly === true && turn.kind === "wait";
  const doubt = breaker.state === "closed" || isTaken ? undefined : breaker.doubt;
  const blame = breaker.state === "closed" ? undefined : breaker.blame;
  const isForAll = state === "open" && blame === undefined && doubt === undefined;
  const openForMs = isForAll && turn.kind === "wait" ? turn.untilMs - nowMs : 0;
  // As for a call that is turned away: a probe is answered long before its lease ends.
  const patienceMs = state === "open" ? Infinity : limits.recoveryMs;
  return {
    takenAtMs: nowMs,
    epoch: breaker.epoch,
    state,
    probeFromMs: turn.kind === "wait" ? Math.min(turn.untilMs, nowMs + patienceMs) : null,
    ...(blame === undefined ? {} : { blame }),
    ...(doubt === undefined ? {} : { doubt }),
    holds: livePauses(pauses, nowMs),
    accepting,
    refreshAfterMs: exchanges.refreshAfterMs,
    usableForMs: Math.max(exchanges.refreshAfterMs * 2, openForMs),
  };
}

/**
 * As of a breaker whose probe is under way, also to isolates of older code: nobody may call, and the gate is asked again as often as it can bear,
 * for an operator may resume at any time.
 */
function haltedSnapshot({ breaker, accepting, exchanges }: GateState, nowMs: number): Snapshot {
  const { refreshAfterMs } = exchanges;
  return {
    takenAtMs: nowMs,
    epoch: breaker.epoch,
    state: "half_open",
    probeFromMs: nowMs + haltedMs,
    halted: true,
    holds: [],
    accepting,
    refreshAfterMs,
    usableForMs: refreshAfterMs * 2,
  };
}

/** For the providers page and `/healthz`. */
export interface GateStatus {
  readonly state: Breaker["state"];
  readonly faultsInRow: number;
  /** When the first of them was counted. Absent: there are none, or older code has counted it. */
  readonly faultsSinceMs?: number;
  readonly lastSuccessMs: number | null;
  readonly lastFailureMs: number | null;
  readonly meanResponseMs: number | null;
  /** Why the latest call failed that did; `null`: not known. */
  readonly lastFailure: Failure["reason"] | null;
  /** When a call, or the queue's next ask with refused credentials, can be tried; `null`: now, or a probe is under way. */
  readonly retryAtMs: number | null;
  /** Why the queue stands for our credentials; `null`: it does not. */
  readonly refused: Refusal | null;
  /** Since when. Absent: it is not refused, or older code has noted it. */
  readonly refusedSinceMs?: number;
  /** Models that are paused now. */
  readonly held: readonly PausedModel[];
  /** Absent: no operator has halted it, or older code says so. */
  readonly halt?: Halt;
  /** How often the breaker has opened since the gate was made. Absent from older code. */
  readonly openings?: number;
  readonly queue: {
    readonly size: number;
    /** Sent to workers, or called for. Absent from older code. */
    readonly running?: number;
    readonly maxSize: number;
    readonly bytes: number;
    readonly maxBytes: number;
    readonly accepting: boolean;
    /** `null`: it is empty. */
    readonly oldestAcceptedAtMs: number | null;
  };
}

export interface PausedModel {
  /** See `modelKey`. */
  readonly model: string;
  readonly why: PauseReason;
  /** Until then it is left alone, or asked by one ticket from then on. */
  readonly untilMs: number;
  /** The tenant who asks has tickets that wait for it. */
  readonly isWanted: boolean;
}

/** @param isWanted has the tenant who asks tickets that wait for this model? */
export function statusOf(
  gate: GateState,
  load: QueueLoad,
  isWanted: (model: string) => boolean,
  nowMs: number,
  limits: GateLimits,
): GateStatus {
  const { breaker, credentials, vitals } = gate;
  const paused = presentPauses(gate.holds, nowMs).filter((pause) => isPaused(pause, nowMs));
  const waits = [
    gate.halt === undefined ? 0 : nowMs + haltedMs,
    breaker.state === "open" ? breaker.probeFromMs : 0,
    credentials === null ? 0 : credentials.askFromMs,
    ...paused.map(({ untilMs }) => untilMs),
  ];
  const retryAtMs = Math.max(...waits);
  return {
    state: breakerState(breaker, nowMs),
    faultsInRow: vitals.faultsInRow,
    ...faultsSince(vitals),
    lastSuccessMs: vitals.lastSuccessMs,
    lastFailureMs: vitals.lastFailureMs,
    lastFailure: vitals.lastFailure ?? null,
    meanResponseMs: vitals.meanResponseMs,
    retryAtMs: retryAtMs > nowMs ? retryAtMs : null,
    refused: credentials?.why ?? null,
    ...(credentials?.sinceMs === undefined ? {} : { refusedSinceMs: credentials.sinceMs }),
    held: paused.map(({ model, why = "rate_limit", untilMs }) => ({
      model,
      why,
      untilMs,
      isWanted: isWanted(model),
    })),
    ...(gate.halt === undefined ? {} : { halt: gate.halt }),
    openings: breaker.epoch,
    queue: {
      size: load.size,
      running: load.inFlight,
      maxSize: limits.maxSize,
      bytes: wholeLoad(gate, load, nowMs, limits).bytes,
      maxBytes: limits.maxBytes,
      accepting: gate.accepting,
      oldestAcceptedAtMs: load.oldestAcceptedAtMs,
    },
  };
}

/** Older code that writes in turn with this one ends a row, but takes along when it began. */
function faultsSince({
  faultsInRow,
  faultsSinceMs,
  lastSuccessMs,
}: Vitals): Pick<GateStatus, "faultsSinceMs"> {
  const isOfThisRow =
    faultsInRow > 0 && faultsSinceMs !== undefined && faultsSinceMs >= (lastSuccessMs ?? -Infinity);
  return isOfThisRow ? { faultsSinceMs } : {};
}

/** Where a waiting ticket stands, for its 202 and its status. */
export interface WaitEstimate {
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

/** What the gate says of a ticket that its store would like to keep. */
export type Admitted =
  /** It has its place, and waits from now on. `estimate`: where it stands; `null`: none can be made. */
  { readonly kind: "admitted"; readonly estimate: WaitEstimate | null } | { readonly kind: "full" };

/**
 * @param ahead tickets that are judged before it, as far as is known: `ticketsBefore`
 * @returns `null` for a place that doesn't wait: it runs
 */
export function estimateOf(
  gate: GateState,
  place: Place,
  ahead: number,
  nowMs: number,
  limits: GateLimits,
): WaitEstimate | null {
  const { credentials, holds: pauses, vitals } = gate;
  switch (place.standing.state) {
    case "running":
      return null;
    case "waiting":
    case "dispatched":
      break;
  }
  const position = 1 + ahead;
  if (gate.halt !== undefined) {
    return { position, why: "paused", waitMs: null, opensAtMs: nowMs + haltedMs };
  }
  const turn = ticketTurn(gate, place, nowMs);
  const pause = pauses.find(
    (pause) => pause.model === place.model && isPaused(pause, nowMs) && !sparesTicketsOf(pause, place.tenant),
  );
  const isRefused = credentials !== null || (pause !== undefined && isAsked(pause));
  const gateOpensAtMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  const opensAtMs =
    pause !== undefined && isAsked(pause) ? Math.max(gateOpensAtMs, pause.untilMs) : gateOpensAtMs;
  const forecast = {
    position,
    // Nobody can say when somebody pays, or changes the key.
    opensAtMs: isRefused ? null : opensAtMs,
    notBeforeMs: Math.max(place.notBeforeMs, pause?.untilMs ?? 0),
    msPerTicket: msPerTicket(vitals, limits.concurrency),
  };
  const waitMs = estimatedWaitMs(forecast, nowMs);
  const refused = credentials === null ? {} : { refused: credentials.why };
  return { position, why: why(), ...refused, waitMs, opensAtMs };

  function why(): WaitReason {
    if (credentials !== null) return "credentials";
    if (!isClosedForTicket(gate, place)) return "breaker";
    if (pause !== undefined) return reasonOf(pause);
    return nowMs < place.notBeforeMs ? "backoff" : "turn";
  }
}

function reasonOf({ why = "rate_limit" }: ModelPause): WaitReason {
  switch (why) {
    case "rate_limit":
    case "no_judgements":
      return why;
    case "faults":
      return "model_faults";
    case "refused":
      return "model_refused";
  }
}
