/** An outage lived through: the provider goes down, tickets wait, one of them after the other asks, and the backlog drains. */
import { describe, expect, it } from "vitest";
import { refused, verdict } from "../support/scripted-transport.ts";
import { outage } from "../support/outage.ts";

const names = (count: number) => Array.from({ length: count }, (_, at) => `t${String(at).padStart(3, "0")}`);
const fragile = { LLM_MAX_RETRIES: "0", CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1" };

/** Down, with so many tickets waiting behind the open breaker. */
async function down(count: number, more: Parameters<typeof outage>[0] = {}) {
  const world = outage({ ...more, env: { ...fragile, ...more.env } });
  world.goDown();
  for (const name of names(count)) await world.ask(name);
  return world;
}

it("calls until the threshold of faults is reached, and then nobody but probes", async () => {
  const world = outage();
  world.goDown();
  const first = world.ask("a");
  await world.clock.advance(0);
  const second = world.ask("b");
  await world.clock.advance(0);
  expect([await first, await second]).toEqual([202, 202]);
  expect(world.calls).toHaveLength(5);
  for (const name of names(20)) expect(await world.ask(name)).toBe(202);
  expect(await world.ask("c", { processing_mode: "immediate" })).toBe(503);
  await world.clock.advance(9_999);
  expect(world.calls).toHaveLength(5);
  await world.clock.advance(1);
  expect(world.calls).toHaveLength(6);
});

describe("probes", () => {
  it("come from waiting tickets, without live traffic, ever more rarely, until the longest time", async () => {
    const world = await down(3);
    await world.clock.advance(300_000);
    expect(world.times(1)).toEqual([10_000, 30_000, 70_000, 124_545, 179_090, 233_635, 288_180]);
  });

  it("take another ticket each time, so that one which breaks the provider can't keep the breaker open", async () => {
    const world = await down(3);
    await world.clock.advance(150_000);
    expect(world.order(1)).toEqual(["t000", "t001", "t002", "t000"]);
    world.answerWith((essay) => (essay === "essay-t000" ? refused(503) : verdict()));
    await world.clock.advance(300_000);
    expect(world.ticket("t001")?.state.status).toBe("completed");
    expect(world.ticket("t002")?.state.status).toBe("completed");
  });

  it("that fail cost their ticket no attempt, and neither does waiting", async () => {
    const world = await down(2, { env: { ...fragile, QUEUE_MAX_RETRIES: "0" } });
    await world.clock.advance(3_600_000);
    expect(world.calls.length).toBeGreaterThan(60);
    for (const name of names(2)) {
      expect(world.ticket(name)).toMatchObject({ progress: { attempts: 0, failedAttempts: 0 } });
      expect((await world.request(`/api/v1/status/${world.idOf(name)}`)).body).toMatchObject({
        status: "queued",
        retry_count: 0,
      });
    }
    world.comeBack();
    await world.clock.advance(61_000);
    const { body } = await world.request(`/api/v1/results/${world.idOf("t000")}`);
    const calls = world.order().filter((name) => name === "t000").length;
    // All of them were made for it.
    expect(body["metadata"]).toMatchObject({ attempts: calls });
  });

  it("that say that a request can never succeed end their ticket, and are no failed attempt of it", async () => {
    const world = await down(1);
    world.answerWith(refused(400));
    await world.clock.advance(10_000);
    expect((await world.request(`/api/v1/status/${world.idOf("t000")}`)).body).toMatchObject({
      status: "failed",
      error_type: "INVALID_REQUEST",
      retry_count: 0,
    });
  });

  it("are one at a time: a live call that comes meanwhile waits for it, or is told", async () => {
    const world = await down(3, { answerMs: 5_000 });
    world.comeBack();
    await world.clock.advance(12_000);
    const calls = world.calls.length;
    expect(await world.ask("live")).toBe(202);
    expect(await world.ask("live", { processing_mode: "immediate" })).toBe(503);
    await world.clock.advance(100);
    expect(world.calls.length).toBe(calls);
  });

  it("may be live calls, where nobody waits: half-open without tickets waits for the next request", async () => {
    const world = outage({ env: fragile });
    world.goDown();
    await world.ask("a", { processing_mode: "immediate" });
    world.comeBack();
    await world.clock.advance(3_600_000);
    expect(world.calls).toHaveLength(1);
    expect(await world.ask("b", { processing_mode: "immediate" })).toBe(200);
  });

  it("whose process died give their turn away when their lease ends", async () => {
    const world = await down(2);
    world.answerWith("stall");
    await world.clock.advance(10_000);
    expect(world.calls).toHaveLength(2);
    const next = world.restarted();
    await next.clock.advance(64_999);
    expect(next.vendor.calls).toEqual([]);
    await next.clock.advance(1);
    expect(next.vendor.calls.length).toBeGreaterThan(0);
    await next.clock.advance(60_000);
    expect([...next.stores.stored.values()].map(({ state }) => state.status)).toEqual([
      "completed",
      "completed",
    ]);
  });
});

describe("the recovery", () => {
  it("needs no live traffic: good probes close the breaker, and every ticket is judged once", async () => {
    const world = await down(300, { answerMs: 50, random: () => 0.5 });
    world.comeBack();
    const before = world.calls.length;
    await world.clock.advance(30_000);
    expect(names(300).filter((name) => world.ticket(name)?.state.status !== "completed")).toEqual([]);
    expect(world.order(before).toSorted()).toEqual(names(300));
    expect((await world.request("/healthz")).body).toMatchObject({
      status: "healthy",
      queue_stats: { queue_size: 0 },
    });
  });

  it("is ramped: two good probes, then 1 in flight, 3, and as many as there are permits", async () => {
    const world = await down(30, { answerMs: 1_000 });
    world.comeBack();
    await world.clock.advance(10_000 - 1);
    await world.clock.advance(6_500);
    // Calls that begin at the same moment are in flight together: each takes a second.
    const starts = world.times(1);
    const together = [...new Set(starts)].map((atMs) => starts.filter((other) => other === atMs).length);
    expect(together).toEqual([1, 1, 1, 3, 8, 8, 8]);
  });

  it("never has more tickets in flight than QUEUE_CONCURRENCY, and serves live calls beside them", async () => {
    const world = outage({ answerMs: 1_000, env: { QUEUE_CONCURRENCY: "2" } });
    for (const name of names(6)) await world.queue(name);
    await world.clock.advance(500);
    expect(world.order()).toEqual(["t000", "t001"]);
    const live = [world.ask("live1"), world.ask("live2")];
    await world.clock.advance(400);
    expect(world.order(2)).toEqual(["live1", "live2"]);
    await world.clock.advance(600);
    expect(await Promise.all(live)).toEqual([200, 200]);
    expect(world.times()).toEqual([0, 0, 500, 500, 1_000, 1_000]);
  });

  it("starts tickets by priority, then by age", async () => {
    const world = outage({ answerMs: 10, env: { QUEUE_CONCURRENCY: "1" } });
    await world.queue("first");
    const priorities = [0, 5, 10, 5, 0, 10, 1];
    for (const [at, priority] of priorities.entries()) {
      await world.clock.advance(1);
      await world.queue(`p${priority}n${at}`, { priority });
    }
    await world.clock.advance(1_000);
    expect(world.order()).toEqual(["first", "p10n2", "p10n5", "p5n1", "p5n3", "p1n6", "p0n0", "p0n4"]);
  });
});
