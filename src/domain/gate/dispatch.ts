/** Which tickets are sent now. The gate is the only one who sends a ticket that waits. */
import { anyTenant, openFor, pausesOf, roomOf } from "./blocks.ts";
import { isClosedForTicket, takeTurn, type GateCore, type GateLimits } from "./gate.ts";
import { firstOf, mostProbed, mostTied, probeOf } from "./least-lately.ts";
import { paced } from "./paces.ts";
import { holdOf, isAsked, isHeld, presentHolds, type ModelHold } from "./pauses.ts";
import { byTurn, dispatchMs, isBlocked, type Block, type Place, type Places, type Tally } from "./places.ts";
import { rampStart } from "./ramp.ts";
import { isDivided, mostInFlight, queueTurn } from "./ticket-turn.ts";

/**
 * Sends as many tickets as there are openings, in order.
 *
 * @param most that whoever takes them can take
 * @returns the places as sent; the caller writes them and sends their ids
 */
export function dispatch(
  core: GateCore,
  places: Places,
  nowMs: number,
  limits: GateLimits,
  most = Infinity,
): { core: GateCore; places: readonly Place[] } {
  const tally = places.tally();
  const { count: free, forProbe } = openings(core, tally, nowMs, limits);
  const count = Math.min(free, most);
  if (isDivided(core)) return divided(core, places, tally, count, nowMs, limits, most);
  if (count <= 0) return { core, places: [] };
  const chosen = forProbe ? probeOf(core, places, tally, nowMs) : inTurn(core, places, tally, count, nowMs);
  return sent(core, chosen.slice(0, count), forProbe, nowMs);
}

/** How many tickets may be sent now, and whether the one is a probe. */
function openings(
  core: GateCore,
  tally: Tally,
  nowMs: number,
  limits: GateLimits,
): { count: number; forProbe: boolean } {
  const turn = queueTurn(core, nowMs);
  const free = Math.max(0, mostInFlight(core, turn, limits) - tally.inFlight);
  switch (turn.kind) {
    case "wait":
      return { count: 0, forProbe: true };
    case "one":
      return { count: Math.min(1, free), forProbe: true };
    case "free":
      return { count: free, forProbe: false };
  }
}

/** The probe of those for whom the breaker is open, and tickets of the others. */
function divided(
  core: GateCore,
  places: Places,
  tally: Tally,
  probes: number,
  nowMs: number,
  limits: GateLimits,
  most: number,
): { core: GateCore; places: readonly Place[] } {
  const blamed = (place: Place) => !isClosedForTicket(core, place);
  const probe = probes <= 0 ? [] : probeOf(core, places, tally, nowMs).filter(blamed);
  const probing = sent(core, probe, true, nowMs);
  // It counts for the ramp of its model, and as a suspect.
  for (const place of probing.places) places.put(place);
  const now = probing.places.length === 0 ? tally : places.tally();
  const free = Math.max(0, mostInFlight(core, { kind: "free" }, limits) - now.inFlight);
  const count = Math.min(free, most - probing.places.length);
  if (count <= 0) return probing;
  const chosen = inTurn(probing.core, places, now, count, nowMs).filter((place) => !blamed(place));
  const others = sent(probing.core, chosen.slice(0, count), false, nowMs);
  return { core: others.core, places: [...probing.places, ...others.places] };
}

function sent(
  core: GateCore,
  chosen: readonly Place[],
  forProbe: boolean,
  nowMs: number,
): { core: GateCore; places: readonly Place[] } {
  const untilMs = nowMs + dispatchMs;
  const places = chosen.map((place): Place => {
    const isAsking = forProbe || asks(core, place) || isFirst(core, place, nowMs);
    return {
      ...place,
      standing: { state: "dispatched", untilMs },
      probes: isAsking ? nowMs : place.probes,
    };
  });
  return {
    core: places.reduce((before, place) => told(before, place, forProbe, untilMs, nowMs), core),
    places,
  };
}

