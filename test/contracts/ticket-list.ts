/** What every store of tickets promises of its lists (`Tickets.list`) and histories (`Tickets.events`), in the runtime that it is made for. */
import { expect, it } from "vitest";
import type { TicketPolicy } from "../../src/domain/ticket/ticket.ts";
import type { Draft, ListPosition, TicketList, TicketQuery } from "../../src/gateway/ports.ts";
import { draftOf, judged, type TicketsUnderTest } from "./tickets.ts";

export interface ListsUnderTest extends TicketsUnderTest {
  /** Waits until lists have heard of what has happened; absent: they have. */
  settled?(): Promise<void>;
}

const keyOf = (tenant: string) => tenant.padEnd(16, "-");
const any = { provider: null, status: null, limit: 50, after: null };

export function testTicketList(policy: TicketPolicy, make: () => Promise<ListsUnderTest>): void {
  async function ask(world: ListsUnderTest, query: Partial<TicketQuery> = {}): Promise<TicketList> {
    await world.settled?.();
    const { tenant = "tenant-one" } = query;
    const tenantKey = tenant === null ? "" : keyOf(tenant);
    return world.tickets.list({ tenant, tenantKey, ...any, ...query });
  }

  /** Accepts some, a second apart. @returns their ids, the oldest first */
  async function keep(world: ListsUnderTest, drafts: readonly Draft[]) {
    for (const draft of drafts) {
      await world.tickets.create(draft);
      await world.advance(1_000);
    }
    return drafts.map(({ about }) => about.id);
  }

  const of = (about: Partial<Draft["about"]> = {}): Draft => {
    const draft = draftOf();
    const { tenant = draft.about.tenant } = about;
    const keys = { tenant: keyOf(tenant), model: "#m" };
    return { ...draft, about: { ...draft.about, keys, ...about } };
  };
  const idsOf = ({ tickets }: TicketList) => tickets.map(({ about }) => about.id);

  it("lists a tenant's own tickets as they are now, newest first, and without their texts", async () => {
    const world = await make();
    const [waits = "", runs = "", done = ""] = await keep(world, [of(), of(), of()]);
    await keep(world, [of({ tenant: "tenant-two" })]);
    await world.tickets.claim(runs, "p1", false);
    await world.tickets.claim(done, "p2", false);
    await world.tickets.settle(done, 1, judged);
    const list = await ask(world);
    expect(idsOf(list)).toEqual([done, runs, waits]);
    expect(list.tickets.map(({ state }) => state.status)).toEqual(["completed", "processing", "queued"]);
    expect(list).toMatchObject({ next: null, complete: true });
    expect(list.tickets[0]).toMatchObject({
      progress: { spent: { calls: 3 } },
      state: { status: "completed" },
    });
    expect(JSON.stringify(list)).not.toContain("Essay of");
    expect(idsOf(await ask(world, { tenant: "tenant-two" }))).toHaveLength(1);
    expect(await ask(world, { tenant: "tenant-three" })).toEqual({ tickets: [], next: null, complete: true });
  });

  it("goes on behind a position, each ticket once, also among those of one moment", async () => {
    const world = await make();
    const drafts = Array.from({ length: 5 }, () => of());
    for (const draft of drafts) await world.tickets.create(draft);
    const seen: string[] = [];
    let after: ListPosition | null = null;
    let pages = 0;
    do {
      const page: TicketList = await ask(world, { limit: 2, after });
      expect(page.tickets.length).toBeLessThanOrEqual(2);
      seen.push(...idsOf(page));
      after = page.next;
    } while (after !== null && ++pages < 5);
    expect(seen).toHaveLength(5);
    expect(new Set(seen)).toEqual(new Set(drafts.map(({ about }) => about.id)));
    // What comes later stands before them, and moves none.
    const whole = idsOf(await ask(world));
    await world.advance(1_000);
    const [newest] = await keep(world, [of()]);
    expect(idsOf(await ask(world))).toEqual([newest, ...whole]);
  });

  it("lists only those of a provider, or of a status", async () => {
    const world = await make();
    const [first = "", second = "", others = ""] = await keep(world, [
      of(),
      of(),
      of({ provider: "openai" }),
    ]);
    await world.tickets.cancel(first, "owner");
    expect(idsOf(await ask(world, { provider: "openai" }))).toEqual([others]);
    expect(idsOf(await ask(world, { status: "cancelled" }))).toEqual([first]);
    expect(idsOf(await ask(world, { status: "queued", provider: "mock" }))).toEqual([second]);
    expect(await ask(world, { status: "failed" })).toEqual({ tickets: [], next: null, complete: true });
  });

  it("lists all tenants' tickets as one, newest first, each once, page by page", async () => {
    const world = await make();
    // Of one moment, too.
    for (const tenant of ["tenant-one", "tenant-two", "tenant-three"]) {
      await world.tickets.create(of({ tenant }));
    }
    await world.advance(1_000);
    const later = await keep(world, [
      of({ tenant: "tenant-two" }),
      of({ tenant: "tenant-two", provider: "openai" }),
      of({ tenant: "tenant-one" }),
    ]);
    const all = await ask(world, { tenant: null });
    expect(all).toMatchObject({ next: null, complete: true });
    expect(idsOf(all).slice(0, 3)).toEqual(later.toReversed());
    expect(new Set(all.tickets.map(({ about }) => about.tenant)).size).toBe(3);
    expect(JSON.stringify(all)).not.toContain("Essay of");
    for (const limit of [1, 2, 5]) {
      const seen: string[] = [];
      let after: ListPosition | null = null;
      do {
        const page: TicketList = await ask(world, { tenant: null, limit, after });
        expect(page.tickets.length).toBeLessThanOrEqual(limit);
        seen.push(...idsOf(page));
        after = page.next;
      } while (after !== null && seen.length < 7);
      expect(seen).toEqual(idsOf(all));
    }
    expect(idsOf(await ask(world, { tenant: null, provider: "openai" }))).toEqual([later[1]]);
    await world.tickets.cancel(later[0] ?? "", "operator");
    expect(idsOf(await ask(world, { tenant: null, status: "cancelled" }))).toEqual([later[0]]);
  });

  it("forgets a tenant with its last ticket, and knows one that comes back", async () => {
    const world = await make();
    const [id = ""] = await keep(world, [of()]);
    await world.tickets.cancel(id, "owner");
    await world.advance(policy.retentionMs + 1_000);
    expect(await ask(world, { tenant: null })).toEqual({ tickets: [], next: null, complete: true });
    const again = await keep(world, [of()]);
    expect(idsOf(await ask(world, { tenant: null }))).toEqual(again);
  });

  it("tells what has happened to a ticket, numbered and in order, and nothing of one that is not there", async () => {
    const world = await make();
    const [id = ""] = await keep(world, [of()]);
    await world.tickets.claim(id, "p1", false);
    await world.tickets.giveBack(id, 1);
    await world.tickets.cancel(id, "operator");
    expect(await world.tickets.events(id)).toMatchObject([
      { number: 1, kind: "accepted" },
      { number: 2, kind: "started", fence: 1 },
      { number: 3, kind: "returned" },
      { number: 4, kind: "cancelled", cancelledBy: "operator" },
    ]);
    expect(await world.tickets.events("b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f")).toEqual([]);
  });

  it("forgets with the ticket, and knows of an end that came by itself", async () => {
    const world = await make();
    const [cancelled = "", expires = ""] = await keep(world, [of(), of()]);
    await world.tickets.cancel(cancelled, "owner");
    await world.advance(policy.ttlMs);
    const ended = await ask(world);
    expect(idsOf(ended)).toEqual([expires, cancelled]);
    expect(ended.tickets.map(({ state }) => state.status)).toEqual(["expired", "cancelled"]);
    await world.advance(policy.retentionMs - 10_000);
    expect(idsOf(await ask(world))).toEqual([expires]);
    await world.advance(20_000);
    expect(await ask(world)).toEqual({ tickets: [], next: null, complete: true });
  });

  it("is the same after its process or object has begun anew", async () => {
    const world = await make();
    await keep(world, [of(), of()]);
    const before = idsOf(await ask(world));
    await world.restart();
    expect(idsOf(await ask(world))).toEqual(before);
  });
}
