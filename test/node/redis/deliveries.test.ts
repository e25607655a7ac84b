/** What endpoints are to be told, in Redis: entered with the end of its ticket, in one run of the script, and shared by processes. */
import { afterAll, describe, expect, it } from "vitest";
import type { EventToTell } from "../../../src/domain/push/delivery.ts";
import type { KnownEndpoint } from "../../../src/domain/push/endpoint.ts";
import type { DeliveryStore } from "../../../src/gateway/delivery-store.ts";
import type { Draft } from "../../../src/gateway/ports.ts";
import { knownEndpoint, testDeliveries } from "../../contracts/deliveries.ts";
import { draftOf, judged, kept } from "../../contracts/tickets.ts";
import { endedTicket } from "../../support/ended-ticket.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisServer } from "../../support/redis/server.ts";
import { redisStoresForTest } from "../../support/redis/stores.ts";
import { policy } from "../../support/sqlite-store.ts";

const isMissing = !hasRedis("what endpoints are to be told");
const server = isMissing ? null : await redisServer({ appendonly: false });
afterAll(() => server?.close());

async function make() {
  if (server === null) throw new Error("no redis-server");
  return await redisStoresForTest(server);
}

describe.skipIf(isMissing)("in Redis", () => {
  testDeliveries(async () => {
    const world = await make();
    return {
      store: world.stores.deliveries,
      async enter(event: EventToTell, endpoints, maxPending) {
        world.tellEnds({ endpointsOf: () => endpoints, maxPending });
        const { ticket, events } = endedTicket(event);
        await world.tickets.adopt(ticket, events);
      },
      advance: (ms) => world.clock.advance(ms),
      nowMs: world.nowMs,
    };
  });
});

const leaseMs = 60_000;
const prefix = "llm-provider-service:push:";
const main = knownEndpoint("main", { tenant: "tenant-one" });
const second = knownEndpoint("second", { tenant: "tenant-one" });

async function storeFor(...endpoints: readonly KnownEndpoint[]) {
  const world = await make();
  world.tellEnds({
    endpointsOf: ({ tenant }) => endpoints.filter((endpoint) => endpoint.tenant === tenant),
    maxPending: 1_000,
  });
  const { tickets } = world;

  async function end(draft: Draft = draftOf()): Promise<string> {
    const { id } = (await kept(tickets, draft)).about;
    await tickets.claim(id, id, false);
    await tickets.settle(id, 1, judged);
    return id;
  }

  return {
    world,
    end,
    all: async (tenant = "tenant-one") =>
      (await world.stores.deliveries.page({ tenant, name: null, status: null, after: null, limit: 50 }))
        .deliveries,
    health: async (endpoint = main) => (await world.stores.deliveries.health([endpoint]))[0],
    pushKeys: async () => Object.keys(await world.everything()).filter((key) => key.startsWith(prefix)),
  };
}

const idsOf = (taken: Awaited<ReturnType<DeliveryStore["take"]>>) => taken.map(({ delivery }) => delivery.id);

