/** The index of a tenant's tickets: what tickets tell it, what a list makes of it, and what is left. */
import { afterEach, expect, it, vi } from "vitest";
import { configOf } from "../../../src/cloudflare/environment.ts";
import { ProviderGate } from "../../../src/cloudflare/objects/gate-object.ts";
import { TenantIndex } from "../../../src/cloudflare/objects/tenant-index.ts";
import { remoteFeed } from "../../../src/cloudflare/stubs/tenant-index.ts";
import { clocksApartMs, type IndexEntry } from "../../../src/engine/ticket-index.ts";
import type { Draft } from "../../../src/gateway/ports.ts";
import { ticketPolicy } from "../../../src/settings/limits.ts";
import { draftOf, judged, kept } from "../../contracts/tickets.ts";
import { env, evictAll, freshWorld, isStored, settled, storedIn, ticketsOf } from "../objects.ts";
import { runInDurableObject } from "cloudflare:test";

const policy = ticketPolicy(configOf(env));
const tenant = "tenant-one";
const tenantKey = "0123456789abcdef";
const tickets = ticketsOf();
const index = () => env.TENANT_INDEXES.get(env.TENANT_INDEXES.idFromName(`tenant:${tenant}`));
const rows = async () => ((await storedIn(index()))["tickets"] ?? []) as Record<string, unknown>[];
const list = () => tickets.list({ tenant, tenantKey, provider: null, status: null, limit: 50, after: null });

const note = (entry: IndexEntry, ended?: string) =>
  runInDurableObject(index(), (object) => (object as TenantIndex).note(entry, undefined, ended));
const feed = () => remoteFeed(env).page(tenant, null, 100);

function draft(): Draft {
  const made = draftOf();
  return { ...made, about: { ...made.about, tenant, keys: { tenant: tenantKey, model: "#m" } } };
}

/** What tickets tell the index. @param isAway it throws */
function heard(isAway: () => boolean = () => false): IndexEntry[] {
  const entries: IndexEntry[] = [];
  const { note } = TenantIndex.prototype;
  vi.spyOn(TenantIndex.prototype, "note").mockImplementation(async function (
    this: TenantIndex,
    entry,
    ...rest
  ) {
    entries.push(entry);
    if (isAway()) throw new Error("it is away");
    await note.call(this, entry, ...rest);
  });
  return entries;
}

afterEach(() => vi.restoreAllMocks());

it("hears of a ticket twice: that there is one, and how it has ended", async () => {
  const world = await freshWorld();
  const entries = heard();
  const { about } = await kept(tickets, draft());
  await settled();
  await tickets.claim(about.id, "p1", false);
  await tickets.giveBack(about.id, 1);
  await tickets.claim(about.id, "p2", false);
  await world.advance(800);
  await tickets.settle(about.id, 2, judged);
  await settled();
  await world.advance(60_000);
  const { id, provider, acceptedAtMs, expiresAtMs } = about;
  const of = { id, provider, acceptedAtMs };
  const endedAtMs = acceptedAtMs + 800;
  expect(entries).toEqual([
    {
      ...of,
      event: 1,
      status: "queued",
      endedAtMs: null,
      forgetAtMs: expiresAtMs + policy.leaseMs + policy.retentionMs + clocksApartMs,
    },
    {
      ...of,
      event: 5,
      status: "completed",
      endedAtMs,
      forgetAtMs: endedAtMs + policy.retentionMs + clocksApartMs,
    },
  ]);
});

it("holds no later word back: of whatever comes late the row keeps the latest event", async () => {
  const world = await freshWorld();
  const of = { id: crypto.randomUUID(), provider: "mock", acceptedAtMs: 1 } as const;
  const forgetAtMs = world.nowMs() + 10_000;
  await note({ ...of, event: 3, status: "completed", endedAtMs: 9, forgetAtMs });
  await note({ ...of, event: 1, status: "queued", endedAtMs: null, forgetAtMs });
  expect(await rows()).toMatchObject([{ status: "completed", event: 3, ended_at: 9 }]);
});

