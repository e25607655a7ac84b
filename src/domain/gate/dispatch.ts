/**
 * Which tickets are sent now. The gate is the only one who sends a ticket that waits: a probe where the breaker or our account wants one; the
 * tickets that ask for their models; then all in turn (`fair-order.ts`), as far as ramps and paces let them.
 */
import { openFor, pausesOf } from "./blocks.ts";
import { charge, firstLine, type TenantLine } from "./fair-order.ts";
import { isClosedForTicket, takeTurn, type GateState, type GateLimits } from "./gate.ts";
import { askerOf, isFirst, mostProbed, probeOf } from "./least-lately.ts";
import { paced } from "./paces.ts";
import { isAsked, presentPauses } from "./pauses.ts";
import { dispatchMs, isBlocked, type Block, type Group, type Place, type Places } from "./places.ts";
import { isDivided, mostInFlight, queueTurn } from "./ticket-turn.ts";
import type { Turn } from "./turn.ts";

interface Sent {
  readonly gate: GateState;
  /** As they are now, in the order in which they were sent. */
  readonly places: readonly Place[];
}

/** How a ticket goes: `probe` for all or for whom the breaker is open, `ask` for its model, or in its turn. */
type Way = "probe" | "ask" | "turn";

/**
 * Sends as many tickets as there are openings, in order, and writes their places.
 *
 * @param most that whoever takes them can take
 */
export function dispatch(
  gate: GateState,
  places: Places,
  nowMs: number,
  limits: GateLimits,
  most = Infinity,
): Sent {
  let sent: Sent = { gate, places: [] };
  const turn = queueTurn(gate, nowMs);

  function hasRoom(turn: Turn): boolean {
    const flying = places.load().inFlight;
    return sent.places.length < most && flying < mostInFlight(sent.gate, turn, limits);
  }

  function send(place: Place, way: Way): void {
    const isAsking = way === "probe" || asks(sent.gate, place) || isFirst(sent.gate, place, nowMs);
    const untilMs = nowMs + dispatchMs;
    const now: Place = {
      ...place,
      standing: { state: "dispatched", untilMs },
      probes: isAsking ? nowMs : place.probes,
    };
    places.put(now);
    charge(places, now, way === "turn", limits.weights, nowMs);
    sent = {
      gate: told(sent.gate, now, way === "probe", untilMs, nowMs),
      places: [...sent.places, now],
    };
  }

  if (turn.kind === "one" && hasRoom(turn)) {
    const probe = probeOf(gate, places, nowMs);
    if (probe !== null) send(probe, "probe");
  }
  if (turn.kind === "free" || isDivided(gate)) {
    for (const pause of presentPauses(gate.holds, nowMs)) {
      const asker = hasRoom(free) ? askerOf(sent.gate, pause, places, nowMs) : null;
      if (asker !== null) send(asker, "ask");
    }
    const next = hasRoom(free) ? openLines(places, nowMs) : () => null;
    for (let place = next(sent.gate); place !== null; place = hasRoom(free) ? next(sent.gate) : null) {
      send(place, "turn");
    }
  }
  return sent;
}

const free: Turn = { kind: "free" };

/** The turn is the ticket's until a worker claims it with a permit of its own. */
function told(gate: GateState, place: Place, forProbe: boolean, untilMs: number, nowMs: number): GateState {
  const { ticketId, model, tenant } = place;
  const lease = { permit: ticketId, endsAtMs: untilMs };
  const paces = paced(gate.paces, tenant, model, nowMs);
  const started = paces === gate.paces ? gate : { ...gate, paces };
  if (forProbe) {
    return {
      ...takeTurn(started, place, lease),
      probed: [...gate.probed, { tenant, model }].slice(-mostProbed),
    };
  }
  if (!asks(gate, place)) return started;
  const pauses = gate.holds.map((pause) => (pause.model === model ? { ...pause, asker: lease } : pause));
  return { ...started, holds: pauses };
}

function asks({ holds: pauses }: GateState, { model }: Place): boolean {
  return pauses.some((pause) => pause.model === model && isAsked(pause));
}

/** The lines in which somebody is over the backoff, looked up once: while tickets are sent, nobody joins them. */
function openLines(places: Places, nowMs: number) {
  const others = places.groups(nowMs, null, false);
  const suspects = places.load().suspectsInFlight > 0 ? [] : places.groups(nowMs, null, true);
  /** Tenants of which nothing more can be sent now. */
  const done: Record<string, boolean> = {};

  /** @param groups those in which there may be a ticket to send */
  function linesOf(
    groups: readonly Group[],
    gate: GateState,
    pauses: readonly Block[],
  ): readonly TenantLine[] {
    const tenants: Record<string, boolean> = {};
    for (const group of groups) {
      // While the breaker is open for some, only their probes go.
      const mayGo = !isDivided(gate) || isClosedForTicket(gate, group);
      if (mayGo && done[group.tenant] !== true && !isBlocked(group, pauses)) tenants[group.tenant] = true;
    }
    return places.lines(Object.keys(tenants));
  }

  /** The first ticket of the line whose turn it is; its own suspects go before all else of it, one of all tenants' at a time. */
  return (gate: GateState): Place | null => {
    const pauses = pausesOf(gate, places, nowMs);
    const maySuspect = places.load().suspectsInFlight === 0;
    const groups = maySuspect ? [...others, ...suspects] : others;
    for (;;) {
      const line = firstLine(linesOf(groups, gate, pauses), places.virtualTime());
      if (line === null) return null;
      const { tenant } = line;
      const own = groups.filter((group) => group.tenant === tenant);
      const blocked = [...pauses, ...openFor(gate, own, nowMs)];
      const query = { nowMs, blocked, tenant, model: null, forProbe: false, limit: 1 };
      const suspect = maySuspect ? places.ready({ ...query, suspect: true })[0] : undefined;
      const first = suspect ?? places.ready({ ...query, suspect: false })[0];
      if (first !== undefined) return first;
      done[tenant] = true;
    }
  };
}
