/** Tickets that were kept here come to the primary store, each with one owner at any time; and none there that nobody was told of. */
import { expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { draftOf } from "../../contracts/tickets.ts";
import { backFor, goneFrom, keptBy, waitingWhileAway } from "../../support/failover/steps.ts";
import { always, failoverWorld, inTurn, limits, policy } from "../../support/failover/world.ts";

it("judges a comparison once whose first place nobody knows of: that one is withdrawn", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  // Nobody takes tickets there meanwhile.
  process.fate = (verb) => (verb === "create" ? "unanswered" : "not_connected");
  const id = await keptBy(world, process);
  expect(world.server.rows.size).toBe(1);
  expect(process.file.doubtful.size).toBe(1);
  await backFor(world, process);
  await world.clock.advance(60_000);
  expect([...world.server.rows.keys()]).toEqual([id]);
  expect(process.file.doubtful.size).toBe(0);
  expect(world.judged).toEqual(["essay"]);
});

it("withdraws it before it takes any ticket there itself", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  await goneFrom(world, process);
  world.latencyMs = () => 20;
  const id = "00000000-0000-4000-8000-00000000d0bb";
  // It could be taken between the sign of life and the word that withdraws it.
  const draft = { ...draftOf({ id: id }), notBeforeMs: world.clock.nowMs() + 1_025 };
  await world.server.connect(always("answered")).tickets.create(draft);
  process.file.doubtful.set(id, { id, provider: "mock" });
  process.link.asked.length = 0;
  await backFor(world, process);
  await world.clock.advance(100);
  expect(process.link.asked.slice(0, 2)).toEqual(["health", "withdraw"]);
  expect(process.news.map(({ kind }) => kind)).toEqual(["store_away", "store_back"]);
  expect(world.server.rows.has(id)).toBe(false);
  expect(world.judged).toEqual([]);
});

it("says so where the one that nobody knows of was worked on already", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  await world.begin();
  process.fate = (verb) => (verb === "create" ? "unanswered" : "not_connected");
  await keptBy(world, process);
  await world.clock.advance(1_000);
  await backFor(world, process);
  expect(process.news.map(({ kind }) => kind)).toContain("judged_for_nobody");
  expect(process.file.doubtful.size).toBe(0);
});

it("finds no room here for more than the queue may hold, and withdraws what may have found it there", async () => {
  const world = failoverWorld();
  world.judgeMs = 1e9;
  const process = await world.begin();
  await goneFrom(world, process);
  const kept = await Promise.all(Array.from({ length: 1_000 }, () => process.keep()));
  const most = limits.maxSize * limits.highWatermark;
  expect(kept.filter((id) => id !== null)).toHaveLength(most);

  const other = failoverWorld();
  const full = await other.begin();
  full.fallback.moves.keep = async () => ({ kind: "full" });
  full.fate = (verb) => (verb === "create" ? "unanswered" : "not_connected");
  const draft = draftOf({ id: "00000000-0000-4000-8000-000000000099" });
  const creating = full.failover.tickets.create(draft);
  await other.clock.advance(300);
  expect(await creating).toEqual({ kind: "full" });
  expect(other.server.rows.size).toBe(1);
  await backFor(other, full);
  await other.clock.advance(10_000);
  expect(other.server.rows.size).toBe(0);
});

it("is full where the shared store is, and does not look for room here", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  const whole = draftOf();
  const draft = { ...whole, about: { ...whole.about, sizeBytes: limits.maxBytes } };
  expect(await process.failover.tickets.create(draft)).toMatchObject({ kind: "kept" });
  expect(await process.failover.tickets.create(draftOf())).toEqual({ kind: "full" });
  expect(process.file.rows.size).toBe(0);
});

it("has one owner for a ticket on its way: nobody claims it, and only the shared store says how it stands", async () => {
  const { world, process, id } = await waitingWhileAway();
  process.fate = (verb) =>
    verb === "adopt" ? "unanswered" : verb === "health" ? "answered" : "not_connected";
  await world.clock.advance(1_300);
  expect(process.file.rows.get(id)?.isMoving).toBe(true);
  await expect(process.fallback.take(id)).rejects.toThrow(StoreAway);
  expect((await process.fallback.gate("mock").status()).queue.size).toBe(limits.concurrency);
  process.fate = always("not_connected");
  await expect(process.statusOf(id)).rejects.toThrow(StoreAway);
  await world.clock.advance(policy.ttlMs);
  expect(process.file.rows.get(id)?.ticket.state.status).toBe("queued");
  process.fate = always("answered");
  await world.clock.advance(10_000);
  expect(process.file.rows.has(id)).toBe(false);
  expect(await process.statusOf(id)).toBe("expired");
});

it("goes on here with tickets that the shared store has no room for, and moves them when it has", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  process.fate = (verb) => (verb === "create" || verb === "adopt" ? "refused" : "answered");
  const id = await keptBy(world, process);
  expect(await process.statusOf(id)).toBe("completed");
  expect(process.file.rows.get(id)?.isMoving).toBe(false);
  process.fate = always("answered");
  await world.clock.advance(5_000);
  expect([...world.server.rows.keys()]).toEqual([id]);
  expect(process.file.rows.size).toBe(0);
});

it("frees no ticket that the shared store may have taken in before it refused", async () => {
  const { world, process, id } = await waitingWhileAway();
  let adopts = 0;
  process.fate = (verb) => {
    if (verb === "adopt") return ++adopts === 1 ? "unanswered" : "refused";
    return verb === "take" ? "not_connected" : "answered";
  };
  await world.clock.advance(1_300);
  expect(process.file.rows.get(id)?.isMoving).toBe(true);
  await world.clock.advance(5_000);
  expect(adopts).toBe(2);
  expect(process.file.rows.has(id)).toBe(false);
  expect(world.server.rows.has(id)).toBe(true);
});

it("frees none that was on its way when the shared store said that it is not there", async () => {
  const { world, process, id } = await waitingWhileAway();
  let adopts = 0;
  process.fate = (verb) => {
    if (verb === "adopt") return ++adopts === 1 ? "unheard" : "refused";
    return verb === "take" ? "not_connected" : "answered";
  };
  await world.clock.advance(6_300);
  expect(adopts).toBe(2);
  expect(process.file.rows.get(id)?.isMoving).toBe(true);
  process.fate = always("answered");
  await world.clock.advance(5_000);
  expect(process.file.rows.has(id)).toBe(false);
  expect(world.server.rows.has(id)).toBe(true);
});

it("never moves a ticket that is being called for: it moves with its end", async () => {
  const world = failoverWorld();
  world.judgeMs = 5_000;
  const process = await world.begin();
  await goneFrom(world, process);
  const id = await keptBy(world, process);
  await backFor(world, process);
  expect(world.server.rows.size).toBe(0);
  expect(await process.statusOf(id)).toBe("processing");
  await world.clock.advance(5_000);
  expect(process.file.rows.size).toBe(0);
  expect(await process.statusOf(id)).toBe("completed");
  expect(world.server.rows.get(id)?.events.map(({ kind }) => kind)).toEqual([
    "accepted",
    "started",
    "completed",
  ]);
  expect(world.judged).toHaveLength(1);
});

it("begins no move any more when it stops, and loses nothing by it", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  await goneFrom(world, process);
  const id = await keptBy(world, process);
  await inTurn(world.clock, process.failover.rest());
  await backFor(world, process);
  expect(process.link.asked).not.toContain("adopt");
  await process.failover.close();
  process.kill();
  await world.begin(process.file);
  expect([...world.server.rows.keys()]).toEqual([id]);
});
