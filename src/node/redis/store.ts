/** What several processes share through Redis: gates, tickets, keyed requests and totals, and the tickets that this one takes to work on. */
import { providerNames, type ProviderName } from "../../domain/judging/comparison.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../settings/limits.ts";
import { createGateFront } from "../../engine/front/front.ts";
import { StoreAway, type ClaimedTicket, type Clock, type Gate } from "../../gateway/ports.ts";
import { createCaller } from "../../stores/redis/script-runner.ts";
import { redisGate, type RedisGate } from "../../stores/redis/gate.ts";
import { redisKeys } from "../../stores/redis/keys.ts";
import { redisTickets } from "../../stores/redis/tickets.ts";
import { redisTotals } from "../../stores/redis/totals.ts";
import { readNews, root, wakeChannel } from "../../stores/redis/redis.ts";
import { createTaker, type Taker } from "../../stores/redis/fetcher.ts";
import type { SharedHealth, SharedStore } from "../../stores/failover/shared-store.ts";
import { durabilityOf, type Durability } from "./durability.ts";
import { redisTransport, type RedisConnection } from "./connection.ts";

export interface SharedParts {
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
export function openShared(
  parts: SharedParts,
  redis: RedisConnection = redisTransport(parts.url, parts.clock),
): SharedStore & { roundTrips(): number } {
  const { settings, clock, random, newId, onFault } = parts;
  const limits = gateLimits(settings);
  const takers = new Map<ProviderName, Taker>();
  /** The latest take of each, which may bring tickets after nobody takes any more. */
  const taking = new Map<ProviderName, Promise<unknown>>();
  const working = new Map<string, Promise<void>>();
  let run: ((claimed: ClaimedTicket) => Promise<void>) | null = null;
  let isOpen = false;
  let isAnnounced = false;

  const caller = createCaller({
    redis,
    limits,
    clock,
    random,
    onSchedule: (provider, schedule) => takers.get(provider)?.onSchedule(schedule),
    soon: parts.soon ?? ((send) => void setImmediate(send)),
  });
  const tickets = redisTickets({ redis, caller, policy: ticketPolicy(settings), newId, random });
  const totals = redisTotals(redis, clock);
  const remotes = new Map<ProviderName, RedisGate>(
    providerNames.map((name) => [name, redisGate(caller, name)]),
  );
  const gates = new Map<ProviderName, Gate>(Array.from(remotes, ([name, remote]) => [name, front(remote)]));

  for (const provider of providerNames) {
    const taker = createTaker({
      clock,
      storeNowMs: caller.nowMs,
      concurrency: limits.concurrency,
      take(most, inFlight) {
        const taken = tickets.take(provider, most, inFlight);
        taking.set(
          provider,
          taken.catch(() => []),
        );
        return taken;
      },
      run: (claimed) => {
        const worker = runOne(claimed).finally(() => working.delete(claimed.permit));
        working.set(claimed.permit, worker);
        return worker;
      },
      onFault,
    });
    takers.set(provider, taker);
  }

  /** Room is found out when the ticket is created: in the same round trip. */
  function front(remote: RedisGate): Gate {
    const before = createGateFront({ remote, clock, newId, later: (work) => void work.catch(onFault) });
    return {
      ...before,
      reserve: () => Promise.resolve(true),
      outlook: async (ticketId) => tickets.freshOutlook(ticketId) ?? (await before.outlook(ticketId)),
    };
  }

  async function runOne(claimed: ClaimedTicket): Promise<void> {
    try {
      // Its answer was long under way: whoever is next has the whole lease.
      const leftMs = claimed.leaseEndsAtMs - caller.nowMs();
      if (leftMs < settings.llm.requestTimeoutMs) {
        await tickets.giveBack(claimed.ticket.about.id, claimed.fence);
      } else {
        await run?.(claimed);
      }
    } catch (error) {
      onFault(error);
    }
  }

  const stopListening = redis.listen(
    wakeChannel,
    (message) => {
      const { provider, ...news } = readNews(message);
      takers.get(provider as ProviderName)?.onNews(news);
    },
    () => {
      if (isOpen) open();
    },
  );
  redis.onReady(() => {
    durabilityOf(redis).then(settle, unlessAway);
  });

  /** That it is away is told by who asks it. */
  function unlessAway(error: unknown): void {
    if (!(error instanceof StoreAway)) onFault(error);
  }

  function settle(found: Durability): void {
    redis.awaitDisk(found.mustAwaitDisk);
  }

  function open(): void {
    isOpen = run !== null;
    if (!isOpen) return;
    if (!isAnnounced) announce().catch(unlessAway);
    for (const taker of takers.values()) taker.open();
  }

  /** The credentials of this process may be new. */
  async function announce(): Promise<void> {
    await Promise.all(Array.from(remotes.values(), (remote) => remote.started()));
    isAnnounced = true;
  }

  function shut(): void {
    isOpen = false;
    for (const taker of takers.values()) taker.shut();
  }

  return {
    gate(provider) {
      const gate = gates.get(provider);
      if (gate === undefined) throw new Error(`there is no provider ${provider}`);
      return gate;
    },
    tickets,
    keys: redisKeys(caller),
    totals,
    start(worker) {
      run = worker;
      open();
    },
    pause: shut,
    resume: open,
    async rest() {
      shut();
      await Promise.all(taking.values());
      while (working.size > 0) await Promise.all(working.values());
    },
    async close() {
      shut();
      await totals.flush();
      stopListening();
      redis.close();
    },
    async health(): Promise<SharedHealth> {
      const startedAtMs = clock.nowMs();
      // Changes nothing, but is refused where nothing may be written. Full memory is no reason to refuse it.
      await redis.command("DEL", `${root}room`);
      const latencyMs = clock.nowMs() - startedAtMs;
      // Its settings may have been changed meanwhile.
      const found = await durabilityOf(redis);
      settle(found);
      return { latencyMs, warnings: found.warnings };
    },
    roundTrips: redis.roundTrips,
  };
}
