/** What waits for the bus in Redis: noted in the script with what it is about, and sent by one process at a time. */
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { busRenderer } from "../../../src/http/bus-events.ts";
import { redisTransport } from "../../../src/node/redis/connection.ts";
import { redisOutbox } from "../../../src/node/redis/outbox.ts";
import type { Outbox, OutboxEntry } from "../../../src/push/outbox.ts";
import { wakeChannel } from "../../../src/stores/redis/redis.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisServer } from "../../support/redis/server.ts";
import { realClock, redisStoresForTest } from "../../support/redis/stores.ts";
import { policy } from "../../support/sqlite-store.ts";

const isMissing = !hasRedis("the bus in Redis");
const server = isMissing ? null : await redisServer({ appendonly: false });
afterAll(() => server?.close());

async function make(hasBus = true) {
  if (server === null) throw new Error("no redis-server");
  const world = await redisStoresForTest(server, undefined, hasBus);
  const outbox = (relay: string, mostKept?: number) =>
    redisOutbox({
      script: world.stores.script,
      policy,
      render: busRenderer("test"),
      clock: world.clock,
      onFault: (error) => expect.unreachable(String(error)),
      relay,
      ...(mostKept !== undefined && { mostKept }),
    });
  return { world, outbox, one: outbox("one") };
}
type World = Awaited<ReturnType<typeof make>>;

const taken = async (outbox: Outbox): Promise<readonly OutboxEntry[] | null> => {
  const found = await outbox.take(100);
  return found && found.entries;
};

const said = (entries: readonly OutboxEntry[] | null) =>
  entries?.map(({ event: { json } }) => {
    const { type, sequence } = JSON.parse(json) as { type: string; sequence: string };
    return `${Number(sequence)} ${type.split(".")[2]}`;
  });

const spent = { calls: 1, costUsd: null };
const judgement = { winner: "Essay A", justification: "canary", confidence: 3, normalizations: [] } as const;
const judged = {
  kind: "judged",
  result: { judgement, model: "m", usage: null, durationMs: 1 },
  spent,
} as const;

async function judgedIn({ world }: World): Promise<string> {
  const { id } = (await kept(world.tickets, draftOf())).about;
  const [claimed] = await world.stores.tickets.fetch("mock", 1);
  await world.stores.tickets.settle(id, claimed?.fence ?? 0, judged);
  return id;
}

