/** The outbox' relay, over time that a test moves. */
import { describe, expect, it } from "vitest";
import { StoreAway } from "../../src/gateway/ports.ts";
import type { Bus, BusEvent, Published } from "../../src/push/bus.ts";
import type { Outbox, OutboxEntry } from "../../src/push/outbox.ts";
import { createRelay } from "../../src/push/relay.ts";
import type { TelemetryEvent } from "../../src/telemetry/events.ts";
import { manualClock } from "../support/clock.ts";

function world() {
  const clock = manualClock();
  const told: TelemetryEvent[] = [];
  const faults: unknown[] = [];
  const state = {
    waiting: [] as OutboxEntry[],
    dropped: 0,
    isHeld: false,
    isAway: false,
    takes: 0,
    releases: 0,
    /** What the bus says; `null`: all is taken. */
    fault: null as Omit<Extract<Published, { kind: "some" }>, "unsent"> | null,
    /** Events that the bus never takes. */
    poison: new Set<string>(),
    /** The bus says nothing. */
    hangs: false,
    sent: [] as string[],
    tries: 0,
    isClosed: false,
  };
  const outbox: Outbox = {
    async take(most) {
      state.takes++;
      if (state.isAway) throw new StoreAway("away");
      if (state.isHeld) return null;
      const { dropped } = state;
      state.dropped = 0;
      return { entries: state.waiting.slice(0, most), waiting: state.waiting.length, dropped };
    },
    async sent(entries) {
      state.waiting = state.waiting.filter((entry) => !entries.includes(entry));
    },
    async release() {
      state.releases++;
    },
  };
  const bus: Bus = {
    name: "http",
    async publish(events) {
      state.tries++;
      if (state.hangs) return await new Promise(() => {});
      if (state.fault !== null) return { ...state.fault, unsent: events };
      const unsent = events.filter(({ id }) => state.poison.has(id));
      state.sent.push(...events.filter((event) => !unsent.includes(event)).map(({ id }) => id));
      return unsent.length === 0
        ? { kind: "all" }
        : { kind: "some", unsent, isAway: false, why: "HTTP 400", retryAfterMs: null };
    },
    async close() {
      state.isClosed = true;
    },
  };
  const relay = createRelay({
    outbox,
    bus,
    clock,
    tell: (event) => told.push(event),
    onFault: (error) => faults.push(error),
  });
  const add = (...ids: string[]) => {
    for (const id of ids) {
      const event: BusEvent = { id, queueId: id, json: "{}" };
      state.waiting.push({ key: id, event });
    }
    relay.kick();
  };
  return { clock, told, faults, state, relay, add };
}

const away = { kind: "some", isAway: true, why: "refused", retryAfterMs: null } as const;

it("sends what an earlier process has left, unasked", async () => {
  const { clock, state, add } = world();
  add("left");
  await clock.advance(0);
  expect(state.sent).toEqual(["left"]);
});

it("sends what is new within milliseconds, all of one moment in one go, in its order", async () => {
  const { clock, state, add } = world();
  await clock.advance(1_000);
  const { tries } = state;
  add("a");
  add("b", "c");
  await clock.advance(5);
  expect(state.sent).toEqual(["a", "b", "c"]);
  expect(state.tries).toBe(tries + 1);
});

it("sends however many there are, without a pause", async () => {
  const { clock, state, add } = world();
  await clock.advance(0);
  const ids = Array.from({ length: 250 }, (_, at) => `event ${at}`);
  add(...ids);
  await clock.advance(5);
  expect(state.sent).toEqual(ids);
  expect(state.waiting).toEqual([]);
});

it("asks nothing of a store in which nothing happens, but one look in five seconds", async () => {
  const { clock, state } = world();
  await clock.advance(0);
  const { takes } = state;
  await clock.advance(60_000);
  expect(state.takes - takes).toBe(12);
});

