/** A process died. Its successor has what is on the disk, and nothing else. */
import { expect, it } from "vitest";
import { queueItemOf } from "../../../src/domain/ticket/ticket.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { sqliteForTest } from "../../support/sqlite-store.ts";

type World = Awaited<ReturnType<typeof sqliteForTest>>;

async function keptIn(world: World, provider: "mock" | "openai" = "mock"): Promise<string> {
  const draft = draftOf();
  const { about } = await kept(world.tickets, { ...draft, about: { ...draft.about, provider } });
  return about.id;
}

async function begin(world: World, id: string): Promise<void> {
  const ticket = await world.tickets.load(id);
  if (ticket?.state.status !== "queued") throw new Error("it does not wait");
  const { notBeforeMs } = ticket.state;
  const starter = { permit: crypto.randomUUID(), notBeforeMs, suspect: ticket.progress.suspect };
  const start = await world.sqlite.gate(ticket.about.provider).start(queueItemOf(ticket), starter);
  expect(start).toMatchObject({ kind: "call" });
  const claim = await world.tickets.claim(id, starter.permit, false);
  expect(claim?.claimed).toMatchObject({ kind: "claimed" });
}

it("sends what waits to its workers again", async () => {
  const world = await sqliteForTest();
  const ids = [await keptIn(world), await keptIn(world, "openai")];
  await world.restart();
  expect((await world.sent()).toSorted()).toEqual(ids.toSorted());
});

it("gives the one claim back at once, and counts the death", async () => {
  const world = await sqliteForTest();
  const id = await keptIn(world);
  await begin(world, id);
  await world.restart();
  expect(await world.tickets.load(id)).toMatchObject({
    progress: { attempts: 0, suspect: true, deaths: 1 },
    state: { status: "queued" },
  });
  expect(await world.sent()).toEqual([id]);
});

it("suspects all that were in flight, of whatever provider, blames none, and runs them one by one", async () => {
  const world = await sqliteForTest();
  const ids = [await keptIn(world), await keptIn(world), await keptIn(world, "openai")];
  for (const id of ids) await begin(world, id);
  const bystander = await keptIn(world);
  await world.restart();
  for (const id of ids)
    expect((await world.tickets.load(id))?.progress).toMatchObject({ suspect: true, deaths: 0 });
  const sent = await world.sent();
  expect(sent.filter((id) => ids.includes(id))).toHaveLength(1);
  expect(sent).toContain(bystander);
});

it("fails a ticket after its third death alone", async () => {
  const world = await sqliteForTest();
  const id = await keptIn(world);
  for (let death = 1; death <= 3; death++) {
    expect((await world.tickets.load(id))?.state.status).toBe("queued");
    await begin(world, id);
    await world.restart();
  }
  expect((await world.tickets.load(id))?.state).toMatchObject({
    status: "failed",
    failure: { reason: "crashed" },
  });
  expect((await world.gate.status()).queue.size).toBe(0);
});

it("raises no suspicion where the process stopped as it was asked to", async () => {
  const world = await sqliteForTest();
  const id = await keptIn(world);
  await begin(world, id);
  await world.sqlite.close();
  await world.restart();
  expect(await world.tickets.load(id)).toMatchObject({
    progress: { suspect: false, deaths: 0, attempts: 0 },
    state: { status: "queued" },
  });
});

it("stores at an orderly end what could have waited", async () => {
  const world = await sqliteForTest();
  await world.gate.report({ permit: null, epoch: 0, finding: { kind: "healthy" }, durationMs: 123 });
  world.sqlite.totals.add("one", "2026-11-22", 1, 0.5);
  await world.sqlite.close();
  await world.restart();
  expect(await world.gate.status()).toMatchObject({ meanResponseMs: 123 });
  expect(await world.sqlite.totals.of("one", "2026-11-22")).toEqual({ requests: 1, costUsd: 0.5 });
});

it("lets expire what expired while nobody was there", async () => {
  const world = await sqliteForTest();
  const id = await keptIn(world);
  const { directory } = world;
  await world.sqlite.close();
  expect(world.directory).toBe(directory);
  await world.advance(5 * 3_600_000);
  await world.restart();
  await world.advance(0);
  expect((await world.events(id)).at(-1)).toMatchObject({ kind: "expired" });
});

it("has no text of an ended ticket in its files after a start, though the end came a moment before the death", async () => {
  const world = await sqliteForTest();
  const texts = { ...draftOf().texts, essayA: "canary ".repeat(30_000) };
  const { about } = await kept(world.tickets, draftOf({ texts }));
  await begin(world, about.id);
  await world.tickets.settle(about.id, 1, {
    kind: "failed",
    failure: { reason: "truncated" },
    spent: { calls: 1, costUsd: null },
  });
  expect(await world.holds("canary")).toBe(true);
  await world.restart();
  expect(await world.holds("canary")).toBe(false);
  expect(await world.tickets.load(about.id)).toMatchObject({ state: { status: "failed" } });
});

it("keeps the figures of the day but for its last seconds", async () => {
  const world = await sqliteForTest();
  world.sqlite.totals.add("one", "2026-11-22", 2, 0.5);
  expect(await world.sqlite.totals.of("one", "2026-11-22")).toEqual({ requests: 2, costUsd: 0.5 });
  await world.advance(5_000);
  world.sqlite.totals.add("one", "2026-11-22", 1, 0.25);
  expect(await world.sqlite.totals.of("one", "2026-11-22")).toEqual({ requests: 3, costUsd: 0.75 });
  await world.restart();
  expect(await world.sqlite.totals.of("one", "2026-11-22")).toEqual({ requests: 2, costUsd: 0.5 });
  expect(await world.sqlite.totals.of("two", "2026-11-22")).toEqual({ requests: 0, costUsd: 0 });
  world.sqlite.totals.add("two", "2026-11-23", 1, 0);
  await world.advance(5_000);
  expect(world.rowsOf("SELECT day FROM totals")).toEqual([{ day: "2026-11-23" }]);
});
