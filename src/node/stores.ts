/** Where tickets live on Node: in SQLite alone; or in Redis, with SQLite behind it for as long as Redis is away. */
import { ticketPolicy } from "../settings/limits.ts";
import { ok, type Result } from "../domain/result.ts";
import { wait } from "../gateway/deadline.ts";
import { StoreAway, type Clock, type Door } from "../gateway/ports.ts";
import { logFailover } from "../telemetry/failover.ts";
import type { Log } from "../telemetry/log.ts";
import type { DurableParts as ServiceParts } from "../service.ts";
import { createFailover } from "../stores/failover/failover.ts";
import type { SharedStore } from "../stores/failover/shared-store.ts";
import { openDurable, type Durable, type DurableParts } from "./sqlite/store.ts";

export interface StoresParts extends DurableParts {
  /** `null`: SQLite alone. */
  readonly redisUrl: string | null;
  readonly log: Log;
}

export interface Stores extends Door {
  /** What the service is made of. */
  readonly parts: Pick<
    ServiceParts,
    "gate" | "tickets" | "keys" | "totals" | "queueType" | "dependencies" | "warnings"
  >;
  /** Gives back what is in flight still, stores what is not stored yet, and closes. */
  close(): Promise<void>;
}

/** @returns why there can be no start, as a sentence for whoever runs the service */
export async function openStores(parts: StoresParts): Promise<Result<Stores, string>> {
  const opened = await openDurable(parts);
  if (!opened.ok) return opened;
  const { redisUrl } = parts;
  if (redisUrl === null) return ok(sqliteAlone(opened.value));
  // Who has no Redis does not load what speaks to it.
  const { openShared } = await import("./redis/store.ts");
  return ok(await redisBeforeSqlite(openShared({ ...parts, url: redisUrl }), opened.value, parts));
}

function sqliteAlone(durable: Durable): Stores {
  const { gate, tickets, keys, totals } = durable;
  const left = durable.leftToBring();
  const warnings =
    left === 0
      ? []
      : [`SQLite keeps ${left} things that only Redis can be told: set REDIS_URL until they are there.`];
  return {
    parts: {
      gate,
      tickets,
      keys,
      totals,
      queueType: "sqlite",
      dependencies: async () => ({ sqlite: sqliteIs(await durable.health()) }),
      warnings: () => warnings,
    },
    start: durable.start,
    rest: durable.rest,
    close: durable.close,
  };
}

async function redisBeforeSqlite(
  shared: SharedStore,
  local: Durable,
  { settings, clock, newId, onFault, log }: StoresParts,
): Promise<Stores> {
  const failover = createFailover({
    shared,
    local,
    policy: ticketPolicy(settings),
    clock,
    newId,
    tell: (event) => logFailover(log, event),
    onFault,
  });
  const { gate, tickets, keys, totals, warnings, start, rest, close } = failover;
  await connected(shared, clock);
  await failover.look();
  return {
    parts: {
      gate,
      tickets,
      keys,
      totals,
      warnings,
      queueType: "redis",
      async dependencies() {
        const health = await failover.health();
        const redis =
          health.shared === null
            ? ({ status: "down", error: "It does not answer.", needed: false } as const)
            : ({ status: "up", latencyMs: health.shared.latencyMs, needed: false } as const);
        return { redis, sqlite: sqliteIs(health.local) };
      },
    },
    start,
    rest,
    close,
  };
}

function sqliteIs({ isWell, latencyMs }: Awaited<ReturnType<Durable["health"]>>) {
  return { status: isWell ? "up" : "down", latencyMs, needed: true } as const;
}

/** The connection takes a moment; a Redis that is away doesn't hold up the start for longer. */
const patienceMs = 1_000;
const lookMs = 20;

async function connected(shared: SharedStore, clock: Clock): Promise<void> {
  const untilMs = clock.nowMs() + patienceMs;
  while (clock.nowMs() < untilMs) {
    try {
      await shared.health();
      return;
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error;
      await wait(clock, lookMs);
    }
  }
}
