/** What stops a queue though the provider is well: a model that wants to be left alone, and credentials that are refused. */
import { describe, expect, it } from "vitest";
import { outage } from "../support/outage.ts";
import { refused, verdict } from "../support/scripted-transport.ts";

const luna = { llm_config_overrides: { model_override: "gpt-6-luna" } };
const hourMs = 3_600_000;
const now = { processing_mode: "immediate" };

const wait = (seconds: number) => refused(429, { "retry-after": String(seconds) });

describe("a 429 that asks for more than fits the request", () => {
  it.each([
    [300, 300_000],
    [5_000, 900_000],
  ])("of %i s holds that model's calls and tickets for %i ms, and nobody else's", async (asked, heldMs) => {
    const world = outage();
    world.answerWith(wait(asked));
    expect(await world.ask("a")).toBe(202);
    world.comeBack();
    await world.queue("b");
    expect(await world.ask("c", now)).toBe(503);
    expect(await world.ask("d", { ...luna, ...now })).toBe(200);
    await world.queue("e", luna);
    await world.clock.advance(heldMs - 1);
    expect(world.order()).toEqual(["a", "d", "e"]);
    await world.clock.advance(1);
    // Another than the one that was refused goes first.
    expect(world.order(3)).toEqual(["b", "a"]);
    expect(await world.ask("c", now)).toBe(200);
  });

  it("is no fault of the provider's", async () => {
    const world = outage({ env: { CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1" } });
    world.answerWith(wait(300));
    await world.ask("a");
    const { body } = await world.request("/api/v1/providers");
    const row = { name: "openai", circuit_breaker_state: "closed", failure_count: 0, available: true };
    expect(body["providers"]).toContainEqual(expect.objectContaining(row));
  });

  it("to a ticket pauses the model for its other tickets too", async () => {
    const world = outage({ env: { QUEUE_CONCURRENCY: "1" } });
    world.answerWith(wait(120));
    await world.queue("a");
    await world.queue("b");
    await world.clock.advance(0);
    world.comeBack();
    await world.clock.advance(119_999);
    expect(world.order()).toEqual(["a"]);
    await world.clock.advance(1);
    expect(world.order(1)).toEqual(["b", "a"]);
  });

  it("that names no time pauses a ticket's model for 30 s", async () => {
    const world = outage();
    world.answerWith(refused(429));
    await world.queue("a");
    await world.clock.advance(0);
    world.comeBack();
    await world.clock.advance(29_999);
    expect(world.calls).toHaveLength(1);
    await world.clock.advance(1);
    expect(world.calls).toHaveLength(2);
  });
});

it("a 429 that fits the request is waited for, and pauses nobody else", async () => {
  const world = outage();
  world.answerWith((essay) =>
    essay === "essay-a" && world.calls.length === 1 ? refused(429, { "retry-after": "20" }) : verdict(),
  );
  const waiting = world.ask("a");
  await world.clock.advance(1_000);
  expect(await world.ask("b", now)).toBe(200);
  await world.clock.advance(19_000);
  expect(await waiting).toBe(200);
});

describe.each([
  ["credentials", refused(401), "INVALID_API_KEY"],
  ["credit", refused(402), "QUOTA_EXCEEDED"],
] as const)("refused %s", (_, step, type) => {
  it("are asked by one ticket, after the recovery time and ever twice that, to 15 minutes at most", async () => {
    const world = outage({ env: { QUEUE_CONCURRENCY: "1", QUEUE_MAX_RETRIES: "0" } });
    world.answerWith(step);
    for (const name of ["a", "b", "c"]) await world.queue(name);
    await world.clock.advance(hourMs);
    const seconds = [0, 10, 30, 70, 150, 310, 630, 1_270, 2_170, 3_070];
    expect(world.times()).toEqual(seconds.map((at) => at * 1_000));
    // Another one each time.
    expect(world.order(1).slice(0, 3).toSorted()).toEqual(["a", "b", "c"]);
    for (const name of ["a", "b", "c"]) {
      const { body } = await world.request(`/api/v1/status/${world.idOf(name)}`);
      expect(body).toMatchObject({ status: "queued", retry_count: 0, error_type: type });
    }
    world.comeBack();
    await world.clock.advance(900_000);
    for (const name of ["a", "b", "c"]) expect(world.ticket(name)?.state.status).toBe("completed");
  });

  it("fail live calls at once, which neither wait nor make the pause longer", async () => {
    const world = outage();
    world.answerWith(step);
    for (let at = 0; at < 9; at++) {
      expect(await world.ask("live")).toBe(502);
      await world.clock.advance(1_000);
    }
    await world.queue("a");
    await world.clock.advance(999);
    expect(world.calls).toHaveLength(9);
    await world.clock.advance(1);
    expect(world.order(9)).toEqual(["a"]);
    expect(world.stores.stored.size).toBe(1);
  });

  it("are accepted again as soon as a live call is answered", async () => {
    const world = outage();
    world.answerWith(step);
    await world.queue("a");
    await world.clock.advance(40_000);
    const calls = world.calls.length;
    world.comeBack();
    await world.clock.advance(1_000);
    expect(world.calls).toHaveLength(calls);
    expect(await world.ask("live")).toBe(200);
    await world.clock.advance(0);
    expect(world.ticket("a")?.state.status).toBe("completed");
  });
});
