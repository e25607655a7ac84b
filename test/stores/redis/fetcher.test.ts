/** When a process asks Redis for tickets: by a clock that stands still. */
import { describe, expect, it } from "vitest";
import { acceptTicket } from "../../../src/domain/ticket/moves.ts";
import { StoreAway, type ClaimedTicket } from "../../../src/gateway/ports.ts";
import { createFetcher } from "../../../src/stores/redis/fetcher.ts";
import { draftOf } from "../../contracts/tickets.ts";
import { manualClock } from "../../support/clock.ts";

const concurrency = 8;
const hourMs = 3_600_000;

type Answer = number | "away" | { readonly tickets: number; readonly wakeAtMs: number | null };

/** @param answers one for each time that tickets are asked for, a number: those were the last; after them none, and it is as it was */
function taking(...answers: Answer[]) {
  const clock = manualClock();
  const startMs = clock.nowMs();
  const asked: { readonly atMs: number; readonly most: number; readonly inFlight: number }[] = [];
  const faults: unknown[] = [];
  const running: (() => void)[] = [];
  const fetcher = createFetcher({
    clock,
    storeNowMs: clock.nowMs,
    concurrency,
    async fetch(most, inFlight) {
      asked.push({ atMs: clock.nowMs() - startMs, most, inFlight });
      const answer = answers.shift();
      if (answer === "away") throw new StoreAway("away");
      if (answer === undefined) return [];
      const { tickets, wakeAtMs } = typeof answer === "number" ? { tickets: answer, wakeAtMs: null } : answer;
      fetcher.onSchedule({ nowMs: clock.nowMs(), wakeAtMs: at(wakeAtMs), listeners: null });
      return Array.from({ length: tickets }, claimed);
    },
    run: () => new Promise((resolve) => running.push(resolve)),
    onFault: (error) => faults.push(error),
  });

  const at = (inMs: number | null) => (inMs === null ? null : startMs + inMs);
  return {
    clock,
    asked,
    faults,
    running,
    fetcher,
    startMs,
    timesMs: () => asked.map(({ atMs }) => atMs),
    /** A call of our own has said. @param inMs since the start */
    reply: (inMs: number | null, listeners: number | null = null, saidInMs = clock.nowMs() - startMs) =>
      fetcher.onSchedule({ nowMs: startMs + saidInMs, wakeAtMs: at(inMs), listeners }),
    /** Another's has. */
    wake: (inMs: number | null, saidInMs = clock.nowMs() - startMs) =>
      fetcher.onWake({ nowMs: startMs + saidInMs, wakeAtMs: at(inMs) }),
  };
}

/** Open, and has looked in vain: nothing is to come. */
async function idle(...answers: Answer[]) {
  const world = taking({ tickets: 0, wakeAtMs: null }, ...answers);
  world.fetcher.open();
  await world.clock.advance(1);
  world.asked.length = 0;
  return world;
}

