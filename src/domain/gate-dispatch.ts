/** Which tickets are sent now, and when to look again. The gate is the only one who sends a ticket that waits. */
import { breakerTurn } from "./breaker.ts";
import { takeTurn, type GateCore, type GateLimits } from "./gate.ts";
import { credentialsTurn } from "./holds.ts";
import { byProbeTurn, byTurn, dispatchMs, silenceMs, type Place, type Tally } from "./places.ts";
import { bothTurns, type Turn } from "./turn.ts";

/** When the queue may call: the breaker and the credentials must both let it. */
export function queueTurn(core: GateCore, nowMs: number): Turn {
  return bothTurns(breakerTurn(core.breaker, nowMs), credentialsTurn(core.credentials, nowMs));
}

/** Tickets in flight at once. With one turn the ramp has nothing to say: it begins when the breaker closes. */
export function mostInFlight(core: GateCore, turn: Turn, limits: GateLimits): number {
  return turn.kind === "free" && core.ramp !== null
    ? Math.min(core.ramp.allowed, limits.concurrency)
    : limits.concurrency;
}

/** How many tickets may be sent now, and whether the one is a probe: what to ask the table for (`Places.ready`). */
export function openings(
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

/**
 * Sends as many tickets as there are openings, in order.
 *
 * @param suspects the first ready one; none while another suspect is in flight
 * @param others the first ready ones that are no suspects, as many as there are openings
 * @param most that whoever takes them can take
 * @returns the places as sent; the caller writes them and sends their ids
 */
export function dispatch(
  core: GateCore,
  tally: Tally,
  suspects: readonly Place[],
  others: readonly Place[],
  nowMs: number,
  limits: GateLimits,
  most = Infinity,
): { core: GateCore; places: readonly Place[] } {
  const { count: free, forProbe } = openings(core, tally, nowMs, limits);
  const count = Math.min(free, most);
  const untilMs = nowMs + dispatchMs;
  const suspect = tally.suspectsInFlight > 0 ? [] : suspects.slice(0, 1);
  const places = [...suspect, ...others]
    .toSorted(forProbe ? byProbeTurn : byTurn)
    .slice(0, count)
    .map((place): Place => {
      const probes = place.probes + (forProbe ? 1 : 0);
      return { ...place, standing: { state: "dispatched", untilMs }, probes };
    });
  const prober = forProbe ? places[0] : undefined;
  // The turn is the ticket's until a worker claims it with a permit of its own.
  return prober === undefined
    ? { core, places }
    : { core: takeTurn(core, { permit: prober.ticketId, endsAtMs: untilMs }), places };
}

/** What the table says about moments to come: see `Places`. */
export interface Due {
  readonly firstLapseMs: number | null;
  readonly firstReadyMs: number | null;
  readonly firstHeardMs: number | null;
}

/** When the gate must look again by itself, after it has dispatched; `null`: never, for nobody waits and nothing lapses. */
export function wakeAtMs(
  core: GateCore,
  due: Due,
  tally: Tally,
  nowMs: number,
  limits: GateLimits,
): number | null {
  const turn = queueTurn(core, nowMs);
  const hasPermit = tally.inFlight < mostInFlight(core, turn, limits);
  const opensAtMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  // No list with gaps: Lua, to which this is compiled too, would not know its end.
  const firstMs = Math.min(
    due.firstLapseMs ?? Infinity,
    due.firstReadyMs === null || !hasPermit ? Infinity : Math.max(due.firstReadyMs, opensAtMs),
    due.firstHeardMs === null ? Infinity : due.firstHeardMs + silenceMs,
  );
  return firstMs === Infinity ? null : firstMs;
}
