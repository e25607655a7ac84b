/** What was erased is not for weeks in Redis' append-only file. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Clock } from "../../../src/gateway/ports.ts";
import { endedEventJson } from "../../../src/http/notices.ts";
import { redisTransport } from "../../../src/node/redis/connection.ts";
import { createRewriting } from "../../../src/node/redis/rewriting.ts";
import { openSharedRedis } from "../../../src/node/redis/store.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { manualClock } from "../../support/clock.ts";
import { redisClient } from "../../support/redis/client.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisServer } from "../../support/redis/server.ts";
import { realClock } from "../../support/redis/stores.ts";
import { config } from "../../support/sqlite-store.ts";

const isMissing = !hasRedis("the rewriting of Redis' file");
const server = isMissing ? null : await redisServer();
const url = server?.url ?? "redis://127.0.0.1:1";
const looker = redisClient(url);
afterAll(async () => {
  looker.close();
  await server?.close();
});

const minuteMs = 60_000;
const patience = { timeout: 60_000, interval: 20 };

/** All that is on Redis' disk. */
async function onDisk(): Promise<string> {
  const [, folder = ""] = (await looker.command("CONFIG", "GET", "dir")) as readonly string[];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")).join("");
}

async function rewrites(): Promise<number> {
  const info = String(await looker.command("INFO", "commandstats"));
  return Number(/cmdstat_bgrewriteaof:calls=(\d+)/.exec(info)?.[1] ?? 0);
}

async function world(user = "") {
  await looker.command("DEL", "llm-provider-service:rewritten");
  const clock = manualClock();
  const redis = redisTransport(url.replace("//", `//${user}`), realClock, 5_000);
  await new Promise<void>((resolve) => redis.onReady(resolve));
  const faults: unknown[] = [];
  const before = await rewrites();
  const one = () => {
    const rewriting = createRewriting(redis, clock, (error) => faults.push(error));
    onTestFinished(rewriting.stop);
    return rewriting;
  };
  onTestFinished(() => redis.close());
  return {
    clock,
    faults,
    one,
    /** How often it was asked for, when all that is under way is over. */
    async asked() {
      await redis.command("PING");
      await redis.command("PING");
      await redis.command("PING");
      return (await rewrites()) - before;
    },
  };
}

describe.skipIf(isMissing)("Redis' append-only file", () => {
  it("holds nothing of a ticket's texts soon after the ticket has ended", async () => {
    await looker.command("DEL", "llm-provider-service:rewritten");
    // The minute is over at once.
    const clock: Clock = {
      ...realClock,
      after: (delayMs, then) => realClock.after(delayMs === minuteMs ? 10 : delayMs, then),
    };
    const store = openSharedRedis({
      url,
      settings: config,
      clock,
      random: () => 0.5,
      newId: () => crypto.randomUUID(),
      endedEvent: endedEventJson,
      onFault: () => {},
    });
    onTestFinished(() => store.close());
    await vi.waitFor(() => store.health(), patience);
    const draft = draftOf();
    const texts = { ...draft.texts, essayA: "a canary in an essay" };
    const { about } = await kept(store.tickets, { ...draft, texts });
    expect(await onDisk()).toContain("a canary in an essay");
    store.start(async ({ ticket, fence }) => {
      const failure = { reason: "request_refused", status: 400, vendorSays: "no" } as const;
      const spent = { calls: 1, costUsd: null };
      await store.tickets.settle(ticket.about.id, fence, { kind: "failed", failure, spent });
    });
    await vi.waitFor(
      async () => expect((await store.tickets.load(about.id))?.state.status).toBe("failed"),
      patience,
    );
    await vi.waitFor(async () => expect(await onDisk()).not.toContain("a canary in an essay"), patience);
  });

  it("is rewritten a minute after the first of what was erased, and at most once an hour, over all processes", async () => {
    const { one, clock, asked } = await world();
    const [first, second] = [one(), one()];
    first.noteErased();
    await clock.advance(minuteMs - 1);
    expect(await asked()).toBe(0);
    first.noteErased();
    second.noteErased();
    await clock.advance(1);
    await vi.waitFor(async () => expect(await asked()).toBe(1), patience);
    for (let tens = 0; tens < 3; tens++) {
      first.noteErased();
      second.noteErased();
      await clock.advance(11 * minuteMs);
      await asked();
    }
    expect(await asked()).toBe(1);
    // The hour is over, by Redis' clock.
    await looker.command("DEL", "llm-provider-service:rewritten");
    await clock.advance(11 * minuteMs);
    await vi.waitFor(async () => expect(await asked()).toBe(2), patience);
  });

  it("is left alone where nothing was erased since, or where there is none", async () => {
    const { one, clock, asked } = await world();
    const rewriting = one();
    await clock.advance(3 * 60 * minuteMs);
    expect(await asked()).toBe(0);
    await looker.command("CONFIG", "SET", "appendonly", "no");
    onTestFinished(async () => void (await looker.command("CONFIG", "SET", "appendonly", "yes")));
    rewriting.noteErased();
    await clock.advance(minuteMs);
    expect(await asked()).toBe(0);
  });

  it("is left to the operator where our user may not ask", async () => {
    await looker.command("ACL", "SETUSER", "poor", "on", ">p", "~*", "&*", "+@all", "-bgrewriteaof");
    const { one, clock, asked, faults } = await world("poor:p@");
    one().noteErased();
    await clock.advance(minuteMs);
    expect(await asked()).toBe(0);
    expect(faults).toEqual([]);
  });
});
