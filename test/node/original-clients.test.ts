/**
 * What clients of the first hour do, over real processes with a file: each of their scenarios still ends as it did. Their fourteenth, a kill and a
 * restart in mid-call, is in `durable-process.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { goodBody, type Answered } from "../support/answers.ts";
import { directoryForTest } from "../support/sqlite-store.ts";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import type { Step } from "../../tools/fake-upstream/script.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";
import { until } from "../support/redis/pair.ts";
import { API_KEYS, as } from "../support/tenants.ts";

// A process needs a second of a busy machine to start.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const lane = fakeLane(inject("fakeUpstreamUrl"), "original-clients");
const settings = {
  API_KEYS,
  OPENAI_API_KEY: "k",
  OPENAI_BASE_URL: lane.baseUrls.openai,
  LLM_MAX_RETRIES: "0",
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "0.3",
  CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "0.5",
};
const now = { processing_mode: "immediate" };
const later = { processing_mode: "queue" };
/** Every answer of the vendor's shows which pair it is about. */
const showing: Step = { echo: "pair-\\d+", times: "forever" };

let service: NodeService;
beforeAll(async () => {
  service = await startNodeService(settings);
});
afterAll(() => service.stop());

async function vendorSays(...steps: Step[]): Promise<void> {
  await lane.clear();
  await lane.rescript(steps);
}

const compare = (changes: object = {}, by = service) => by.compare(changes, as("one"));
const pair = (number: number, mode: object) => ({ ...mode, essay_a: `${goodBody.essay_a} pair-${number}.` });
const statusOf = (ticket: Answered, by = service) => by.request(String(ticket.body["status_url"]), as("one"));
const resultOf = (ticket: Answered, by = service) =>
  by.request(String(ticket.body["results_url"]), as("one"));

const untilItIs = (status: string, ticket: Answered, by = service) =>
  until(
    () => statusOf(ticket, by),
    ({ body }) => body["status"] === status,
    40,
  );

/** Which pair each ticket's judgement is about, once all are judged. */
async function judgedPairs(tickets: readonly Answered[]): Promise<string[]> {
  const pairs: string[] = [];
  for (const ticket of tickets) {
    await untilItIs("completed", ticket);
    const { body } = await resultOf(ticket);
    pairs.push(String(body["justification"]).split(" ")[0] ?? "");
  }
  return pairs;
}

/** Judgements that the vendor gave. */
async function judgements(): Promise<number> {
  return (await lane.requests("judgement")).filter(({ outcome }) => outcome === "answered").length;
}

describe("a client is answered", () => {
  it("200 with a judgement", async () => {
    await vendorSays();
    const { status, body } = await compare();
    expect([status, body["winner"], body["confidence"]]).toEqual([200, "Essay A", 4.2]);
    expect(body).toMatchObject({ provider: "openai", metadata: { attempts: 1 } });
  });

  it("202, and finds its ticket completed", async () => {
    const ticket = await compare(later);
    expect([ticket.status, ticket.body["status"]]).toEqual([202, "queued"]);
    expect((await untilItIs("completed", ticket)).body).toMatchObject({
      result_available: true,
      result_location: ticket.body["results_url"],
    });
    const first = await resultOf(ticket);
    expect(first).toMatchObject({
      status: 200,
      body: { queue_id: ticket.body["queue_id"], winner: "Essay A" },
    });
    expect((await resultOf(ticket)).text).toBe(first.text);
  });

  it("202, and finds its ticket failed: 502 with the reason", async () => {
    const ticket = await compare({ ...later, llm_config_overrides: { model_override: "no-such-model" } });
    expect(ticket.status).toBe(202);
    expect((await untilItIs("failed", ticket)).body).toMatchObject({
      error_type: "INVALID_REQUEST",
      result_available: false,
    });
    expect(await resultOf(ticket)).toMatchObject({ status: 502, body: { error_type: "INVALID_REQUEST" } });
  });

  it("202, and finds its ticket expired: 410", async () => {
    await vendorSays({ fault: "unavailable", times: "forever" });
    const hurried = await startNodeService({ ...settings, QUEUE_REQUEST_TTL_HOURS: "0.0003" });
    onTestFinished(() => hurried.kill("SIGKILL"));
    const ticket = await compare(later, hurried);
    expect(ticket.status).toBe(202);
    await untilItIs("expired", ticket, hurried);
    expect(await resultOf(ticket, hurried)).toMatchObject({
      status: 410,
      body: { error_type: "REQUEST_EXPIRED" },
    });
  });

  it("404 for a ticket that is not there, or is another's", async () => {
    await vendorSays();
    const ticket = await compare(later);
    const known = String(ticket.body["queue_id"]);
    for (const [id, tenant] of [
      [crypto.randomUUID(), "one"],
      [known, "two"],
    ] as const) {
      for (const what of ["status", "results"]) {
        const { status, body } = await service.request(`/api/v1/${what}/${id}`, as(tenant));
        expect([status, body["error_type"]]).toEqual([404, "RESOURCE_NOT_FOUND"]);
      }
    }
    await untilItIs("completed", ticket);
  });

  it("502 where the vendor refuses our key", async () => {
    await vendorSays({ fault: "credentialsRefused" });
    const { status, body } = await compare(now);
    expect([status, body["error_type"]]).toEqual([502, "INVALID_API_KEY"]);
    expect((await compare(now)).status).toBe(200);
  });

  it("503 where the vendor is down, and at once where that is known", async () => {
    await vendorSays({ fault: "unavailable", times: "forever" });
    const seen = new Set<string>();
    for (let call = 0; call < 12; call++) {
      const { status, body } = await compare(now);
      seen.add(`${status} ${String(body["error_type"])}`);
    }
    expect([...seen]).toEqual(["503 SERVICE_UNAVAILABLE", "503 CIRCUIT_BREAKER_OPEN"]);
    await vendorSays();
    await until(
      () => compare(now),
      ({ status }) => status === 200,
    );
  });

  it("401 without a key, or with an unknown one", async () => {
    for (const headers of [{}, { authorization: "Bearer lps_unknown" }]) {
      const { status, body } = await service.compare({}, { headers });
      expect([status, body["error_type"]]).toEqual([401, "AUTHENTICATION_ERROR"]);
    }
  });
});

