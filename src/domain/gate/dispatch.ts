/**
 * Which tickets are sent now. The gate is the only one who sends a ticket that waits: a probe where the breaker or our account wants one; the
 * tickets that ask for their models; then all in turn (`fair-order.ts`), as far as ramps and paces let them.
 */
import { openFor, pausesOf } from "./blocks.ts";
import { charge, comesBefore, type TenantLine } from "./fair-order.ts";
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

/** A line in which somebody is over the backoff, and of which models. */
interface OpenLine {
  line: TenantLine;
  readonly others: Group[];
  readonly suspects: Group[];
  /** Nothing more of it can be sent now. */
  isDone: boolean;
}

/** Looked up once: while tickets are sent, nobody joins a line. */
function openLines(places: Places, nowMs: number): readonly OpenLine[] {
  const others = places.groups(nowMs, null, false);
  const suspects = places.load().suspectsInFlight > 0 ? [] : places.groups(nowMs, null, true);
  const ofTenant: Record<string, { readonly others: Group[]; readonly suspects: Group[] }> = {};
  for (const group of others) (ofTenant[group.tenant] ??= { others: [], suspects: [] }).others.push(group);
  for (const group of suspects)
    (ofTenant[group.tenant] ??= { others: [], suspects: [] }).suspects.push(group);
  return places.lines(Object.keys(ofTenant)).map((line) => {
    const groups = ofTenant[line.tenant] ?? { others: [], suspects: [] };
    return { line, ...groups, isDone: false };
  });
}

/** Finds the first ticket of the line whose turn it is; its own suspects go before all else of it, one of all tenants' at a time. */
function inTurn(places: Places, nowMs: number): (gate: GateState) => Place | null {
  const lines = openLines(places, nowMs);
  let latest: OpenLine | null = null;

  function firstOpen(gate: GateState, pauses: readonly Block[], maySuspect: boolean): OpenLine | null {
    const virtualTime = places.virtualTime();
    let first: OpenLine | null = null;
    for (const open of lines) {
      if (open.isDone || (first !== null && !comesBefore(open.line, first.line, virtualTime))) continue;
      const hasTicket =
        mayGo(open.others, gate, pauses) || (maySuspect && mayGo(open.suspects, gate, pauses));
      if (hasTicket) first = open;
    }
    return first;
  }

  return (gate) => {
    // It has paid for its last ticket since.
    if (latest !== null) latest.line = places.lines([latest.line.tenant])[0] ?? latest.line;
    const pauses = pausesOf(gate, places, nowMs);
    const maySuspect = places.load().suspectsInFlight === 0;
    for (;;) {
      latest = firstOpen(gate, pauses, maySuspect);
      if (latest === null) return null;
      const { tenant } = latest.line;
      const blocked = [...pauses, ...openFor(gate, [...latest.others, ...latest.suspects], nowMs)];
      const query = { nowMs, blocked, tenant, model: null, forProbe: false, limit: 1 };
      const suspect =
        maySuspect && latest.suspects.length > 0 ? places.ready({ ...query, suspect: true })[0] : undefined;
      const first = suspect ?? places.ready({ ...query, suspect: false })[0];
      if (first !== undefined) return first;
      latest.isDone = true;
    }
  };
}

/** May any of these be sent, as far as groups tell? */
function mayGo(groups: readonly Group[], gate: GateState, pauses: readonly Block[]): boolean {
  // While the breaker is open for some, only their probes go.
  return groups.some(
    (group) => (!isDivided(gate) || isClosedForTicket(gate, group)) && !isBlocked(group, pauses),
  );
}
