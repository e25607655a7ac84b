/**
 * What tickets do at a gate: take a place, wait, get a turn, leave. Pure: each function takes the core, the single rows and sums it needs
 * (see `places.ts`), and says what becomes of them; whoever holds the table writes it. `src/stores/gate-keeper.ts` does so for every
 * table that answers at once.
 */
import { hasRoomFor } from "./admission.ts";
import { defaultMaxTokens, tokensOf } from "./fair-order.ts";
import {
  askedHold,
  dropTurn,
  isClosedForTicket,
  ownsTurn,
  takeTurn,
  wholeLoad,
  type GateCore,
  type GateLimits,
} from "./gate.ts";
import { mostInFlight, queueTurn, ticketTurn } from "./ticket-turn.ts";
import { holdOf, isHeld, modelTurn, sparesTicketsOf } from "./pauses.ts";
import { rampStart } from "./ramp.ts";
import { holdMs, isInFlight, type Place, type Seat, type Tally } from "./places.ts";
import { countEnd } from "./vitals.ts";

/**
 * Keeps room for a ticket that is not stored yet, for 30 s.
 *
 * @returns `null`: the queue is full. Asked again for the same ticket, it is held on.
 */
export function reserve(
  core: GateCore,
  seat: Seat,
  known: Place | null,
  tally: Tally,
  nowMs: number,
  limits: GateLimits,
): Place | null {
  if (known !== null && known.standing.state !== "held") return known;
  if (
    known === null &&
    !(core.accepting && hasRoomFor(seat.sizeBytes, wholeLoad(core, tally, nowMs, limits), limits))
  ) {
    return null;
  }
  return { ...freshPlace(seat, nowMs), standing: { state: "held", untilMs: nowMs + holdMs } };
}

/**
 * The ticket is stored, and waits from now on. Not refused, even if its hold has lapsed: what is stored was promised. Said again, or of a
 * ticket that has come further, it changes nothing.
 */
export function confirm(seat: Seat, known: Place | null, notBeforeMs: number, nowMs: number): Place {
  if (known !== null && known.standing.state !== "held") return { ...known, heardAtMs: nowMs };
  return { ...freshPlace(seat, nowMs), notBeforeMs };
}

/** Who parks a ticket, and how. */
export interface Parking {
  readonly notBeforeMs: number;
  readonly suspect: boolean;
  /** Of the call that is over; `null`: none was begun. Another's running call is left alone. */
  readonly permit: string | null;
}

/** Back to waiting: after a failed attempt, a call given back, or the death of its process. */
export function park(seat: Seat, known: Place | null, parking: Parking, nowMs: number): Place {
  const place = known ?? freshPlace(seat, nowMs);
  const isAnothers = place.standing.state === "running" && place.standing.permit !== parking.permit;
  if (isAnothers) return { ...place, heardAtMs: nowMs };
  const { notBeforeMs, suspect } = parking;
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
      /** Its backoff was ended before its time: the breaker has closed, or its hold is over. */
      readonly early?: true;
    }
  /** It waits in its place, and the gate sends it again. `retryAtMs`: not before; `null`: when a permit is free. */
  | { readonly kind: "wait"; readonly why: WaitReason; readonly retryAtMs: number | null }
  /** Another worker has it. */
  | { readonly kind: "busy"; readonly untilMs: number };

