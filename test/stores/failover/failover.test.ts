/** A shared store and what stands in for it while it is away: the whole flow over both, in virtual time. */
import { expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { markedAtMs } from "../../../src/stores/failover/marked-id.ts";
import { backFor, goneFrom, keptBy, waitingWhileAway } from "../../support/failover/steps.ts";
import { always, failoverWorld, limits, policy } from "../../support/failover/world.ts";

it("keeps tickets in the shared store while that is there, under plain ids, and judges them", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  const id = await keptBy(world, process);
  expect(markedAtMs(id)).toBeNull();
  expect(process.file.rows.size).toBe(0);
  expect(await process.statusOf(id)).toBe("completed");
});

it("keeps and judges them here while it is away, under marked ids", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  await goneFrom(world, process);
  const id = await keptBy(world, process);
  expect(markedAtMs(id)).not.toBeNull();
  expect(await process.statusOf(id)).toBe("completed");
  expect(world.judged).toEqual(["essay"]);
  expect(world.server.rows.size).toBe(0);
});

it("lets tickets expire here while it is away", async () => {
  const { world, process, id } = await waitingWhileAway();
  await world.clock.advance(policy.ttlMs);
  expect(await process.statusOf(id)).toBe("expired");
});

it("starts while it is away, and moves to it as soon as it is there", async () => {
  const world = failoverWorld();
  const process = await world.begin(undefined, always("unheard"));
  const id = await keptBy(world, process);
  expect(await process.statusOf(id)).toBe("completed");
  await backFor(world, process);
  expect([...world.server.rows.keys()]).toEqual([id]);
  expect(process.file.rows.size).toBe(0);
  expect(await process.statusOf(id)).toBe("completed");
  expect(process.news.map(({ kind }) => kind)).toEqual(["store_away", "store_back", "tickets_moved"]);
});

it("asks it for nothing but a sign of life each second while it is away, and for nothing by itself while it is there", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  await world.clock.advance(60_000);
  expect(process.link.asked).toEqual(["health"]);
  await goneFrom(world, process);
  process.link.asked.length = 0;
  for (let n = 0; n < 5; n++) await process.keep();
  await world.clock.advance(10_000);
  await process.failover.gate("mock").status();
  expect(process.link.asked).toEqual(Array.from({ length: 10 }, () => "health"));
});

it("counts it as away after two calls in a row that nobody answered, and keeps both here", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  process.fate = (verb) => (verb === "reserve" ? "answered" : "unheard");
  const keeping = Promise.all([process.keep("essay-1"), process.keep("essay-2")]);
  await world.clock.advance(299);
  expect(process.news).toEqual([]);
  await world.clock.advance(1);
  expect((await keeping).map((id) => markedAtMs(id ?? ""))).not.toContain(null);
  expect(process.news).toEqual([{ kind: "store_away", trouble: null }]);
});

it("does not count it as away for one call, nor for what it refuses", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  for (const fate of ["unheard", "refused", "refused", "refused"] as const) {
    process.fate = (verb) => (verb === "create" ? fate : "answered");
    expect(markedAtMs(await keptBy(world, process))).not.toBeNull();
    await world.clock.advance(10_000);
  }
  expect(process.news.filter(({ kind }) => kind === "store_away")).toEqual([]);
  expect(process.file.rows.size).toBe(0);
  expect(world.judged).toHaveLength(4);
});

it("answers 503 for what it held, and finds it again when it is back", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  const id = await keptBy(world, process);
  await goneFrom(world, process);
  await expect(process.statusOf(id)).rejects.toThrow(StoreAway);
  await expect(process.statusOf("00000000-0000-4000-8000-00000000dead")).rejects.toThrow(StoreAway);
  await backFor(world, process);
  expect(await process.statusOf(id)).toBe("completed");
  expect(await process.statusOf("00000000-0000-4000-8000-00000000dead")).toBe("none");
});

it("answers 503 for a marked id that another process may hold, until that can't be any more by any clock", async () => {
  const world = failoverWorld();
  world.judgeMs = 1e9;
  const process = await world.begin();
  const other = await world.begin();
  await goneFrom(world, other);
  for (let n = 0; n < limits.concurrency; n++) await keptBy(world, other, `essay-${n}`);
  const id = await keptBy(world, other);
  await expect(process.statusOf(id)).rejects.toThrow(StoreAway);
  const atMs = markedAtMs(id) ?? NaN;
  // Its clock may be an hour behind, and ours an hour ahead.
  const lifeMs = policy.ttlMs + policy.leaseMs + policy.retentionMs + 7_200_000;
  await world.clock.advance(atMs + lifeMs - 1 - world.clock.nowMs());
  await expect(process.statusOf(id)).rejects.toThrow(StoreAway);
  await world.clock.advance(1);
  expect(await process.statusOf(id)).toBe("none");
});

