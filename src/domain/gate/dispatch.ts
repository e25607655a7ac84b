/**
 * Which tickets are sent now. The gate is the only one who sends a ticket that waits: a probe where the breaker or our account wants one; the
 * tickets that ask for their models; then all in turn (`fair-order.ts`), as far as ramps and paces let them.
 */
import { openFor, pausesOf } from "./blocks.ts";
import { charge } from "./fair-order.ts";
import { takeTurn, type GateState, type GateLimits } from "./gate.ts";
import { askerOf, isFirst, mostProbed, probeOf } from "./least-lately.ts";
import { paced } from "./paces.ts";
import { isAsked, presentPauses } from "./pauses.ts";
import { dispatchMs, type Block, type Group, type Place, type Places } from "./places.ts";
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
  if (gate.halt !== undefined) return sent;
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
    const next = hasRoom(free) ? inTurn(places, nowMs) : () => null;
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

/** Finds the first ticket of the line whose turn it is; its own suspects go before all else of it, one of all tenants' at a time. */
function inTurn(places: Places, nowMs: number): (gate: GateState) => Place | null {
  const suspects = places.load().suspectsInFlight > 0 ? [] : places.groups(nowMs, null, true);
  /** Lines of which nothing can be sent now. While tickets are sent, nobody joins a line. */
  const isDone: Record<string, boolean | undefined> = {};
  /** While the breaker is open for some: whom it may be open for, looked up once. */
  let groups: readonly Group[] | null = null;

  function firstIn(tenant: string, blocked: readonly Block[], maySuspect: boolean): Place | undefined {
    const query = { nowMs, blocked, tenant, model: null, forProbe: false, limit: 1 };
    const mayBeSuspect = maySuspect && suspects.some((group) => group.tenant === tenant);
    const suspect = mayBeSuspect ? places.ready({ ...query, suspect: true })[0] : undefined;
    return suspect ?? places.ready({ ...query, suspect: false })[0];
  }

  return (gate) => {
    if (isDivided(gate)) groups ??= [...places.groups(nowMs, null, false), ...suspects];
    // While the breaker is open for some, only their probes go.
    const blocked = [...pausesOf(gate, places, nowMs), ...openFor(gate, groups ?? [], nowMs)];
    const maySuspect = places.load().suspectsInFlight === 0;
    const found: Place[] = [];
    places.eachLine(({ tenant }) => {
      if (isDone[tenant] === true) return true;
      const first = firstIn(tenant, blocked, maySuspect);
      if (first === undefined) isDone[tenant] = true;
      else found.push(first);
      return first === undefined;
    });
    return found[0] ?? null;
  };
}
