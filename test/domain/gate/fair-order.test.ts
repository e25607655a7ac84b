import { expect, it } from "vitest";
import { tokensOf } from "../../../src/domain/gate/fair-order.ts";
import type { QueueItem } from "../../../src/domain/gate/places.ts";
import { parseConfig } from "../../../src/settings/config.ts";
import { gateLimits } from "../../../src/settings/limits.ts";
import { fault, gateWorld, healthy } from "../durable-builders.ts";

const config = parseConfig({}, "node");
if (!config.ok) throw new Error("the default settings are wrong");
/** As they run at who sets nothing; but here nobody is refused. */
const defaults = { ...gateLimits(config.value), maxSize: 10_000, maxBytes: 1e12 };
const callMs = 4_000;

/** A gate whose tickets are called for as they are sent, each for four seconds, in virtual time. */
function school(limits = {}) {
  const gate = gateWorld({ ...defaults, ...limits });
  const { world, keeper } = gate;
  const ends: { readonly atMs: number; readonly id: string }[] = [];
  const begunMs = new Map<string, number>();
  let number = 0;

  function sendAll(): void {
    for (const id of keeper.look().send) {
      begunMs.set(id, world.nowMs);
      ends.push({ atMs: world.nowMs + callMs, id });
    }
  }

  return {
    ...gate,
    begunMs,
    /** @returns their ids */
    queue(tenant: string, tickets: number, of: Partial<QueueItem> = {}): readonly string[] {
      const ids = Array.from({ length: tickets }, () => `${tenant}${String(number++).padStart(5, "0")}`);
      for (const id of ids)
        gate.keep(id, { tenant, acceptedAtMs: world.nowMs, tokens: tokensOf(4_000, 4_096), ...of });
      sendAll();
      return ids;
    },
    /** Lets time pass, and calls end in it. */
    runUntil(atMs: number): void {
      for (;;) {
        const [next] = ends.toSorted((a, b) => a.atMs - b.atMs);
        if (next === undefined || next.atMs > atMs) break;
        ends.splice(ends.indexOf(next), 1);
        world.nowMs = next.atMs;
        keeper.remove(next.id);
        sendAll();
      }
      world.nowMs = atMs;
      sendAll();
    },
  };
}

it("lets ten tickets of one tenant behind eight hundred of another wait ten seconds, not six minutes", () => {
  const { queue, runUntil, begunMs } = school();
  const big = queue("a", 800);
  runUntil(60_000);
  const small = queue("b", 10);
  runUntil(1_000_000);
  const waits = (ids: readonly string[], sinceMs: number) =>
    ids.map((id) => (begunMs.get(id) ?? Infinity) - sinceMs);
  expect(Math.max(...waits(small, 60_000))).toBeLessThanOrEqual(12_000);
  // All that it costs the other one is what the ten need.
  expect(Math.max(...waits(big, 0))).toBeLessThanOrEqual(((800 + 10) / 8) * callMs);
});

it("shares by weight between those who have something to send", () => {
  const { queue, runUntil, begunMs } = school({ weights: { c: 3 } });
  queue("a", 800);
  queue("c", 400);
  runUntil(100_000);
  const begun = (tenant: string) => [...begunMs.keys()].filter((id) => id.startsWith(tenant)).length;
  const before = { a: begun("a"), c: begun("c") };
  runUntil(200_000);
  const share = (begun("c") - before.c) / (begun("a") - before.a + begun("c") - before.c);
  expect(share).toBeGreaterThan(0.74);
  expect(share).toBeLessThan(0.76);
});

it("shares tokens, not tickets: who sends long essays sends fewer", () => {
  const { queue, runUntil, begunMs } = school();
  queue("a", 800, { tokens: 1_000 });
  queue("b", 800, { tokens: 4_000 });
  runUntil(400_000);
  const begun = (tenant: string) => [...begunMs.keys()].filter((id) => id.startsWith(tenant)).length;
  expect(begun("a") / begun("b")).toBeGreaterThan(3.9);
  expect(begun("a") / begun("b")).toBeLessThan(4.1);
});

it("lets no priority of one tenant's go before another tenant", () => {
  const { queue, runUntil, begunMs } = school();
  queue("a", 200, { priority: 10 });
  const [plain = ""] = queue("b", 1);
  runUntil(8_000);
  expect(begunMs.get(plain)).toBe(callMs);
});

it("sends the higher priority first among a tenant's own", () => {
  const { queue, keeper, keep, world } = school({ concurrency: 1 });
  queue("a", 1);
  keep("low", { tenant: "a" });
  keep("high", { tenant: "a", priority: 3 });
  world.nowMs = 5;
  keeper.remove("a00000");
  expect(keeper.look().send).toEqual(["high"]);
});

