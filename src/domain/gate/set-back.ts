/**
 * What becomes of a gate whose clock was set back. All that is stored of it was written by `seenMs` at the latest; where the clock is behind that,
 * everything lies as much earlier from then on: whatever was to last five seconds more lasts five seconds more, and not an hour and five
 * seconds. And whatever was stored, and by whomever: no moment is further away than the longest that its kind can last.
 *
 * This is done once, where the gate is read, and what comes of it is stored: a limit that was only looked at would move along with the clock, and
 * never be reached. A clock that is set forward ends waits before their time, as any clock does that arrives there.
 */
import type { Breaker } from "./breaker.ts";
import { longestPauseMs } from "./call-report.ts";
import type { GateLimits, GateState } from "./gate.ts";
import { mapMoments } from "./model-records.ts";
import type { CredentialsPause, ModelPause } from "./pauses.ts";
import { dispatchMs, type Place } from "./places.ts";
import type { Lease } from "./turn.ts";

/** A clock is put right by fractions of a second all the time, and an object lives on another machine after it has slept: that is no matter. */
const slackMs = 1_000;

/** How far the clock is behind what the gate has seen; 0: as good as not. */
export function behindMs({ seenMs = 0 }: GateState, nowMs: number): number {
  return seenMs - nowMs < slackMs ? 0 : seenMs - nowMs;
}

/** The gate by the present clock. @returns the same value where the clock was not set back, and the gate knows what time it has seen */
export function presentGate(gate: GateState, nowMs: number, limits: GateLimits): GateState {
  const byMs = behindMs(gate, nowMs);
  if (byMs === 0 && gate.seenMs !== undefined) return gate;
  return withinReach(moved(gate, byMs), nowMs, limits);
}

/** Notes what time it is, where anything was changed: of the gate, or of its places. */
export function seenAt(
  before: GateState,
  after: GateState,
  arePlacesChanged: boolean,
  nowMs: number,
): GateState {
  const { seenMs = 0 } = after;
  const isDue = after !== before || (arePlacesChanged && nowMs - seenMs >= slackMs);
  return isDue && nowMs > seenMs ? { ...after, seenMs: nowMs } : after;
}

/** All moments so much earlier. Calls of the last ten seconds are not counted any more: `window.ts`. */
function moved(gate: GateState, byMs: number): GateState {
  if (byMs === 0) return gate;
  return mapped(gate, (atMs) => Math.max(0, atMs - byMs));
}

/** No moment further away than it can be: what has happened is not of the future, and what is to come is not later than its longest. */
export function withinReach(gate: GateState, nowMs: number, limits: GateLimits): GateState {
  const { recoveryMs, maxOpenMs, leaseMs } = limits;
  const within = (longestMs: number) => (atMs: number) => Math.min(atMs, nowMs + longestMs);
  const past = within(0);
  const pauseMs = Math.max(longestPauseMs, recoveryMs, maxOpenMs);
  const lease = leaseWith(within(Math.max(leaseMs, dispatchMs)));
  const present = mapped(gate, past);
  return {
    ...present,
    breaker: breakerWith(gate.breaker, within(Math.max(recoveryMs, maxOpenMs)), lease),
    holds: gate.holds.map((pause) => pauseWith(pause, within(pauseMs), lease)),
    credentials: credentialsWith(gate.credentials, within(pauseMs), past, lease),
    paces: gate.paces.map((pace) => ({
      ...pace,
      nextAtMs: within(pace.everyMs)(pace.nextAtMs),
      sinceMs: past(pace.sinceMs),
    })),
    // For as long as this clock is not there again nothing must take it for a clock that was set back.
    seenMs: nowMs,
  };
}

/** A place by a clock that was set back so far. Not when it was accepted: that names the acceptance. */
export function placeSetBack(place: Place, byMs: number): Place {
  const { standing } = place;
  const earlier = (atMs: number) => Math.max(0, atMs - byMs);
  return {
    ...place,
    standing: standing.state === "waiting" ? standing : { ...standing, untilMs: earlier(standing.untilMs) },
    notBeforeMs: earlier(place.notBeforeMs),
    probes: earlier(place.probes),
    heardAtMs: earlier(place.heardAtMs),
  };
}

type Move = (atMs: number) => number;

function mapped(gate: GateState, move: Move): GateState {
  const { vitals, exchanges } = gate;
  const orNull = (atMs: number | null) => (atMs === null ? null : move(atMs));
  const lease = leaseWith(move);
  return {
    ...gate,
    breaker: breakerWith(gate.breaker, move, lease),
    holds: gate.holds.map((pause) => pauseWith(pause, move, lease)),
    credentials: credentialsWith(gate.credentials, move, move, lease),
    vitals: {
      ...vitals,
      ...(vitals.faultsSinceMs === undefined ? {} : { faultsSinceMs: move(vitals.faultsSinceMs) }),
      lastSuccessMs: orNull(vitals.lastSuccessMs),
      lastFailureMs: orNull(vitals.lastFailureMs),
      drainingSinceMs: orNull(vitals.drainingSinceMs),
    },
    exchanges: { ...exchanges, sinceMs: move(exchanges.sinceMs) },
    records: mapMoments(gate.records, move),
    paces: gate.paces.map((pace) => ({
      ...pace,
      nextAtMs: move(pace.nextAtMs),
      sinceMs: move(pace.sinceMs),
    })),
    cleanEnds: gate.cleanEnds.map((end) => ({ ...end, atMs: move(end.atMs) })),
    kept: gate.kept.map((part) => ({ ...part, sinceMs: move(part.sinceMs) })),
    waitsEndedMs: move(gate.waitsEndedMs),
    ...(gate.seenMs === undefined ? {} : { seenMs: move(gate.seenMs) }),
    ...(gate.halt === undefined ? {} : { halt: { ...gate.halt, atMs: move(gate.halt.atMs) } }),
  };
}

type MoveLease = (lease: Lease | null) => Lease | null;

function leaseWith(move: Move): MoveLease {
  return (lease) => (lease === null ? null : { ...lease, endsAtMs: move(lease.endsAtMs) });
}

function breakerWith(breaker: Breaker, move: Move, lease: MoveLease): Breaker {
  switch (breaker.state) {
    case "closed":
      return breaker;
    case "open":
      return { ...breaker, probeFromMs: move(breaker.probeFromMs) };
    case "half_open":
      return { ...breaker, probe: lease(breaker.probe ?? null) };
  }
}

function pauseWith(pause: ModelPause, move: Move, lease: MoveLease): ModelPause {
  const { asker } = pause;
  return {
    ...pause,
    untilMs: move(pause.untilMs),
    ...(asker === undefined || asker === null ? {} : { asker: lease(asker) }),
  };
}

function credentialsWith(
  pause: CredentialsPause | null,
  move: Move,
  moveBegin: Move,
  lease: MoveLease,
): CredentialsPause | null {
  if (pause === null) return null;
  const { sinceMs } = pause;
  return {
    ...pause,
    askFromMs: move(pause.askFromMs),
    asker: lease(pause.asker ?? null),
    ...(sinceMs === undefined ? {} : { sinceMs: moveBegin(sinceMs) }),
  };
}
