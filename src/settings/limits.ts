/** The numbers of gates and tickets, from the settings. */
import type { GateLimits } from "../domain/gate/gate.ts";
import type { TicketPolicy } from "../domain/ticket/ticket.ts";
import type { Config } from "./config.ts";

/** The settings that the queue reads, in milliseconds and bytes. */
export interface QueueSettings {
  readonly llm: Pick<Config["llm"], "requestTimeoutMs">;
  readonly breaker: Config["breaker"];
  readonly queue: Omit<Config["queue"], "pollIntervalMs">;
}

/** Between the end of an attempt and that of its lease: time to store what came of it, also where the store stumbles. */
const leaseMarginMs = 15_000;

export function gateLimits({ llm, breaker, queue }: QueueSettings): GateLimits {
  return {
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