it("sends a suspect first in its own line, and in no other", () => {
  const { keep, keeper, begin, world } = gateWorld({ concurrency: 1 });
  keep("b1", { tenant: "b", acceptedAtMs: 1 });
  keep("a1", { tenant: "a", acceptedAtMs: 2, tokens: 100 });
  keep("a2", { tenant: "a", acceptedAtMs: 3 });
  keep("b2", { tenant: "b", acceptedAtMs: 4 });
  expect(keeper.look().send).toEqual(["b1"]);
  begin("b1", "p", { tenant: "b" });
  // Its process has died: it waits again as a suspect, and its tenant has had a turn that the other has not.
  keeper.requeue(
    { ...queueItemOf("b1", "b"), acceptedAtMs: 9 },
    { notBeforeMs: 0, suspect: true, permit: "p" },
  );
  const order: string[] = [];
  for (let turns = 0; turns < 4; turns++) {
    world.nowMs++;
    const [next = ""] = keeper.look().send;
    order.push(next);
    keeper.remove(next);
  }
  expect(order).toEqual(["a1", "b1", "a2", "b2"]);
});

function queueItemOf(ticketId: string, tenant: string): QueueItem {
  return { ticketId, tenant, priority: 0, acceptedAtMs: 0, sizeBytes: 10, model: "m", comparison: "" };
}

it("gives a tenant that had nothing to send for an hour no claim on that hour", () => {
  const { queue, runUntil, begunMs } = school();
  const [first = ""] = queue("b", 1);
  queue("a", 3_000);
  runUntil(3_600_00);
  expect(begunMs.get(first)).toBe(0);
  const nowMs = 3_600_00;
  const again = queue("b", 100);
  runUntil(nowMs + 40_000);
  const begun = again.filter((id) => begunMs.has(id)).length;
  // Half of what was begun in ten rounds of eight.
  expect(begun).toBeGreaterThanOrEqual(38);
  expect(begun).toBeLessThanOrEqual(42);
});

it("gives a tenant whose tickets all waited for their backoff no claim on that time", () => {
  const { keep, keeper, world } = gateWorld({ ...defaults, concurrency: 1 });
  keep("b0", { tenant: "b" });
  for (let i = 0; i < 50; i++) keeper.enqueue({ ...queueItemOf(`b${i + 1}`, "b") }, 100_000);
  for (let i = 0; i < 100; i++) keep(`a${i}`, { tenant: "a" });
  const sent: string[] = [];
  function next(): void {
    const [id = ""] = keeper.look().send;
    sent.push(id);
    keeper.remove(id);
  }
  for (let turns = 0; turns < 21; turns++) next();
  expect(sent.filter((id) => id.startsWith("b"))).toEqual(["b0"]);
  world.nowMs = 100_000;
  for (let turns = 0; turns < 20; turns++) next();
  expect(sent.slice(-20).filter((id) => id.startsWith("b")).length).toBeLessThanOrEqual(11);
});

it("serves lines that are level by age: none starves, however many new ones come", () => {
  const { keep, keeper } = gateWorld({ ...defaults, concurrency: 1 });
  keep("z", { tenant: "z", acceptedAtMs: 5 });
  const order: string[] = [];
  for (let turns = 0; turns < 20; turns++) {
    keep(`a${turns}`, { tenant: `a${turns}`, acceptedAtMs: 6 + turns });
    const [next = ""] = keeper.look().send;
    order.push(next);
    keeper.remove(next);
  }
  expect(order.slice(0, 3)).toEqual(["z", "a0", "a1"]);
});

it("says of a place how many are judged before it, and in the end is right", () => {
  const { keep, keeper, world } = gateWorld({ ...defaults, concurrency: 1 });
  keep("now", { tenant: "a" });
  keeper.look();
  for (let i = 0; i < 20; i++) keep(`a${i}`, { tenant: "a", acceptedAtMs: i });
  for (let i = 0; i < 3; i++) keep(`b${i}`, { tenant: "b", acceptedAtMs: 100 + i });
  const said = ["b0", "b1", "b2", "a0", "a5", "a19"].map((id) => keeper.estimate(id)?.position);
  keeper.remove("now");
  const order: string[] = [];
  for (let turns = 0; turns < 23; turns++) {
    world.nowMs++;
    const [next = ""] = keeper.look().send;
    order.push(next);
    keeper.remove(next);
  }
  const found = ["b0", "b1", "b2", "a0", "a5", "a19"].map((id) => order.indexOf(id) + 1);
  // One is sent already: it goes before all of them.
  expect(said.map((position) => (position ?? 0) - 1)).toEqual(found);
});

