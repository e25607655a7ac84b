/** `POST /api/v1/comparison/preview`: what a comparison would send, and what it might cost. */
import { describe, expect, it } from "vitest";
import { goodBody, post } from "../support/answers.ts";
import { verdict } from "../support/scripted-transport.ts";
import { openaiKey, testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";
import { vendorKeys } from "../support/vendors-in-memory.ts";

const preview = (service: TestService, changes: object = {}, init: RequestInit = {}) =>
  service.request("/api/v1/comparison/preview", post({ ...goodBody, ...changes }, init));

const judgedBy = (overrides: object) => ({ llm_config_overrides: overrides });

it("answers with the contract's keys and nothing else", async () => {
  const service = testService();
  const { status, body } = await preview(
    service,
    judgedBy({ temperature_override: 1, reasoning_effort: "low" }),
  );
  expect(status).toBe(200);
  expect(body).toEqual({
    provider: "openai",
    model: "gpt-6.1-terra",
    request: {
      method: "POST",
      url: "https://api.openai.com/v1/responses",
      headers: {
        accept: "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "llm-provider-service",
      },
      body: expect.any(String),
    },
    prompt_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    pair_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    shown_first: "Essay A",
    sent_parameters: { max_tokens: 4096, reasoning_effort: "low" },
    dropped_parameters: ["temperature"],
    ignored_fields: [],
    estimate: {
      prompt_tokens: expect.any(Number),
      max_completion_tokens: 4096,
      cost_low: expect.any(Number),
      cost_high: expect.any(Number),
    },
  });
});

it("shows what is then sent, byte for byte, and its hashes", async () => {
  const service = testService();
  for (const changes of [{}, { presentation: "swapped" }, judgedBy({ model_override: "gpt-6-luna" })]) {
    const shown = (await preview(service, changes)).body;
    const { body } = await service.compare(changes);
    const call = service.vendor.calls.at(-1);
    expect(shown["request"]).toMatchObject({ url: call?.url, body: call?.body });
    const { prompt_sha256, pair_sha256 } = shown;
    expect(body["metadata"]).toMatchObject({ prompt_sha256, pair_sha256 });
    expect(body["shown_first"]).toBe(shown["shown_first"]);
  }
});

it.each([
  ["anthropic", "https://api.anthropic.com/v1/messages", "anthropic-version"],
  [
    "google",
    "https://generativelanguage.googleapis.com/v1beta/models/gemini-3.8-flash:generateContent",
    "accept",
  ],
  ["openrouter", "https://openrouter.ai/api/v1/chat/completions", "accept"],
])("shows %s's own address, and no key", async (provider, url, header) => {
  const service = testService({ env: vendorKeys });
  const { text, body } = await preview(service, judgedBy({ provider_override: provider }));
  expect(body["request"]).toMatchObject({ method: "POST", url, headers: { [header]: expect.any(String) } });
  expect(text).not.toMatch(/bearer|authorization|goog-api-key/i);
  for (const secret of Object.values(vendorKeys)) expect(text).not.toContain(secret);
});

it("keeps an operator's address to itself", async () => {
  const service = testService({ env: { OPENAI_BASE_URL: "http://inside.example/v1" } });
  const { text, body } = await preview(service);
  expect(body["request"]).toMatchObject({ url: "{provider base}/responses" });
  expect(text).not.toContain("inside.example");
});

it("shows what the mock reads, which goes nowhere", async () => {
  const { body } = await preview(testService(), judgedBy({ provider_override: "mock" }));
  const { request } = body as unknown as { request: { url: string; body: string } };
  expect(request.url).toBe("mock:");
  expect(JSON.parse(request.body)).toMatchObject({ model: "mock-judge-1", max_tokens: 4096 });
  expect(body["estimate"]).toMatchObject({ cost_low: 0, cost_high: 0 });
});

it("leaves an order by chance open, and shows the essays as given", async () => {
  const service = testService({ random: () => 0 });
  const given = (await preview(service)).body;
  const byChance = (await preview(service, { presentation: "random" })).body;
  expect(byChance).toEqual({ ...given, shown_first: null });
  const { body } = await preview(service, { presentation: "random", presentation_key: "k" });
  expect(body["shown_first"]).toMatch(/^Essay [AB]$/);
});

describe("what it might cost", () => {
  const estimateOf = async (overrides: object) => {
    const { body } = await preview(testService({ env: vendorKeys }), judgedBy(overrides));
    return body["estimate"] as Readonly<Record<string, number | null>>;
  };

  it("lies between a short verdict and all tokens that it may write, by the prices of today", async () => {
    const {
      prompt_tokens: prompt,
      cost_low,
      cost_high,
    } = await estimateOf({
      provider_override: "openai",
      max_tokens_override: 2_000,
    });
    // gpt-6.1-terra: 1 dollar per million tokens in, 1.25 into the cache, 5 out.
    expect(cost_low).toBeCloseTo((Number(prompt) + 100 * 5) / 1e6, 12);
    expect(cost_high).toBeCloseTo((Number(prompt) * 1.25 + 2_000 * 5) / 1e6, 12);
  });

  it("is not known where the price isn't, and never 0 for that", async () => {
    expect(await estimateOf({ provider_override: "openai", model_override: "house-model" })).toMatchObject({
      cost_low: null,
      cost_high: null,
    });
  });

  it("is near what the same comparison then takes", async () => {
    const service = testService({ steps: () => verdict() });
    const { body } = await preview(service);
    const { estimate } = body as unknown as { estimate: { prompt_tokens: number } };
    const [system, user] = ["instructions", "input"].map(
      (name) => (JSON.parse((body["request"] as { body: string }).body) as Record<string, string>)[name],
    );
    expect(estimate.prompt_tokens).toBe(Math.ceil(new TextEncoder().encode(`${system}${user}`).length / 4));
  });
});

describe("is refused as a comparison is", () => {
  it.each([
    [{ essay_a: "" }],
    [{ user_prompt: "{essay_a} {essay_a}", priority: 11 }],
    [{ essay_a: "%PDF-1.7" }],
    [{ llm_config_overrides: { top_p: 1 } }],
    [{ metadata: [] }],
    [{ presentation: "other" }],
    [judgedBy({ provider_override: "google" })],
  ])("%j", async (changes) => {
    const service = testService();
    const previewed = await preview(service, changes);
    const compared = await service.compare(changes);
    expect(previewed.status).toBe(400);
    const { correlation_id: _, ...problem } = previewed.body;
    expect(compared.body).toMatchObject(problem);
  });

  it("without a key, and for a body that is no JSON or too long", async () => {
    const locked = testService({ env: { API_KEYS } });
    expect((await preview(locked)).status).toBe(401);
    expect((await preview(locked, {}, as("one"))).status).toBe(200);
    const small = testService({ env: { MAX_BODY_BYTES: "200" } });
    expect((await preview(small, { essay_a: "x".repeat(200) })).status).toBe(413);
    expect((await preview(testService(), {}, { headers: { "content-type": "text/plain" } })).status).toBe(
      415,
    );
  });
});

it("names what nobody reads, and answers under the client's own id", async () => {
  const correlation_id = "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f";
  const { body, headers } = await preview(testService(), { langauge: "sv", correlation_id });
  expect(body["ignored_fields"]).toEqual(["langauge"]);
  expect(headers.get("x-correlation-id")).toBe(correlation_id);
});

it("calls nobody, keeps nothing, and is counted nowhere: not even while the provider is down and its queue is full", async () => {
  const service = testService({ env: { QUEUE_MAX_SIZE: "1" }, steps: ["stall"] });
  await service.compare({ processing_mode: "queue" });
  expect((await service.compare({ processing_mode: "queue" })).status).toBe(503);
  await service.clock.advance(0);
  const calls = service.vendor.calls.length;
  const providers = async () => (await service.request("/api/v1/providers")).text;
  const metrics = async () =>
    (await service.request("/metrics")).text.match(/^llm_provider_(comparisons|attempts|tickets).*$/gm);
  const before = [await providers(), await metrics()];
  for (const processing_mode of ["queue", "immediate", "queue_if_unavailable"]) {
    expect((await preview(service, { processing_mode })).status).toBe(200);
  }
  expect([await providers(), await metrics()]).toEqual(before);
  expect(service.vendor.calls).toHaveLength(calls);
  expect(service.stores.stored.size).toBe(1);
  expect(service.written()).not.toContain(openaiKey);
});
