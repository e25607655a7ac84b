/** `/api/v1/providers`: how each provider and its queue are, every field of it. */
import { queueItemOf } from "../../src/domain/ticket/ticket.ts";
import { describe, expect, it } from "vitest";
import { refused, slow, verdict } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const emptyQueue = { size: 0, max_size: 1_000, size_bytes: 0, max_bytes: 104_857_600, accepting: true };
const row = (
  name: string,
  enabled: boolean,
  configured: boolean,
  default_model: unknown = expect.any(String),
) => ({
  name,
  enabled,
  configured,
  available: enabled && configured,
  circuit_breaker_state: "closed",
  default_model,
  last_success: null,
  last_failure: null,
  failure_count: 0,
  average_response_time_ms: null,
  retry_at: null,
  last_failure_reason: null,
  credentials: "ok",
  models_held: [],
  others_held: 0,
  paused: false,
  oldest_age_seconds: null,
  queue: emptyQueue,
});

interface Row {
  readonly name: string;
  readonly queue: object;
}
const page = async ({ request }: TestService, init: RequestInit = {}) =>
  (await request("/api/v1/providers", init)).body;
const openai = async (service: TestService) =>
  ((await page(service))["providers"] as readonly Row[]).find(({ name }) => name === "openai");

it("lists all five, with what the settings say and nothing that nobody measured", async () => {
  const service = testService({
    env: {
      ANTHROPIC_ENABLED: "false",
      GOOGLE_API_KEY: "g",
      GOOGLE_ENABLED: "false",
      OPENAI_DEFAULT_MODEL: "house",
    },
  });
  expect(await page(service)).toEqual({
    providers: [
      row("anthropic", false, false),
      row("openai", true, true, "house"),
      row("google", false, true),
      row("openrouter", true, false),
      row("mock", true, true, "mock-judge-1"),
    ],
    default_provider: "openai",
    total_requests_today: 0,
    total_cost_today: 0,
  });
});

it("has nulls where a gate can't be reached, and where the totals can't", async () => {
  const service = testService();
  service.stores.away("gate", "totals");
  expect(await openai(service)).toMatchObject({
    available: true,
    circuit_breaker_state: null,
    failure_count: null,
    queue: null,
  });
  expect(await page(service)).toMatchObject({ total_requests_today: null, total_cost_today: null });
});

const now = { processing_mode: "immediate" };
const startMs = Date.UTC(2026, 10, 22, 12);
const at = (afterMs: number) => new Date(startMs + afterMs).toISOString();
const judged = (delayMs: number) => slow(verdict(), delayMs);

it("moves every field of a provider through an outage and out of it", async () => {
  const env = {
    LLM_MAX_RETRIES: "0",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "2",
    CIRCUIT_BREAKER_SUCCESS_THRESHOLD: "2",
  };
  const steps = [judged(100), judged(200), refused(429), refused(503), refused(500), refused(500)];
  const service = testService({ env, steps: [...steps, judged(400), judged(0)], random: () => 0 });
  const { clock, compare } = service;
  const ask = async (ms: number) => {
    const answering = compare(now);
    await clock.advance(ms);
    return (await answering).status;
  };
  const fresh = row("openai", true, true);

  await ask(100);
  expect(await openai(service)).toEqual({ ...fresh, last_success: at(100), average_response_time_ms: 100 });
  await ask(200);
  // A moving mean.
  const healthy = { ...fresh, last_success: at(300), average_response_time_ms: 110 };
  expect(await openai(service)).toEqual(healthy);

  // A 429 is no fault, though it is a failure.
  await clock.advance(1_000);
  await ask(0);
  const held = { model: fresh.default_model, reason: "rate_limit", until: at(31_300) };
  expect(await openai(service)).toEqual({
    ...healthy,
    last_failure: at(1_300),
    last_failure_reason: "RATE_LIMIT",
    models_held: [held],
    retry_at: at(31_300),
  });
  await clock.advance(30_000);
  await ask(0);
  const failed = { last_failure: at(31_300), last_failure_reason: "SERVICE_UNAVAILABLE" };
  expect(await openai(service)).toEqual({ ...healthy, ...failed, failure_count: 1 });
  await ask(0);
  const open = {
    ...healthy,
    ...failed,
    failure_count: 2,
    available: false,
    circuit_breaker_state: "open",
    retry_at: at(41_300),
  };
  expect(await openai(service)).toEqual(open);
  await clock.advance(9_999);
  expect(await openai(service)).toEqual(open);
  await clock.advance(1);
  const halfOpen = { ...open, circuit_breaker_state: "half_open", available: true, retry_at: null };
  expect(await openai(service)).toEqual(halfOpen);

  // The probe fails: twice the time.
  await ask(0);
  const again = { ...open, last_failure: at(41_300), failure_count: 3, retry_at: at(61_300) };
  expect(await openai(service)).toEqual(again);
  await clock.advance(20_000);
  await ask(400);
  const probed = { last_success: at(61_700), failure_count: 0, average_response_time_ms: 139 };
  expect(await openai(service)).toEqual({ ...halfOpen, last_failure: at(41_300), ...probed });
  await ask(0);
  expect(await openai(service)).toEqual({
    ...fresh,
    last_success: at(61_700),
    last_failure: at(41_300),
    last_failure_reason: "SERVICE_UNAVAILABLE",
    average_response_time_ms: 125,
  });
});

