/** What every step of the flow works with: the ports, what the operator decided, and what is made of both once, at the start. */
import { createDeadlines, type StartDeadline } from "./deadline.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import { createKeysOf, type GateKeys } from "./gate-keys.ts";
import type { RoomLimits } from "../domain/live.ts";
import { createLiveRoom, type LiveRoom } from "./live-room.ts";
import type { Ports } from "./ports.ts";
import type { Defaults } from "./resolve.ts";

export interface Policy {
  readonly defaults: Defaults;
  /** The longest that one live request, or one attempt for a ticket, may take, all its calls and waits included. */
  readonly requestTimeoutMs: number;
  /** Calls within a live request after the first one that failed in a transient way. */
  readonly maxRetries: number;
  /** Room for live calls of each provider; absent: no bounds. */
  readonly live?: (provider: ProviderName) => RoomLimits;
  /** Those that have keys; absent: none is known. */
  readonly tenants?: readonly string[];
  /** Of this service, noted with each judgement of a ticket; absent: not noted. */
  readonly serviceVersion?: string;
}

export interface Flow {
  readonly ports: Ports;
  readonly policy: Policy;
  readonly startDeadline: StartDeadline;
  readonly keysOf: (tenant: string, model: string) => Promise<GateKeys>;
  /** Where a live call takes room. */
  readonly roomOf: (provider: ProviderName) => LiveRoom;
}

export function createFlow(ports: Ports, policy: Policy): Flow {
  return {
    ports,
    policy,
    startDeadline: createDeadlines(ports),
    keysOf: createKeysOf(ports.sha256),
    roomOf: roomsOf(policy.live ?? unbounded, ports.clock.monotonicMs),
  };
}

function roomsOf(
  limitsOf: (provider: ProviderName) => RoomLimits,
  monotonicMs: () => number,
): Flow["roomOf"] {
  const rooms = new Map<ProviderName, LiveRoom>();
  return (provider) => {
    const known = rooms.get(provider);
    if (known) return known;
    const room = createLiveRoom(limitsOf(provider), monotonicMs);
    rooms.set(provider, room);
    return room;
  };
}

const unbounded = (): RoomLimits => ({
  calls: Infinity,
  bytes: Infinity,
  highWatermark: 1,
  weights: {},
  leaseMs: Infinity,
});
