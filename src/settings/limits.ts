/** The numbers of gates and tickets, from the settings. */
import type { Weights } from "../domain/shares.ts";
import type { GateLimits } from "../domain/gate/gate.ts";
import type { TicketPolicy } from "../domain/ticket/ticket.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { RoomLimits } from "../domain/live.ts";
import type { Config } from "./config.ts";
import type { PlatformName } from "./rules.ts";

/** The settings that the queue reads, in milliseconds and bytes. */
export interface QueueSettings {
  readonly llm: Pick<Config["llm"], "requestTimeoutMs">;
  readonly breaker: Config["breaker"];
  readonly queue: Omit<Config["queue"], "pollIntervalMs">;
  /** By tenants' keys (`weightsByKey`); absent: all weigh the same. */
  readonly weights?: Weights;
}

/** Between the end of an attempt and that of its lease: time to store what came of it, also where the store stumbles. */
const leaseMarginMs = 15_000;

export function gateLimits({ llm, breaker, queue, weights }: QueueSettings): GateLimits {
  return {
    ...(weights && { weights }),
    failureThreshold: breaker.failureThreshold,
    recoveryMs: breaker.recoveryMs,
    successThreshold: breaker.successThreshold,
    maxOpenMs: breaker.maxOpenMs,
    maxSize: queue.maxSize,
    maxBytes: queue.maxBytes,
    highWatermark: queue.highWatermark,
    lowWatermark: queue.lowWatermark,
    concurrency: queue.concurrency,
    retentionMs: queue.retentionMs,
    leaseMs: llm.requestTimeoutMs + leaseMarginMs,
  };
}

export function ticketPolicy({ llm, breaker, queue }: QueueSettings): TicketPolicy {
  return {
    ttlMs: queue.ticketTtlMs,
    maxAttempts: 1 + queue.maxRetries,
    leaseMs: llm.requestTimeoutMs + leaseMarginMs,
    retentionMs: queue.retentionMs,
    recoveryMs: breaker.recoveryMs,
  };
}

const mebibyte = 1_048_576;

/** Of memory that live calls hold, for each provider (`heldBytes`). An isolate has 128 MB in all. */
const liveBytes = { node: 256 * mebibyte, cloudflare: 32 * mebibyte };

type Shared = Pick<Config, "access" | "tenantWeights" | "liveConcurrency"> & QueueSettings;

/** Room for live calls of a provider. */
export function liveLimits(config: Shared, platform: PlatformName, provider: ProviderName): RoomLimits {
  return { ...roomLimits(config), calls: config.liveConcurrency[provider], bytes: liveBytes[platform] };
}

/**
 * Room for bodies of comparisons, whosever they are, from their first byte until they are answered: a quarter more, so that those for which no
 * live call is made can be read, and kept as tickets.
 */
export function doorLimits(config: Shared, platform: PlatformName): RoomLimits {
  return { ...roomLimits(config), calls: Infinity, bytes: liveBytes[platform] * 1.25 };
}

function roomLimits({ access, tenantWeights, queue, llm }: Shared): Omit<RoomLimits, "calls" | "bytes"> {
  const tenants = access.kind === "keys" ? new Set(access.keys.map(({ tenant }) => tenant)).size : 1;
  return {
    highWatermark: tenants > 1 ? queue.highWatermark : 1,
    weights: tenantWeights,
    leaseMs: llm.requestTimeoutMs + leaseMarginMs,
  };
}
