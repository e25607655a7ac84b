/** What every store of deliveries promises, in the runtime that it is made for. Its clock is set, and its randomness is 0.5. */
import { expect, it } from "vitest";
import { deliveryIdOf, type AttemptEnd, type EventToTell } from "../../src/domain/push/delivery.ts";
import type { KnownEndpoint } from "../../src/domain/push/endpoint.ts";
import type {
  DeliveryPosition,
  DeliveryQuery,
  DeliveryStore,
  TakenDelivery,
} from "../../src/gateway/delivery-store.ts";

export interface DeliveriesUnderTest {
  readonly store: DeliveryStore;
  /** As the transaction does that stores an end. */
  enter(event: EventToTell, endpoints: readonly KnownEndpoint[], maxPending: number): Promise<void>;
  /** Sets the clock on. */
  advance(ms: number): Promise<void>;
  nowMs(): number;
}

/** Deliveries to one endpoint at a time, in every store under test. */
export const atOnceInTests = 10;

const leaseMs = 60_000;
const dayMs = 86_400_000;
const good: AttemptEnd = { kind: "status", status: 204 };
const bad: AttemptEnd = { kind: "status", status: 500 };

export const knownEndpoint = (name: string, more: Partial<KnownEndpoint> = {}): KnownEndpoint => ({
  tenant: "board",
  name,
  kind: "endpoint",
  fingerprint: "0011223344556677",
  ...more,
});

const main = knownEndpoint("main");
const other = knownEndpoint("other");

