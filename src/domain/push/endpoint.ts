/**
 * How one endpoint fares, which is one name of one tenant: may anything be sent to it now? Plain JSON. Never its URL.
 *
 *           5 failures in a row                     off by 410, or
 *   ok ----------------------------> failing -----> after 5 days without
 *    ^ \                             |  ^  |        a 2xx
 *    |  \--- 410 -------------------------------------> off
 *    |                               |  |                |
 *    |                good probe     v  | 5 failures     | a good test,
 *    +---- enough good answers ---- ramp  in a row       | or another URL
 *                                    ^-------------------+
 *
 * While it is failing one delivery at a time goes out as a probe, and the time between two doubles. All else waits, oldest first. What answers
 * 410 at a caller's own URL (`callback`) is that URL alone.
 */
import { climb, rampStart, type Ramp } from "../ramp.ts";
import type { Reception } from "./delivery.ts";

/** An endpoint as the settings know it. */
export interface KnownEndpoint {
  readonly tenant: string;
  readonly name: string;
  /** `callback`: callers name the URLs, under a prefix. */
  readonly kind: "endpoint" | "callback";
  /** Of its URL: another one begins anew. */
  readonly fingerprint: string;
}

export interface Endpoint extends KnownEndpoint {
  readonly version: 1;
  readonly state: EndpointState;
  /** Failures in a row, and when the first was; `null`: the last attempt was good, or none was made. */
  readonly trouble: Trouble | null;
  /** `null`: nothing has been yet. */
  readonly lastDeliveredAtMs: number | null;
  /** Deliveries that are due or under way, and those under way. */
  readonly pending: number;
  readonly sending: number;
  /** Deliveries that were never made, for other reasons than the receiver's answers. */
  readonly dropped: number;
  /** The last of them; `null`: none. */
  readonly lastDroppedAtMs: number | null;
  /** Since when no process knows it from its settings; `null`: one does. */
  readonly unknownSinceMs: number | null;
}

type EndpointState =
  | { readonly status: "ok" }
  | { readonly status: "ramp"; readonly ramp: Ramp }
  /** `probe`: the delivery that is under way as one; `null`: the turn is free from `probeAtMs` on. */
  | {
      readonly status: "failing";
      readonly probeAtMs: number;
      readonly failedProbes: number;
      readonly probe: string | null;
    }
  /** `gone`: it has answered 410. `silent`: it has long answered no 2xx. */
  | { readonly status: "off"; readonly because: "gone" | "silent"; readonly sinceMs: number };

interface Trouble {
  readonly failures: number;
  readonly sinceMs: number;
}

/** Failures in a row. */
const failingFrom = 5;
const firstProbeMs = 30_000;
const longestProbeMs = 900_000;
const silentAfterMs = 5 * 86_400_000;

export function newEndpoint(known: KnownEndpoint): Endpoint {
  const { tenant, name, kind, fingerprint } = known;
  return {
    version: 1,
    tenant,
    name,
    kind,
    fingerprint,
    state: { status: "ok" },
    trouble: null,
    lastDeliveredAtMs: null,
    pending: 0,
    sending: 0,
    dropped: 0,
    lastDroppedAtMs: null,
    unknownSinceMs: null,
  };
}

/** As a process finds it that knows it from its settings. */
export function seenEndpoint(endpoint: Endpoint, known: KnownEndpoint): Endpoint {
  const { kind, fingerprint } = known;
  const isSame = endpoint.fingerprint === fingerprint && endpoint.kind === kind;
  if (isSame && endpoint.unknownSinceMs === null) return endpoint;
  const seen = { ...endpoint, kind, fingerprint, unknownSinceMs: null };
  return isSame ? seen : onAgain(seen);
}

/** How many may be sent to it now. @param atOnce at most */
export function roomAt({ state, sending }: Endpoint, nowMs: number, atOnce: number): number {
  switch (state.status) {
    case "ok":
      return Math.max(0, atOnce - sending);
    case "ramp":
      return Math.max(0, Math.min(state.ramp.allowed, atOnce) - sending);
    case "failing":
      return state.probe === null && isTimeOf(state.probeAtMs, nowMs) ? 1 : 0;
    case "off":
      return 0;
  }
}

/** From when on something may be sent to it; `null`: not before something else has happened. */
export function opensAtMs(endpoint: Endpoint, nowMs: number, atOnce: number): number | null {
  if (roomAt(endpoint, nowMs, atOnce) > 0) return nowMs;
  const { state } = endpoint;
  return state.status === "failing" && state.probe === null ? state.probeAtMs : null;
}

