/** The stores over a Redis of their own, by a clock that a test moves, with workers that do nothing. */
import { onTestFinished } from "vitest";
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { Requeueing } from "../../../src/domain/gate/queue.ts";
import type { QueueItem } from "../../../src/domain/gate/places.ts";
import type { Clock, Gate } from "../../../src/gateway/ports.ts";
import { endedEventJson } from "../../../src/http/notices.ts";
import { redisTransport } from "../../../src/node/redis/connection.ts";
import { claim } from "../../../src/domain/ticket/moves.ts";
import { isForgotten } from "../../../src/domain/ticket/ticket.ts";
import type { ClaimableTickets, StartingGate } from "../../../src/engine/claims.ts";
import type { ToldEndpoints } from "../../../src/gateway/delivery-store.ts";
import { redisActions } from "../../../src/stores/redis/actions.ts";
import { redisDeliveries } from "../../../src/stores/redis/deliveries.ts";
import { redisFeed } from "../../../src/stores/redis/feed.ts";
import { createScriptRunner, type ScriptRunner } from "../../../src/stores/redis/script-runner.ts";
import { ticketInRecord, written } from "../../../src/stores/redis/ticket-record.ts";
import { redisGate } from "../../../src/stores/redis/gate.ts";
import { bareGate, type BareGate } from "./bare-gate.ts";
import { bareScript } from "./bare-script.ts";
import { redisKeys } from "../../../src/stores/redis/keys.ts";
import { redisTickets, type RedisTickets } from "../../../src/stores/redis/tickets.ts";
import { root, type Redis } from "../../../src/stores/redis/redis.ts";
import { manualClock } from "../clock.ts";
import { limits, policy } from "../sqlite-store.ts";
import { redisClient } from "./client.ts";
import type { RedisServer } from "./server.ts";

