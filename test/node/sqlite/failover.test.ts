/** SQLite beside a shared store: what is on its way there, over real files, with a death between any two steps. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { queueItemOf, type Ticket, type TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import type { AttemptOutcome } from "../../../src/domain/ticket/moves.ts";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { createFailover } from "../../../src/stores/failover/failover.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { config, sqliteForTest, policy } from "../../support/sqlite-store.ts";
import { primaryServer, type Fate } from "../../support/failover/memory-primary.ts";

type World = Awaited<ReturnType<typeof sqliteForTest>>;

const judged: AttemptOutcome = {
  kind: "judged",
  result: {
    judgement: { winner: "Essay A", justification: "It argues.", confidence: 4, normalizations: [] },
    model: "mock-judge-1",
    usage: null,
    durationMs: 800,
  },
  spent: { calls: 1, costUsd: 0.01 },
};

async function begin(world: World, id: string): Promise<number> {
  const ticket = await world.tickets.load(id);
  if (ticket === null) throw new Error("there is no such ticket");
  await world.gate.start(queueItemOf(ticket), { permit: id, notBeforeMs: 0, suspect: false });
  const claim = await world.tickets.claim(id, id, false);
  if (claim?.claimed.kind !== "claimed") throw new Error("it was not claimed");
  return claim.claimed.fence;
}

const places = async (world: World) => (await world.gate.status()).queue.size;
const idsOf = (movables: readonly { readonly ticket: Ticket }[]) =>
  movables.map(({ ticket }) => ticket.about.id);

it("marks what waits and what has ended, whole, and never what is being called for", async () => {
  const world = await sqliteForTest();
  const waits = await kept(world.tickets, draftOf());
  const ended = await kept(world.tickets, draftOf());
  const called = await kept(world.tickets, draftOf());
  await world.tickets.settle(ended.about.id, await begin(world, ended.about.id), judged);
  const fence = await begin(world, called.about.id);
  const marked = await world.sqlite.moves.mark(10);
  expect(idsOf(marked)).toEqual([waits.about.id, ended.about.id]);
  expect(marked[0]?.ticket).toEqual(waits);
  expect(marked[0]?.events).toMatchObject([{ number: 1, kind: "accepted" }]);
  expect(marked[1]?.ticket.state).toMatchObject({ status: "completed" });
  expect(marked[1]?.events.map(({ number, kind }) => [number, kind])).toEqual([
    [1, "accepted"],
    [2, "started"],
    [3, "completed"],
  ]);
  expect(await places(world)).toBe(1);
  expect(await world.tickets.settle(called.about.id, fence, judged)).toEqual({ kind: "stored" });
  expect(idsOf(await world.sqlite.moves.mark(10)).toSorted()).toEqual(
    [waits, ended, called].map(({ about }) => about.id).toSorted(),
  );
});

it("takes few at a time, those that were marked before first", async () => {
  const world = await sqliteForTest();
  const ids = [];
  for (let n = 0; n < 5; n++) ids.push((await kept(world.tickets, draftOf())).about.id);
  expect(idsOf(await world.sqlite.moves.mark(2))).toEqual(ids.slice(0, 2));
  await world.sqlite.moves.moved(ids.slice(0, 1));
  const next = await world.sqlite.moves.mark(2);
  expect(next.map(({ ticket, isFresh }) => [ticket.about.id, isFresh])).toEqual([
    [ids[1], false],
    [ids[2], true],
  ]);
  await world.sqlite.moves.moved(ids.slice(1, 3));
  await world.sqlite.moves.moved(ids.slice(3));
  expect(await world.sqlite.moves.mark(2)).toEqual([]);
});

it("lets nobody touch what moves: no claim, no end, no expiry, no second life, neither now nor after a death", async () => {
  const world = await sqliteForTest();
  const draft = draftOf();
  const { about } = await kept(world.tickets, draft);
  await world.sqlite.moves.mark(10);
  for (const death of [false, true]) {
    if (death) await world.restart();
    expect(world.sqlite.moves.whereabouts(about.id)).toBe("moving");
    await expect(world.tickets.claim(about.id, "p", false)).rejects.toThrow(StoreAway);
    await expect(world.tickets.claimInTurn(about.id, "p", world.gate.start)).rejects.toThrow(StoreAway);
    await expect(world.tickets.load(about.id)).rejects.toThrow(StoreAway);
    await expect(kept(world.tickets, draft)).rejects.toThrow(StoreAway);
    expect(await places(world)).toBe(0);
    expect(await world.sent()).toEqual([]);
    await world.advance(policy.ttlMs);
    expect(world.sqlite.moves.frozen(about.id)?.state.status).toBe("queued");
    expect(world.faults).toEqual([]);
  }
});

it("goes on with what stays, with its backoff, and lets happen at once what fell due meanwhile", async () => {
  const world = await sqliteForTest();
  const { about } = await kept(world.tickets, draftOf());
  const other = await kept(world.tickets, draftOf({ delayMs: 60_000 }));
  await world.sqlite.moves.mark(10);
  await world.sqlite.moves.stay([other.about.id]);
  expect(await world.gate.estimate(other.about.id)).toMatchObject({ position: 1 });
  expect(await world.sent()).not.toContain(other.about.id);
  expect(world.sqlite.moves.whereabouts(other.about.id)).toBe("here");
  await world.advance(policy.ttlMs);
  await world.sqlite.moves.stay([about.id]);
  await world.advance(0);
  expect((await world.events(about.id)).at(-1)).toMatchObject({ kind: "expired" });
});

it("leaves nothing of what has moved in any table, nor of its texts in the files", async () => {
  const world = await sqliteForTest();
  const { about } = await kept(world.tickets, draftOf());
  await world.sqlite.moves.mark(10);
  await world.sqlite.moves.moved([about.id]);
  for (const table of ["tickets", "texts", "events", "moving"]) {
    expect(world.rowsOf(`SELECT COUNT(*) AS n FROM ${table}`)).toEqual([{ n: 0 }]);
  }
  await world.advance(5_000);
  expect(await world.holds("Essay of A")).toBe(false);
  expect(world.sqlite.moves.whereabouts(about.id)).toBe("absent");
});

it("does not move what newer code wrote, nor what can't be read, and tells of the latter", async () => {
  const world = await sqliteForTest();
  const [newer, broken, known] = [draftOf(), draftOf(), draftOf()];
  for (const draft of [newer, broken, known]) await kept(world.tickets, draft);
  const sql = new DatabaseSync(join(world.directory, "llm-provider-service.sqlite"));
  sql.exec(
    `UPDATE tickets SET version = 4, record = json_set(record, '$.version', 4) WHERE id = '${newer.about.id}'`,
  );
  sql.exec(`UPDATE tickets SET record = json_remove(record, '$.version') WHERE id = '${broken.about.id}'`);
  sql.close();
  expect(idsOf(await world.sqlite.moves.mark(10))).toEqual([known.about.id]);
  expect(world.faults).toEqual([new Error("A row of tickets holds no ticket")]);
});

it("notes with the ticket what the shared store may hold of it, or neither", async () => {
  const world = await sqliteForTest();
  const { about } = await kept({ create: (draft) => world.sqlite.moves.keep(draft, "doubt-1") }, draftOf());
  await world.restart();
  expect(world.sqlite.notes.doubtful()).toEqual([{ id: "doubt-1", provider: "mock" }]);
  expect(await world.tickets.load(about.id)).toMatchObject({ state: { status: "queued" } });
  const other = new DatabaseSync(join(world.directory, "llm-provider-service.sqlite"));
  other.exec("BEGIN IMMEDIATE");
  const draft = draftOf();
  await expect(world.sqlite.moves.keep(draft, "doubt-2")).rejects.toThrow(StoreAway);
  other.exec("ROLLBACK");
  other.close();
  expect(world.sqlite.notes.doubtful()).toHaveLength(1);
  expect(world.sqlite.moves.whereabouts(draft.about.id)).toBe("absent");
  await world.sqlite.notes.undoubt("doubt-1");
  await world.restart();
  expect(world.sqlite.notes.doubtful()).toEqual([]);
});

it("keeps outcomes in order until they are told, the first of each claim, and no trace of them then", async () => {
  const world = await sqliteForTest();
  const { notes } = world.sqlite;
  await notes.spool({ id: "b", fence: 2, outcome: judged, atMs: 7 });
  await notes.spool({ id: "a", fence: 1, outcome: judged, atMs: 8 });
  await notes.spool({ id: "b", fence: 2, outcome: judged, atMs: 9 });
  expect(world.sqlite.leftToBring()).toBe(2);
  await world.restart();
  expect(world.sqlite.notes.spooled()).toEqual([
    { id: "b", fence: 2, outcome: judged, atMs: 7 },
    { id: "a", fence: 1, outcome: judged, atMs: 8 },
  ]);
  await world.sqlite.notes.unspool({ id: "b", fence: 2 });
  await world.sqlite.notes.unspool({ id: "a", fence: 1 });
  await world.advance(5_000);
  expect(await world.holds("It argues.")).toBe(false);
  await world.restart();
  expect(world.sqlite.notes.spooled()).toEqual([]);
});

it("hands its totals over once, those of its memory with them", async () => {
  const world = await sqliteForTest();
  const used = { tenant: "one", day: "2026-11-22", requests: 1, costUsd: 0.5 };
  world.sqlite.totals.add("one", "2026-11-22", 1, 0.5);
  expect(await world.sqlite.totals.take()).toEqual([used]);
  expect(await world.sqlite.totals.take()).toEqual([]);
  await world.restart();
  expect(await world.sqlite.totals.of("one", "2026-11-22")).toEqual({ requests: 0, costUsd: 0 });
});

/** Steps at which the process dies: before the primary store is asked, and after it has done it, though no answer came. */
const deaths = (["settleAsOf", "withdraw", "adopt"] as const).flatMap((verb) =>
  (["before", "after"] as const).map((when) => ({ verb, when })),
);