describe("where the bus is away", () => {
  it("tries after 1 s, 2, 4 and so on, up to a minute, whoever kicks it meanwhile", async () => {
    const { clock, state, add } = world();
    state.fault = away;
    add("a");
    const at: number[] = [];
    let { tries } = state;
    for (let ms = 0; ms <= 200_000; ms += 100) {
      await clock.advance(ms === 0 ? 0 : 100);
      if (ms % 5_000 === 0) add(`b ${ms}`);
      if (state.tries > tries) at.push(ms);
      tries = state.tries;
    }
    expect(at).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000]);
  });

  it("leaves it alone for as long as it asks, up to a minute", async () => {
    const { clock, state, add } = world();
    state.fault = { ...away, retryAfterMs: 30_000 };
    add("a");
    await clock.advance(29_999);
    expect(state.tries).toBe(1);
    await clock.advance(1);
    expect(state.tries).toBe(2);
    state.fault = { ...away, retryAfterMs: 3_600_000 };
    await clock.advance(30_000);
    await clock.advance(60_000);
    expect(state.tries).toBe(4);
  });

  it("says so once, and in the health until it is back, with how many wait", async () => {
    const { clock, told, state, relay, add } = world();
    state.fault = away;
    add("a", "b");
    await clock.advance(10_000);
    expect(told).toEqual([{ kind: "bus_failing", bus: "http", code: "refused", waiting: 2 }]);
    expect(relay.warnings()).toEqual([
      "The bus (http) has not taken what it was sent since 2026-11-22T12:00:00.000Z (refused): 2 events wait. Tickets are judged all the same; what is not sent within RESULT_RETENTION_HOURS goes unsent.",
    ]);
    state.fault = null;
    await clock.advance(60_000);
    expect(told.slice(1)).toEqual([{ kind: "bus_back", bus: "http", waiting: 0 }]);
    expect(relay.warnings()).toEqual([]);
    expect(state.sent).toEqual(["a", "b"]);
  });

  it("says how many were too old to be sent", async () => {
    const { clock, told, state, add } = world();
    state.dropped = 7;
    add("a");
    await clock.advance(0);
    expect(told).toEqual([{ kind: "bus_dropped", bus: "http", count: 7 }]);
  });
});

it("is not held up for more than a second by an event that the bus never takes", async () => {
  const { clock, state, add } = world();
  state.poison.add("poison");
  add("poison", "a");
  await clock.advance(0);
  expect(state.sent).toEqual(["a"]);
  for (let second = 0; second < 10; second++) {
    add(`b ${second}`);
    await clock.advance(1_000);
    expect(state.sent).toContain(`b ${second}`);
  }
});

it("is not held up by however many events that the bus never takes, and says once that there are some", async () => {
  const { clock, state, told, add } = world();
  const refused = Array.from({ length: 250 }, (_, number) => `poison ${number}`);
  for (const id of refused) state.poison.add(id);
  add(...refused, "a");
  await clock.advance(1_000);
  expect(state.sent).toEqual(["a"]);
  for (let second = 0; second < 10; second++) {
    add(`b ${second}`);
    await clock.advance(2_000);
    expect(state.sent).toContain(`b ${second}`);
  }
  expect(told.map(({ kind }) => kind)).toEqual(["bus_failing"]);
  state.poison.clear();
  await clock.advance(2_000);
  expect(state.sent.slice(-refused.length)).toEqual(refused);
  expect(told.map(({ kind }) => kind)).toEqual(["bus_failing", "bus_back"]);
});

it("leaves the bus to another process that sends already, and looks again", async () => {
  const { clock, state, add } = world();
  state.isHeld = true;
  add("a");
  await clock.advance(10_000);
  expect(state.tries).toBe(0);
  state.isHeld = false;
  await clock.advance(5_000);
  expect(state.sent).toEqual(["a"]);
});

it("gives the bus up when it has sent all", async () => {
  const { clock, state, add } = world();
  add("a");
  await clock.advance(0);
  expect(state.releases).toBe(1);
});

it("waits for a store that is away, and tells nobody of that", async () => {
  const { clock, state, faults, add } = world();
  state.isAway = true;
  add("a");
  await clock.advance(4_000);
  expect(faults).toEqual([]);
  state.isAway = false;
  await clock.advance(5_000);
  expect(state.sent).toEqual(["a"]);
});

it("ends in time also where the bus hangs, and sends nothing from then on", async () => {
  const { clock, state, relay, add } = world();
  state.hangs = true;
  add("a");
  await clock.advance(0);
  const stopped = relay.stop();
  await clock.advance(200);
  await stopped;
  expect(state.isClosed).toBe(true);
  const { takes } = state;
  add("b");
  await clock.advance(60_000);
  expect(state.takes).toBe(takes);
});
