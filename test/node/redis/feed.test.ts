/** The feed of ended tickets in Redis beyond what every store promises: who is taken over, who never enters, and what is left. */
import { afterAll, describe, expect, it } from "vitest";
import { acceptTicket, claim, settle } from "../../../src/domain/ticket/moves.ts";
import type { Ticket, TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import { endedEventJson } from "../../../src/http/notices.ts";
import { redisFeed } from "../../../src/stores/redis/feed.ts";
import { draftOf, judged, kept } from "../../contracts/tickets.ts";
import { policy } from "../../support/sqlite-store.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisServer } from "../../support/redis/server.ts";
import { redisStoresForTest } from "../../support/redis/stores.ts";

const isMissing = !hasRedis("the feed in Redis");
const server = isMissing ? null : await redisServer({ appendonly: false });
afterAll(() => server?.close());

async function make() {
  if (server === null) throw new Error("no redis-server");
  return await redisStoresForTest(server);
}
type World = Awaited<ReturnType<typeof make>>;

const prefix = "llm-provider-service:queue:";

async function idsIn(world: World, after: number | null = null): Promise<readonly string[]> {
  const page = await world.feed.page("tenant-one", after, 100);
  if (page.kind !== "page") throw new Error("expired");
  return page.events.map((event) => (JSON.parse(event) as { data: { queue_id: string } }).data.queue_id);
}

async function endSome(world: World, count: number): Promise<readonly string[]> {
  const ids = await Promise.all(
    Array.from({ length: count }, async () => (await kept(world.tickets, draftOf())).about.id),
  );
  for (const id of ids) await world.tickets.cancel(id, "owner");
  return ids;
}

interface Lived {
  readonly ticket: Ticket;
  readonly events: readonly TicketEvent[];
}

/** Kept while Redis was away. */
function elsewhere(world: World): Lived {
  const { about, texts, spent, lastFailure } = draftOf();
  return acceptTicket(about, texts, spent, lastFailure, 0, world.nowMs(), policy);
}

function judgedElsewhere(world: World): Lived {
  const accepted = elsewhere(world);
  const begun = claim(accepted.ticket, "p", false, world.nowMs(), policy);
  const ended = settle(begun.ticket, 1, judged, world.nowMs(), policy, 0.5);
  return { ticket: ended.ticket, events: [...accepted.events, ...begun.events, ...ended.events] };
}

describe.skipIf(isMissing)("the feed in Redis", () => {
  it("takes in what has ended elsewhere at the place of the time at which it comes, once", async () => {
    const world = await make();
    const early = judgedElsewhere(world);
    await world.clock.advance(60_000);
    const [here = ""] = await endSome(world, 1);
    await world.stores.tickets.adopt(early.ticket, early.events);
    await world.stores.tickets.adopt(early.ticket, early.events);
    expect(await idsIn(world)).toEqual([here, early.ticket.about.id]);
    const page = await world.feed.page("tenant-one", 1, 100);
    expect(page).toEqual({ kind: "page", events: [endedEventJson(early.ticket)], last: 2, more: false });
  });

  it("takes in what was taken over while it waited when that ends", async () => {
    const world = await make();
    const { ticket, events } = elsewhere(world);
    await world.stores.tickets.adopt(ticket, events);
    expect(await idsIn(world)).toEqual([]);
    await world.tickets.cancel(ticket.about.id, "owner");
    expect(await idsIn(world)).toEqual([ticket.about.id]);
  });

  it("has nothing of one that is withdrawn", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    expect(await world.stores.tickets.withdraw(about.id, "mock")).toBe(true);
    await world.advance(policy.ttlMs + 3_600_000);
    expect(await world.feed.page("tenant-one", null, 100)).toMatchObject({ events: [], last: 0 });
  });

  it("passes over what newer tickets of the same id have left behind", async () => {
    const world = await make();
    const [first = "", id = ""] = await endSome(world, 2);
    await world.looker.command("DEL", `${prefix}requests:${id}`);
    await kept(world.tickets, draftOf({ id }));
    expect(await idsIn(world)).toEqual([first]);
    expect(await world.feed.page("tenant-one", 1, 100)).toMatchObject({ events: [], last: 2 });
    await world.tickets.cancel(id, "owner");
    expect(await idsIn(world)).toEqual([first, id]);
    expect(await world.feed.page("tenant-one", 2, 100)).toMatchObject({ last: 3, more: false });
  });

  it("keeps none of the forgotten for long, is forgotten with its last, and gives no number twice", async () => {
    const world = await make();
    await endSome(world, 20);
    await world.advance(policy.retentionMs + 1_000);
    const members = async () => Number(await world.looker.command("ZCARD", `${prefix}feed:tenant-one`));
    expect(await members()).toBe(20);
    await endSome(world, 8);
    expect(await members()).toBe(8);
    const leftMs = Number(await world.looker.command("PTTL", `${prefix}feed:tenant-one`));
    expect(leftMs).toBeGreaterThan(policy.retentionMs - 60_000);
    expect(leftMs).toBeLessThanOrEqual(policy.retentionMs + 3_601_000);
    await world.looker.command("DEL", `${prefix}feed:tenant-one`);
    expect(await world.feed.page("tenant-one", null, 100)).toEqual({
      kind: "page",
      events: [],
      last: 28,
      more: false,
    });
    await endSome(world, 1);
    expect(await world.feed.page("tenant-one", 28, 100)).toMatchObject({ last: 29 });
  });

  it("finds the first that is kept in a few looks, however many are forgotten before it", async () => {
    const world = await make();
    await endSome(world, 300);
    await world.clock.advance(60_000);
    const later = await endSome(world, 40);
    const gone = (await world.looker.command("ZRANGE", `${prefix}feed:tenant-one`, "0", "299")) as string[];
    await world.looker.command("DEL", ...gone.map((id) => `${prefix}requests:${id}`));
    let asked = 0;
    const redis = {
      ...world.redis,
      command(name: string, ...given: readonly string[]) {
        asked++;
        return world.redis.command(name, ...given);
      },
    };
    const feed = redisFeed({ redis, script: world.stores.script, policy, endedEvent: endedEventJson });
    expect(await feed.page("tenant-one", 299, 1)).toEqual({ kind: "expired", oldest: 300 });
    expect(asked).toBeLessThan(25);
    expect(await idsIn(world)).toEqual(later);
  });

  it("costs a full Redis no more room than an end sets free", async () => {
    const world = await make();
    const used = async () =>
      Number(/used_memory:(\d+)/.exec(String(await world.looker.command("INFO", "memory")))?.[1]);
    const texts = { systemPrompt: "", userPrompt: "a", essayA: "b", essayB: "c" };
    const ids: string[] = [];
    for (let n = 0; n < 400; n++) {
      const draft = draftOf({ texts });
      ids.push((await kept(world.tickets, { ...draft, about: { ...draft.about, metadata: {} } })).about.id);
    }
    await endSome(world, 1);
    const before = await used();
    for (const id of ids) await world.tickets.cancel(id, "owner");
    expect(await idsIn(world)).toHaveLength(100);
    expect((await used()) - before).toBeLessThan(0);
  });
});
