/** Redis that fails in every way that it can, and what stands on it. */
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { AttemptOutcome } from "../../../src/domain/ticket/moves.ts";
import { StoreAway, type Clock } from "../../../src/gateway/ports.ts";
import { redisTransport, type RedisConnection } from "../../../src/node/redis/connection.ts";
import { NotDone } from "../../../src/stores/failover/primary-store.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { policy } from "../../support/sqlite-store.ts";
import { redisClient, type RedisClient } from "../../support/redis/client.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisProxy } from "../../support/redis/proxy.ts";
import { redisServer, type RedisServer } from "../../support/redis/server.ts";
import { realClock, redisStoresForTest } from "../../support/redis/stores.ts";

const isMissing = !hasRedis("Redis that fails");
const servers: RedisServer[] = [];
afterAll(async () => {
  for (const server of servers) await server.close();
});

let shared: Promise<RedisServer> | null = null;
/** What a test breaks it mends again. */
function server(): Promise<RedisServer> {
  // A crash of the process loses nothing that the kernel has.
  shared ??= redisServer({ appendfsync: "no" }).then((made) => {
    if (made === null) throw new Error("no redis-server");
    servers.push(made);
    return made;
  });
  return shared;
}

/** A clock that tests put forward, so that nobody waits for a connection to be given up. */
function hastyClock(): Clock & { skip(ms: number): void } {
  let aheadMs = 0;
  return {
    nowMs: () => realClock.nowMs() + aheadMs,
    monotonicMs: () => realClock.monotonicMs() + aheadMs,
    after: realClock.after,
    skip(ms) {
      aheadMs += ms;
    },
  };
}

const patientMs = 2_000;

/** Stores that reach their Redis through a wire that breaks on demand. */
async function make(limitMs = patientMs) {
  const behind = await server();
  const proxy = await redisProxy(behind.url);
  const clock = hastyClock();
  const redis = redisTransport(proxy.url, clock, limitMs);
  onTestFinished(async () => {
    redis.close();
    await proxy.close();
  });
  await new Promise<void>((resolve) => redis.onReady(resolve));
  const world = await redisStoresForTest(behind, redis);
  // Both kinds of the script are known there: what a test breaks is then the call itself.
  await world.stores.gate.status();
  await world.keys.begin("00", "", "", 0);
  return { world, behind, proxy, hasty: clock, connection: redis, ...world };
}

const judged: AttemptOutcome = {
  kind: "judged",
  result: {
    judgement: { winner: "Essay A", justification: "It argues.", confidence: 4, normalizations: [] },
    model: "m",
    usage: null,
    durationMs: 1,
  },
  spent: { calls: 1, costUsd: 0.1 },
};

const answers = (redis: RedisConnection) =>
  vi.waitFor(() => redis.command("PING"), { timeout: 40_000, interval: 5 });

async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it has not failed");
}

async function counts(looker: RedisClient, name: string): Promise<number> {
  const info = String(await looker.command("INFO", "commandstats"));
  return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
}

