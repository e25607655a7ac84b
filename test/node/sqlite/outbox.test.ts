/** What waits for the bus in SQLite: written with the move that it is about, or not at all. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { expect, it } from "vitest";
import { busRenderer } from "../../../src/http/bus-events.ts";
import type { SqliteBusParts } from "../../../src/node/sqlite/tables.ts";
import type { OutboxEntry } from "../../../src/push/outbox.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { config, policy, sqliteForTest } from "../../support/sqlite-store.ts";

type World = Awaited<ReturnType<typeof busForTest>>;

async function busForTest(changes: Partial<SqliteBusParts> = {}) {
  let added = 0;
  const world = await sqliteForTest(config, {
    bus: { render: busRenderer("test"), isWritten: true, onAdded: () => added++, ...changes },
  });
  return { world, added: () => added };
}

const outboxOf = ({ world }: World) => {
  const { outbox } = world.sqlite;
  if (outbox === null) throw new Error("there is no bus");
  return outbox;
};

async function waiting(given: World, most = 100): Promise<readonly OutboxEntry[]> {
  return (await outboxOf(given).take(most))?.entries ?? [];
}

const said = (entries: readonly OutboxEntry[]) =>
  entries.map(({ event: { json } }) => {
    const { type, sequence } = JSON.parse(json) as { type: string; sequence: string };
    return `${Number(sequence)} ${type.split(".")[2]}`;
  });

async function judgedIn({ world }: World): Promise<string> {
  const { id } = (await kept(world.tickets, draftOf())).about;
  const claim = await world.tickets.claim(id, "permit", false);
  if (claim?.claimed.kind !== "claimed") throw new Error("not claimed");
  const spent = { calls: 1, costUsd: null };
  const judgement = {
    winner: "Essay A",
    justification: "canary",
    confidence: 3,
    normalizations: [],
  } as const;
  const result = { judgement, model: "m", usage: null, durationMs: 1 };
  await world.tickets.settle(id, claim.claimed.fence, { kind: "judged", result, spent });
  return id;
}

it("holds every transition of every ticket, in order, with nothing that is nobody's business", async () => {
  const given = await busForTest();
  const id = await judgedIn(given);
  const entries = await waiting(given);
  expect(said(entries)).toEqual(["1 queued", "2 processing", "3 completed"]);
  expect(new Set(entries.map(({ event }) => event.queueId))).toEqual(new Set([id]));
  expect(entries.map(({ event }) => event.json).join()).not.toMatch(/canary|Grüße|user-one|tenant-one/);
  expect(given.added()).toBe(3);
});

it("is in the transaction of the move: a death brings both or neither", async () => {
  const given = await busForTest();
  await judgedIn(given);
  await given.world.restart();
  expect(said(await waiting(given))).toEqual(["1 queued", "2 processing", "3 completed"]);
});

it("loses nothing when its process dies between sending and noting that, and nothing that was noted comes again", async () => {
  const given = await busForTest();
  await judgedIn(given);
  const [first, ...rest] = await waiting(given);
  await outboxOf(given).sent([first as OutboxEntry]);
  await given.world.restart();
  expect(await waiting(given)).toEqual(rest);
});

it("gives the oldest first, and as many as are asked for", async () => {
  const given = await busForTest();
  for (let at = 0; at < 5; at++) await judgedIn(given);
  const taken = await outboxOf(given).take(4);
  expect(taken?.entries.map(({ key }) => Number(key))).toEqual([1, 2, 3, 4]);
  expect(taken?.waiting).toBe(15);
});

it("keeps nothing for longer than tickets are kept, and says how many went", async () => {
  const given = await busForTest();
  await Promise.all(Array.from({ length: 400 }, () => judgedIn(given)));
  await given.world.advance(policy.retentionMs - 1);
  expect((await outboxOf(given).take(1))?.waiting).toBe(1_200);
  await given.world.advance(1);
  expect(await outboxOf(given).take(1)).toEqual({ entries: [], waiting: 0, dropped: 1_200 });
});

it("keeps no more than the disk has room for: the oldest go", async () => {
  const given = await busForTest({ mostKept: 4 });
  for (let at = 0; at < 2; at++) await judgedIn(given);
  const taken = await outboxOf(given).take(10);
  expect(taken?.dropped).toBe(2);
  expect(taken?.entries.map(({ key }) => Number(key))).toEqual([3, 4, 5, 6]);
});

it("outlives its ticket's row", async () => {
  const given = await busForTest();
  const id = await judgedIn(given);
  // As a ticket that has moved to Redis.
  await given.world.sqlite.moves.moved([id]);
  expect(said(await waiting(given))).toHaveLength(3);
});

it("is not written to where another store is the first one, and what was there is still given", async () => {
  const given = await busForTest({ isWritten: false });
  await judgedIn(given);
  expect(await waiting(given)).toEqual([]);
  expect(outboxOf(given).isEmpty()).toBe(true);
});

it("costs nothing where there is no bus, and what was left for one goes", async () => {
  const world = await sqliteForTest();
  await kept(world.tickets, draftOf());
  expect(world.sqlite.outbox).toBeNull();
  expect(world.rowsOf("SELECT * FROM bus")).toEqual([]);
  const file = new DatabaseSync(join(world.directory, "llm-provider-service.sqlite"));
  file.exec("INSERT INTO bus (at_ms, event) VALUES (1, '{}')");
  file.close();
  await world.restart();
  expect(world.rowsOf("SELECT * FROM bus")).toEqual([]);
});
