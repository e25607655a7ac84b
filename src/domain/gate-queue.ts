/**
 * What tickets do at a gate: take a place, wait, get a turn, leave. Pure: each function takes the core, the single rows and sums it needs
 * (see `places.ts`), and says what becomes of them; whoever holds the table writes it. `src/stores/gate-keeper.ts` does so for every
 * table that answers at once.
 */
import { hasRoomFor } from "./admission.ts";
import { dropTurn, ownsTurn, takeTurn, type GateCore, type GateLimits } from "./gate.ts";
import { mostInFlight, queueTurn } from "./gate-dispatch.ts";
import { heldUntilMs } from "./holds.ts";
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
  if (known === null && !(core.accepting && hasRoomFor(seat.sizeBytes, tally, limits))) return null;
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
}

export type Start =
  | {
      readonly kind: "call";
      readonly epoch: number;
      /** The provider is being asked, not the ticket: a failure costs it no attempt. */
      readonly asProbe: boolean;
      readonly leaseEndsAtMs: number;
    }
  /** It waits in its place, and the gate sends it again. `retryAtMs`: not before; `null`: when a permit is free. */
  | { readonly kind: "wait"; readonly why: WaitReason; readonly retryAtMs: number | null }
  /** Another worker has it. */
  | { readonly kind: "busy"; readonly untilMs: number };

export type WaitReason = "turn" | "backoff" | "rate_limit" | "breaker" | "credentials";

/** A worker asks whether it may call for a ticket now. If not, the ticket's place waits. Asked again with its permit, it is told the same. */
export function start(
  core: GateCore,
  seat: Seat,
  known: Place | null,
  starter: Starter,
  tally: Tally,
  nowMs: number,
  limits: GateLimits,
): { core: GateCore; place: Place; reply: Start } {
  const { permit, notBeforeMs, suspect } = starter;
  const place = { ...(known ?? freshPlace(seat, nowMs)), notBeforeMs, suspect, heardAtMs: nowMs };
  const { epoch } = core.breaker;
  if (place.standing.state === "running") {
    const { untilMs } = place.standing;
    return place.standing.permit === permit
      ? {
          core,
          place,
          reply: { kind: "call", epoch, asProbe: ownsTurn(core, permit), leaseEndsAtMs: untilMs },
        }
      : { core, place: known ?? place, reply: { kind: "busy", untilMs } };
  }
  const wasChosen = ownsTurn(core, seat.ticketId);
  const waits = reasonToWait(core, place, wasChosen, known, tally, nowMs, limits);
  if (waits !== null) {
    return {
      core: dropTurn(core, seat.ticketId),
      place: { ...place, standing: { state: "waiting" } },
      reply: { kind: "wait", ...waits },
    };
  }
  const asProbe = queueTurn(core, nowMs).kind !== "free";
  const endsAtMs = nowMs + limits.leaseMs;
  return {
    core: asProbe ? takeTurn(core, { permit, endsAtMs }) : core,
    place: {
      ...place,
      standing: { state: "running", untilMs: endsAtMs, permit },
      probes: place.probes + (asProbe && !wasChosen ? 1 : 0),
    },
    reply: { kind: "call", epoch, asProbe, leaseEndsAtMs: endsAtMs },
  };
}

function reasonToWait(
  core: GateCore,
  place: Place,
  wasChosen: boolean,
  known: Place | null,
  tally: Tally,
  nowMs: number,
  limits: GateLimits,
): { why: WaitReason; retryAtMs: number | null } | null {
  if (nowMs < place.notBeforeMs) return { why: "backoff", retryAtMs: place.notBeforeMs };
  const held = heldUntilMs(core.holds, place.model, nowMs);
  if (held !== null) return { why: "rate_limit", retryAtMs: held };
  const turn = queueTurn(core, nowMs);
  if (turn.kind === "wait" && !wasChosen) {
    return { why: core.breaker.state === "closed" ? "credentials" : "breaker", retryAtMs: turn.untilMs };
  }
  const self = isInFlight(known) ? 1 : 0;
  const suspectsBeside = tally.suspectsInFlight - (known?.suspect === true ? self : 0);
  const isBeside = place.suspect && suspectsBeside > 0;
  return isBeside || tally.inFlight - self >= mostInFlight(core, turn, limits)
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
  const freed = known.standing.state === "running" ? core : dropTurn(core, ticketId);
  if (known.standing.state !== "running") return freed;
  const following = queueTurn(core, nowMs).kind === "free" ? tally.waiting : 0;
  return { ...freed, vitals: countEnd(freed.vitals, following, nowMs) };
}

function freshPlace(seat: Seat, nowMs: number): Place {
  const { ticketId, priority, acceptedAtMs, sizeBytes, model } = seat;
  return {
    ticketId,
    priority,
    acceptedAtMs,
    sizeBytes,
    model,
    standing: { state: "waiting" },
    notBeforeMs: nowMs,
    suspect: false,
    probes: 0,
    heardAtMs: nowMs,
  };
}
