/** A comparison that goes well: what comes back, to the last key. */
import { version } from "../../src/version.ts";
import { describe, expect, it } from "vitest";
import { justification, said, verdict } from "../support/scripted-transport.ts";
import { goodBody, post } from "../support/answers.ts";
import { testService } from "../support/service.ts";

it("answers with the contract's keys and nothing else", async () => {
  const { compare } = testService({ steps: [verdict()] });
  const answered = await compare();
  expect(answered.status).toBe(200);
  expect(answered.body).toEqual({
    winner: "Essay A",
    justification,
    confidence: 4.2,
    shown_first: "Essay A",
    provider: "openai",
    model: "gpt-6-luna-2026-09-22",
    response_time_ms: 0,
    token_usage: {
      prompt_tokens: 1200,
      completion_tokens: 180,
      total_tokens: 1380,
      cached_tokens: 1024,
      reasoning_tokens: 128,
    },
    // gpt-6.1-terra: 176 fresh at 1, 1024 cached at 0.05 and 180 written at 5 dollars per million.
    cost_estimate: 0.001_127_2,
    correlation_id: "0000000a-b00c-4d0e-8f00-000000000001",
    trace_id: null,
    metadata: {
      prompt_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      pair_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      presentation: "as_given",
      requested_model: "gpt-6.1-terra",
      attempts: 1,
      normalizations: [],
      sent_parameters: { max_tokens: 4096 },
      dropped_parameters: [],
      ignored_fields: [],
      service_version: version,
    },
  });
});

it.each([
  [{ max_tokens_override: 3 }, { max_tokens: 16 }],
  [{ max_tokens_override: 300 }, { max_tokens: 300 }],
  [
    { reasoning_effort: "low", temperature_override: 1 },
    { max_tokens: 4096, reasoning_effort: "low" },
  ],
])("says what reached the vendor, live and of a ticket: %j is %j", async (llm_config_overrides, sent) => {
  const service = testService();
  const live = await service.compare({ llm_config_overrides });
  const kept = await service.compare({ llm_config_overrides, processing_mode: "queue" });
  await service.clock.advance(0);
  const result = await service.request(`/api/v1/results/${String(kept.body["queue_id"])}`);
  for (const { body } of [live, result]) {
    expect(body["metadata"]).toMatchObject({ sent_parameters: sent, service_version: version });
  }
});

it("says how long the answering call took, and how many calls there were", async () => {
  const steps = [said("no judgement"), { ...(verdict() as { text: string }), delayMs: 812 }];
  const { compare, clock } = testService({ steps });
  const answering = compare();
  await clock.advance(812);
  const { body } = await answering;
  expect(body).toMatchObject({
    response_time_ms: 812,
    cost_estimate: 0.002_254_4,
    metadata: { attempts: 2 },
  });
});

it("has no usage and no cost where the vendor told none", async () => {
  const { compare } = testService({ steps: [verdict({ usage: null })] });
  expect((await compare()).body).toMatchObject({ token_usage: null, cost_estimate: null });
});

it("has no cost where the price is unknown, and names the model that was asked for", async () => {
  const { compare } = testService({ steps: [verdict()] });
  const { body } = await compare({ llm_config_overrides: { model_override: "house-model" } });
  expect(body).toMatchObject({ cost_estimate: null, metadata: { requested_model: "house-model" } });
});

it("lists what was normalized", async () => {
  const long = "Words and more words. ".repeat(40);
  const text = JSON.stringify({ boundary: "%boundary%", justification: long, winner: "b", confidence: 9 });
  const { compare } = testService({ steps: [said(text)] });
  const { body } = await compare();
  expect(body).toMatchObject({
    winner: "Essay B",
    confidence: 5,
    metadata: { normalizations: ["confidence_clamped", "justification_truncated"] },
  });
  expect(String(body["justification"]).length).toBeLessThanOrEqual(500);
});