/** @param transport brings calls to the server; the service's own on Node unless told */
export async function redisStoresForTest(server: RedisServer, transport?: Redis, hasBus = false) {
  await server.flush();
  const clock = manualClock();
  const looker = redisClient(server.url);
  onTestFinished(() => looker.close());
  const redis = transport ?? (await connected());
  const wakes = new Map<ProviderName, number | null>();
  let sent: string[] = [];
  let told: ToldEndpoints = { endpointsOf: () => [], maxPending: 1_000 };
  let entered = 0;
  const faults: unknown[] = [];
  let stores = open(redis);

  async function connected(): Promise<Redis> {
    const connection = redisTransport(server.url, realClock, 10_000);
    onTestFinished(() => connection.close());
    await new Promise<void>((resolve) => connection.onReady(resolve));
    return connection;
  }

  function open(redis: Redis) {
    const callerTo = (redis: Redis) =>
      createScriptRunner({
        redis,
        limits,
        clock,
        random: () => 0.5,
        onSchedule: (provider, { wakeAtMs }) => void wakes.set(provider, wakeAtMs),
        soon: (send) => void Promise.resolve().then(send),
        ownsTime: true,
        hasBus,
      });
    const script = callerTo(redis);
    return {
      script,
      // What ships is asked of what ships.
      gate: { ...bareGate(callerTo(bareScript(looker)), "mock"), ...redisGate(script, "mock") },
      keys: redisKeys(script),
      actions: redisActions(redis, script, policy.retentionMs),
      deliveries: redisDeliveries(script, clock.nowMs, () => 0.5),
      tickets: redisTickets({
        redis,
        script,
        policy,
        newId: () => crypto.randomUUID(),
        random: () => 0.5,
        webhooks: {
          told: {
            endpointsOf: (about) => told.endpointsOf(about),
            get maxPending() {
              return told.maxPending;
            },
          },
          onEntered: () => void entered++,
        },
        onFault: (error) => void faults.push(error),
      }),
      feed: redisFeed({ redis, script, policy, endedEvent: endedEventJson }),
    };
  }

  /** As the service does: when it is told that tickets can be taken, and when one is due. */
  async function tend(): Promise<number | null> {
    await stores.tickets.elapseDue();
    sent.push(...(await stores.gate.dispatch()));
    return wakes.get("mock") ?? null;
  }

  /** What Redis forgets by itself goes by its own clock, which no test can move. */
  async function moveOn(ms: number): Promise<void> {
    await clock.advance(ms);
    for (const key of (await looker.command("KEYS", "*:queue:requests:*")) as string[]) {
      if (await isOver(key, "facts")) await looker.command("DEL", key, key.replace(":requests:", ":events:"));
    }
    for (const key of (await looker.command("KEYS", "*:keys:*")) as string[]) {
      if (await isOver(key, "record")) await looker.command("DEL", key);
    }
  }

  async function isOver(key: string, field: string): Promise<boolean> {
    const { forgetAtMs = Infinity } = JSON.parse(String(await looker.command("HGET", key, field))) as {
      forgetAtMs?: number;
    };
    return forgetAtMs <= clock.nowMs() && Number(await looker.command("PTTL", key)) >= 0;
  }

  return {
    clock,
    server,
    redis,
    get stores() {
      return stores;
    },
    get tickets() {
      return claimable(stores.tickets, stores.script, redis);
    },
    get keys() {
      return stores.keys;
    },
    get actions() {
      return stores.actions;
    },
    /** From now on. Nobody, unless told. */
    tellEnds: (whom: ToldEndpoints) => void (told = whom),
    /** How often this process has heard that something was entered. */
    entered: () => entered,
    faults,
    get feed() {
      return stores.feed;
    },
    get gate(): Gate & StartingGate {
      return directly(stores.gate);
    },
    admit: (item: QueueItem, notBeforeMs: number) => stores.gate.admit(item, notBeforeMs),
    enqueue: (item: QueueItem, notBeforeMs: number) => stores.gate.enqueue(item, notBeforeMs),
    requeue: (item: QueueItem, requeueing: Requeueing) => stores.gate.requeue(item, requeueing),
    remove: (ticketId: string) => stores.gate.remove(ticketId),
    nowMs: clock.nowMs,
    async advance(ms: number) {
      const untilMs = clock.nowMs() + ms;
      for (;;) {
        const nextMs = await tend();
        if (nextMs === null || nextMs > untilMs || nextMs <= clock.nowMs()) break;
        await moveOn(nextMs - clock.nowMs());
      }
      await moveOn(untilMs - clock.nowMs());
      await tend();
    },
    async sent() {
      await tend();
      const ids = sent;
      sent = [];
      return ids;
    },
    /** Another process, which knows nothing but what is stored; and Redis has forgotten the script. */
    async restart() {
      await looker.command("SCRIPT", "FLUSH");
      sent = [];
      stores = open(redis);
      await stores.gate.started();
    },
    /** Beside this one, another process over what it has stored. */
    reopened: (redis: Redis) => open(redis),
    events: (id: string) => stores.tickets.events(id),
    holds: async (text: string) =>
      JSON.stringify(await everything()).includes(JSON.stringify(text).slice(1, -1)),
    everything,
    looker,
  };

  /** Every key, with all that it holds. */
  async function everything(): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for (const key of (await looker.command("KEYS", "*")) as string[]) {
      const type = String(await looker.command("TYPE", key));
      const read = readers[type];
      if (read === undefined) throw new Error(`a key of the type ${type}`);
      found[key] = await looker.command(...read(key));
    }
    return found;
  }
}

export const realClock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};

const readers: Record<string, (key: string) => string[]> = {
  string: (key) => ["GET", key],
  hash: (key) => ["HGETALL", key],
  list: (key) => ["LRANGE", key, "0", "-1"],
  set: (key) => ["SMEMBERS", key],
  zset: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
};

/** With a claim of any ticket, whosever turn it is: as the script makes one of those that are taken. */
function claimable(
  tickets: RedisTickets,
  script: ScriptRunner,
  redis: Redis,
): RedisTickets & ClaimableTickets {
  return {
    ...tickets,
    async claim(id, permit, asProbe, early) {
      for (;;) {
        const fields = ["record", "texts", "revision", "claim"];
        const row = await redis.command("HMGET", `${root}queue:requests:${id}`, ...fields);
        const read = ticketInRecord(row as readonly unknown[], policy);
        if (read === null || isForgotten(read.ticket, script.nowMs())) return null;
        const { ticket, events, reply } = claim(read.ticket, permit, asProbe, script.nowMs(), policy, early);
        if (ticket === read.ticket) return { claimed: reply, ticket };
        const { told, texts } = written(ticket, events, false);
        const call = { verb: "change", revision: read.revision, ...told } as const;
        const [answer] = await script.atGate(ticket.about.provider, call, texts);
        if (answer === "stored") return { claimed: reply, ticket };
      }
    },
  };
}

/** Without what usually stands before a gate that is a hop away. */
function directly(remote: BareGate): Gate & StartingGate {
  return {
    ...remote,
    enter: async (permit, whose) => (await remote.enter(permit, whose)).admission,
    report: async (callReport) => (await remote.exchange(crypto.randomUUID(), [callReport])).others ?? null,
  };
}
