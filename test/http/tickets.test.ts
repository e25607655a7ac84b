/** A ticket as its client sees it: the 202, its status and its result, every field against the contract. */
import { describe, expect, it } from "vitest";
import { goodBody } from "../support/answers.ts";
import { refused, slow, verdict, type Step } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";

const startMs = Date.UTC(2026, 10, 22, 12);
const at = (afterMs: number) => new Date(startMs + afterMs).toISOString();
const hourMs = 3_600_000;
const queued = { processing_mode: "queue" };
const now = { processing_mode: "immediate" };
const correlation_id = "B9F5A1DE-5f02-4b6e-8f6a-2a9a0d4cbb2f";

const idOf = ({ body }: { readonly body: Record<string, unknown> }) => String(body["queue_id"]);
const status = async ({ request }: TestService, id: string) => (await request(`/api/v1/status/${id}`)).body;
const result = ({ request }: TestService, id: string) => request(`/api/v1/results/${id}`);

/** A breaker that one fault opens, for 10 s to the millisecond. */
const fragile = {
  env: {
    LLM_MAX_RETRIES: "0",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1",
    CIRCUIT_BREAKER_SUCCESS_THRESHOLD: "1",
  },
  random: () => 0,
};

/** Of the 202 that follows a live call which went so. */
const messageAfter = async (step: Step, options = {}) => {
  const { compare } = testService({ ...options, steps: [step] });
  await compare(now);
  return String((await compare(queued)).body["message"]);
};