describe.skipIf(isMissing)("a Redis that fails", () => {
  it("is sent the script once where it does not know it", async () => {
    const { tickets, looker } = await make();
    await looker.command("SCRIPT", "FLUSH");
    const before = await counts(looker, "script\\|load");
    await Promise.all(Array.from({ length: 9 }, () => kept(tickets, draftOf())));
    await kept(tickets, draftOf());
    expect((await counts(looker, "script\\|load")) - before).toBe(1);
  });

  it("has all that it has confirmed when it comes back from a crash", async () => {
    const { tickets, keys, behind, connection } = await make();
    const { about } = await kept(tickets, draftOf());
    const waits = await kept(tickets, draftOf({ delayMs: 9e12 }));
    const [fetched] = await tickets.fetch("mock", 1);
    expect(fetched?.ticket.about.id).toBe(about.id);
    await keys.begin("0b", "hash", "q", 60_000);
    await behind.kill();
    expect(await failure(tickets.load(about.id))).toBeInstanceOf(StoreAway);
    expect(await failure(tickets.load(about.id))).toMatchObject({ why: "not_connected" });
    await behind.restart();
    await answers(connection);
    expect(await tickets.load(waits.about.id)).toEqual(waits);
    expect(await tickets.settle(about.id, 1, judged)).toEqual({ kind: "stored" });
    expect(await keys.begin("0b", "hash", "q", 60_000)).toMatchObject({ kind: "busy" });
  });

  it("is away when it hangs, is looked for with a new connection, and what was under way then does no harm", async () => {
    const { world, tickets, behind, connection, hasty, proxy } = await make(100);
    const draft = draftOf();
    const { about } = await kept(tickets, draftOf());
    await world.clock.advance(1);
    const connectionId = await connection.command("CLIENT", "ID");
    behind.pause();
    try {
      const late = await Promise.all([failure(kept(tickets, draft)), failure(tickets.fetch("mock", 1))]);
      for (const error of late) {
        expect(error).toBeInstanceOf(StoreAway);
        // Nobody knows.
        expect(error).not.toBeInstanceOf(NotDone);
      }
      hasty.skip(2_000);
      await failure(tickets.load(about.id));
      expect(await failure(tickets.load(about.id))).toBeInstanceOf(NotDone);
      await vi.waitFor(() => expect(proxy.connections()).toBeGreaterThan(0));
    } finally {
      behind.resume();
    }
    await answers(connection);
    expect(await connection.command("CLIENT", "ID")).not.toBe(connectionId);
    expect((await kept(tickets, draft)).about.id).toBe(draft.about.id);
    const fetched = await tickets.fetch("mock", 1);
    expect(fetched.map(({ ticket, fence }) => [ticket.about.id, fence])).toEqual([[about.id, 1]]);
    expect(await tickets.settle(about.id, 1, judged)).toEqual({ kind: "stored" });
    expect((await world.events(draft.about.id)).map(({ kind }) => kind)).toEqual(["accepted"]);
    expect((await world.gate.status()).queue.size).toBe(1);
  });

  it("is not given a new connection for one slow answer after a long silence", async () => {
    const { connection, hasty, behind, proxy } = await make(100);
    // Given up once, so that all that was open on it has failed.
    behind.pause();
    await Promise.all(Array.from({ length: 3 }, () => failure(connection.command("PING"))));
    hasty.skip(2_000);
    await failure(connection.command("PING"));
    behind.resume();
    await answers(connection);
    const connectionId = await connection.command("CLIENT", "ID");
    hasty.skip(60_000);
    proxy.mode({ kind: "delay", delayMs: 150 });
    await failure(connection.command("PING"));
    proxy.mode({ kind: "pass" });
    await answers(connection);
    expect(await connection.command("CLIENT", "ID")).toBe(connectionId);
  });

  it("is not taken for slow by a process that was busy itself", async () => {
    const { url } = await server();
    const redis = redisTransport(url, realClock, 100);
    onTestFinished(() => redis.close());
    await new Promise<void>((resolve) => redis.onReady(resolve));
    const asked = redis.command("ECHO", "in time");
    // The command is on its way; now nothing runs here for longer than the limit.
    await new Promise<void>((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    expect(await asked).toBe("in time");
  });

  it("is found again out of a black hole, also where the greeting was lost in it", async () => {
    const { connection, hasty, proxy } = await make(100);
    proxy.mode({ kind: "blackHole" });
    expect(await failure(connection.command("PING"))).not.toBeInstanceOf(NotDone);
    hasty.skip(2_000);
    await failure(connection.command("PING"));
    // The new connection is there, and its greeting is lost.
    const said = proxy.roundTrips();
    await vi.waitFor(() => expect(proxy.roundTrips()).toBeGreaterThan(said));
    expect(await failure(connection.command("PING"))).toBeInstanceOf(NotDone);
    proxy.mode({ kind: "pass" });
    await vi.waitFor(
      () => {
        hasty.skip(2_000);
        return connection.command("PING");
      },
      { timeout: 40_000, interval: 300 },
    );
  });

  it("is found again when it takes connections again", async () => {
    const { tickets, connection, proxy } = await make();
    proxy.mode({ kind: "refuse" });
    proxy.cut();
    await vi.waitFor(async () => expect(await failure(connection.command("PING"))).toBeInstanceOf(NotDone));
    expect(await failure(kept(tickets, draftOf()))).toMatchObject({ why: "not_connected" });
    proxy.mode({ kind: "pass" });
    await answers(connection);
    await kept(tickets, draftOf());
  });

  it("is found again when the password is right again", async () => {
    const behind = await server();
    const looker = redisClient(behind.url);
    const wrong = redisTransport(behind.url.replace("redis://", "redis://:mistaken@"), realClock);
    onTestFinished(async () => {
      wrong.close();
      await looker.command("CONFIG", "SET", "requirepass", "");
      looker.close();
    });
    await looker.command("CONFIG", "SET", "requirepass", "right");
    expect(await failure(wrong.command("PING"))).toMatchObject({ why: "not_connected" });
    await looker.command("CONFIG", "SET", "requirepass", "mistaken");
    await answers(wrong);
  });

  it("is away while it pauses its clients, and does then what it was told, once", async () => {
    const { world, tickets, looker, connection } = await make(100);
    const draft = draftOf();
    await looker.command("CLIENT", "PAUSE", "250", "ALL");
    const error = await failure(kept(tickets, draft));
    expect(error).toBeInstanceOf(StoreAway);
    expect(error).not.toBeInstanceOf(NotDone);
    await answers(connection);
    expect((await kept(tickets, draft)).about.id).toBe(draft.about.id);
    expect(await world.events(draft.about.id)).toHaveLength(1);
    expect((await world.gate.status()).queue.size).toBe(1);
  });
});

describe.skipIf(isMissing)("an answer that breaks off", () => {
  /** The call is made, its answer breaks off after some bytes, and it is made again. */
  async function twice<Reply>({ proxy, connection }: Broken, call: () => Promise<Reply>): Promise<Reply> {
    proxy.cutNextReply({ afterBytes: 3, request: /EVAL/ });
    const error = await failure(call());
    expect(error).toBeInstanceOf(StoreAway);
    expect(error).not.toBeInstanceOf(NotDone);
    await answers(connection);
    return await call();
  }
  type Broken = Awaited<ReturnType<typeof make>>;

  it("of a ticket's verbs leaves what they have done done once", async () => {
    const broken = await make();
    const { tickets, world } = broken;
    const draft = draftOf();
    const { id } = draft.about;
    expect((await twice(broken, () => kept(tickets, draft))).about.id).toBe(id);
    const fetched = await twice(broken, () => tickets.fetch("mock", 1));
    expect(fetched.map(({ ticket, fence }) => [ticket.about.id, fence])).toEqual([[id, 1]]);
    // What is given back is waiting already: nobody else's claim is touched.
    expect(await twice(broken, () => tickets.giveBack(id, 1))).toEqual({ kind: "stale" });
    expect((await tickets.load(id))?.state.status).toBe("queued");
    const claim = await twice(broken, () => tickets.claim(id, "permit", false));
    expect(claim?.claimed).toMatchObject({ kind: "claimed", fence: 2 });
    expect(await twice(broken, () => tickets.settle(id, 2, judged))).toEqual({ kind: "stale" });
    expect((await tickets.load(id))?.state).toMatchObject({ status: "completed" });
    expect((await world.events(id)).map(({ kind }) => kind)).toEqual([
      "accepted",
      "started",
      "returned",
      "started",
      "completed",
    ]);
    expect((await world.gate.status()).queue.size).toBe(0);
  });

  it("of what is moved or taken back likewise", async () => {
    const broken = await make();
    const { tickets, world } = broken;
    const source = await kept(tickets, draftOf());
    const [doubtful, late] = [draftOf(), await kept(tickets, draftOf())];
    const events = await world.events(source.about.id);
    await world.looker.command("FLUSHALL");
    await twice(broken, () => tickets.adopt(source, events));
    expect(await world.events(source.about.id)).toEqual(events);
    await tickets.adopt(late, events);
    await kept(tickets, doubtful);
    expect(await twice(broken, () => tickets.withdraw(doubtful.about.id, "mock"))).toBe(true);
    expect((await world.gate.status()).queue.size).toBe(2);
    await tickets.fetch("mock", 2);
    await world.clock.advance(policy.leaseMs);
    await twice(broken, () => tickets.settleAsOf(late.about.id, 1, judged, world.nowMs() - 1));
    expect((await tickets.load(late.about.id))?.state.status).toBe("completed");
    expect((await world.events(late.about.id)).map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it("of a key's verbs lets nobody in twice", async () => {
    const broken = await make();
    const { keys } = broken;
    expect(await twice(broken, () => keys.begin("0c", "hash", "q", 60_000))).toMatchObject({ kind: "busy" });
    await broken.clock.advance(60_000);
    const begun = await keys.begin("0c", "hash", "q", 60_000);
    if (begun.kind !== "begun") throw new Error(begun.kind);
    const answer = { kind: "answered", body: "body" } as const;
    expect(await twice(broken, () => keys.end("0c", begun.fence, answer))).toBe(true);
    expect(await keys.begin("0c", "hash", "q", 1)).toEqual(answer);
  });
});

describe.skipIf(isMissing)("a Redis that takes nothing more", () => {
  it("refuses what is new before anything is changed, and lets all else go on", async () => {
    const { world, tickets, keys, looker } = await make();
    const [first, second, third] = [draftOf(), draftOf(), draftOf()];
    for (const draft of [first, second, third]) await kept(tickets, draft);
    const fourth = await kept(tickets, draftOf());
    const events = await world.events(fourth.about.id);
    await looker.command("DEL", `llm-provider-service:queue:requests:${fourth.about.id}`);
    const begun = await keys.begin("0d", "hash", "q", 60_000);
    if (begun.kind !== "begun") throw new Error(begun.kind);
    await looker.command("CONFIG", "SET", "maxmemory", "1");
    try {
      const before = await world.everything();
      for (const work of [
        () => kept(tickets, draftOf()),
        () => keys.begin("0e", "hash", "q", 60_000),
        () => tickets.adopt(fourth, events),
      ]) {
        expect(await failure(work())).toMatchObject({ name: "StoreAway", why: "refused" });
      }
      expect(await world.everything()).toEqual(before);
      expect(await tickets.fetch("mock", 4)).toHaveLength(3);
      expect(await tickets.settle(first.about.id, 1, judged)).toEqual({ kind: "stored" });
      expect(await tickets.giveBack(second.about.id, 1)).toEqual({ kind: "stored" });
      await world.stores.gate.exchange("r", []);
      expect(await keys.end("0d", begun.fence, { kind: "freed" })).toBe(true);
      expect(await tickets.withdraw(third.about.id, "mock")).toBe(false);
      await world.clock.advance(policy.leaseMs);
      expect(await tickets.fetch("mock", 3)).toHaveLength(1);
      expect((await world.gate.status()).queue).toMatchObject({ size: 2, bytes: 240 });
    } finally {
      await looker.command("CONFIG", "SET", "maxmemory", "0");
    }
    await kept(tickets, draftOf());
  });

  it("refuses everything that writes where it may only be read, and is written again after that", async () => {
    const { tickets, looker, connection } = await make();
    const { about } = await kept(tickets, draftOf());
    await looker.command("REPLICAOF", "127.0.0.1", "1");
    try {
      expect(await failure(kept(tickets, draftOf()))).toMatchObject({ why: "refused" });
      expect(await failure(tickets.fetch("mock", 1))).toMatchObject({ why: "refused" });
      expect(await failure(connection.command("DEL", "x"))).toMatchObject({ why: "refused" });
      expect((await tickets.load(about.id))?.about).toEqual(about);
    } finally {
      await looker.command("REPLICAOF", "NO", "ONE");
    }
    expect(await tickets.fetch("mock", 1)).toHaveLength(1);
  });
});