it("is told again until it has heard, also of what ended meanwhile and after an eviction; nobody waits for it", async () => {
  const world = await freshWorld();
  let isAway = true;
  const entries = heard(() => isAway);
  const { about } = await kept(tickets, draft());
  await tickets.claim(about.id, "p1", false);
  await tickets.settle(about.id, 1, judged);
  await settled();
  expect(await rows()).toEqual([]);
  await evictAll();
  await world.advance(5_000);
  const before = entries.length;
  expect(before).toBeGreaterThan(2);
  isAway = false;
  await world.advance(60_000);
  expect(await rows()).toMatchObject([{ id: about.id, status: "completed" }]);
  expect(entries).toHaveLength(before + 1);
  await world.advance(120_000);
  expect(entries).toHaveLength(before + 1);
});

it("says that a list is not complete while it has not heard of a place, and lists what the gates know all the same", async () => {
  const world = await freshWorld();
  let isAway = true;
  heard(() => isAway);
  const { about } = await kept(tickets, draft());
  await settled();
  const late = await list();
  expect(late.tickets.map((ticket) => ticket.about.id)).toEqual([about.id]);
  expect(late.complete).toBe(false);
  isAway = false;
  await world.advance(2_000);
  expect(await list()).toMatchObject({ tickets: [{ about: { id: about.id } }], complete: true });
});

it("says so, and lists it, too where a ticket was accepted and has ended while the index was away", async () => {
  const world = await freshWorld();
  let isAway = true;
  heard(() => isAway);
  const { about } = await kept(tickets, draft());
  await settled();
  await tickets.cancel(about.id, "owner");
  await settled();
  expect(await list()).toMatchObject({ tickets: [{ about: { id: about.id } }], complete: false });
  isAway = false;
  await world.advance(120_000);
  expect(await list()).toMatchObject({ tickets: [{ about: { id: about.id } }], complete: true });
});

it("says so too where a gate can't be asked", async () => {
  await freshWorld();
  const { about } = await kept(tickets, draft());
  await settled();
  vi.spyOn(ProviderGate.prototype, "ticketsOf").mockImplementation(() => {
    throw new Error("it is away");
  });
  expect(await list()).toMatchObject({ tickets: [{ about: { id: about.id } }], complete: false });
});

it("forgets a ticket after the ticket itself is forgotten, and one that never told its end", async () => {
  const world = await freshWorld();
  const { about } = await kept(tickets, draft());
  await settled();
  await tickets.cancel(about.id, "owner");
  await settled();
  await world.advance(policy.retentionMs + clocksApartMs + 601_000);
  expect(await rows()).toEqual([]);
  const entry = { id: about.id, provider: "mock", acceptedAtMs: 1, event: 1 } as const;
  await note({ ...entry, status: "queued", endedAtMs: null, forgetAtMs: world.nowMs() + 10_000 });
  await world.advance(601_000);
  expect(await rows()).toEqual([]);
});

it("takes in a ticket that older code accepted when that next speaks", async () => {
  const world = await freshWorld();
  let isAway = true;
  heard(() => isAway);
  const { about } = await kept(tickets, draft());
  await settled();
  const object = env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(about.id));
  // As older code leaves it: without a cursor, and with an alarm that is far away.
  await runInDurableObject(object, async (_, { storage }) => {
    storage.sql.exec("DROP TABLE IF EXISTS listeners");
    await storage.setAlarm(about.expiresAtMs);
  });
  isAway = false;
  await evictAll();
  expect(await rows()).toEqual([]);
  await tickets.load(about.id);
  await settled();
  expect(await rows()).toMatchObject([{ id: about.id, status: "queued" }]);
  await world.advance(0);
});

