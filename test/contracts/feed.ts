/** What every store promises of its tenants' feeds of ended tickets (`Feed`), in the runtime that it is made for. */
import { expect, it } from "vitest";
import type { TicketPolicy } from "../../src/domain/ticket/ticket.ts";
import type { Draft, Feed, FeedPage } from "../../src/gateway/ports.ts";
import { draftOf, judged, kept } from "./tickets.ts";
import type { ListsUnderTest } from "./ticket-list.ts";

/** Its feed says of an end what `endedEventJson` makes of it. */
export interface FeedsUnderTest extends ListsUnderTest {
  readonly feed: Feed;
}

/** Ends that are paged through while others end. */
const many = 1_000;
/** Of them wait together: less than a queue holds. */
const atOnce = 100;

/** @param most tickets of the longest test, a multiple of 100; 1,000 unless told; 0: it is left out, where each call takes too long for it */
export function testFeed(policy: TicketPolicy, make: () => Promise<FeedsUnderTest>, most = many): void {
  type World = FeedsUnderTest;
  type Page = Extract<FeedPage, { kind: "page" }>;

  const ofTenant = (tenant: string): Draft => {
    const draft = draftOf();
    return {
      ...draft,
      about: { ...draft.about, tenant, keys: { tenant: tenant.padEnd(16, "-"), model: "#m" } },
    };
  };

  async function keep(world: World, tenant = "tenant-one"): Promise<string> {
    return (await kept(world.tickets, ofTenant(tenant))).about.id;
  }

  async function cancelled(world: World, tenant = "tenant-one"): Promise<string> {
    const id = await keep(world, tenant);
    await world.tickets.cancel(id, "owner");
    await world.settled?.();
    return id;
  }

  async function ask(world: World, after: number | null = null, limit = 100, tenant = "tenant-one") {
    await world.settled?.();
    return world.feed.page(tenant, after, limit);
  }

  async function page(...asked: Parameters<typeof ask>): Promise<Page> {
    const found = await ask(...asked);
    if (found.kind !== "page") throw new Error(`expired: go on from ${found.oldest}`);
    return found;
  }

  const seen = ({ events }: Page) => events.map((event) => JSON.parse(event) as Told);
  const idsOf = (found: Page) => seen(found).map(({ data }) => data.queue_id);

  it("has nothing for a tenant that has ended nothing, and a cursor to go on from", async () => {
    const world = await make();
    const id = await keep(world);
    expect(await ask(world)).toEqual({ kind: "page", events: [], last: 0, more: false });
    await world.tickets.cancel(id, "owner");
    expect(idsOf(await page(world, 0))).toEqual([id]);
  });

  it("tells each end once, whichever it is, in the order of the ends, numbered without a gap", async () => {
    const world = await make();
    const [expires, done, fails, stopped] = [
      await keep(world),
      await keep(world),
      await keep(world),
      await keep(world),
    ];
    await world.tickets.claim(done, "p1", false);
    await world.tickets.claim(fails, "p2", false);
    expect(idsOf(await page(world))).toEqual([]);
    await world.tickets.settle(done, 1, judged);
    await world.settled?.();
    await world.tickets.settle(fails, 1, {
      kind: "failed",
      failure: { reason: "request_refused", status: 400, vendorSays: "Essay of A is odd" },
      spent: { calls: 1, costUsd: null },
    });
    await world.settled?.();
    await world.tickets.cancel(stopped, "owner");
    await world.settled?.();
    await world.advance(policy.ttlMs);
    const whole = await page(world);
    expect(seen(whole)).toMatchObject([
      { type: "ticket.completed", data: { queue_id: done, event_number: 3 } },
      { type: "ticket.failed", data: { queue_id: fails, error_type: "INVALID_REQUEST" } },
      { type: "ticket.cancelled", data: { queue_id: stopped, cancelled_by: "owner" } },
      { type: "ticket.expired", data: { queue_id: expires } },
    ]);
    expect(whole).toMatchObject({ last: 4, more: false });
    expect(JSON.stringify(whole)).not.toContain("is odd");
    expect(seen(whole)[0]).toMatchObject({
      id: `evt_${done}_3`,
      data: { metadata: draftOf().about.metadata },
    });
  });

  it("goes on behind a cursor, and says whether there is more", async () => {
    const world = await make();
    const ids = [await cancelled(world), await cancelled(world), await cancelled(world)];
    const first = await page(world, null, 2);
    expect(idsOf(first)).toEqual(ids.slice(0, 2));
    expect(first).toMatchObject({ last: 2, more: true });
    const second = await page(world, first.last, 2);
    expect(idsOf(second)).toEqual(ids.slice(2));
    expect(second).toMatchObject({ last: 3, more: false });
    expect(await ask(world, 3)).toEqual({ kind: "page", events: [], last: 3, more: false });
    expect(idsOf(await page(world, null, 1))).toEqual(ids.slice(0, 1));
    expect(await page(world, 2, 1)).toMatchObject({ last: 3, more: false });
  });

  it("puts nothing before a cursor that it gave out, and says the same each time", async () => {
    const world = await make();
    const waits = await keep(world);
    await cancelled(world);
    const { last } = await page(world);
    const before = await page(world, 0);
    await world.advance(1_000);
    // Accepted earlier, ended later.
    await world.tickets.cancel(waits, "owner");
    expect(idsOf(await page(world, last))).toEqual([waits]);
    expect((await page(world, 0, 1)).events).toEqual(before.events);
  });

  it("tells each tenant its own alone, with numbers of its own", async () => {
    const world = await make();
    const [one, two] = [await cancelled(world), await cancelled(world, "tenant-two")];
    const also = await cancelled(world);
    expect(idsOf(await page(world))).toEqual([one, also]);
    const others = await page(world, null, 100, "tenant-two");
    expect(idsOf(others)).toEqual([two]);
    expect(others.last).toBe(1);
    expect(await ask(world, null, 100, "tenant-three")).toMatchObject({ events: [], last: 0 });
    expect(await ask(world, 2, 100, "tenant-two")).toEqual({ kind: "expired", oldest: 0 });
  });

  it("tells the end of one that was cancelled while it was called for once, also when the call is over", async () => {
    const world = await make();
    const id = await keep(world);
    await world.tickets.claim(id, "p1", false);
    await world.tickets.cancel(id, "owner");
    await world.settled?.();
    const told = await page(world);
    expect(idsOf(told)).toEqual([id]);
    await world.tickets.settle(id, 1, judged);
    await world.tickets.cancel(id, "owner");
    expect(await ask(world)).toEqual(told);
    expect(idsOf(await page(world, 1))).toEqual([]);
  });

  it("keeps a cancelled one whose call never ends for as long as all others", async () => {
    const world = await make();
    const id = await keep(world);
    await world.tickets.claim(id, "p1", false);
    await world.tickets.cancel(id, "owner");
    await world.advance(policy.leaseMs + 60_000);
    const told = await page(world);
    expect(idsOf(told)).toEqual([id]);
    expect(told.last).toBe(1);
  });

  it("keeps an end as long as its ticket, and then says from where all is kept", async () => {
    const world = await make();
    await cancelled(world);
    await cancelled(world);
    await world.advance(60_000);
    const third = await cancelled(world);
    expect((await page(world, 0)).events).toHaveLength(3);
    await world.advance(policy.retentionMs - 60_000 - 1_000);
    expect((await page(world, 0)).events).toHaveLength(3);
    await world.advance(2_000);
    expect(await ask(world, 0)).toEqual({ kind: "expired", oldest: 2 });
    expect(await ask(world, 1)).toEqual({ kind: "expired", oldest: 2 });
    expect(idsOf(await page(world, 2))).toEqual([third]);
    expect(idsOf(await page(world))).toEqual([third]);
    await world.advance(60_000);
    // Nothing is kept, and no number comes again.
    expect(await ask(world, 2)).toEqual({ kind: "expired", oldest: 3 });
    expect(await ask(world)).toEqual({ kind: "page", events: [], last: 3, more: false });
    const fourth = await cancelled(world);
    const told = await page(world, 3);
    expect(idsOf(told)).toEqual([fourth]);
    expect(told.last).toBe(4);
  });

  it("does not take a number that was never given", async () => {
    const world = await make();
    expect(await ask(world, 1)).toEqual({ kind: "expired", oldest: 0 });
    await cancelled(world);
    expect(await ask(world, 1)).toMatchObject({ kind: "page", last: 1 });
    expect(await ask(world, 2)).toEqual({ kind: "expired", oldest: 0 });
  });

  it("is the same after its process or object has begun anew", async () => {
    const world = await make();
    await cancelled(world);
    await cancelled(world);
    const before = await page(world);
    await world.restart();
    expect(await page(world)).toEqual(before);
    await cancelled(world);
    expect(await page(world, before.last)).toMatchObject({ last: 3 });
  });

  if (most === 0) return;
  it("gives a reader each of many ends once and in order, while more end", async () => {
    const world = await make();
    const ended = new Set<string>();
    const read: string[] = [];
    let after: number | null = null;
    const end = async (ids: readonly string[]) => {
      await Promise.all(ids.map((id) => world.tickets.cancel(id, "owner")));
      ids.forEach((id) => ended.add(id));
    };
    async function readOn(): Promise<boolean> {
      const found: Page = await page(world, after, 37);
      expect(found.last).toBe((after ?? 0) + found.events.length);
      read.push(...idsOf(found));
      after = found.last;
      return found.more;
    }
    for (let made = 0; made < most; made += atOnce) {
      const waiting = await Promise.all(Array.from({ length: atOnce }, () => keep(world)));
      // The reader does not wait for those that end.
      for (let next = 0; next < atOnce; next += atOnce / 5) {
        const ending = end(waiting.slice(next, next + atOnce / 5));
        await readOn();
        await ending;
      }
    }
    await world.settled?.();
    while (await readOn());
    expect(read).toHaveLength(most);
    expect(new Set(read)).toEqual(ended);
  }, 120_000);
}

interface Told {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>> & { readonly queue_id: string };
}
