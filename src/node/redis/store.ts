/** What several processes share through Redis: gates, tickets, keyed requests and totals, and the tickets that this one takes to work on. */
import { providerNames, type ProviderName } from "../../domain/judging/comparison.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../settings/limits.ts";
import { createGateFront } from "../../engine/front/front.ts";
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import { createScriptRunner } from "../../stores/redis/script-runner.ts";
import { redisGate, type RedisGate } from "../../stores/redis/gate.ts";
import { redisKeys } from "../../stores/redis/keys.ts";
import { redisTickets } from "../../stores/redis/tickets.ts";
import { redisTotals } from "../../stores/redis/totals.ts";
import { readWake, root, wakeChannel } from "../../stores/redis/redis.ts";
import type { PrimaryStore } from "../../stores/failover/primary-store.ts";
import { durabilityOf, type Durability } from "./durability.ts";
import { redisTransport, type RedisConnection } from "./connection.ts";
import { createFetching } from "./fetching.ts";

export interface RedisParts {
  readonly url: string;
  readonly settings: QueueSettings;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A UUID. */
  readonly newId: () => string;
  /** Hears of work that nobody awaits and that ended badly. */
  readonly onFault: (error: unknown) => void;
  /** When a moment's calls of Redis are over, which go together: with the turn of the event loop, unless told. */
  readonly soon?: (send: () => void) => void;
}

/** Connects by itself: Redis need not be there yet. */
export function openRedis(
  parts: RedisParts,
  redis: RedisConnection = redisTransport(parts.url, parts.clock),
): PrimaryStore & { roundTrips(): number } {
  const { settings, clock, random, newId, onFault } = parts;
  const limits = gateLimits(settings);
  let isAnnounced = false;

  const script = createScriptRunner({
    redis,
    limits,
    clock,
    random,
    onSchedule: (provider, schedule) => fetching.fetcherOf(provider)?.onSchedule(schedule),
    soon: parts.soon ?? ((send) => void setImmediate(send)),
  });
  const tickets = redisTickets({ redis, script, policy: ticketPolicy(settings), newId, random });
  const totals = redisTotals(redis, clock);
  const remotes = new Map<ProviderName, RedisGate>(
    providerNames.map((name) => [name, redisGate(script, name)]),
  );
  const fetching = createFetching({
    tickets,
    clock,
    storeNowMs: script.nowMs,
    concurrency: limits.concurrency,
    shortestLeaseMs: settings.llm.requestTimeoutMs,
    onOpen: announce,
    onFault,
  });
  const settle = (found: Durability) => redis.awaitDisk(found.mustAwaitDisk);
  const stopListening = redis.listen(
    wakeChannel,
    (message) => {
      const { provider, ...wake } = readWake(message);
      fetching.fetcherOf(provider as ProviderName)?.onWake(wake);
    },
    fetching.refresh,
  );
  redis.onReady(() => void durabilityOf(redis).then(settle, unlessAway));

  /** That Redis is away is told by whoever asks Redis. */
  function unlessAway(error: unknown): void {
    if (!(error instanceof StoreAway)) onFault(error);
  }

  /** The credentials of this process may be new. */
  function announce(): void {
    if (isAnnounced) return;
    const started = Promise.all(Array.from(remotes.values(), (remote) => remote.started()));
    started.then(() => (isAnnounced = true), unlessAway);
  }

  return {
    gate: gatesOf(remotes, parts),
    tickets,
    keys: redisKeys(script),
    totals,
    start: fetching.start,
    pause: fetching.shut,
    resume: fetching.open,
    async rest() {
      fetching.shut();
      await fetching.idle();
    },
    async close() {
      fetching.shut();
      await totals.flush();
      stopListening();
      redis.close();
    },
    async health() {
      const { latencyMs, found } = await lookAt(redis, clock);
      settle(found);
      return { latencyMs, warnings: found.warnings };
    },
    roundTrips: redis.roundTrips,
  };
}

function gatesOf(
  remotes: ReadonlyMap<ProviderName, RedisGate>,
  { clock, newId, onFault }: RedisParts,
): PrimaryStore["gate"] {
  const later = (work: Promise<unknown>) => void work.catch(onFault);
  const gates = new Map(
    Array.from(remotes, ([name, remote]) => [name, createGateFront({ remote, clock, newId, later })]),
  );
  return (provider) => {
    const gate = gates.get(provider);
    if (gate === undefined) throw new Error(`there is no provider ${provider}`);
    return gate;
  };
}

/** How Redis is, and how durable: its settings may have been changed meanwhile. */
async function lookAt(redis: RedisConnection, clock: Clock) {
  const startedAtMs = clock.nowMs();
  // Changes nothing, but is refused where nothing may be written. Full memory is no reason to refuse it.
  await redis.command("DEL", `${root}room`);
  const latencyMs = clock.nowMs() - startedAtMs;
  return { latencyMs, found: await durabilityOf(redis) };
}
