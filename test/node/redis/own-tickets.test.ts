/** A tenant's own tickets where they lie in two stores, Redis and the SQLite of a process: cancelled where they are, and listed as one. */
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { AttemptOutcome } from "../../../src/domain/ticket/moves.ts";
import { StoreAway, type ClaimedTicket, type ListPosition } from "../../../src/gateway/ports.ts";
import { endedEventJson } from "../../../src/http/notices.ts";
import { redisTransport } from "../../../src/node/redis/connection.ts";
import { openRedis } from "../../../src/node/redis/store.ts";
import { openSqlite } from "../../../src/node/sqlite/store.ts";
import { createFailover } from "../../../src/stores/failover/failover.ts";
import type { PrimaryTickets } from "../../../src/stores/failover/primary-store.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { config, directoryForTest, policy } from "../../support/sqlite-store.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisServer } from "../../support/redis/server.ts";
import { realClock } from "../../support/redis/stores.ts";

const isMissing = !hasRedis("tickets in Redis and in SQLite");
const server = isMissing ? null : await redisServer({ appendfsync: "no" });
afterAll(() => server?.close());
const redis = () => {
  if (server === null) throw new Error("no redis-server");
  return server;
};

const patience = { timeout: 60_000, interval: 20 };
const own = { tenant: "tenant-one", tenantKey: "tenant-one------", provider: null, status: null };

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

/** A test that failed may have left it dead. */
async function freshRedis(): Promise<void> {
  await redis().restart();
  await redis().flush();
}

/** A process with Redis before its SQLite. */
async function processAt(
  adopting: (adopt: PrimaryTickets["adopt"]) => PrimaryTickets["adopt"] = (adopt) => adopt,
) {
  const faults: unknown[] = [];
  const common = {
    settings: { ...config, dataDir: directoryForTest() },
    clock: realClock,
    random: () => 0.5,
    newId: () => crypto.randomUUID(),
    endedEvent: endedEventJson,
    // Who looks for tickets meets a Redis that is dead.
    onFault: (error: unknown) => void (error instanceof StoreAway || faults.push(error)),
  };
  const opened = await openSqlite({ ...common, tell: () => {} });
  if (!opened.ok) throw new Error(opened.error);
  const { url } = redis();
  // More patient than the service: the machine may be busy with other tests. That Redis is dead shows at once.
  const shared = openRedis({ ...common, url }, redisTransport(url, realClock, 5_000));
  const primary = { ...shared, tickets: { ...shared.tickets, adopt: adopting(shared.tickets.adopt) } };
  const events: string[] = [];
  const failover = createFailover({
    ...common,
    primary,
    fallback: opened.value,
    policy,
    tell: ({ kind }) => events.push(kind),
  });
  onTestFinished(async () => {
    await failover.rest();
    await failover.close();
  });
  await failover.look();
  const { tickets } = failover;
  const isThere = () =>
    vi.waitFor(async () => expect((await failover.health()).primary).not.toBeNull(), patience);
  await isThere();

  /** Read to its end, some at a time. */
  async function listed(limit: number) {
    const found: { readonly id: string; readonly status: string }[] = [];
    let after: ListPosition | null = null;
    let complete = true;
    do {
      const page = await tickets.list({ ...own, limit, after });
      expect(page.tickets.length).toBeLessThanOrEqual(limit);
      found.push(...page.tickets.map(({ about, state }) => ({ id: about.id, status: state.status })));
      complete &&= page.complete;
      after = page.next;
    } while (after !== null && found.length < 100);
    return { found, ids: found.map(({ id }) => id), complete };
  }

  return {
    faults,
    events,
    failover,
    tickets,
    isThere,
    listed,
    /** @returns its id */
    keep: async () => (await kept(tickets, draftOf())).about.id,
    statusOf: async (id: string) => (await tickets.load(id))?.state.status,
    isHere: (id: string) => opened.value.moves.whereabouts(id),
    async redisDies() {
      await redis().kill();
      await vi.waitFor(async () => expect((await failover.health()).primary).toBeNull(), patience);
    },
    async redisIsBack() {
      await redis().restart();
      await isThere();
    },
  };
}

