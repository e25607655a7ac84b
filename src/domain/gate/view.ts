/** What others are shown of a gate: isolates, the providers page, `/healthz`. */
import { breakerState, breakerTurn, type Breaker, type BreakerLimits } from "./breaker.ts";
import { isClosedForTicket, wholeLoad, type GateCore, type GateLimits } from "./gate.ts";
import type { Failure } from "../failure.ts";
import { ticketTurn } from "./ticket-turn.ts";
import type { WaitReason } from "./queue.ts";
import {
  isAsked,
  isHeld,
  liveHolds,
  presentHolds,
  sparesTicketsOf,
  type HoldReason,
  type ModelHold,
} from "./pauses.ts";
import type { Refusal } from "./outcome.ts";
import type { Place, Tally } from "./places.ts";
import { estimatedWaitMs } from "./forecast.ts";
import type { Snapshot } from "./snapshot.ts";
import { msPerTicket } from "./vitals.ts";

/** One of an open breaker lasts until its time is over, for nothing changes before. */
export function snapshotOf(core: GateCore, nowMs: number, limits: BreakerLimits): Snapshot {
  const { breaker, holds, accepting, exchanges } = core;
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
  /** Why the latest call failed that did; `null`: not known. */
  readonly lastFailure: Failure["reason"] | null;
  /** When a call, or the queue's next ask with refused credentials, can be tried; `null`: now, or a probe is under way. */
  readonly retryAtMs: number | null;
  /** Why the queue stands for our credentials; `null`: it does not. */
  readonly refused: Refusal | null;
  /** Models that are held now. */
  readonly held: readonly HeldModel[];
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

export interface HeldModel {
  /** See `modelKey`. */
  readonly model: string;
  readonly why: HoldReason;
  /** Until then it is left alone, or asked by one ticket from then on. */
  readonly untilMs: number;
  /** The tenant who asks has tickets that wait for it. */
  readonly isWanted: boolean;
}

/** @param isWanted has the tenant who asks tickets that wait for this model? */
export function overviewOf(
  core: GateCore,
  tally: Tally,
  isWanted: (model: string) => boolean,
  nowMs: number,
  limits: GateLimits,
): Overview {
  const { breaker, credentials, vitals } = core;
  const held = presentHolds(core.holds, nowMs).filter((hold) => isHeld(hold, nowMs));
  const waits = [
    breaker.state === "open" ? breaker.probeFromMs : 0,
    credentials === null ? 0 : credentials.askFromMs,
    ...held.map(({ untilMs }) => untilMs),
  ];
  const retryAtMs = Math.max(...waits);
  return {
    state: breakerState(breaker, nowMs),
    faultsInRow: vitals.faultsInRow,
    lastSuccessMs: vitals.lastSuccessMs,
    lastFailureMs: vitals.lastFailureMs,
    lastFailure: vitals.lastFailure ?? null,
    meanResponseMs: vitals.meanResponseMs,
    retryAtMs: retryAtMs > nowMs ? retryAtMs : null,
    refused: credentials?.why ?? null,
    held: held.map(({ model, why = "rate_limit", untilMs }) => ({
      model,
      why,
      untilMs,
      isWanted: isWanted(model),
    })),
    queue: {
      size: tally.size,
      maxSize: limits.maxSize,
      bytes: wholeLoad(core, tally, nowMs, limits).bytes,
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
 * @param ahead tickets that are judged before it, as far as is known: `ticketsBefore`
 * @returns `null` for a place that doesn't wait: it is held, or runs
 */
export function outlookOf(
  core: GateCore,
  place: Place,
  ahead: number,
  nowMs: number,
  limits: GateLimits,
): Outlook | null {
  const { credentials, holds, vitals } = core;
  switch (place.standing.state) {
    case "held":
    case "running":
      return null;
    case "waiting":
    case "dispatched":
      break;
  }
  const turn = ticketTurn(core, place, nowMs);
  const hold = holds.find(
    (hold) => hold.model === place.model && isHeld(hold, nowMs) && !sparesTicketsOf(hold, place.tenant),
  );
  const isRefused = credentials !== null || (hold !== undefined && isAsked(hold));
  const gateOpensAtMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  const opensAtMs =
    hold !== undefined && isAsked(hold) ? Math.max(gateOpensAtMs, hold.untilMs) : gateOpensAtMs;
  const position = 1 + ahead;
  const forecast = {
    position,
    // Nobody can say when somebody pays, or changes the key.
    opensAtMs: isRefused ? null : opensAtMs,
    notBeforeMs: Math.max(place.notBeforeMs, hold?.untilMs ?? 0),
    msPerTicket: msPerTicket(vitals, limits.concurrency),
  };
  const waitMs = estimatedWaitMs(forecast, nowMs);
  const refused = credentials === null ? {} : { refused: credentials.why };
  return { position, why: why(), ...refused, waitMs, opensAtMs };

  function why(): WaitReason {
    if (credentials !== null) return "credentials";
    if (!isClosedForTicket(core, place)) return "breaker";
    if (hold !== undefined) return reasonOf(hold);
    return nowMs < place.notBeforeMs ? "backoff" : "turn";
  }
}

function reasonOf({ why = "rate_limit" }: ModelHold): WaitReason {
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
