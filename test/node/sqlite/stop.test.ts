/** SIGTERM, as the flow and the store live through it. */
import { expect, it } from "vitest";
import { createGateway } from "../../../src/gateway/gateway.ts";
import type { Provider, Reply } from "../../../src/gateway/ports.ts";
import { longestStopMs, stopGracefully } from "../../../src/node/stop.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { callerIn, someComparison } from "../../support/asking.ts";
import { manualClock } from "../../support/clock.ts";
import { config, sqliteForTest } from "../../support/sqlite-store.ts";
import { goodVerdict, signed } from "../../../tools/fake-upstream/signed.ts";

const vendorless = { anthropic: "a", openai: "o", google: "g", openrouter: "r" };
const verdict = (prompt: string): Reply => ({
  outcome: { ok: true, value: { text: signed(goodVerdict, prompt), model: "m" } },
  usage: null,
  requestId: null,
  status: 200,
});
const gone: Reply = { ...verdict(""), outcome: { ok: false, error: { reason: "hung_up" } }, status: null };

/** One live call and one for a ticket are in flight, and the process is told to stop. @param judge how both go */
async function stoppingWorld(
  judge: (
    signal: AbortSignal,
    after: (ms: number, then: () => void) => void,
    prompt: string,
  ) => Promise<Reply>,
) {
  const world = await sqliteForTest();
  const { clock, sqlite } = world;
  const stopping = new AbortController();
  let calls = 0;
  const provider: Provider = {
    name: "mock",
    plan: () => draftOf().about.plan,
    cost: () => null,
    judge({ user }, signal) {
      calls++;
      return judge(signal, clock.after, user);
    },
  };
  const gateway = createGateway(
    {
      providers: new Map([["mock", provider]]),
      gate: sqlite.gate,
      tickets: sqlite.tickets,
      keys: sqlite.keys,
      clock,
      newId: () => crypto.randomUUID(),
      random: () => 0.5,
      sha256: () => "0f".repeat(32),
      stopping: stopping.signal,
      mask: (words) => words,
      tell: () => {},
    },
    {
      defaults: { provider: "mock", models: { ...vendorless, mock: "mock-judge" }, maxTokens: 100 },
      requestTimeoutMs: config.llm.requestTimeoutMs,
      maxRetries: 2,
    },
  );
  sqlite.start(gateway.run);
  const ticket = await kept(sqlite.tickets, draftOf());
  await world.advance(0);
  const live = gateway.submit(someComparison, callerIn("queue_if_unavailable"));
  await world.advance(0);
  expect(calls).toBe(2);

  const startedAtMs = clock.nowMs();
  let stoppedAfterMs: number | null = null;
  const stop = async () => {
    const http = { leave: () => Promise.resolve() };
    await stopGracefully({
      http,
      stores: sqlite,
      clock,
      stopping,
      requestTimeoutMs: config.llm.requestTimeoutMs,
    });
    stoppedAfterMs = clock.nowMs() - startedAtMs;
  };
  void stop();
  return {
    world,
    live,
    id: ticket.about.id,
    stoppedAfterMs: () => stoppedAfterMs,
    calls: () => calls,
  };
}

it("lets what is in flight finish, sends no other ticket, and ends as soon as that is done", async () => {
  const { world, live, id, stoppedAfterMs, calls } = await stoppingWorld(
    (_, after, prompt) => new Promise((resolve) => after(5_000, () => resolve(verdict(prompt)))),
  );
  await kept(world.tickets, draftOf());
  await world.advance(4_999);
  expect(stoppedAfterMs()).toBeNull();
  await world.advance(1);
  expect(await live).toMatchObject({ value: { kind: "judged" } });
  await world.advance(1_000);
  expect(stoppedAfterMs()).toBe(5_000);
  expect(calls()).toBe(2);
  await world.restart();
  expect(await world.tickets.load(id)).toMatchObject({ state: { status: "completed" } });
});

it("ends calls after 20 s: a live one becomes a ticket, a ticket's is given back unharmed", async () => {
  const { world, live, id, stoppedAfterMs } = await stoppingWorld(
    (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(gone))),
  );
  await world.advance(19_999);
  expect(stoppedAfterMs()).toBeNull();
  await world.advance(1);
  const kept = await live;
  expect(kept).toMatchObject({ value: { kind: "kept" } });
  expect(stoppedAfterMs()).toBe(20_000);
  await world.restart();
  expect(await world.tickets.load(id)).toMatchObject({
    progress: { suspect: false, attempts: 0 },
    state: { status: "queued" },
  });
  if (!kept.ok || kept.value.kind !== "kept") throw new Error("not kept");
  expect(await world.tickets.load(kept.value.ticket.about.id)).toMatchObject({ state: { status: "queued" } });
});

it("gives a ticket back also where its call does not end, within 21 s", async () => {
  const { world, id, stoppedAfterMs } = await stoppingWorld(() => new Promise(() => {}));
  await world.advance(21_000);
  expect(stoppedAfterMs()).toBe(20_600);
  await world.restart();
  expect(await world.tickets.load(id)).toMatchObject({
    progress: { suspect: false, deaths: 0 },
    state: { status: "queued" },
  });
});

const never = new Promise<never>(() => {});
const leave = { leave: () => never };

it.each([
  [50_000, 20_900],
  [20_000, 20_900],
  [19_999, 20_899],
  [500, 1_400],
])(
  "ends whatever hangs, %i ms being a request's time limit, after %i ms",
  async (requestTimeoutMs, endsMs) => {
    const clock = manualClock();
    let hasEnded = false;
    const sqlite = { rest: () => never, close: () => never };
    const stopping = new AbortController();
    void stopGracefully({ http: leave, stores: sqlite, clock, stopping, requestTimeoutMs }).then(() => {
      hasEnded = true;
      return hasEnded;
    });
    await clock.advance(endsMs - 901);
    expect(stopping.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(stopping.signal.aborted).toBe(true);
    await clock.advance(899);
    expect(hasEnded).toBe(false);
    await clock.advance(1);
    expect(hasEnded).toBe(true);
    expect(longestStopMs(requestTimeoutMs)).toBe(endsMs + 100);
  },
);
