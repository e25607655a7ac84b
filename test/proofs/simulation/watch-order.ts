/** Looks at whom a gate sends, of all that it could: in order, as far as ramps let them, and nobody left who could go. */
import type { GateState } from "../../../src/domain/gate/gate.ts";
import type { Place } from "../../../src/domain/gate/places.ts";
import type { BreakerReference, Broken } from "./breaker-reference.ts";
import { allowedBy } from "./held.ts";
import { createTurnsReference } from "./turns-reference.ts";
import type { World } from "./world.ts";

type Rows = ReadonlyMap<string, Place>;

export function watchOrder({ plan, scheduler }: World, breaker: BreakerReference, broken: Broken) {
  const { concurrency } = plan.limits;
  const turns = createTurnsReference(broken);

  function checkInFlight(rows: Rows): void {
    const flying = [...rows.values()].filter(isInFlight);
    if (flying.length > concurrency) broken("order", `${flying.length} tickets in flight of ${concurrency}`);
    const suspects = flying.filter(({ suspect }) => suspect);
    if (suspects.length > 1)
      broken("order", `${suspects.length} suspects in flight`, suspects[0]?.ticketId ?? null);
  }

  function checkOrder(state: GateState, ids: readonly string[], rows: Rows): void {
    if (ids.length === 0) return;
    const left = [...rows.values()].filter(
      (place) =>
        isReady(state, place) &&
        !place.suspect &&
        !hasOwnPace(state, place) &&
        !breaker.isProbing(state, place),
    );
    for (const id of ids) {
      const sent = rows.get(id);
      const isPlain = sent && !sent.suspect && !hasOwnPace(state, sent) && !breaker.isProbing(state, sent);
      const overtaken = left.find((place) => isPlain && comesBefore(place, sent));
      if (overtaken) broken("order", `${id} is sent before ${overtaken.ticketId}`, id);
    }
  }

  /** Who was sent, of all that could have been. */
  function checkTurns(before: GateState, rows: Rows, ids: readonly string[]): void {
    const ready = [...rows.values()].filter(
      (place) => isReady(before, place) && flyingOf(rows, place.model) < roomFor(before, place.model),
    );
    const asked = new Set<string>();
    for (const id of ids) {
      const sent = rows.get(id);
      if (sent === undefined) continue;
      const { model } = sent;
      const isProbe = breaker.isProbing(before, sent);
      if (isProbe)
        turns.probes(
          sent,
          ready.filter((place) => breaker.isProbing(before, place)),
        );
      const hold = breaker.hold(model);
      // While it holds one tenant alone, nobody is the first after it.
      const isOver = hold?.spares === null || hold === undefined || scheduler.nowMs() >= hold.untilMs;
      if (hold?.isFresh && isOver && !isProbe) {
        const beside = ready.filter((place) => !breaker.isProbing(before, place));
        turns.firstAfterHold(sent, hold, beside);
      }
      if (asked.has(model)) broken("8 breaker", `${model} is asked twice at a time`, id);
      if (breaker.isAsked(model)) asked.add(model);
    }
  }

  /** "A ramp of that model alone." */
  function checkRamps(rows: Rows, ids: readonly string[]): void {
    for (const id of ids) {
      const { model = "" } = rows.get(id) ?? {};
      // Whose tickets ask, one at a time, has no ramp yet; nor have those whom its hold spares.
      if (breaker.isAsked(model)) continue;
      const hold = breaker.hold(model);
      const holdsOne = hold !== undefined && hold.spares !== null && scheduler.nowMs() < hold.untilMs;
      if (holdsOne) continue;
      const allowed = allowedBy(hold, scheduler.nowMs());
      const flying = flyingOf(rows, model);
      if (flying > allowed)
        broken("13 whose", `${flying} of ${model} in flight, ${allowed} after its hold`, id);
    }
  }

  /** Nobody lies ready who could be sent. */
  function checkIdle(state: GateState, rows: Rows): void {
    const all = [...rows.values()];
    const flying = all.filter(isInFlight);
    const most = (place: Place) =>
      breaker.isProbing(state, place)
        ? concurrency
        : Math.min(state.ramp?.allowed ?? concurrency, concurrency);
    const hasSuspect = flying.some(({ suspect }) => suspect);
    const idle = all.find(
      (place) =>
        isReady(state, place) &&
        breaker.hasTurn(state, place) &&
        flying.length < most(place) &&
        !(place.suspect && hasSuspect) &&
        flyingOf(rows, place.model) < roomFor(state, place.model),
    );
    if (idle) broken("4 ends", "a ticket lies ready though it could be sent", idle.ticketId);
  }

  function isReady(state: GateState, place: Place): boolean {
    const nowMs = scheduler.nowMs();
    const { standing, notBeforeMs, model, tenant } = place;
    const isPaced = state.paces.some(
      (pace) => pace.model === model && pace.tenant === tenant && nowMs < pace.nextAtMs,
    );
    return (
      standing.state === "waiting" && notBeforeMs <= nowMs && !isPaced && !breaker.isHeldBack(state, place)
    );
  }

  /** It goes by its model's ramp, or its tenant's pace, or is asked before others. */
  function hasOwnPace({ holds, paces }: GateState, { model }: Place): boolean {
    return [...holds, ...paces].some((one) => one.model === model);
  }

  function flyingOf(rows: Rows, model: string): number {
    return [...rows.values()].filter((place) => isInFlight(place) && place.model === model).length;
  }

  /** How many of a model may be in flight now, by the gate itself. */
  function roomFor({ holds }: GateState, model: string): number {
    const hold = holds.find((one) => one.model === model);
    const holdsOne = hold?.spares !== undefined && scheduler.nowMs() < hold.untilMs;
    const isOver = hold === undefined || hold.why === undefined || holdsOne || breaker.isAsked(model);
    return isOver ? Infinity : (hold.ramp?.allowed ?? 1);
  }

  return {
    /** Before the gate is followed. @param rows as they were */
    sends: checkTurns,
    /** After it. */
    sent(state: GateState, rows: Rows, ids: readonly string[]): void {
      checkRamps(rows, ids);
      checkOrder(state, ids, rows);
      checkInFlight(rows);
    },
    started: checkInFlight,
    /** All that could be sent has been. */
    served: checkIdle,
    restarted: () => turns.restarted(),
  };
}

/** Started by priority, then age. */
function comesBefore(a: Place, b: Place): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.acceptedAtMs < b.acceptedAtMs);
}

function isInFlight({ standing }: Place): boolean {
  return standing.state === "dispatched" || standing.state === "running";
}