/** The turn is the ticket's until a worker claims it with a permit of its own. */
function told(core: GateCore, place: Place, forProbe: boolean, untilMs: number, nowMs: number): GateCore {
  const { ticketId, model, tenant } = place;
  const lease = { permit: ticketId, endsAtMs: untilMs };
  const paces = paced(core.paces, tenant, model, nowMs);
  const started = paces === core.paces ? core : { ...core, paces };
  if (forProbe) {
    return {
      ...takeTurn(started, place, lease),
      probed: [...core.probed, { tenant, model }].slice(-mostProbed),
    };
  }
  if (!asks(core, place)) return started;
  const holds = core.holds.map((hold) => (hold.model === model ? { ...hold, asker: lease } : hold));
  return { ...started, holds };
}

function asks({ holds }: GateCore, { model }: Place): boolean {
  return holds.some((hold) => hold.model === model && isAsked(hold));
}

/** Does it go as the first after its model's hold? In vain perhaps: then another is next. */
function isFirst({ holds }: GateCore, { model }: Place, nowMs: number): boolean {
  const hold = holdOf(holds, model, nowMs);
  return hold !== undefined && (hold.ramp ?? rampStart).allowed === 1;
}

/** Tickets of models that are asked go first, one each; then all in order, as far as ramps and paces let them. */
function inTurn(
  core: GateCore,
  places: Places,
  tally: Tally,
  count: number,
  nowMs: number,
): readonly Place[] {
  const open = openFor(core, places, nowMs);
  const blocked = [...pausesOf(core, places, nowMs), ...open];
  const special = specialModels(core, nowMs);
  const query = { nowMs, only: null, forProbe: false };
  const isOpenForSome = isDivided(core);
  const suspects =
    tally.suspectsInFlight > 0
      ? []
      : places
          .ready({ ...query, blocked, suspect: true, limit: isOpenForSome ? mostTied : 1 })
          .filter((place) => !isOpenForSome || isClosedForTicket(core, place))
          .slice(0, 1);
  const free = places.ready({
    ...query,
    blocked: [...special.map((model) => ({ model, untilMs: Infinity })), ...open],
    suspect: false,
    limit: count,
  });
  const asking: Place[] = [];
  const others: Place[] = [...suspects, ...free];
  for (const model of special) {
    const hold = holdOf(core.holds, model, nowMs);
    if (isBlocked({ model, tenant: anyTenant }, blocked)) continue;
    // A suspect that goes is one of them; where one asks at a time, it is that one.
    const suspected = suspects.filter((place) => place.model === model).length;
    if (hold !== undefined && isAsked(hold)) {
      if (suspected === 0) asking.push(...firstOf(hold, places, blocked, nowMs));
    } else {
      // While it keeps one tenant back alone, those whom it spares go as if there were none.
      const ramp = hold !== undefined && isHeld(hold, nowMs) ? undefined : hold;
      const room = ramp === undefined ? count : Math.min(count, roomOf(ramp, places) - suspected);
      others.push(...ofModel(core, ramp, model, places, blocked, room, nowMs));
    }
  }
  return [...asking, ...others.toSorted(byTurn)];
}

/** Those with a hold, a ramp or a pace. */
function specialModels({ holds, paces }: GateCore, nowMs: number): readonly string[] {
  const models = presentHolds(holds, nowMs).map(({ model }) => model);
  for (const { model } of paces) if (!models.includes(model)) models.push(model);
  return models;
}

/** Of a model with a ramp, or with tenants that have a pace: of each of these one at a time. @param room for so many */
function ofModel(
  core: GateCore,
  hold: ModelHold | undefined,
  model: string,
  places: Places,
  blocked: readonly Block[],
  room: number,
  nowMs: number,
): readonly Place[] {
  if (room <= 0) return [];
  if (hold !== undefined && (hold.ramp ?? rampStart).allowed === 1) {
    return firstOf(hold, places, blocked, nowMs).slice(0, room);
  }
  const query = { nowMs, suspect: false, forProbe: false };
  const paces = core.paces.filter((pace) => pace.model === model);
  const unpaced = places.ready({
    ...query,
    blocked: [...blocked, ...paces.map(({ tenant }) => ({ model, tenant, untilMs: Infinity }))],
    only: { model, tenant: null },
    limit: room,
  });
  const nextPaced = paces
    .filter(({ nextAtMs }) => nextAtMs <= nowMs)
    .flatMap(({ tenant }) => places.ready({ ...query, blocked, only: { model, tenant }, limit: 1 }));
  return [...unpaced, ...nextPaced].toSorted(byTurn).slice(0, room);
}
