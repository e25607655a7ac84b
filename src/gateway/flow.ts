/** What every step of the flow works with: the ports, what the operator decided, and what is made of both once, at the start. */
import { createDeadlines, type StartDeadline } from "./deadline.ts";
import { createKeysOf, type GateKeys } from "./gate-keys.ts";
import type { Ports } from "./ports.ts";
import type { Defaults } from "./resolve.ts";

export interface Policy {
  readonly defaults: Defaults;
  /** The longest that one live request, or one attempt for a ticket, may take, all its calls and waits included. */
  readonly requestTimeoutMs: number;
  /** Calls within a live request after the first one that failed in a transient way. */
  readonly maxRetries: number;
  /** Of this service, noted with each judgement of a ticket; absent: not noted. */
  readonly serviceVersion?: string;
}

export interface Flow {
  readonly ports: Ports;
  readonly policy: Policy;
  readonly startDeadline: StartDeadline;
  readonly keysOf: (tenant: string, model: string) => Promise<GateKeys>;
}

export function createFlow(ports: Ports, policy: Policy): Flow {
  return { ports, policy, startDeadline: createDeadlines(ports), keysOf: createKeysOf(ports.sha256) };
}