describe.skipIf(isMissing)("a ticket's end in Redis", () => {
  it("is entered with it, whatever the end, once for each endpoint, and nothing before it", async () => {
    const { world, all } = await storeFor(main, second);
    const { tickets } = world;
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) {
      const { id } = (await kept(tickets, draftOf())).about;
      await tickets.claim(id, `p${count}`, false);
      ids.push(id);
    }
    expect(await all()).toEqual([]);
    const [judgedOne = "", cancelled = "", died = "", expired = ""] = ids;
    await tickets.settle(judgedOne, 1, judged);
    await tickets.cancel(cancelled, "owner");
    // Its call is over: the ticket is written once more.
    await tickets.settle(cancelled, 1, judged);
    const spent = { calls: 1, costUsd: null };
    await tickets.settle(died, 1, { kind: "failed", failure: { reason: "truncated" }, spent });
    await tickets.giveBack(expired, 1);
    await world.advance(policy.ttlMs + 60_000);
    const entered = await all();
    const types = Object.groupBy(entered, ({ ticketId }) => ticketId);
    expect(ids.map((id) => types[id]?.map(({ type, endpoint }) => `${endpoint} ${type}`).toSorted())).toEqual(
      ["completed", "cancelled", "failed", "expired"].map((end) => [
        `main ticket.${end}`,
        `second ticket.${end}`,
      ]),
    );
    for (const { ticketId, eventId } of entered) expect(eventId).toMatch(`evt_${ticketId}_`);
    expect(world.entered()).toBe(4);
    const stored = Object.entries(await world.everything()).filter(([key]) => key.startsWith(prefix));
    expect(JSON.stringify(stored)).not.toMatch(/Essay of|Prompt of|It argues|user-one/);
  });

  it("of a tenant without an endpoint is entered nowhere", async () => {
    const { world, end, pushKeys } = await storeFor(knownEndpoint("main", { tenant: "tenant-two" }));
    await end();
    expect(await pushKeys()).toEqual([]);
    expect(world.entered()).toBe(0);
  });

  it("of a ticket that was kept elsewhere is entered when that has moved to Redis, once", async () => {
    const { world, all } = await storeFor(main);
    const { id } = draftOf().about;
    const nowMs = world.nowMs();
    const { ticket, events } = endedTicket({
      ticketId: id,
      tenant: "tenant-one",
      endedAtMs: nowMs,
      forgetAtMs: nowMs + 1_000,
    });
    await world.tickets.adopt(ticket, events);
    await world.tickets.adopt(ticket, events);
    expect(await all()).toMatchObject([{ ticketId: id, eventId: `evt_${id}_3` }]);
    const waiting = await kept(world.tickets, draftOf());
    await world.tickets.withdraw(waiting.about.id, "mock");
    expect(await all()).toHaveLength(1);
  });

  it("is stored though it could not be entered, by a bug here or in the script", async () => {
    const { world, end } = await storeFor(main);
    await world.looker.command("SET", `${prefix}tenant:tenant-one`, "no sorted set");
    const inScript = await end();
    world.tellEnds({
      endpointsOf() {
        throw new TypeError("a bug");
      },
      maxPending: 1,
    });
    const here = await end();
    for (const id of [inScript, here]) expect((await world.tickets.load(id))?.state.status).toBe("completed");
    expect(world.faults.map(String)).toEqual([
      expect.stringMatching(/^Error: What endpoints are to be told could not be entered: .*WRONGTYPE/),
      "TypeError: a bug",
    ]);
  });

  it("is not entered where memory is full, but for what it makes free itself, and that is counted", async () => {
    const { world, end, all, health } = await storeFor(main, second);
    const { looker } = world;
    const long = draftOf({ texts: { ...draftOf().texts, essayA: "A long essay. ".repeat(500) } });
    const first = (await kept(world.tickets, draftOf())).about.id;
    const big = (await kept(world.tickets, long)).about.id;
    await end();
    await looker.command("CONFIG", "SET", "maxmemory", "1");
    try {
      expect(await world.tickets.fetch("mock", 2)).toHaveLength(2);
      for (const id of [first, big]) {
        expect(await world.tickets.settle(id, 1, judged)).toEqual({ kind: "stored" });
      }
      expect(new Set((await all()).map(({ ticketId }) => ticketId)).has(first)).toBe(false);
      expect((await all()).filter(({ ticketId }) => ticketId === big)).toHaveLength(2);
      for (const endpoint of [main, second]) {
        expect(await health(endpoint)).toMatchObject({ pending: 2, dropped: 1 });
      }
      // What was entered is told all the same.
      const taken = await world.stores.deliveries.take([main, second], 10, leaseMs);
      expect(taken).toHaveLength(4);
      for (const { delivery, lease } of taken) {
        await world.stores.deliveries.settle(delivery.id, lease, { kind: "status", status: 204 });
      }
      expect(await health()).toMatchObject({ pending: 0 });
    } finally {
      await looker.command("CONFIG", "SET", "maxmemory", "0");
    }
  });

  it("leaves nothing behind but how endpoints fare, when its ticket is forgotten, whoever is there then", async () => {
    const { world, end, pushKeys } = await storeFor(main, second);
    for (let count = 0; count < 3; count++) await end();
    const [taken] = await world.stores.deliveries.take([main], 1, leaseMs);
    expect(taken?.lease).toBe(1);
    const ofTickets = (await pushKeys()).filter((key) => key !== `${prefix}endpoints`);
    expect(ofTickets).toHaveLength(6 + 5);
    for (const key of ofTickets) {
      const keptMs = Number(await world.looker.command("PTTL", key));
      expect(keptMs).toBeGreaterThan(policy.retentionMs);
      expect(keptMs).toBeLessThanOrEqual(policy.retentionMs + 3_600_000);
    }
    await world.advance(policy.retentionMs + 1);
    expect(await world.stores.deliveries.tidy([main, second])).toBe(true);
    expect(await pushKeys()).toEqual([`${prefix}endpoints`]);
  });

  it("is in no count, and is no probe, once Redis has forgotten it before anybody tidied up", async () => {
    const { world, end, all, health, pushKeys } = await storeFor(main);
    for (let count = 0; count < 7; count++) await end();
    const { deliveries } = world.stores;
    for (const { delivery, lease } of await deliveries.take([main], 5, leaseMs)) {
      await deliveries.settle(delivery.id, lease, { kind: "refused" });
    }
    await world.clock.advance(30_000);
    const [probe] = await deliveries.take([main], 5, leaseMs);
    expect(await health()).toMatchObject({ state: "probing", pending: 7 });
    const left = (await all()).find(({ state }) => state.status === "due");
    for (const { id } of await all()) {
      if (id !== left?.id) await world.looker.command("DEL", `${prefix}delivery:${id}`);
    }
    expect(probe?.delivery.id).not.toBe(left?.id);
    expect(await health()).toMatchObject({ state: "failing" });
    const next: string[] = [];
    for (let round = 0; next.length === 0 && round < 7; round++) {
      next.push(...idsOf(await deliveries.take([main], 5, leaseMs)));
      await world.clock.advance(60_000);
    }
    expect(next).toEqual([left?.id]);
    await world.clock.advance(policy.retentionMs);
    await deliveries.tidy([main]);
    expect(await health()).toMatchObject({ pending: 0 });
    expect(await pushKeys()).toEqual([`${prefix}endpoints`]);
  });

  it("is taken by one process alone, of however many ask at once", async () => {
    const { world, end, all } = await storeFor(main);
    for (let count = 0; count < 8; count++) await end();
    const stores = [world.stores.deliveries, world.reopened(world.redis).deliveries];
    const taken = await Promise.all(
      Array.from({ length: 8 }, async (_, at) => (await stores[at % 2]?.take([main], 2, leaseMs)) ?? []),
    );
    const ids = taken.flatMap(idsOf);
    expect(ids.toSorted()).toEqual((await all()).map(({ id }) => id).toSorted());
  });
});