it("says when the queue's refused credentials are asked again, beside a closed breaker", async () => {
  const service = testService({ steps: [refused(401)] });
  await service.compare({ processing_mode: "queue" });
  await service.clock.advance(0);
  await service.clock.advance(1_999);
  expect(await openai(service)).toMatchObject({
    available: false,
    circuit_breaker_state: "closed",
    credentials: "refused",
    failure_count: 0,
    last_failure: at(0),
    last_failure_reason: "INVALID_API_KEY",
    retry_at: at(10_000),
    oldest_age_seconds: 1,
  });
});

describe("the queue", () => {
  const queued = { processing_mode: "queue" };

  it("counts tickets that have not ended, by number and by bytes of all that is stored of them", async () => {
    const service = testService({ steps: ["stall", judged(60_000)] });
    await service.compare(queued);
    await service.compare({ ...queued, essay_a: "é".repeat(1_000) });
    const [one = 0, two = 0] = [...service.stores.stored.values()].map(
      (ticket) => queueItemOf(ticket).sizeBytes,
    );
    expect(two - one).toBe(2_000 - "Cats sleep because they hunt.".length);
    expect((await openai(service))?.queue).toEqual({ ...emptyQueue, size: 2, size_bytes: one + two });
    await service.clock.advance(200_000);
    expect((await openai(service))?.queue).toEqual(emptyQueue);
  });

  it.each([
    ["number", { QUEUE_MAX_SIZE: "10" }, "d"],
    ["bytes", { QUEUE_MAX_MEMORY_MB: "0.2" }, "d".repeat(20_971 - 2_050 - 1_026)],
  ])("accepts until the high watermark by %s, and again below the low one", async (_, env, essay_b) => {
    const system_prompt_override = "s".repeat(2_000);
    const one = { QUEUE_CONCURRENCY: "1" };
    const service = testService({ env: { ...env, ...one }, steps: () => judged(1_000) });
    const ask = async () =>
      (await service.compare({ ...queued, essay_b, llm_config_overrides: { system_prompt_override } }))
        .status;
    const statuses = [];
    for (let n = 0; n < 10; n++) statuses.push(await ask());
    expect(statuses).toEqual([...Array(8).fill(202), 503, 503]);
    expect((await openai(service))?.queue).toMatchObject({ size: 8, accepting: false });

    const seen = new Map<number, boolean>();
    for (let n = 0; n < 10; n++) {
      await service.clock.advance(999);
      const { size, accepting } = ((await openai(service))?.queue ?? {}) as typeof emptyQueue;
      seen.set(size, accepting);
    }
    expect(seen.get(7)).toBe(false);
    expect(seen.get(0)).toBe(true);
    for (const [size, accepting] of seen) expect([size, accepting]).toEqual([size, size < 6]);
    expect(await ask()).toBe(202);
  });
});

const totals = async (service: TestService, name: "one" | "two") => {
  const body = await page(service, as(name));
  return [body["total_requests_today"], body["total_cost_today"]];
};

describe("the totals", () => {
  const cost = 0.001_127_2;

  it("are the tenant's own, of judgements and of tickets", async () => {
    const service = testService({ env: { API_KEYS } });
    await service.compare({}, as("one"));
    await service.compare({ processing_mode: "queue" }, as("one"));
    expect(await totals(service, "one")).toEqual([2, cost]);
    await service.clock.advance(0);
    expect(await totals(service, "one")).toEqual([2, 2 * cost]);
    expect(await totals(service, "two")).toEqual([0, 0]);
    await service.compare({}, as("two"));
    expect(await totals(service, "two")).toEqual([1, cost]);
  });

  it("count what failed calls cost, and what a test of a provider costs, without binary fractions", async () => {
    const steps = [verdict({ output: [] })];
    const service = testService({ env: { API_KEYS }, steps });
    await service.compare({}, as("one"));
    await service.request("/api/v1/providers/openai/test", { method: "POST", ...as("one") });
    expect(await totals(service, "one")).toEqual([1, 0.003_381_6]);
  });

  it("begin anew at 00:00 UTC, to the millisecond", async () => {
    const service = testService({ env: { API_KEYS } });
    await service.clock.advance(12 * 3_600_000 - 1);
    await service.compare({}, as("one"));
    expect(await totals(service, "one")).toEqual([1, cost]);
    await service.clock.advance(1);
    expect(await totals(service, "one")).toEqual([0, 0]);
  });
});