it("charges a probe to its tenant, and moves nobody else's line by it", () => {
  const { keep, keeper, tell, world, places } = gateWorld();
  keep("a", { tenant: "a", tokens: 500 });
  tell(fault, fault, fault);
  world.nowMs = 60_000;
  expect(keeper.look().send).toEqual(["a"]);
  expect(places.lines(["a"])[0]?.startTag).toBe(500);
  expect(places.virtualTime()).toBe(0);
  tell(healthy);
});

it("keeps 800 of one tenant, 150 of another and 40 of a third, and no more of the first, by default", () => {
  const { keep } = gateWorld(gateLimits(config.value));
  const kept = (tenant: string, tickets: number) =>
    Array.from({ length: tickets }, (_, at) => keep(`${tenant}${at}`, { tenant })).filter(
      (one) => one === "admitted",
    ).length;
  expect(kept("a", 810)).toBe(800);
  expect(kept("b", 150)).toBe(150);
  expect(kept("c", 40)).toBe(40);
  expect(keep("a-next", { tenant: "a" })).toBe("full");
  // The limit itself holds for all.
  expect(kept("d", 20)).toBe(10);
});

it("accepts again of who holds most when both loads are below the low watermark", () => {
  const { keep, keeper } = gateWorld(gateLimits(config.value));
  for (let at = 0; at < 800; at++) keep(`a${at}`, { tenant: "a" });
  for (let at = 0; at < 200; at++) keeper.remove(`a${at}`);
  expect(keep("next", { tenant: "a" })).toBe("full");
  keeper.remove("a200");
  expect(keep("next", { tenant: "a" })).toBe("admitted");
});

it("forgets the line of a tenant without places", () => {
  const { keep, keeper, places } = gateWorld();
  keep("a", { tenant: "a" });
  keeper.look();
  expect(places.lines(null)).toHaveLength(1);
  keeper.remove("a");
  expect(places.lines(null)).toEqual([]);
});

it("says how many go first among hundreds of tenants with a ticket each, exactly", () => {
  const { keep, keeper, world } = gateWorld({ maxSize: 1_000, maxBytes: 1e9, concurrency: 1 });
  for (let at = 0; at < 300; at++) {
    world.nowMs = at;
    keep(`t${at}`, { tenant: `tenant ${at}`, acceptedAtMs: at });
  }
  for (const at of [0, 31, 32, 33, 299]) expect(keeper.estimate(`t${at}`)?.position).toBe(at + 1);
});

it("says to a tenth of all how many go first among hundreds of tenants with several, and never more than there are", () => {
  const { keep, keeper, world } = gateWorld({ maxSize: 2_000, maxBytes: 1e9, concurrency: 1 });
  for (let at = 0; at < 1_000; at++) {
    world.nowMs = at;
    // Tenants have one to seven, the late ones more.
    keep(`t${at}`, { tenant: `tenant ${at % 250 < at / 4 ? at % 250 : at % 40}`, acceptedAtMs: at });
  }
  const positions = Array.from({ length: 1_000 }, (_, at) => keeper.estimate(`t${at}`)?.position ?? 0);
  const order: string[] = [];
  for (let turn = 0; turn < 1_000; turn++) {
    const [next = ""] = keeper.look().send;
    order.push(next);
    keeper.remove(next);
  }
  const errors = positions.map((position, at) => Math.abs(position - 1 - order.indexOf(`t${at}`)));
  expect(Math.max(...positions)).toBeLessThanOrEqual(1_000);
  expect(errors.reduce((sum, error) => sum + error) / errors.length).toBeLessThan(100);
});

it("looks at one line to send one ticket, however many tenants wait", () => {
  const { keep, keeper, places } = gateWorld({ maxSize: 1_000, maxBytes: 1e9, concurrency: 1 });
  for (let at = 0; at < 800; at++) keep(`t${at}`, { tenant: `tenant ${at}`, acceptedAtMs: at });
  const { lines, groups, eachLine } = places;
  let looked = 0;
  Object.assign(places, {
    lines: (tenants: readonly string[] | null) => {
      const found = lines(tenants);
      looked += found.length;
      return found;
    },
    groups: (...asked: Parameters<typeof groups>) => {
      const found = groups(...asked);
      looked += found.length;
      return found;
    },
    eachLine: (isWanted: Parameters<typeof eachLine>[0]) => eachLine((line) => (looked++, isWanted(line))),
  });
  expect(keeper.look().send).toEqual(["t0"]);
  // Found, and charged.
  expect(looked).toBe(2);
});