describe("the 202", () => {
  it("has the contract's keys and nothing else", async () => {
    const { compare } = testService();
    const { body, headers } = await compare({ ...queued, correlation_id, priority: 3 });
    const id = String(body["queue_id"]);
    expect(body).toEqual({
      queue_id: expect.stringMatching(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/),
      status: "queued",
      message: "The comparison is kept and will be judged in its turn.",
      provider: "openai",
      position_in_queue: 1,
      estimated_wait_minutes: 0,
      retry_after: 1,
      expires_at: at(4 * hourMs),
      status_url: `/api/v1/status/${id}`,
      results_url: `/api/v1/results/${id}`,
      correlation_id,
      ignored_fields: [],
    });
    expect(headers.get("location")).toBe(body["status_url"]);
    expect(headers.get("retry-after")).toBe("1");
  });

  it("says where it stands by the word with which its gate has admitted it, and asks for no other", async () => {
    const { compare, stores } = testService();
    stores.away("gate.estimate");
    const { status, body } = await compare(queued);
    expect(status).toBe(202);
    expect(body).toMatchObject({ position_in_queue: 1, estimated_wait_minutes: 0, retry_after: 1 });
    expect(stores.stored.size).toBe(1);
  });

  it("is not sent where its gate can't be asked for a place: nothing is kept", async () => {
    const { compare, stores } = testService();
    stores.away("gate.admit");
    expect(await compare(queued)).toMatchObject({ status: 503, body: { error_type: "SERVICE_UNAVAILABLE" } });
    expect(stores.stored.size).toBe(0);
  });

  it("expires when the settings say", async () => {
    const { compare } = testService({ env: { QUEUE_REQUEST_TTL_HOURS: "0.5" } });
    expect((await compare(queued)).body["expires_at"]).toBe(at(hourMs / 2));
  });

  it.each([
    ["the provider's answer", refused(503), "openai is unavailable (its status 503)."],
    [
      "a lost connection",
      { fault: { fault: "connection", code: "X" } } as Step,
      "The connection to openai failed.",
    ],
    ["its pace", refused(429), "openai limits the rate of our requests."],
  ])("says that it waits for %s", async (_, step, because) => {
    const { compare } = testService({ env: { LLM_MAX_RETRIES: "0" }, steps: [step] });
    const { body } = await compare();
    expect(body["message"]).toBe(`${because} The comparison is kept and will be judged in its turn.`);
  });

  it("says that it waits for the breaker, the model or our credentials, without having asked", async () => {
    expect(await messageAfter(refused(500), fragile)).toMatch(/^openai is down, so it isn't called now\. /);
    expect(await messageAfter(refused(429, { "retry-after": "99" }))).toMatch(
      /^openai asked that this model be/,
    );
    expect(await messageAfter(refused(401))).toMatch(
      /^openai refused the credentials that this service has for it\. /,
    );
  });
});

describe("where a ticket stands", () => {
  it("moves with the clock: retry_after is when the next attempt can be expected", async () => {
    const service = testService({ ...fragile, steps: [refused(500), "stall"] });
    const id = idOf(await service.compare());
    const seen = [];
    for (const ms of [0, 1, 998, 1, 8_000, 999]) {
      await service.clock.advance(ms);
      const { body, headers } = await result(service, id);
      expect(headers.get("retry-after")).toBe(String(body["retry_after"]));
      seen.push(body["retry_after"]);
    }
    expect(seen).toEqual([10, 10, 10, 9, 1, 1]);
    expect(service.vendor.calls).toHaveLength(1);
    await service.clock.advance(1);
    expect(service.vendor.calls).toHaveLength(2);
  });

  it("is its place in line, and an estimate from how fast the queue drains", async () => {
    const service = testService({
      env: { QUEUE_CONCURRENCY: "1" },
      steps: () => slow(verdict(), 30_000),
    });
    const ids = [];
    const places = [];
    for (let n = 0; n < 4; n++) {
      const { body } = await service.compare({ ...queued, priority: n === 3 ? 5 : 0 });
      ids.push(String(body["queue_id"]));
      places.push([body["position_in_queue"], body["estimated_wait_minutes"]]);
      await service.clock.advance(1);
    }
    // The first is being asked: nobody has been judged yet, so nobody can say how long that takes.
    expect(places).toEqual([
      [1, 0],
      [1, 0],
      [2, null],
      [1, 0],
    ]);
    await service.clock.advance(30_000);
    const standing = await Promise.all(ids.map((id) => status(service, id)));
    expect(
      standing.map((body) => [body["status"], body["position_in_queue"], body["estimated_wait_minutes"]]),
    ).toEqual([
      ["completed", null, null],
      ["queued", 1, 0],
      ["queued", 2, 1],
      ["processing", null, null],
    ]);
    expect((await result(service, ids[2] ?? "")).body["retry_after"]).toBe(30);
  });

  it("is told without an estimate where its gate can't be reached", async () => {
    const service = testService({ ...fragile, steps: [refused(500)] });
    const id = idOf(await service.compare());
    service.stores.away("gate");
    expect(await status(service, id)).toMatchObject({
      status: "queued",
      position_in_queue: null,
      estimated_wait_minutes: null,
      error_type: "SERVICE_UNAVAILABLE",
    });
    expect((await result(service, id)).body).toMatchObject({ status: "queued", retry_after: 5 });
  });
});

it("moves every field of the status: queued, processing, failed attempt, completed", async () => {
  const steps = [refused(500), slow(refused(503, { "retry-after": "200" }), 100), slow(verdict(), 400)];
  const env = { LLM_MAX_RETRIES: "0", QUEUE_CONCURRENCY: "1" };
  const service = testService({ env, steps, random: () => 0 });
  const metadata = { a: { b: [1, null] } };
  const id = idOf(await service.compare({ metadata, correlation_id, priority: 7 }));
  const waiting = {
    queue_id: id,
    status: "queued",
    provider: "openai",
    shown_first: "Essay A",
    queued_at: at(0),
    updated_at: at(0),
    expires_at: at(4 * hourMs),
    available_until: null,
    position_in_queue: 1,
    estimated_wait_minutes: 0,
    retry_count: 0,
    priority: 7,
    size_bytes: expect.any(Number),
    metadata,
    result_available: false,
    result_location: null,
    error_message: "openai is unavailable (its status 500).",
    error_type: "SERVICE_UNAVAILABLE",
    correlation_id,
  };
  const first = await status(service, id);
  expect(first).toEqual(waiting);
  const texts = Object.values(goodBody).reduce((sum, text) => sum + text.length, 0);
  const systemBytes = new TextEncoder().encode(
    JSON.parse(service.vendor.calls[0]?.body ?? "").instructions as string,
  ).length;
  expect(first["size_bytes"]).toBe(texts + systemBytes);

  expect((await result(service, id)).body).toEqual({
    status: "queued",
    message: `${waiting.error_message} The comparison is kept and will be judged in its turn.`,
    retry_after: 1,
  });

  await service.clock.advance(50);
  const asked = { ...waiting, status: "processing", position_in_queue: null, estimated_wait_minutes: null };
  expect(await status(service, id)).toEqual(asked);
  expect((await result(service, id)).body).toEqual({
    status: "processing",
    message: "openai is being asked now.",
    retry_after: 5,
  });
  await service.clock.advance(50);
  const failedOnce = {
    ...waiting,
    updated_at: at(100),
    retry_count: 1,
    estimated_wait_minutes: 4,
    error_message: "openai is unavailable (its status 503).",
  };
  expect(await status(service, id)).toEqual(failedOnce);
  await service.clock.advance(200_400);
  const { error_message, error_type } = { error_message: null, error_type: null };
  expect(await status(service, id)).toEqual({
    ...failedOnce,
    status: "completed",
    updated_at: at(200_500),
    available_until: at(200_500 + 24 * hourMs),
    position_in_queue: null,
    estimated_wait_minutes: null,
    result_available: true,
    result_location: `/api/v1/results/${id}`,
    error_message,
    error_type,
  });
});
