/** What is said of a Redis' settings, and what is done about them. */
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { endedEventJson } from "../../../src/http/notices.ts";
import { durabilityOf } from "../../../src/node/redis/durability.ts";
import { redisTransport } from "../../../src/node/redis/connection.ts";
import { openRedis } from "../../../src/node/redis/store.ts";
import { draftOf } from "../../contracts/tickets.ts";
import { config } from "../../support/sqlite-store.ts";
import { redisClient } from "../../support/redis/client.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisServer } from "../../support/redis/server.ts";
import { realClock, redisStoresForTest } from "../../support/redis/stores.ts";

const isMissing = !hasRedis("the durability of Redis");
const server = isMissing ? null : await redisServer({ appendfsync: "everysec" });
const looker = redisClient(server?.url ?? "redis://127.0.0.1:1");
/** Redis 7.2 and later can say when something is on its disk. */
const canWait = !isMissing && String(await looker.command("COMMAND", "INFO", "WAITAOF")) !== "";
afterAll(async () => {
  looker.close();
  await server?.close();
});

const evicting = "Redis may evict tickets (maxmemory-policy allkeys-lru): set it to noeviction.";
const unlogged =
  "A 202 is not durable: Redis keeps no log (appendonly no), and forgets all tickets when it restarts.";
const lossy = (lost: string, appendfsync: string) =>
  `A 202 is not durable: Redis loses up to ${lost} when its machine dies (appendfsync ${appendfsync}). Set appendfsync to always, or use Redis 7.2 or later with everysec.`;

async function connect() {
  if (server === null) throw new Error("no redis-server");
  const redis = redisTransport(server.url, realClock, 5_000);
  onTestFinished(() => redis.close());
  await new Promise<void>((resolve) => redis.onReady(resolve));
  return redis;
}

async function set(settings: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(settings)) await looker.command("CONFIG", "SET", name, value);
}
const good = { appendonly: "yes", appendfsync: "always", "maxmemory-policy": "noeviction" };

describe.skipIf(isMissing)("a Redis' durability", () => {
  for (const [settings, warnings, mustAwaitDisk] of [
    [good, [], false],
    [{ ...good, appendfsync: "everysec" }, canWait ? [] : [lossy("the last second", "everysec")], canWait],
    [{ ...good, appendfsync: "no" }, [lossy("the last half minute", "no")], false],
    [{ ...good, appendonly: "no" }, [unlogged], false],
    [{ ...good, appendonly: "no", appendfsync: "everysec" }, [unlogged], false],
    [{ ...good, "maxmemory-policy": "allkeys-lru" }, [evicting], false],
    [
      { appendonly: "no", appendfsync: "always", "maxmemory-policy": "allkeys-lru" },
      [evicting, unlogged],
      false,
    ],
  ] as const) {
    it(`is told as it is: ${Object.values(settings).join(", ")}`, async () => {
      await set(settings);
      expect(await durabilityOf(await connect())).toEqual({ warnings, mustAwaitDisk });
    });
  }

  it("is in doubt where nobody may ask for it", async () => {
    await looker.command("ACL", "SETUSER", "default", "-config|get");
    onTestFinished(async () => void (await looker.command("ACL", "SETUSER", "default", "+@all")));
    expect(await durabilityOf(await connect())).toEqual({
      warnings: ["Redis does not say how it stores (CONFIG GET is not allowed): a 202 may not be durable."],
      mustAwaitDisk: false,
    });
  });

  it("is asked for again with the health, and followed", async () => {
    await set(good);
    const shared = openRedis({
      url: server?.url ?? "",
      settings: config,
      clock: realClock,
      random: () => 0.5,
      newId: () => crypto.randomUUID(),
      endedEvent: endedEventJson,
      onFault: () => {},
    });
    onTestFinished(() => shared.close());
    await vi.waitFor(() => shared.health(), { timeout: 40_000, interval: 5 });
    expect((await shared.health()).warnings).toEqual([]);
    await set({ appendfsync: "everysec" });
    expect((await shared.health()).warnings).toHaveLength(canWait ? 0 : 1);
    const before = await waits();
    await vi.waitFor(() => shared.tickets.create(draftOf()), 30_000);
    expect((await waits()) > before).toBe(canWait);
    await set({ appendonly: "no" });
    expect((await shared.health()).warnings).toEqual([unlogged]);
    await vi.waitFor(() => shared.tickets.create(draftOf()), 30_000);
  });
});

describe.skipIf(isMissing)("a Redis that writes to its disk each second", () => {
  it("has written what a call has changed before the call is answered, or has not done it where it can't say", async () => {
    await set({ ...good, appendfsync: "everysec" });
    const redis = await connect();
    redis.awaitDisk(true);
    if (server === null) return;
    const { tickets, keys } = await redisStoresForTest(server, redis);
    const before = await waits();
    const { about } = draftOf();
    const created = await tickets.create({ ...draftOf(), about }).then(
      () => "done",
      (error: unknown) => (error instanceof StoreAway ? "not done" : "broken"),
    );
    expect(created).toBe(canWait ? "done" : "not done");
    if (canWait) {
      await tickets.fetch("mock", 1);
      await tickets.giveBack(about.id, 1);
      await keys.begin("0f", "hash", "q", 1);
    }
    expect((await waits()) - before).toBeGreaterThanOrEqual(canWait ? 4 : 0);
  });

  it("that does not come to it has not done what it was told, as far as anybody knows", async () => {
    await set({ ...good, appendfsync: "no" });
    if (server === null) return;
    const redis = redisTransport(server.url, realClock, 50);
    onTestFinished(() => redis.close());
    await new Promise<void>((resolve) => redis.onReady(resolve));
    const { tickets } = await redisStoresForTest(server, redis);
    await vi.waitFor(() => tickets.load("x"), 30_000);
    redis.awaitDisk(true);
    await expect(tickets.create(draftOf())).rejects.toThrow(StoreAway);
  });
});

/** Times that somebody has waited for the disk. */
async function waits(): Promise<number> {
  const info = String(await looker.command("INFO", "commandstats"));
  return Number(/cmdstat_waitaof:calls=(\d+)/.exec(info)?.[1] ?? 0);
}