it("keeps nothing where neither store takes it", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  await goneFrom(world, process);
  process.fallback.fill(true);
  expect(await process.keep()).toBeNull();
});

it("makes no exception for a key: its ticket has the id that its record names, or there is none", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  const queueId = "00000000-0000-4000-8000-00000000beef";
  process.fate = (verb) => (verb === "create" ? "unanswered" : "answered");
  const keeping = process.keep("essay", queueId);
  await world.clock.advance(300);
  expect(await keeping).toBeNull();
  expect(process.file.rows.size + process.file.doubtful.size).toBe(0);
  await goneFrom(world, process);
  expect(await process.keep("essay", queueId)).toBeNull();
  await expect(process.failover.keys.begin("name", "hash", queueId, 1_000)).rejects.toThrow(StoreAway);
  await expect(process.failover.keys.end("name", 1, { kind: "freed" })).rejects.toThrow(StoreAway);
  await backFor(world, process);
  expect(await keptBy(world, process, "essay", queueId)).toBe(queueId);
  expect(await process.failover.keys.begin("name", "hash", queueId, 1_000)).toMatchObject({ kind: "begun" });
});

it("adds up what tenants used while it was away, and says nothing of sums that it does not know", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  const { totals } = process.failover;
  totals.add("one", "2026-11-22", 1, 0.25);
  await goneFrom(world, process);
  totals.add("one", "2026-11-22", 2, 0.5);
  await expect(totals.of("one", "2026-11-22")).rejects.toThrow(StoreAway);
  expect([...process.file.totals.values()]).toMatchObject([{ requests: 2, costUsd: 0.5 }]);
  await backFor(world, process);
  expect(await totals.of("one", "2026-11-22")).toEqual({ requests: 3, costUsd: 0.75 });
});

it("lets live calls in by the gate in force, and tells the one here how those went that began there", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  const there = process.failover.gate("mock");
  expect(await there.enter("p", { tenant: "", model: "m" })).toMatchObject({ kind: "call", epoch: 0 });
  await goneFrom(world, process);
  const here = process.failover.gate("mock");
  await there.report({ permit: "p", epoch: 7, finding: { kind: "fault" }, durationMs: 5 });
  expect(await here.status()).toMatchObject({ faultsInRow: 1 });
  for (let n = 0; n < limits.failureThreshold; n++) {
    await here.report({ permit: null, epoch: null, finding: { kind: "fault" }, durationMs: 5 });
  }
  expect(await here.enter("q", { tenant: "", model: "m" })).toMatchObject({ kind: "wait", why: "breaker" });
  await backFor(world, process);
  expect(await process.failover.gate("mock").enter("r", { tenant: "", model: "m" })).toMatchObject({
    kind: "call",
  });
  await here.report({ permit: null, epoch: null, finding: { kind: "fault" }, durationMs: 5 });
  expect(await process.failover.gate("mock").status()).toMatchObject({ faultsInRow: 0 });
});

it("passes on what the shared store says of its settings, and tells of it once", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  expect(process.failover.warnings()).toEqual([]);
  world.server.warnings.push("It forgets.");
  expect(await process.failover.health()).toMatchObject({ primary: { warnings: ["It forgets."] } });
  await process.failover.health();
  expect(process.failover.warnings()).toEqual(["It forgets."]);
  expect(process.news).toEqual([{ kind: "store_warnings", warnings: ["It forgets."] }]);
  await goneFrom(world, process);
  expect(process.failover.warnings()).toEqual(["It forgets."]);
});

it("says how both stores are", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  expect(await process.failover.health()).toEqual({
    primary: { latencyMs: 0, trouble: null, warnings: [] },
    trouble: null,
    fallback: { trouble: null, latencyMs: 0 },
  });
  await goneFrom(world, process);
  process.fallback.fill(true);
  expect(await process.failover.health()).toEqual({
    primary: null,
    trouble: null,
    fallback: { trouble: { error: "full", code: "SQLITE_FULL" }, latencyMs: 0 },
  });
});
