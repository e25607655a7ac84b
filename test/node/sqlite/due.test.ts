/** What happens by itself, and what a sick disk or a strange row does not keep from happening. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { configOf, sqliteForTest, policy } from "../../support/sqlite-store.ts";

type World = Awaited<ReturnType<typeof sqliteForTest>>;

/** Another's hand in the file. */
function meddle({ directory }: World, statement: string): void {
  const sql = new DatabaseSync(join(directory, "llm-provider-service.sqlite"));
  sql.exec(statement);
  sql.close();
}

const tables = ["tickets", "texts", "events", "keys"];

it("leaves nothing of a ticket or a key in any table when their time is over", async () => {
  const world = await sqliteForTest();
  await kept(world.tickets, draftOf());
  await world.keys.begin("name", "hash", "q1", 1_000);
  const counts = () => tables.map((name) => world.rowsOf(`SELECT COUNT(*) AS n FROM ${name}`)[0]?.["n"]);
  expect(counts()).toEqual([1, 1, 1, 1]);
  await world.advance(policy.ttlMs);
  expect(counts()).toEqual([1, 0, 2, 1]);
  await world.advance(policy.retentionMs - 1);
  expect(counts()).toEqual([1, 0, 2, 0]);
  await world.advance(1);
  expect(counts()).toEqual([0, 0, 0, 0]);
});

it("erases the log as soon as a reader from outside lets it", async () => {
  const world = await sqliteForTest();
  const { about } = await kept(world.tickets, draftOf());
  const reader = new DatabaseSync(join(world.directory, "llm-provider-service.sqlite"), { readOnly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT * FROM texts").all();
  await world.advance(policy.ttlMs + 5_000);
  expect(await world.holds("Essay of A")).toBe(true);
  reader.close();
  await world.advance(5_000);
  expect(await world.holds("Essay of A")).toBe(false);
  expect((await world.events(about.id)).at(-1)).toMatchObject({ kind: "expired" });
});

it("lets hundreds expire in one go", async () => {
  const world = await sqliteForTest();
  await Promise.all(Array.from({ length: 250 }, () => kept(world.tickets, draftOf())));
  await world.advance(policy.ttlMs);
  await world.advance(0);
  expect((await world.gate.status()).queue.size).toBe(0);
  expect(world.rowsOf("SELECT COUNT(*) AS n FROM texts")).toEqual([{ n: 0 }]);
});

it("looks for itself now and then, so that a missed moment is not missed for long", async () => {
  const world = await sqliteForTest(configOf({ QUEUE_POLL_INTERVAL_SECONDS: "1" }));
  const { about } = await kept(world.tickets, draftOf({ delayMs: 60_000 }));
  expect(await world.sent()).toEqual([]);
  await world.advance(5_000);
  meddle(world, `UPDATE tickets SET due_ms = 0, record = json_set(record, '$.about.expiresAtMs', 0)`);
  await world.advance(1_000);
  expect((await world.events(about.id)).at(-1)).toMatchObject({ kind: "expired" });
});

it("leaves a ticket of a newer version alone, and works on with the others", async () => {
  const world = await sqliteForTest();
  const newer = await kept(world.tickets, draftOf());
  const known = await kept(world.tickets, draftOf());
  const where = `WHERE id = '${newer.about.id}'`;
  meddle(world, `UPDATE tickets SET version = 4, record = json_set(record, '$.version', 4) ${where}`);
  await expect(world.tickets.load(newer.about.id)).rejects.toThrow(StoreAway);
  await expect(world.tickets.claim(newer.about.id, "p", false)).rejects.toThrow(StoreAway);
  await world.restart();
  await world.advance(policy.ttlMs);
  expect((await world.tickets.load(known.about.id))?.state.status).toBe("expired");
  expect(world.rowsOf(`SELECT version FROM tickets ${where}`)).toEqual([{ version: 4 }]);
  expect(world.faults).toEqual([]);
});

it("tells of a row that can't be read, and works on with the others", async () => {
  const world = await sqliteForTest();
  const broken = await kept(world.tickets, draftOf());
  const known = await kept(world.tickets, draftOf());
  meddle(world, `UPDATE tickets SET record = '{}' WHERE id = '${broken.about.id}'`);
  await world.restart();
  expect(world.faults).toContainEqual(new Error("A row of tickets holds no ticket"));
  await world.advance(policy.ttlMs);
  expect((await world.tickets.load(known.about.id))?.state.status).toBe("expired");
});

it("keeps nothing while the file can't be written, lives on, and recovers by itself", async () => {
  const world = await sqliteForTest(configOf({ QUEUE_REQUEST_TTL_HOURS: "0.0005" }));
  const { about } = await kept(world.tickets, draftOf());
  const other = new DatabaseSync(join(world.directory, "llm-provider-service.sqlite"));
  other.exec("BEGIN IMMEDIATE");
  const draft = draftOf();
  await expect(kept(world.tickets, draft)).rejects.toThrow(StoreAway);
  await expect(world.keys.begin("name", "hash", "q1", 1_000)).rejects.toThrow(StoreAway);
  expect(await world.tickets.load(draft.about.id)).toBeNull();
  expect(await world.tickets.load(about.id)).toMatchObject({ state: { status: "queued" } });
  expect(await world.sqlite.health()).toMatchObject({ trouble: { error: "other", code: "SQLITE_BUSY" } });
  world.sqlite.totals.add("one", "2026-11-22", 1, 0.5);
  await world.advance(5_000);
  expect(world.faults.length).toBeGreaterThan(0);
  expect(world.faults.every((fault) => fault instanceof StoreAway)).toBe(true);
  other.exec("ROLLBACK");
  other.close();

  expect((await world.sqlite.health()).trouble).toBeNull();
  expect(world.troubles).toEqual(["SQLITE_BUSY", null]);
  await world.advance(60_000);
  expect((await world.events(about.id)).at(-1)).toMatchObject({ kind: "expired" });
  expect(world.rowsOf("SELECT requests FROM totals")).toEqual([{ requests: 1 }]);
  await kept(world.tickets, draft);
  expect(await world.tickets.load(draft.about.id)).not.toBeNull();
});
