/** Copies in a real Redis. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ticketCopies } from "../../../src/stores/mirror/ticket-copies.ts";
import { undeliveredIn } from "../../../src/stores/mirror/undelivered.ts";
import { redisClient, type RedisClient } from "../../support/redis/client.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { startRedis, type RedisServer } from "../../support/redis/server.ts";
import { lifeOf, policy } from "./some-ticket.ts";

const nowMs = Date.UTC(2100, 0, 1);
const keyOf = (id: string) => `llm-provider-service:queue:requests:${id}`;

describe.skipIf(!hasRedis("Copies of tickets in Redis"))("in a real Redis", () => {
  let server: RedisServer;
  let client: RedisClient;
  beforeAll(async () => {
    server = await startRedis({ appendonly: false });
    client = redisClient(server.url);
  });
  afterAll(async () => {
    client.close();
    await server.close();
  });
  const commands = { run: (command: readonly string[]) => client.command(...command) };
  const copies = ticketCopies(commands);
  const undelivered = undeliveredIn(commands);

  it("holds all that status and results show, and no text, nobody's name, no permit, nobody's URL", async () => {
    for (const ticket of lifeOf(nowMs)) {
      const { callback: _, ...about } = ticket.about;
      const { id } = about;
      await copies.write(ticket, policy);
      const stored = JSON.stringify(await client.command("HGETALL", keyOf(id)));
      expect(stored).not.toContain("canary");
      const copy = await copies.read(id, nowMs);
      expect(copy).toMatchObject({
        about: { ...about, userId: null },
        progress: { ...ticket.progress, lastPermit: null },
        state: { status: ticket.state.status },
      });
      expect(Object.keys(copy?.state ?? {})).not.toContain("texts");
    }
  });

  it("shows what came of it: the judgement, or why there is none", async () => {
    const [, , completed] = lifeOf(nowMs);
    await copies.write(completed, policy);
    expect((await copies.read(completed.about.id, nowMs))?.state).toEqual(completed.state);
    const failure = { reason: "request_refused", status: 400, vendorSays: "no such model" } as const;
    const [, , ended] = lifeOf(nowMs, { failure });
    await copies.write(ended, policy);
    expect((await copies.read(ended.about.id, nowMs))?.state).toMatchObject({ status: "failed", failure });
  });

  const orders = [0, 1, 2].flatMap((a) => [0, 1, 2].flatMap((b) => [0, 1, 2].map((c) => [a, b, c])));
  it.each(orders)(
    "keeps the latest, in whatever order and how often they come: %d, %d, %d",
    async (...order) => {
      const life = lifeOf(nowMs);
      for (const step of order) {
        const ticket = life[step];
        if (ticket) await copies.write(ticket, policy);
      }
      const latest = life[Math.max(...order)];
      const copy = await copies.read(life[0].about.id, nowMs);
      expect(copy?.progress.events).toBe(latest?.progress.events);
      expect(copy?.state.status).toBe(latest?.state.status);
    },
  );

  it("goes by itself when its ticket is forgotten", async () => {
    const [queued, processing, ended] = lifeOf(nowMs);
    const { id, expiresAtMs } = queued.about;
    const goesAtMs = async () => Number(await client.command("PEXPIRETIME", keyOf(id)));
    for (const unfinished of [queued, processing]) {
      await copies.write(unfinished, policy);
      expect(await goesAtMs()).toBe(expiresAtMs + policy.leaseMs + policy.retentionMs);
    }
    await copies.write(ended, policy);
    const forgetAtMs = nowMs + 200 + policy.retentionMs;
    expect(await goesAtMs()).toBe(forgetAtMs);
    expect(await copies.read(id, forgetAtMs - 1)).not.toBeNull();
    expect(await copies.read(id, forgetAtMs)).toBeNull();
  });

  it("knows nothing of what is not there, not ours, or written by newer code", async () => {
    const [queued] = lifeOf(nowMs);
    const { id } = queued.about;
    expect(await copies.read(id, nowMs)).toBeNull();
    for (const record of ["", "{", "7", JSON.stringify({ ...queued, version: 4 })]) {
      await client.command("HSET", keyOf(id), "record", record, "events", "1");
      expect(await copies.read(id, nowMs)).toBeNull();
    }
  });

  it("names what was not delivered once, to one who asks", async () => {
    const ids = Array.from({ length: 60 }, () => crypto.randomUUID());
    expect(await undelivered.fetch(50)).toEqual([]);
    await undelivered.note(ids);
    await undelivered.note(ids.slice(0, 5));
    const fetched = await Promise.all([1, 2, 3].map(() => undelivered.fetch(25)));
    expect(fetched.map(({ length }) => length)).toEqual([25, 25, 10]);
    expect(fetched.flat().toSorted()).toEqual(ids.toSorted());
    expect(await undelivered.fetch(25)).toEqual([]);
  });

  it("keeps such notes for a day at most", async () => {
    await undelivered.note(["a"]);
    const leftMs = Number(await client.command("PTTL", "llm-provider-service:queue:undelivered"));
    expect(leftMs).toBeGreaterThan(86_000_000);
    expect(leftMs).toBeLessThanOrEqual(86_400_000);
  });
});