/** Something is sent to it. @param deliveryId which */
export function sendingTo(endpoint: Endpoint, deliveryId: string): Endpoint {
  const { state, sending } = endpoint;
  const isProbe = state.status === "failing" && state.probe === null;
  return { ...endpoint, sending: sending + 1, state: isProbe ? { ...state, probe: deliveryId } : state };
}

/** What was under way is over. @param atOnce deliveries at most, with which the ramp ends */
export function afterAttempt(
  endpoint: Endpoint,
  deliveryId: string,
  reception: Reception,
  nowMs: number,
  atOnce: number,
): Endpoint {
  const sent = { ...endpoint, sending: Math.max(0, endpoint.sending - 1) };
  switch (reception) {
    case "nothing":
      return { ...sent, state: withoutProbe(sent.state, deliveryId) };
    case "good":
      return { ...sent, trouble: null, lastDeliveredAtMs: nowMs, state: eased(sent.state, atOnce) };
    case "gone":
      // The URL of one caller is gone, and whoever said so lives.
      if (endpoint.kind === "callback") return { ...sent, state: withoutProbe(sent.state, deliveryId) };
      return { ...sent, state: { status: "off", because: "gone", sinceMs: nowMs } };
    case "bad": {
      const trouble = {
        failures: (endpoint.trouble?.failures ?? 0) + 1,
        sinceMs: Math.min(endpoint.trouble?.sinceMs ?? nowMs, nowMs),
      };
      return { ...sent, trouble, state: worsened(sent.state, deliveryId, trouble, nowMs) };
    }
  }
}

/** @param count deliveries that will not be made */
export function withDropped(endpoint: Endpoint, count: number, nowMs: number): Endpoint {
  if (count === 0) return endpoint;
  return { ...endpoint, dropped: endpoint.dropped + count, lastDroppedAtMs: nowMs };
}

/** A test has reached it, or it has another URL. */
export function onAgain(endpoint: Endpoint): Endpoint {
  const { state } = endpoint;
  const isStopped = state.status === "failing" || state.status === "off";
  return { ...endpoint, trouble: null, state: isStopped ? { status: "ramp", ramp: rampStart } : state };
}

/** Does what waits for it go on now, where it did not before? */
export function hasRecovered(before: Endpoint, after: Endpoint): boolean {
  return isShut(before.state) && !isShut(after.state);
}

function isShut({ status }: EndpointState): boolean {
  return status === "failing" || status === "off";
}

/** A clock that was set back must not make it wait for longer than a probe ever does. */
function isTimeOf(probeAtMs: number, nowMs: number): boolean {
  return nowMs >= probeAtMs || probeAtMs > nowMs + longestProbeMs;
}

function withoutProbe(state: EndpointState, deliveryId: string): EndpointState {
  return state.status === "failing" && state.probe === deliveryId ? { ...state, probe: null } : state;
}

function eased(state: EndpointState, atOnce: number): EndpointState {
  switch (state.status) {
    case "ok":
      return state;
    case "ramp": {
      const ramp = climb(state.ramp, atOnce);
      return ramp === null ? { status: "ok" } : { status: "ramp", ramp };
    }
    case "failing":
    // It was sent before, or by hand: whoever answers it is there.
    case "off":
      return { status: "ramp", ramp: rampStart };
  }
}

function worsened(state: EndpointState, deliveryId: string, trouble: Trouble, nowMs: number): EndpointState {
  if (state.status === "off") return state;
  if (trouble.failures >= failingFrom && nowMs - trouble.sinceMs >= silentAfterMs) {
    return { status: "off", because: "silent", sinceMs: nowMs };
  }
  switch (state.status) {
    case "ok":
    case "ramp":
      return trouble.failures < failingFrom
        ? state
        : { status: "failing", probeAtMs: nowMs + firstProbeMs, failedProbes: 0, probe: null };
    case "failing": {
      // Those that were under way when it began say nothing new.
      if (state.probe !== deliveryId) return state;
      const failedProbes = state.failedProbes + 1;
      const waitMs = Math.min(longestProbeMs, firstProbeMs * 2 ** Math.min(failedProbes, 10));
      return { status: "failing", probeAtMs: nowMs + waitMs, failedProbes, probe: null };
    }
  }
}