describe.skipIf(isMissing)("the bus in Redis", () => {
  it("hears of every transition, the script's own claims among them, in order, with nothing that is nobody's business", async () => {
    const given = await make();
    const id = await judgedIn(given);
    const entries = await taken(given.one);
    expect(said(entries)).toEqual(["1 queued", "2 processing", "3 completed"]);
    const text = JSON.stringify(entries?.map(({ event }) => event));
    expect(text).toContain(id);
    expect(text).not.toMatch(/canary|Grüße|user-one|tenant-one/);
  });

  it("hears of what time does to a ticket, and what its owner does", async () => {
    const given = await make();
    await kept(given.world.tickets, draftOf());
    await given.world.advance(policy.ttlMs);
    const { id } = (await kept(given.world.tickets, draftOf())).about;
    await given.world.stores.tickets.cancel(id, "owner");
    expect(said(await taken(given.one))).toEqual(["1 queued", "2 expired", "1 queued", "2 cancelled"]);
  });

  it("hears of a ticket that was kept elsewhere with its whole history, once", async () => {
    const given = await make();
    const ours = await make(false);
    const id = await judgedIn(ours);
    const ticket = await ours.world.tickets.load(id);
    const events = await ours.world.events(id);
    if (ticket === null) throw new Error("no ticket");
    const { stores } = given.world;
    await ours.world.server.flush();
    await stores.tickets.adopt(ticket, events);
    await stores.tickets.adopt(ticket, events);
    expect(said(await taken(given.one))).toEqual(["1 queued", "2 processing", "3 completed"]);
  });

  it("hears that a ticket of which no client knows was withdrawn, and of one that never came nothing", async () => {
    const given = await make();
    const { stores } = given.world;
    const { about } = await kept(given.world.tickets, draftOf());
    expect(await stores.tickets.withdraw(about.id, "mock")).toBe(true);
    expect(await stores.tickets.withdraw(about.id, "mock")).toBe(true);
    expect(await stores.tickets.withdraw(crypto.randomUUID(), "mock")).toBe(true);
    const entries = await taken(given.one);
    expect(said(entries)).toEqual(["2 withdrawn"]);
    expect(entries?.[0]?.event.queueId).toBe(about.id);
  });

  it("writes nothing where there is no bus", async () => {
    const given = await make(false);
    await judgedIn(given);
    expect(Object.keys(await given.world.everything()).filter((key) => key.includes(":bus"))).toEqual([]);
  });

  it("forgets what was sent, and gives the rest in its order", async () => {
    const given = await make();
    await judgedIn(given);
    const [first, ...rest] = (await taken(given.one)) ?? [];
    await given.one.sent([first as OutboxEntry]);
    expect(await taken(given.one)).toEqual(rest);
    await given.one.sent(rest);
    await judgedIn(given);
    expect(said(await taken(given.one))).toEqual(["1 queued", "2 processing", "3 completed"]);
  });

  it("is one process' to send, until that gives it up", async () => {
    const given = await make();
    await judgedIn(given);
    const other = given.outbox("other");
    expect(await taken(given.one)).toHaveLength(3);
    expect(await taken(other)).toBeNull();
    expect(await taken(given.one)).toHaveLength(3);
    await given.one.release();
    expect(await taken(other)).toHaveLength(3);
    // Who has lost it can't give it up for another.
    await given.one.release();
    expect(await taken(given.one)).toBeNull();
  });

  it("is another's when the lease of one that died is over, and not before: a living one prolongs it", async () => {
    const given = await make();
    await judgedIn(given);
    await taken(given.one);
    const { looker, clock } = given.world;
    const lease = "llm-provider-service:queue:bus:relay";
    // Redis' own clock goes by itself; so its lease is made as short as a test wants it.
    await looker.command("PEXPIRE", lease, "300");
    await clock.advance(5_000);
    await vi.waitFor(async () => expect(Number(await looker.command("PTTL", lease))).toBeGreaterThan(15_000));
    await looker.command("PEXPIRE", lease, "50");
    await vi.waitFor(async () => expect(await taken(given.outbox("heir"))).toHaveLength(3));
  });

  it("keeps nothing for longer than tickets are kept, and says how many went", async () => {
    const given = await make();
    await judgedIn(given);
    const { looker, clock } = given.world;
    await clock.advance(policy.retentionMs - 1);
    expect(await taken(given.one)).toHaveLength(3);
    await clock.advance(1);
    expect(await given.one.take(100)).toEqual({ entries: [], waiting: 0, dropped: 3 });
    await judgedIn(given);
    // And where nobody sends any more, Redis forgets it by itself.
    const leftMs = Number(await looker.command("PTTL", "llm-provider-service:queue:bus"));
    expect(leftMs).toBeGreaterThan(policy.retentionMs - 60_000);
    expect(leftMs).toBeLessThanOrEqual(policy.retentionMs);
  });

  it("keeps no more than Redis has room for: the oldest go", async () => {
    const given = await make();
    for (let at = 0; at < 3; at++) await judgedIn(given);
    const small = given.outbox("one", 4);
    const found = await small.take(3);
    expect(found?.dropped).toBe(6);
    expect(said(found?.entries ?? null)).toEqual(["1 queued", "2 processing", "3 completed"]);
  });

  it("wakes those who may send, when there is something again", async () => {
    const given = await make();
    const heard: string[] = [];
    const connection = redisTransport(server?.url ?? "", realClock);
    onTestFinished(() => connection.close());
    const isReady = Promise.withResolvers<void>();
    const listening = connection.listen(wakeChannel, (message) => heard.push(message), isReady.resolve);
    onTestFinished(() => listening.stop());
    await isReady.promise;
    await judgedIn(given);
    await vi.waitFor(() => expect(heard.filter((message) => message === "bus")).toHaveLength(1));
    await given.one.sent((await taken(given.one)) ?? []);
    await judgedIn(given);
    await vi.waitFor(() => expect(heard.filter((message) => message === "bus")).toHaveLength(2));
  });
});