describe.skipIf(isMissing)("tickets in Redis and in SQLite", { timeout: 150_000 }, () => {
  it("are cancelled where they are: in SQLite while Redis is away, which is known there when it is back", async () => {
    await freshRedis();
    const process = await processAt();
    const there = await process.keep();
    await process.redisDies();
    const [here, other] = [await process.keep(), await process.keep()];
    expect([process.isHere(there), process.isHere(here)]).toEqual(["absent", "here"]);

    expect((await process.tickets.cancel(here, "owner"))?.state).toMatchObject({ status: "cancelled" });
    // Who may have it can't be asked.
    await expect(process.tickets.cancel(there, "owner")).rejects.toThrow(StoreAway);
    expect(await process.statusOf(here)).toBe("cancelled");

    await process.redisIsBack();
    await vi.waitFor(() => expect(process.isHere(other)).toBe("absent"), patience);
    // Whoever shares that Redis.
    const second = await processAt();
    expect(await second.statusOf(here)).toBe("cancelled");
    for (const id of [there, other])
      expect((await second.tickets.cancel(id, "owner"))?.state.status).toBe("cancelled");
    expect(await process.tickets.cancel(crypto.randomUUID(), "owner")).toBeNull();
    expect((await process.listed(2)).found.map(({ status }) => status)).toEqual(Array(3).fill("cancelled"));
    expect(process.faults).toEqual([]);
  });

  it("can't be cancelled on their way to Redis, and are as soon as they have come; a list has them once all the time", async () => {
    await freshRedis();
    const mayArrive = Promise.withResolvers<void>();
    const leaving = Promise.withResolvers<void>();
    const process = await processAt((adopt) => async (...given) => {
      leaving.resolve();
      await mayArrive.promise;
      await adopt(...given);
    });
    onTestFinished(() => mayArrive.resolve());
    const there = await process.keep();
    await process.redisDies();
    const moves = await process.keep();
    await process.redisIsBack();
    await leaving.promise;

    expect(process.isHere(moves)).toBe("moving");
    await expect(process.tickets.cancel(moves, "owner")).rejects.toThrow(StoreAway);
    expect(await process.statusOf(moves)).toBe("queued");
    expect(await process.listed(1)).toMatchObject({ ids: [moves, there], complete: true });
    await process.redisDies();
    await expect(process.tickets.cancel(moves, "owner")).rejects.toThrow(StoreAway);
    expect(await process.listed(1)).toMatchObject({ ids: [moves], complete: false });

    mayArrive.resolve();
    await process.redisIsBack();
    await vi.waitFor(() => expect(process.isHere(moves)).toBe("absent"), patience);
    expect((await process.tickets.cancel(moves, "owner"))?.state.status).toBe("cancelled");
    expect(await process.listed(1)).toMatchObject({
      found: [
        { id: moves, status: "cancelled" },
        { id: there, status: "queued" },
      ],
      complete: true,
    });
    expect(process.faults).toEqual([]);
  });

  it("are one list, whatever its pages: in order, each once, and not complete while Redis is away", async () => {
    await freshRedis();
    const process = await processAt();
    const isJudged = Promise.withResolvers<void>();
    onTestFinished(() => isJudged.resolve());
    // What is called for stays in SQLite, though Redis is back.
    process.failover.start(async ({ ticket, fence }: ClaimedTicket) => {
      await isJudged.promise;
      await process.tickets.settle(ticket.about.id, fence, judged);
    });
    const ids: string[] = [];
    for (let round = 0; round < 3; round++) {
      const there = await process.keep();
      ids.unshift(there);
      // It was accepted by Redis' clock, which this process knows to some milliseconds: the next one is to be younger by any clock.
      const acceptedAtMs = (await process.tickets.load(there))?.about.acceptedAtMs ?? Infinity;
      await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(acceptedAtMs), patience);
      await process.redisDies();
      const here = await process.keep();
      ids.unshift(here);
      await vi.waitFor(async () => expect(await process.statusOf(here)).toBe("processing"), patience);
      const inSqlite = ids.filter((_, at) => at % 2 === 0);
      expect(await process.listed(2)).toMatchObject({ ids: inSqlite, complete: false });
      await process.redisIsBack();
    }
    expect(ids.map(process.isHere)).toEqual(["here", "absent", "here", "absent", "here", "absent"]);
    for (const limit of [1, 2, 3, 4, 50]) {
      expect(await process.listed(limit)).toMatchObject({ ids, complete: true });
    }

    const [newest = ""] = ids;
    expect((await process.tickets.cancel(newest, "owner"))?.state.status).toBe("cancelled");
    isJudged.resolve();
    await vi.waitFor(async () => {
      // Also while they move.
      const { ids: now, complete } = await process.listed(2);
      expect([[...now].toSorted(), complete]).toEqual([ids.toSorted(), true]);
      expect(new Set(ids.map(process.isHere))).toEqual(new Set(["absent"]));
    }, patience);
    const { found } = await process.listed(4);
    expect(found.find(({ id }) => id === newest)?.status).toBe("cancelled");
    expect(process.faults).toEqual([]);
  });
});