const sentBy = async (changes: object) => {
  const { compare, vendor } = testService();
  const { status, body } = await compare(changes);
  expect(status).toBe(200);
  const [call] = vendor.calls;
  return { sent: JSON.parse(call?.body ?? ""), url: call?.url, body };
};

const nulls = (names: string[]) => Object.fromEntries(names.map((name) => [name, null]));

describe("what is left open", () => {
  it("is the same whether it is absent, null, or null inside the overrides", async () => {
    const plain = await sentBy({});
    expect(plain.sent).toMatchObject({ model: "gpt-6.1-terra", max_output_tokens: 4096 });
    expect(plain.sent).not.toHaveProperty("temperature");
    expect(plain.sent).not.toHaveProperty("reasoning");
    const optional = [
      "llm_config_overrides",
      "processing_mode",
      "priority",
      "correlation_id",
      "user_id",
      "metadata",
    ];
    const overrides = ["provider", "model", "temperature", "system_prompt", "max_tokens"].map(
      (name) => `${name}_override`,
    );
    expect(await sentBy(nulls(optional))).toEqual(plain);
    expect(await sentBy({ llm_config_overrides: nulls([...overrides, "reasoning_effort"]) })).toEqual(plain);
    expect(await sentBy({ llm_config_overrides: {} })).toEqual(plain);
    expect(await sentBy({ processing_mode: "immediate" })).toEqual(plain);
    expect(await sentBy({ processing_mode: "queue_if_unavailable", priority: 10, user_id: "u" })).toEqual(
      plain,
    );
  });

  it("is what the caller sets where it is set", async () => {
    const llm_config_overrides = {
      provider_override: "openai",
      model_override: "gpt-6-luna",
      temperature_override: 0,
      system_prompt_override: "Judge in French.",
      max_tokens_override: 99,
      reasoning_effort: "none",
    };
    const { sent, body } = await sentBy({ llm_config_overrides });
    expect(sent).toMatchObject({
      model: "gpt-6-luna",
      temperature: 0,
      instructions: "Judge in French.",
      max_output_tokens: 99,
      reasoning: { effort: "none" },
    });
    expect(body).toMatchObject({ metadata: { dropped_parameters: [] } });
  });

  it("is not a system prompt of one character: that is the caller's own", async () => {
    const { sent } = await sentBy({ llm_config_overrides: { system_prompt_override: "." } });
    expect(sent["instructions"]).toBe(".");
  });

  it("is left out and named where the model does not take it", async () => {
    const llm_config_overrides = {
      model_override: "gpt-6.2-sol",
      temperature_override: 1,
      reasoning_effort: "none",
    };
    const { sent, body } = await sentBy({ llm_config_overrides });
    expect(sent).not.toHaveProperty("temperature");
    expect(sent).not.toHaveProperty("reasoning");
    expect(body).toMatchObject({ metadata: { dropped_parameters: ["temperature", "reasoning_effort"] } });
  });

  it("sends nothing upstream that is only ours", async () => {
    const correlation_id = "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f";
    const { sent } = await sentBy({
      correlation_id,
      user_id: "user-canary",
      metadata: { note: "note-canary" },
    });
    expect(JSON.stringify(sent)).not.toMatch(/canary|b9f5a1de/);
  });
});

it("calls the vendor for each of two equal comparisons", async () => {
  const { compare, vendor } = testService();
  await Promise.all([compare(), compare()]);
  await compare();
  expect(vendor.calls).toHaveLength(3);
});

it("aborts the vendor's call when the client hangs up", async () => {
  const { app, clock, vendor } = testService({ steps: ["stall"] });
  const client = new AbortController();
  const answering = app.request("/api/v1/comparison", post(goodBody, { signal: client.signal }));
  await clock.advance(100);
  expect(vendor.signals[0]?.aborted).toBe(false);
  client.abort();
  expect(vendor.signals[0]?.reason).toBe("hung_up");
  await answering;
  expect(vendor.calls).toHaveLength(1);
  expect(clock.pending()).toBe(0);
});