describe("a process that takes tickets", () => {
  it("looks at once when it begins, and then not once in an hour while nothing is to come", async () => {
    const world = taking({ tickets: 0, wakeAtMs: null });
    world.fetcher.open();
    await world.clock.advance(hourMs);
    expect(world.asked).toEqual([{ atMs: 0, most: concurrency, inFlight: 0 }]);
    expect(world.clock.pending()).toBe(0);
  });

  it.each(["reply", "wake"] as const)(
    "believes what it is told after Redis' clock was set back an hour: by a %s",
    async (said) => {
      const world = await idle(1);
      world.reply(null);
      const backMs = 10 - hourMs;
      if (said === "reply") world.reply(backMs, null, backMs);
      else world.wake(backMs, backMs);
      await world.clock.advance(1_000);
      expect(world.asked.length).toBeGreaterThan(0);
    },
  );

  it("takes at once what a call of its own has brought", async () => {
    const { clock, reply, timesMs, running } = await idle(1);
    reply(1);
    await clock.advance(0);
    expect(timesMs()).toEqual([1]);
    expect(running).toHaveLength(1);
  });

  it("comes at the moment that it was told, and not before", async () => {
    const { clock, reply, timesMs } = await idle(1);
    reply(hourMs);
    await clock.advance(hourMs - 2);
    expect(timesMs()).toEqual([]);
    await clock.advance(1);
    expect(timesMs()).toEqual([hourMs]);
  });

  it("leaves to others first what they have brought, but takes it when they do not", async () => {
    const { clock, wake, timesMs } = await idle(1);
    wake(1);
    await clock.advance(19);
    expect(timesMs()).toEqual([]);
    await clock.advance(1);
    expect(timesMs()).toEqual([21]);
  });

  it("does not ask for what others have taken meanwhile", async () => {
    const { clock, wake, timesMs } = await idle();
    wake(1);
    await clock.advance(10);
    wake(null);
    await clock.advance(hourMs);
    expect(timesMs()).toEqual([]);
  });

  it("leaves them longer to others, the more it has in flight itself", async () => {
    const { clock, reply, wake, timesMs } = await idle({ tickets: 3, wakeAtMs: null }, 1);
    reply(1);
    await clock.advance(9);
    wake(10);
    await clock.advance(34);
    expect(timesMs()).toEqual([1]);
    await clock.advance(1);
    expect(timesMs()).toEqual([1, 45]);
  });

  it("takes its share of all processes, and one more only when the others have left it lying", async () => {
    const { clock, reply, asked } = await idle({ tickets: 4, wakeAtMs: 1 }, 1);
    reply(1, 2);
    await clock.advance(149);
    // How much of the room is its share, Redis says.
    expect(asked).toEqual([{ atMs: 1, most: concurrency, inFlight: 0 }]);
    await clock.advance(1);
    expect(asked).toEqual([
      { atMs: 1, most: concurrency, inFlight: 0 },
      { atMs: 151, most: 1, inFlight: 4 },
    ]);
  });

  it("takes nothing while it has as many as all may have together, and at once when one is done", async () => {
    const { clock, reply, running, timesMs } = await idle({ tickets: concurrency, wakeAtMs: 1 });
    reply(1);
    await clock.advance(hourMs);
    expect(timesMs()).toEqual([1]);
    running[0]?.();
    await clock.advance(0);
    expect(timesMs()).toEqual([1, hourMs + 1]);
  });

  it("asks ever less often, where there is nothing though it is time", async () => {
    const { clock, reply, timesMs } = await idle();
    reply(1);
    await clock.advance(10_000);
    const gaps = timesMs().map((atMs, index, all) => atMs - (all[index - 1] ?? 1));
    expect(gaps.slice(0, 8)).toEqual([0, 50, 100, 200, 400, 800, 1_000, 1_000]);
    expect(timesMs().length).toBeLessThan(16);
    // News is news.
    const before = timesMs().length;
    reply(5_000);
    await clock.advance(0);
    expect(timesMs().length).toBe(before + 1);
  });

  it("asks ever less often while the store is away, and says so each time", async () => {
    const { clock, reply, timesMs, faults, running } = await idle("away", "away", "away", 1);
    reply(1);
    await clock.advance(149);
    expect(timesMs()).toEqual([1, 51]);
    await clock.advance(201);
    expect(timesMs()).toEqual([1, 51, 151, 351]);
    expect(faults).toHaveLength(3);
    expect(running).toHaveLength(1);
  });

  it("asks one at a time", async () => {
    const { clock, asked, reply } = await idle({ tickets: 1, wakeAtMs: null });
    for (let i = 1; i < 20; i++) reply(i % 3);
    await clock.advance(0);
    expect(asked).toHaveLength(1);
  });

  it("does not believe what was said before what it knows", async () => {
    const { clock, reply, wake, timesMs } = await idle();
    await clock.advance(100);
    reply(5_000);
    await clock.advance(100);
    // The same as before, but known to be true so long.
    reply(5_000);
    wake(150, 150);
    wake(null, 199);
    await clock.advance(4_700);
    expect(timesMs()).toEqual([]);
    await clock.advance(100);
    expect(timesMs()[0]).toBe(5_000);
  });

  it("comes too often rather than not at all, where two things were said in one millisecond", async () => {
    for (const order of [
      [null, 1],
      [1, null],
      [1, 9_000],
      [9_000, 1],
    ]) {
      const { clock, reply, wake, timesMs } = await idle();
      wake(order[0] ?? null, 1);
      reply(order[1] ?? null, null, 1);
      await clock.advance(20);
      expect(timesMs()[0]).toBeLessThanOrEqual(21);
    }
  });

  it("takes nothing once it is shut, whatever it hears; what runs goes on; then looks at once", async () => {
    const { clock, reply, wake, fetcher, running, timesMs } = await idle(1);
    reply(1);
    await clock.advance(0);
    fetcher.shut();
    reply(2);
    wake(3, 3);
    running[0]?.();
    await clock.advance(hourMs);
    expect(timesMs()).toEqual([1]);
    fetcher.open();
    await clock.advance(0);
    expect(timesMs()).toEqual([1, hourMs + 1]);
  });
});

describe("a process whose own clock goes on while it plans", () => {
  it("never sets a timer for a time that is over, of which Node warns on standard error", () => {
    const delays: number[] = [];
    let nowMs = 0;
    const clock = {
      nowMs: () => nowMs,
      // Each look at the clock is a millisecond later than the last.
      monotonicMs: () => nowMs++,
      after(delayMs: number) {
        delays.push(delayMs);
        return () => undefined;
      },
    };
    const never = () => new Promise<never>(() => undefined);
    const fetcher = createFetcher({
      clock,
      storeNowMs: () => nowMs,
      concurrency,
      fetch: never,
      run: never,
      onFault: () => undefined,
    });
    fetcher.open();
    fetcher.onSchedule({ nowMs, wakeAtMs: nowMs, listeners: null });
    expect(delays.length).toBeGreaterThan(0);
    expect(Math.min(...delays)).toBe(0);
  });
});

function claimed(): ClaimedTicket {
  const { about, texts, spent } = draftOf();
  const policy = { ttlMs: 1, maxAttempts: 1, leaseMs: 1, retentionMs: 1, recoveryMs: 1 };
  const { ticket } = acceptTicket(about, texts, spent, null, 0, 0, policy);
  return { ticket, permit: crypto.randomUUID(), epoch: 0, fence: 1, leaseLeftMs: 1 };
}
