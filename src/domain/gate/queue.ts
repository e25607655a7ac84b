/**
 * What tickets do at a gate: take a place, wait, get a turn, leave. Pure: each function takes the gate's state, the single rows and sums it needs
 * (see `places.ts`), and says what becomes of them; whoever holds the table writes it. `src/engine/gate-keeper.ts` does so for every
 * table that answers at once.
 */
import { hasRoomFor, isBound, type Holders } from "./admission.ts";
import { defaultMaxTokens, tokensOf } from "./fair-order.ts";
import {
  askedPause,
  dropTurn,
  isClosedForTicket,
  ownsTurn,
  takeTurn,
  wholeLoad,
  type GateState,
  type GateLimits,
} from "./gate.ts";
import { haltedMs } from "./halt.ts";
import { mostInFlight, queueTurn, ticketTurn } from "./ticket-turn.ts";
import { pauseOf, isPaused, modelTurn, sparesTicketsOf } from "./pauses.ts";
import { rampStart } from "../ramp.ts";
import { isInFlight, type Acceptance, type Place, type QueueItem, type QueueLoad } from "./places.ts";
import { countEnd } from "./vitals.ts";

/**
 * May a ticket be kept that has no place yet?
 *
 * @param holders who hold places; looked up only where no more are accepted
 */
export function hasRoom(
  gate: GateState,
  { sizeBytes }: QueueItem,
  load: QueueLoad,
  holders: () => Holders,
  nowMs: number,
  limits: GateLimits,
): boolean {
  const whole = wholeLoad(gate, load, nowMs, limits);
  if (!hasRoomFor(sizeBytes, whole, limits)) return false;
  return gate.accepting || !isBound(whole, load, holders(), limits);
}

/** The same acceptance of the same ticket? One that came to nothing can be followed by another under its id. */
export function isSameAcceptance(a: Acceptance | null, b: Acceptance): boolean {
  return a !== null && a.ticketId === b.ticketId && a.acceptedAtMs === b.acceptedAtMs;
}

/**
 * The ticket is stored, and waits from now on. Not refused, even if its place was lost: what is stored was promised. Said again, or of a ticket
 * that has come further, it changes nothing.
 */
export function enqueue(item: QueueItem, known: Place | null, notBeforeMs: number, nowMs: number): Place {
  if (known !== null) return { ...known, heardAtMs: nowMs };
  return { ...freshPlace(item, nowMs), notBeforeMs };
}

/** Who puts a ticket back into the queue, and how. */
export interface Requeueing {
  readonly notBeforeMs: number;
  readonly suspect: boolean;
  /** Of the call that is over; `null`: none was begun. Another's running call is left alone. */
  readonly permit: string | null;
}

/** Back to waiting: after a failed attempt, a call given back, or the death of its process. */
export function requeue(item: QueueItem, known: Place | null, requeueing: Requeueing, nowMs: number): Place {
  const place = known ?? freshPlace(item, nowMs);
  const isAnothers = place.standing.state === "running" && place.standing.permit !== requeueing.permit;
  if (isAnothers) return { ...place, heardAtMs: nowMs };
  const { notBeforeMs, suspect } = requeueing;
  return { ...place, standing: { state: "waiting" }, notBeforeMs, suspect, heardAtMs: nowMs };
}

/** What a worker knows of the ticket that it would like to call for, and the fresh permit it would do it with. */
export interface Starter {
  readonly permit: string;
  readonly notBeforeMs: number;
  readonly suspect: boolean;
  /** When its backoff began; absent: not known. */
  readonly sinceMs?: number;
}

export type Start =
  | {
      readonly kind: "call";
      readonly epoch: number;
      /** The provider is being asked, not the ticket: a failure costs it no attempt. */
      readonly asProbe: boolean;
      readonly leaseEndsAtMs: number;
      /** Its backoff was ended before its time: the breaker has closed, or its pause is over. */
      readonly early?: true;
    }
  /** It waits in its place, and the gate sends it again. `retryAtMs`: not before; `null`: when a permit is free. */
  | { readonly kind: "wait"; readonly why: WaitReason; readonly retryAtMs: number | null }
  /** Another worker has it. */
  | { readonly kind: "busy"; readonly untilMs: number };

/**
 * `paused`: an operator has halted the provider. The last three are about its model: it is ill alone, it was refused to us, or it answers
 * without judgements.
 */
export type WaitReason =
  | "paused"
  | "turn"
  | "backoff"
  | "rate_limit"
  | "breaker"
  | "credentials"
  | "model_faults"
  | "model_refused"
  | "no_judgements";

/**
 * A worker asks whether it may call for a ticket now. If not, the ticket's place waits. Asked again with its permit, it is told the same.
 *
 * @param inFlightOfModel dispatched and running tickets of its model; asked for where its model has a ramp
 */