/** Of different moments, and ids that sort. */
const ticketIdOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** @param make a store with nothing in it */
export function testDeliveries(make: () => Promise<DeliveriesUnderTest>): void {
  function eventOf(world: DeliveriesUnderTest, number: number, more: Partial<EventToTell> = {}): EventToTell {
    const endedAtMs = world.nowMs();
    const ticketId = ticketIdOf(number);
    return {
      eventId: `evt_${ticketId}_3`,
      type: "ticket.completed",
      tenant: "board",
      ticketId,
      endedAtMs,
      forgetAtMs: endedAtMs + dayMs,
      ...more,
    };
  }

  async function worldWith(count: number, endpoints: readonly KnownEndpoint[] = [main]) {
    const world = await make();
    for (let number = 1; number <= count; number++) {
      await world.enter(eventOf(world, number), endpoints, 1_000);
      await world.advance(1);
    }
    return world;
  }

  async function takeOne(world: DeliveriesUnderTest, endpoint = main): Promise<TakenDelivery> {
    const [taken] = await world.store.take([endpoint], 1, leaseMs);
    if (taken === undefined) throw new Error("nothing is to be sent");
    return taken;
  }

  async function attempt(world: DeliveriesUnderTest, end: AttemptEnd, endpoint = main) {
    const { delivery, lease } = await takeOne(world, endpoint);
    return world.store.settle(delivery.id, lease, end);
  }

  async function healthOf(world: DeliveriesUnderTest, endpoint = main) {
    const [health] = await world.store.health([endpoint]);
    return health;
  }

  const list = (world: DeliveriesUnderTest, query: Partial<DeliveryQuery> = {}) =>
    world.store.page({ tenant: "board", name: null, status: null, after: null, limit: 50, ...query });

  /** From one attempt to the next, both sides of each moment. */
  async function fail(world: DeliveriesUnderTest, waitsMs: readonly number[], end = bad) {
    for (const waitMs of waitsMs) {
      await attempt(world, end);
      await world.advance(waitMs - 1);
      expect(await world.store.take([main], 1, leaseMs)).toEqual([]);
      await world.advance(1);
    }
  }

  it("an end that is entered is taken once, delivered, and seen in the log", async () => {
    const world = await worldWith(1);
    expect(await healthOf(world)).toMatchObject({ state: "ok", pending: 1, lastDeliveredAtMs: null });
    const { delivery, lease } = await takeOne(world);
    expect(delivery).toMatchObject({
      eventId: `evt_${ticketIdOf(1)}_3`,
      endpoint: "main",
      attempts: 1,
    });
    expect(await world.store.take([main], 5, leaseMs)).toEqual([]);
    await world.store.settle(delivery.id, lease, good);
    const atMs = world.nowMs();
    const { deliveries, next } = await list(world);
    expect(next).toBeNull();
    expect(deliveries).toEqual([{ ...delivery, lastStatus: 204, state: { status: "delivered", atMs } }]);
    expect(await healthOf(world)).toMatchObject({ pending: 0, dropped: 0, lastDeliveredAtMs: atMs });
    expect(await world.store.take([main], 5, leaseMs)).toEqual([]);
  });

  it("knows a delivery by the same id in every store", async () => {
    const world = await make();
    const ticketId = "0194fdc2-fa2f-7cc0-81d3-ff12045b73c8";
    await world.enter(eventOf(world, 1, { ticketId }), [knownEndpoint("main-2")], 10);
    const { deliveries } = await list(world);
    expect(deliveries.map(({ id }) => id)).toEqual(["0194fdc2-fa2f-7cc0-81d3-02ebd090621a"]);
    expect(deliveryIdOf(ticketId, "main-2")).toBe(deliveries[0]?.id);
  });

  it("an end that is entered again is as it was", async () => {
    const world = await worldWith(1, [main, other]);
    await attempt(world, good);
    await world.enter(eventOf(world, 1), [main, other], 1_000);
    expect((await list(world)).deliveries).toHaveLength(2);
    expect(await world.store.take([main], 5, leaseMs)).toEqual([]);
    expect(await healthOf(world)).toMatchObject({ pending: 0 });
    expect(await healthOf(world, other)).toMatchObject({ pending: 1 });
  });

  it("waits longer after each failure, and is given up when its ticket is forgotten before the next attempt", async () => {
    const world = await worldWith(1);
    await world.advance(-1);
    await fail(world, [5_000, 60_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000]);
    const { delivery } = await attempt(world, bad);
    expect(delivery).toMatchObject({
      attempts: 8,
      lastStatus: 500,
      lastError: "status",
      state: { status: "failed" },
    });
    expect(await healthOf(world)).toMatchObject({ pending: 0, dropped: 0 });
  });

  it.each<[string, AttemptEnd, number]>([
    ["a 429", { kind: "status", status: 429 }, 60_000],
    ["a timeout", { kind: "timeout" }, 60_000],
    ["a refused connection", { kind: "refused" }, 5_000],
    ["a 503 that asks for less", { kind: "status", status: 503, retryAfterMs: 1_000 }, 5_000],
    ["a 503 that asks for a little more", { kind: "status", status: 503, retryAfterMs: 7_000 }, 7_000],
    ["a 503 that asks for much more", { kind: "status", status: 503, retryAfterMs: 900_000 }, 10_000],
    ["a 429 that asks for much more", { kind: "status", status: 429, retryAfterMs: 900_000 }, 60_000],
    ["a 404", { kind: "status", status: 404 }, 5_000],
    ["a redirect", { kind: "status", status: 302 }, 5_000],
  ])("waits as it must after %s", async (_, end, waitMs) => {
    const world = await worldWith(1);
    await fail(world, [waitMs], end);
    expect((await takeOne(world)).delivery.attempts).toBe(2);
  });

  it("gives a dead process' delivery to another when its lease is over, and takes no word of it but a success", async () => {
    const world = await worldWith(1);
    const dead = await takeOne(world);
    await world.advance(leaseMs - 1);
    await world.store.tidy([main]);
    expect(await world.store.take([main], 1, leaseMs)).toEqual([]);
    expect((await world.store.next([main])).tidyAtMs).toBe(world.nowMs() + 1);
    await world.advance(1);
    await world.store.tidy([main]);
    const again = await takeOne(world);
    expect(again).toMatchObject({ delivery: { id: dead.delivery.id, attempts: 2 }, lease: 2 });
    await world.store.settle(dead.delivery.id, dead.lease, bad);
    expect(await healthOf(world)).toMatchObject({ pending: 1, failingSinceMs: null });
    // Its answer was lost, and it comes late.
    await world.advance(leaseMs);
    await world.store.tidy([main]);
    await world.store.settle(again.delivery.id, again.lease, good);
    expect((await list(world)).deliveries[0]?.state.status).toBe("delivered");
    expect(await world.store.take([main], 1, leaseMs)).toEqual([]);
    expect(await healthOf(world)).toMatchObject({ pending: 0, state: "ok" });
  });

  it("what was given back costs no attempt and goes at once", async () => {
    const world = await worldWith(1);
    await attempt(world, { kind: "given_back" });
    expect((await takeOne(world)).delivery.attempts).toBe(1);
  });

  it("a delivery whose ticket is gone is dropped, and counted", async () => {
    const world = await worldWith(1);
    await attempt(world, { kind: "ticket_gone" });
    expect((await list(world)).deliveries[0]?.state.status).toBe("dropped");
    expect(await healthOf(world)).toMatchObject({ pending: 0, dropped: 1, state: "ok" });
  });

  it("sends one endpoint ten at a time, the oldest first, and the idlest endpoint first", async () => {
    const world = await worldWith(15);
    for (const number of [21, 22]) await world.enter(eventOf(world, number), [other], 1_000);
    const first = await world.store.take([main], 4, leaseMs);
    expect(first.map(({ delivery }) => delivery.ticketId)).toEqual([1, 2, 3, 4].map(ticketIdOf));
    const second = await world.store.take([main, other], 3, leaseMs);
    expect(second.map(({ delivery }) => delivery.endpoint)).toEqual(["other", "other", "main"]);
    expect(await world.store.take([main, other], 50, leaseMs)).toHaveLength(5);
    expect(await world.store.take([main, other], 50, leaseMs)).toEqual([]);
  });

  it("after five failures in a row asks with one at a time, less and less often, and all else waits", async () => {
    const world = await worldWith(30);
    const five = await world.store.take([main], 5, leaseMs);
    const changes = [];
    for (const { delivery, lease } of five) {
      changes.push((await world.store.settle(delivery.id, lease, bad)).change);
    }
    expect(changes.map((change) => change?.change ?? null)).toEqual([null, null, null, null, "failing"]);
    expect(await healthOf(world)).toMatchObject({
      state: "failing",
      failingSinceMs: world.nowMs(),
      pending: 30,
    });
    for (const waitMs of [30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000]) {
      expect((await world.store.next([main])).sendAtMs).toBe(world.nowMs() + waitMs);
      await world.advance(waitMs - 1);
      expect(await world.store.take([main], 10, leaseMs)).toEqual([]);
      await world.advance(1);
      const [probe, ...more] = await world.store.take([main], 10, leaseMs);
      expect(more).toEqual([]);
      expect(await healthOf(world)).toMatchObject({ state: "probing" });
      expect(await world.store.take([main], 10, leaseMs)).toEqual([]);
      await world.store.settle(probe?.delivery.id ?? "", probe?.lease ?? 0, bad);
    }
  });

  it("a probe whose ticket is forgotten while it is under way leaves its turn to another", async () => {
    const world = await worldWith(5);
    const forgetAtMs = world.nowMs() + 40_000;
    await world.enter(eventOf(world, 6, { forgetAtMs }), [main], 1_000);
    await world.advance(1);
    await world.enter(eventOf(world, 7), [main], 1_000);
    for (const { delivery, lease } of await world.store.take([main], 5, leaseMs)) {
      await world.store.settle(delivery.id, lease, bad);
    }
    await world.advance(30_000);
    const probe = await takeOne(world);
    expect(probe.delivery.ticketId).toBe(ticketIdOf(6));
    await world.advance(10_000);
    expect(await world.store.take([main], 5, leaseMs)).toEqual([]);
    await world.store.tidy([main]);
    await world.store.settle(probe.delivery.id, probe.lease, good);
    expect((await takeOne(world)).delivery.ticketId).toBe(ticketIdOf(7));
    expect(await healthOf(world)).toMatchObject({ state: "probing", pending: 6, dropped: 1 });
  });

  it("after a good probe all that waited goes, those due for longest first, one at a time, then three, nine and ten", async () => {
    const world = await worldWith(30);
    for (const { delivery, lease } of await world.store.take([main], 10, leaseMs)) {
      await world.store.settle(delivery.id, lease, bad);
    }
    await world.advance(30_000);
    expect((await attempt(world, good)).change).toMatchObject({ change: "on" });
    const told: string[] = [];
    const sizes: number[] = [];
    for (;;) {
      const taken = await world.store.take([main], 50, leaseMs);
      if (taken.length === 0) break;
      sizes.push(taken.length);
      for (const { delivery, lease } of taken) {
        told.push(delivery.ticketId);
        await world.store.settle(delivery.id, lease, good);
      }
    }
    expect(sizes).toEqual([1, 3, 9, 10, 6]);
    const neverTried = told.filter((ticketId) => ticketId > ticketIdOf(10));
    expect(neverTried).toEqual(neverTried.toSorted());
    expect(new Set(told).size).toBe(29);
    expect(await healthOf(world)).toMatchObject({ state: "ok", pending: 0, failingSinceMs: null });
  });

  it("what would have waited for hours goes at once when its endpoint is there again", async () => {
    const world = await worldWith(1);
    await world.advance(-1);
    await fail(world, [5_000, 60_000, 300_000, 1_800_000]);
    await attempt(world, bad);
    expect(await healthOf(world)).toMatchObject({ state: "failing" });
    await world.advance(29_999);
    await world.enter(eventOf(world, 2), [main], 1_000);
    expect(await world.store.take([main], 1, leaseMs)).toEqual([]);
    await world.advance(1);
    const probe = await attempt(world, good);
    expect(probe.delivery?.ticketId).toBe(ticketIdOf(2));
    expect((await takeOne(world)).delivery).toMatchObject({ ticketId: ticketIdOf(1), attempts: 6 });
  });

  it("one success among failures keeps an endpoint on", async () => {
    const world = await worldWith(30);
    for (const end of [bad, bad, bad, bad, good, bad, bad, bad, bad]) await attempt(world, end);
    expect(await healthOf(world)).toMatchObject({ state: "ok" });
    await attempt(world, bad);
    expect(await healthOf(world)).toMatchObject({ state: "failing" });
  });

  it("is off at once after a 410, whatever waits, and on again by a good test", async () => {
    const world = await worldWith(3);
    const { delivery, change } = await attempt(world, { kind: "status", status: 410 });
    expect(delivery).toMatchObject({ state: { status: "failed" }, lastStatus: 410 });
    expect(change).toEqual({ tenant: "board", name: "main", change: "off", because: "gone" });
    await world.enter(eventOf(world, 9), [main], 1_000);
    await world.advance(dayMs / 2);
    expect(await world.store.take([main], 5, leaseMs)).toEqual([]);
    expect(await healthOf(world)).toMatchObject({ state: "off", offBecause: "gone", pending: 3 });
    expect(await world.store.testedWell(main)).toMatchObject({ change: "on", because: null });
    expect(await world.store.take([main], 5, leaseMs)).toHaveLength(1);
  });

  it("a 410 of one caller's URL ends that delivery alone", async () => {
    const callback = knownEndpoint("app", { kind: "callback" });
    const world = await worldWith(2, [callback]);
    await attempt(world, { kind: "status", status: 410 }, callback);
    expect(await healthOf(world, callback)).toMatchObject({ kind: "callback", state: "ok", pending: 1 });
    await attempt(world, good, callback);
  });

  it("is off after five days without a success, and on again with another URL", async () => {
    const world = await worldWith(0);
    let number = 0;
    let change = null;
    for (let hours = 0; hours < 120; hours += 2) {
      expect(await healthOf(world)).not.toMatchObject({ state: "off" });
      for (const count of [1, 2, 3]) {
        number += count;
        await world.enter(eventOf(world, number), [main], 1_000);
      }
      for (const { delivery, lease } of await world.store.take([main], 3, leaseMs)) {
        ({ change } = await world.store.settle(delivery.id, lease, bad));
      }
      await world.advance(7_200_000);
      await world.store.tidy([main]);
    }
    ({ change } = await attempt(world, bad));
    expect(change).toMatchObject({ change: "off", because: "silent" });
    await world.advance(3_600_000);
    expect(await world.store.take([main], 3, leaseMs)).toEqual([]);
    expect(await healthOf(world)).toMatchObject({ state: "off", offBecause: "silent" });
    const moved = { ...main, fingerprint: "8899aabbccddeeff" };
    expect(await world.store.take([moved], 3, leaseMs)).toHaveLength(1);
    expect(await healthOf(world, moved)).toMatchObject({ state: "ok", failingSinceMs: null });
  });

  it("drops what comes beyond the bound, shows it, and drops nothing else", async () => {
    const world = await make();
    for (const number of [1, 2, 3]) await world.enter(eventOf(world, number), [main, other], 2);
    expect(await healthOf(world)).toMatchObject({ pending: 2, dropped: 1 });
    expect((await list(world, { name: "main", status: "dropped" })).deliveries).toMatchObject([
      { ticketId: ticketIdOf(3), attempts: 0 },
    ]);
    await attempt(world, good);
    await world.enter(eventOf(world, 4), [main], 2);
    expect(await healthOf(world)).toMatchObject({ pending: 2, dropped: 1 });
  });

  it("tells the same event again, from any end, and says so of what is not there", async () => {
    const world = await worldWith(1);
    const { delivery } = await attempt(world, good);
    const id = delivery?.id ?? "";
    await world.advance(3_600_000);
    expect(await world.store.redeliver("board", id)).toMatchObject({
      kind: "redelivered",
      delivery: { id, eventId: delivery?.eventId, state: { status: "due", dueMs: world.nowMs() } },
    });
    expect(await healthOf(world)).toMatchObject({ pending: 1 });
    await world.store.redeliver("board", id);
    expect(await healthOf(world)).toMatchObject({ pending: 1 });
    expect((await takeOne(world)).delivery).toMatchObject({ id, attempts: 2 });
    expect(await world.store.redeliver("others", id)).toEqual({ kind: "unknown" });
    expect(await world.store.redeliver("board", ticketIdOf(5))).toEqual({ kind: "unknown" });
    await world.advance(dayMs);
    expect(["forgotten", "unknown"]).toContain((await world.store.redeliver("board", id)).kind);
  });

  it("forgets each with its ticket, and counts what was never told", async () => {
    const world = await worldWith(3);
    await attempt(world, good);
    await takeOne(world);
    await world.advance(dayMs - 4);
    await world.store.tidy([main]);
    expect((await list(world)).deliveries).toHaveLength(3);
    await world.advance(1);
    await world.store.tidy([main]);
    expect((await list(world)).deliveries).toHaveLength(2);
    await world.advance(2);
    await world.store.tidy([main]);
    expect((await list(world)).deliveries).toEqual([]);
    expect(await healthOf(world)).toMatchObject({ pending: 0, dropped: 2 });
    expect(await world.store.next([main])).toEqual({ sendAtMs: null, tidyAtMs: null });
  });

  it("drops what waits for an endpoint that was removed, ten minutes after nobody knows it, and not before", async () => {
    const world = await worldWith(3, [main, other]);
    await attempt(world, { kind: "refused" });
    await world.store.tidy([other]);
    await world.advance(599_999);
    await world.store.tidy([other]);
    expect(await healthOf(world)).toMatchObject({ pending: 3 });
    // Another process knows it.
    await attempt(world, { kind: "refused" });
    await world.store.tidy([other]);
    await world.advance(600_000);
    while (!(await world.store.tidy([other])));
    expect((await list(world, { name: "main" })).deliveries.map(({ state }) => state.status)).toEqual(
      Array(3).fill("dropped"),
    );
    expect((await list(world, { status: "pending" })).deliveries).toHaveLength(3);
    expect(await world.store.take([main], 5, leaseMs)).toEqual([]);
  });

  it("shows a tenant its own, newest first, by endpoint and state, each once while others come", async () => {
    const world = await worldWith(7, [main, other]);
    await attempt(world, good);
    await world.enter(
      eventOf(world, 50, { tenant: "school" }),
      [knownEndpoint("main", { tenant: "school" })],
      9,
    );
    expect((await list(world, { tenant: "school" })).deliveries).toHaveLength(1);
    expect((await list(world, { status: "delivered" })).deliveries).toMatchObject([
      { ticketId: ticketIdOf(1) },
    ]);
    expect((await list(world, { name: "other" })).deliveries.map(({ ticketId }) => ticketId)).toEqual(
      [7, 6, 5, 4, 3, 2, 1].map(ticketIdOf),
    );
    const seen: string[] = [];
    let after: DeliveryPosition | null = null;
    let newest = 60;
    do {
      const page = await list(world, { limit: 3, after });
      seen.push(...page.deliveries.map(({ id }) => id));
      after = page.next;
      await world.enter(eventOf(world, newest++), [main], 100);
    } while (after !== null);
    expect(seen).toHaveLength(14);
    expect(new Set(seen).size).toBe(14);
  });
}