describe("a batch", () => {
  it("of 30 pairs at once is judged, each once and each its own", async () => {
    await vendorSays(showing);
    const asking = Array.from({ length: 30 }, (_, number) => compare(pair(number, later)));
    const tickets = await Promise.all(asking);
    expect(new Set(tickets.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await judgedPairs(tickets)).toEqual(tickets.map((_, number) => `pair-${number}`));
    expect(await judgements()).toBe(30);
  });

  it("of 12 pairs outlives an outage", async () => {
    await vendorSays({ fault: "unavailable", times: "forever" });
    const asking = Array.from({ length: 12 }, (_, number) => compare(pair(number, {})));
    const tickets = await Promise.all(asking);
    expect(new Set(tickets.map(({ status }) => status))).toEqual(new Set([202]));
    await until(
      async () => (await service.request("/healthz")).body["providers"],
      (providers) =>
        (providers as { openai: { circuit_breaker_state: string } }).openai.circuit_breaker_state !==
        "closed",
    );
    await vendorSays(showing);
    expect(await judgedPairs(tickets)).toEqual(tickets.map((_, number) => `pair-${number}`));
    expect(await judgements()).toBe(12);
  });
});

it("a vendor that hangs is a 503 for who can't wait, and a ticket for who can", async () => {
  await vendorSays({ fault: "stall", times: 2 });
  const impatient = await startNodeService({ ...settings, LLM_REQUEST_TIMEOUT_SECONDS: "3" });
  onTestFinished(() => impatient.kill("SIGKILL"));
  const [live, ticket] = await Promise.all([compare(now, impatient), compare({}, impatient)]);
  expect([live.status, live.body["error_type"]]).toEqual([503, "TIMEOUT"]);
  expect(ticket.status).toBe(202);
  await untilItIs("completed", ticket, impatient);
});

it("a stop in mid-call lets a live call and a ticket's come to their end, and ends with 0", async () => {
  await vendorSays({ fault: "delay", delayMs: 1_000, times: 2 });
  const env = { ...settings, DATA_DIR: directoryForTest() };
  const stopped = await startNodeService(env);
  onTestFinished(() => stopped.kill("SIGKILL"));
  const ticket = await compare(later, stopped);
  const live = compare(now, stopped);
  await lane.waitForRequest(2);
  expect(await stopped.stop()).toEqual({ code: 0, signal: null });
  expect((await live).status).toBe(200);

  const successor = await startNodeService(env);
  onTestFinished(() => successor.kill("SIGKILL"));
  expect((await resultOf(ticket, successor)).status).toBe(200);
  expect(await lane.requests()).toHaveLength(2);
});