export function start(
  gate: GateState,
  item: QueueItem,
  known: Place | null,
  starter: Starter,
  load: QueueLoad,
  inFlightOfModel: () => number,
  nowMs: number,
  limits: GateLimits,
): { gate: GateState; place: Place; reply: Start } {
  const { permit, suspect } = starter;
  const notBeforeMs = hasWaited(gate, item, starter, nowMs) ? nowMs : starter.notBeforeMs;
  const place = { ...(known ?? freshPlace(item, nowMs)), notBeforeMs, suspect, heardAtMs: nowMs };
  const { epoch } = gate.breaker;
  const early = nowMs < starter.notBeforeMs ? ({ early: true } as const) : {};
  if (place.standing.state === "running") {
    const { untilMs } = place.standing;
    if (place.standing.permit !== permit) {
      return { gate, place: known ?? place, reply: { kind: "busy", untilMs } };
    }
    const asProbe = ownsTurn(gate, place, permit);
    return { gate, place, reply: { kind: "call", epoch, asProbe, leaseEndsAtMs: untilMs, ...early } };
  }
  const wasChosen = ownsTurn(gate, place, item.ticketId);
  const waits = reasonToWait(gate, place, wasChosen, known, load, inFlightOfModel, nowMs, limits);
  if (waits !== null) {
    return {
      gate: dropTurn(gate, item.model, item.ticketId),
      place: { ...place, standing: { state: "waiting" } },
      reply: { kind: "wait", ...waits },
    };
  }
  const asProbe = ticketTurn(gate, place, nowMs).kind !== "free" || askedPause(gate, item.model) !== null;
  const endsAtMs = nowMs + limits.leaseMs;
  return {
    gate: asProbe ? takeTurn(gate, place, { permit, endsAtMs }) : gate,
    place: {
      ...place,
      standing: { state: "running", untilMs: endsAtMs, permit },
      probes: asProbe && !wasChosen ? nowMs : place.probes,
    },
    reply: { kind: "call", epoch, asProbe, leaseEndsAtMs: endsAtMs, ...early },
  };
}

/** Has its backoff been ended, by the end of what it waited for? */
function hasWaited(gate: GateState, { model }: QueueItem, { sinceMs }: Starter, nowMs: number): boolean {
  if (sinceMs === undefined) return false;
  const pause = pauseOf(gate.holds, model, nowMs);
  return sinceMs <= gate.waitsEndedMs || (pause?.ramp !== undefined && sinceMs <= pause.untilMs);
}

function reasonToWait(
  gate: GateState,
  place: Place,
  wasChosen: boolean,
  known: Place | null,
  load: QueueLoad,
  inFlightOfModel: () => number,
  nowMs: number,
  limits: GateLimits,
): { why: WaitReason; retryAtMs: number | null } | null {
  if (gate.halt !== undefined) return { why: "paused", retryAtMs: nowMs + haltedMs };
  if (nowMs < place.notBeforeMs) return { why: "backoff", retryAtMs: place.notBeforeMs };
  const self = isInFlight(known) ? 1 : 0;
  const pause = pauseOf(gate.holds, place.model, nowMs);
  const asked = askedPause(gate, place.model);
  const isSpared = pause !== undefined && sparesTicketsOf(pause, place.tenant);
  const isPausedNow = pause !== undefined && asked === null && isPaused(pause, nowMs);
  if (isPausedNow && !isSpared) {
    return { why: pause.why === "faults" ? "model_faults" : "rate_limit", retryAtMs: pause.untilMs };
  }
  const turn = ticketTurn(gate, place, nowMs);
  if (turn.kind === "wait" && !wasChosen) {
    return { why: isClosedForTicket(gate, place) ? "credentials" : "breaker", retryAtMs: turn.untilMs };
  }
  const askedTurn = asked === null ? null : modelTurn(asked, nowMs);
  if (askedTurn?.kind === "wait" && !wasChosen) {
    return {
      why: asked?.why === "no_judgements" ? "no_judgements" : "model_refused",
      retryAtMs: askedTurn.untilMs,
    };
  }
  const isOverRamp =
    pause?.why !== undefined &&
    asked === null &&
    !isPausedNow &&
    inFlightOfModel() - self >= (pause.ramp ?? rampStart).allowed;
  const suspectsBeside = load.suspectsInFlight - (known?.suspect === true ? self : 0);
  const isBeside = place.suspect && suspectsBeside > 0;
  return isOverRamp || isBeside || load.inFlight - self >= mostInFlight(gate, turn, limits)
    ? { why: "turn", retryAtMs: null }
    : null;
}

/** A ticket has ended and its place was removed. Said again, it changes nothing. `load` is the one without it. */
export function remove(
  gate: GateState,
  ticketId: string,
  known: Place | null,
  load: QueueLoad,
  nowMs: number,
): GateState {
  if (known === null) return gate;
  const freed = known.standing.state === "running" ? gate : dropTurn(gate, known.model, ticketId);
  if (known.standing.state !== "running") return freed;
  const following = queueTurn(gate, nowMs).kind === "free" ? load.waiting : 0;
  return { ...freed, vitals: countEnd(freed.vitals, following, nowMs) };
}

function freshPlace(item: QueueItem, nowMs: number): Place {
  const { ticketId, priority, acceptedAtMs, sizeBytes, model, tenant, comparison, tokens } = item;
  return {
    ticketId,
    priority,
    acceptedAtMs,
    sizeBytes,
    model,
    // Older code leaves them out.
    tenant: tenant ?? "",
    comparison: comparison ?? "",
    tokens: tokens ?? tokensOf(sizeBytes, defaultMaxTokens),
    standing: { state: "waiting" },
    notBeforeMs: nowMs,
    suspect: false,
    probes: 0,
    heardAtMs: nowMs,
  };
}