/** The last three are about its model: it is ill alone, it was refused to us, or it answers without judgements. */
export type WaitReason =
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
  core: GateCore,
  seat: Seat,
  known: Place | null,
  starter: Starter,
  tally: Tally,
  inFlightOfModel: () => number,
  nowMs: number,
  limits: GateLimits,
): { core: GateCore; place: Place; reply: Start } {
  const { permit, suspect } = starter;
  const notBeforeMs = hasWaited(core, seat, starter, nowMs) ? nowMs : starter.notBeforeMs;
  const place = { ...(known ?? freshPlace(seat, nowMs)), notBeforeMs, suspect, heardAtMs: nowMs };
  const { epoch } = core.breaker;
  const early = nowMs < starter.notBeforeMs ? ({ early: true } as const) : {};
  if (place.standing.state === "running") {
    const { untilMs } = place.standing;
    if (place.standing.permit !== permit) {
      return { core, place: known ?? place, reply: { kind: "busy", untilMs } };
    }
    const asProbe = ownsTurn(core, place, permit);
    return { core, place, reply: { kind: "call", epoch, asProbe, leaseEndsAtMs: untilMs, ...early } };
  }
  const wasChosen = ownsTurn(core, place, seat.ticketId);
  const waits = reasonToWait(core, place, wasChosen, known, tally, inFlightOfModel, nowMs, limits);
  if (waits !== null) {
    return {
      core: dropTurn(core, seat.model, seat.ticketId),
      place: { ...place, standing: { state: "waiting" } },
      reply: { kind: "wait", ...waits },
    };
  }
  const asProbe = ticketTurn(core, place, nowMs).kind !== "free" || askedHold(core, seat.model) !== null;
  const endsAtMs = nowMs + limits.leaseMs;
  return {
    core: asProbe ? takeTurn(core, place, { permit, endsAtMs }) : core,
    place: {
      ...place,
      standing: { state: "running", untilMs: endsAtMs, permit },
      probes: asProbe && !wasChosen ? nowMs : place.probes,
    },
    reply: { kind: "call", epoch, asProbe, leaseEndsAtMs: endsAtMs, ...early },
  };
}

/** Has its backoff been ended, by the end of what it waited for? */
function hasWaited(core: GateCore, { model }: Seat, { sinceMs }: Starter, nowMs: number): boolean {
  if (sinceMs === undefined) return false;
  const hold = holdOf(core.holds, model, nowMs);
  return sinceMs <= core.waitsEndedMs || (hold?.ramp !== undefined && sinceMs <= hold.untilMs);
}

function reasonToWait(
  core: GateCore,
  place: Place,
  wasChosen: boolean,
  known: Place | null,
  tally: Tally,
  inFlightOfModel: () => number,
  nowMs: number,
  limits: GateLimits,
): { why: WaitReason; retryAtMs: number | null } | null {
  if (nowMs < place.notBeforeMs) return { why: "backoff", retryAtMs: place.notBeforeMs };
  const self = isInFlight(known) ? 1 : 0;
  const hold = holdOf(core.holds, place.model, nowMs);
  const asked = askedHold(core, place.model);
  const isSpared = hold !== undefined && sparesTicketsOf(hold, place.tenant);
  const isHeldNow = hold !== undefined && asked === null && isHeld(hold, nowMs);
  if (isHeldNow && !isSpared) {
    return { why: hold.why === "faults" ? "model_faults" : "rate_limit", retryAtMs: hold.untilMs };
  }
  const turn = ticketTurn(core, place, nowMs);
  if (turn.kind === "wait" && !wasChosen) {
    return { why: isClosedForTicket(core, place) ? "credentials" : "breaker", retryAtMs: turn.untilMs };
  }
  const askedTurn = asked === null ? null : modelTurn(asked, nowMs);
  if (askedTurn?.kind === "wait" && !wasChosen) {
    return {
      why: asked?.why === "no_judgements" ? "no_judgements" : "model_refused",
      retryAtMs: askedTurn.untilMs,
    };
  }
  const isOverRamp =
    hold?.why !== undefined &&
    asked === null &&
    !isHeldNow &&
    inFlightOfModel() - self >= (hold.ramp ?? rampStart).allowed;
  const suspectsBeside = tally.suspectsInFlight - (known?.suspect === true ? self : 0);
  const isBeside = place.suspect && suspectsBeside > 0;
  return isOverRamp || isBeside || tally.inFlight - self >= mostInFlight(core, turn, limits)
    ? { why: "turn", retryAtMs: null }
    : null;
}

/** A ticket has ended and its place was removed. Said again, it changes nothing. `tally` is the one without it. */
export function release(
  core: GateCore,
  ticketId: string,
  known: Place | null,
  tally: Tally,
  nowMs: number,
): GateCore {
  if (known === null) return core;
  const freed = known.standing.state === "running" ? core : dropTurn(core, known.model, ticketId);
  if (known.standing.state !== "running") return freed;
  const following = queueTurn(core, nowMs).kind === "free" ? tally.waiting : 0;
  return { ...freed, vitals: countEnd(freed.vitals, following, nowMs) };
}

function freshPlace(seat: Seat, nowMs: number): Place {
  const { ticketId, priority, acceptedAtMs, sizeBytes, model, tenant, comparison, tokens } = seat;
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