it.each(deaths)(
  "brings all to the shared store once, though it dies $when it was asked to $verb",
  async ({ verb, when }) => {
    const world = await sqliteForTest();
    const server = primaryServer(world.clock, () => 0.5, config);
    // A claim of the primary store, whose outcome is noted here.
    const peer = server.connect(() => "answered");
    const claimed = await kept(peer.tickets, draftOf());
    const fence = await server.claim(claimed.about.id);
    await world.sqlite.notes.spool({ id: claimed.about.id, fence, outcome: judged, atMs: world.nowMs() });
    const doubt = await kept(peer.tickets, draftOf());
    const waits = await kept(
      { create: (draft) => world.sqlite.moves.keep(draft, doubt.about.id) },
      draftOf(),
    );
    const ended = await kept(world.tickets, draftOf());
    await world.tickets.settle(ended.about.id, await begin(world, ended.about.id), judged);

    let isDead = false;
    const dying = failoverOver(world, server, (asked) => {
      if (isDead || asked !== verb) return isDead ? "unheard" : "answered";
      isDead = true;
      return when === "before" ? "unheard" : "unanswered";
    });
    void dying.look();
    await world.clock.advance(0);
    await world.clock.advance(0);
    expect(isDead).toBe(true);
    await world.restart();

    const next = failoverOver(world, server, () => "answered");
    await next.look();
    await world.clock.advance(0);
    await world.clock.advance(0);
    expect(world.sqlite.leftToBring()).toBe(0);
    expect(world.rowsOf("SELECT COUNT(*) AS n FROM tickets")).toEqual([{ n: 0 }]);
    expect([...server.rows.keys()].toSorted()).toEqual(
      [claimed, waits, ended].map(({ about }) => about.id).toSorted(),
    );
    const eventsOf = (id: string): readonly TicketEvent["kind"][] | undefined =>
      server.rows.get(id)?.events.map(({ kind }) => kind);
    expect(eventsOf(claimed.about.id)).toEqual(["accepted", "started", "completed"]);
    expect(eventsOf(ended.about.id)).toEqual(["accepted", "started", "completed"]);
    expect(eventsOf(waits.about.id)).toEqual(["accepted"]);
    expect(await next.tickets.load(ended.about.id)).toMatchObject({
      state: { status: "completed", result: judged.result },
    });
    expect(await next.tickets.load(waits.about.id)).toMatchObject({ state: { texts: draftOf().texts } });
  },
);

function failoverOver(
  { sqlite, clock }: World,
  server: ReturnType<typeof primaryServer>,
  fate: (verb: string) => Fate,
) {
  return createFailover({
    primary: server.connect(fate),
    fallback: sqlite,
    policy,
    clock,
    newId: () => crypto.randomUUID(),
    tell: () => {},
    onFault: (error) => {
      throw error;
    },
  });
}