const anEnd = (forgetAtMs: number, id: string = crypto.randomUUID()): IndexEntry => ({
  id,
  provider: "mock",
  acceptedAtMs: 1,
  event: 3,
  status: "completed",
  endedAtMs: 9,
  forgetAtMs: forgetAtMs + clocksApartMs,
});

it("gives an end one number, however often it is told; and one that older code told takes its number when it comes with what is to be said", async () => {
  const world = await freshWorld();
  const [first, second] = [anEnd(world.nowMs() + 60_000), anEnd(world.nowMs() + 60_000)];
  await note(first);
  await note(second, '"second"');
  await note(second, '"second"');
  expect(await feed()).toEqual({ kind: "page", events: ['"second"'], last: 1, more: false });
  await note(first, '"first"');
  await note({ ...second, event: 1, status: "queued", endedAtMs: null });
  await note(second, '"again"');
  expect(await feed()).toEqual({ kind: "page", events: ['"second"', '"first"'], last: 2, more: false });
  expect(await rows()).toMatchObject([{ event: 3 }, { event: 3 }]);
});

it("tells the index of an end again until it has heard, and the feed has it once", async () => {
  const world = await freshWorld();
  const { about } = await kept(tickets, draft());
  await settled();
  const { note } = TenantIndex.prototype;
  let unanswered = 2;
  vi.spyOn(TenantIndex.prototype, "note").mockImplementation(async function (this: TenantIndex, ...told) {
    await note.call(this, ...told);
    if (unanswered-- > 0) throw new Error("nobody hears the answer");
  });
  await tickets.cancel(about.id, "owner");
  await settled();
  await world.advance(60_000);
  expect(unanswered).toBeLessThan(0);
  expect(await feed()).toMatchObject({ last: 1, more: false });
});

it("erases what the feed said of a ticket with the ticket, and gives its number to no other", async () => {
  const world = await freshWorld();
  await note(anEnd(world.nowMs() + 60_000), '"a canary"');
  await note(anEnd(world.nowMs() + 60_000), '"a canary too"');
  await world.advance(59_000);
  expect(await feed()).toMatchObject({ last: 2 });
  await world.advance(1_000);
  expect(await feed()).toEqual({ kind: "page", events: [], last: 2, more: false });
  await world.advance(600_000);
  expect(await isStored("a canary")).toBe(false);
  // By any clock the ticket is forgotten later.
  expect(await rows()).toHaveLength(2);
  await world.advance(clocksApartMs + 600_000);
  expect(await rows()).toEqual([]);
  await note(anEnd(world.nowMs() + 60_000), '"third"');
  expect(await feed()).toEqual({ kind: "page", events: ['"third"'], last: 3, more: false });
});

it("takes over the tables of older code as they are", async () => {
  const world = await freshWorld();
  const old = anEnd(world.nowMs() + 60_000);
  await runInDurableObject(index(), (_, { storage: { sql } }) => {
    sql.exec("DROP TABLE feed");
    sql.exec("DROP TABLE tickets");
    sql.exec(
      `CREATE TABLE tickets (
         id TEXT PRIMARY KEY, provider TEXT NOT NULL, status TEXT NOT NULL, accepted_at INTEGER NOT NULL,
         ended_at INTEGER, forget_at INTEGER NOT NULL, event INTEGER NOT NULL
       ) WITHOUT ROWID`,
    );
    sql.exec("INSERT INTO tickets VALUES (?, 'mock', 'completed', 1, 9, ?, 3)", old.id, old.forgetAtMs);
  });
  await evictAll();
  expect(await feed()).toEqual({ kind: "page", events: [], last: 0, more: false });
  await note(anEnd(world.nowMs() + 60_000), '"new"');
  await note(old, '"old"');
  expect(await feed()).toMatchObject({ events: ['"new"', '"old"'], last: 2 });
  await evictAll();
  expect(await feed()).toMatchObject({ events: ['"new"', '"old"'], last: 2 });
});
