/** What the store in SQLite hands out, and what it leaves behind where it hands out nothing. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import type { ClaimedTicket } from "../../../src/gateway/ports.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { sqliteForTest, limits, policy } from "../../support/sqlite-store.ts";

type World = Awaited<ReturnType<typeof sqliteForTest>>;

/** From now on tickets are handed out. */
function opened({ sqlite }: World): ClaimedTicket[] {
  const handed: ClaimedTicket[] = [];
  sqlite.start(async (claimed) => void handed.push(claimed));
  return handed;
}

const fault = { permit: null, epoch: 0, finding: { kind: "fault" }, durationMs: 5 } as const;

/** A probe may go now. */
async function afterAnOutage(world: World): Promise<void> {
  for (let faults = 0; faults < limits.failureThreshold; faults++) await world.gate.report(fault);
  await world.advance(60_000);
}

function another(world: World): DatabaseSync {
  return new DatabaseSync(join(world.directory, "llm-provider-service.sqlite"));
}

it("hands out claimed tickets: with texts, lease and token, stored before anybody has them, by priority", async () => {
  const world = await sqliteForTest();
  const [low, high] = [draftOf(), draftOf()];
  await kept(world.tickets, { ...low, about: { ...low.about, priority: 1 } });
  await kept(world.tickets, { ...high, about: { ...high.about, priority: 9 } });
  const handed = opened(world);
  await world.advance(0);
  expect(handed.map(({ ticket }) => ticket.about.id)).toEqual([high.about.id, low.about.id]);
  const [claimed] = handed;
  const leaseEndsAtMs = world.nowMs() + policy.leaseMs;
  expect(claimed).toMatchObject({
    fence: 1,
    leaseLeftMs: policy.leaseMs,
    ticket: { state: { texts: high.texts } },
  });
  const rows = world.rowsOf("SELECT record FROM tickets ORDER BY number").map(({ record }) => String(record));
  expect(rows.map((record) => JSON.parse(record) as unknown)).toMatchObject([
    { state: { status: "processing" } },
    { state: { status: "processing", claim: { permit: claimed?.permit, leaseEndsAtMs } } },
  ]);
});

it("hands each out once, and none before it is opened, nor after it rests", async () => {
  const world = await sqliteForTest();
  const first = await kept(world.tickets, draftOf());
  await world.advance(60_000);
  const handed = opened(world);
  await world.advance(60_000);
  await world.sqlite.rest();
  await kept(world.tickets, draftOf());
  await world.advance(60_000);
  expect(handed.map(({ ticket }) => ticket.about.id)).toEqual([first.about.id]);
});

it("stores a probe's turn before the probe is handed out", async () => {
  const world = await sqliteForTest();
  await afterAnOutage(world);
  await kept(world.tickets, draftOf());
  let stored: unknown = null;
  world.sqlite.start(async ({ permit }) => {
    const [row] = world.rowsOf("SELECT core FROM gates WHERE provider = 'mock'");
    const { breaker } = JSON.parse(String(row?.["core"])) as {
      readonly breaker: { readonly probe?: unknown };
    };
    stored = { permit, probe: breaker.probe };
  });
  await world.advance(0);
  expect(stored).toMatchObject({ permit: expect.any(String), probe: { permit: expect.any(String) } });
  const { permit, probe } = stored as {
    readonly permit: string;
    readonly probe: { readonly permit: string };
  };
  expect(probe.permit).toBe(permit);
});

it("gives a probe's turn back at once where its claim can't be stored, and counts no death", async () => {
  const world = await sqliteForTest();
  await afterAnOutage(world);
  const { about } = await kept(world.tickets, draftOf());
  const other = another(world);
  other.exec("CREATE TRIGGER refusing BEFORE UPDATE ON tickets BEGIN SELECT RAISE(ABORT, 'refused'); END");
  const handed = opened(world);
  await world.advance(0);
  expect(world.faults).toHaveLength(1);
  // The line of the log says which ticket it was.
  expect(world.faultyTickets).toEqual([about.id]);
  expect(await world.gate.enter("live", { tenant: "", model: "m" })).toMatchObject({
    kind: "call",
    probe: { permit: "live" },
  });
  await world.gate.report({ ...fault, permit: "live", finding: { kind: "nothing" } });
  other.exec("DROP TRIGGER refusing");
  other.close();
  expect(await world.tickets.load(about.id)).toMatchObject({
    state: { status: "queued" },
    progress: { suspect: false, deaths: 0, fence: 0 },
  });
  await world.advance(5_000);
  expect(handed.map(({ ticket }) => ticket.about.id)).toEqual([about.id]);
});

it("hands out what was sent while the disk took nothing, within half a minute after it does again", async () => {
  const world = await sqliteForTest();
  await afterAnOutage(world);
  const { about } = await kept(world.tickets, draftOf());
  const other = another(world);
  const handed = opened(world);
  other.exec("BEGIN IMMEDIATE");
  await world.advance(1_000);
  other.exec("ROLLBACK");
  other.close();
  expect(handed).toEqual([]);
  await world.advance(29_000);
  expect(handed.map(({ ticket }) => ticket.about.id)).toEqual([about.id]);
});

it("gives the place of a ticket that is gone away at once", async () => {
  const world = await sqliteForTest();
  const { about } = await kept(world.tickets, draftOf());
  const other = another(world);
  other.exec(`DELETE FROM tickets WHERE id = '${about.id}'`);
  other.close();
  expect((await world.gate.status()).queue.size).toBe(1);
  const handed = opened(world);
  await world.advance(0);
  expect(handed).toEqual([]);
  expect((await world.gate.status()).queue.size).toBe(0);
});
