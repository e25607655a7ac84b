import * as anthropic from "@anthropic-ai/sdk";
import * as openai from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Lane } from "../../tools/fake-upstream/client.ts";
import { dig } from "../../tools/fake-upstream/json.ts";
import { samples, schema, send } from "../../tools/fake-upstream/samples.ts";
import { type Step, type VendorName, vendorNames } from "../../tools/fake-upstream/script.ts";
import { type FakeUpstream, startFakeUpstream } from "../../tools/fake-upstream/server.ts";

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());

let laneCount = 0;
async function laneWith(...steps: Step[]): Promise<Lane> {
  const lane = upstream.lane(`lane ${laneCount++}`);
  await lane.script(steps);
  return lane;
}

/** Where the answer is: never first, for the reasoning comes before it. */
const answerAt: Record<VendorName, string> = {
  anthropic: "content.1.text",
  openai: "output.1.content.0.text",
  google: "candidates.0.content.parts.1.text",
  openrouter: "choices.0.message.content",
};

async function answer(lane: Lane, vendor: VendorName): Promise<{ body: unknown; text: string }> {
  const response = await send(lane, vendor);
  expect(response.status).toBe(200);
  const body: unknown = await response.json();
  return { body, text: String(dig(body, answerAt[vendor])) };
}

it.each(vendorNames)("%s answers with exactly the keys of the schema, in its order", async (vendor) => {
  const { text } = await answer(await laneWith(), vendor);
  const judgement = JSON.parse(text) as Record<string, unknown>;
  expect(Object.keys(judgement)).toEqual(Object.keys(schema["properties"] as object));
  expect(judgement).toMatchObject({ winner: "Essay A", confidence: 4.2 });
  expect(String(judgement["justification"]).length).toBeGreaterThanOrEqual(50);
  expect(String(judgement["justification"]).length).toBeLessThanOrEqual(500);
});

const sdk = { apiKey: "good", maxRetries: 0, logLevel: "off" } as const;

it("Anthropic's own SDK reads the answer, its usage and its request id", async () => {
  const lane = await laneWith();
  const client = new anthropic.Anthropic({ ...sdk, baseURL: lane.baseUrls.anthropic });
  const message = await client.messages.create(
    samples.anthropic.body as unknown as anthropic.Anthropic.MessageCreateParamsNonStreaming,
  );
  expect(message.content.map(({ type }) => type)).toEqual(["thinking", "text"]);
  expect(message).toMatchObject({
    model: "claude-sonnet-5-5",
    stop_reason: "end_turn",
    usage: { input_tokens: 11, cache_read_input_tokens: 0, output_tokens_details: { thinking_tokens: 128 } },
  });
  expect(dig(message, "_request_id")).toMatch(/^req_\d+$/);
});

it("Anthropic's own SDK reads a forced tool's input as an object", async () => {
  const lane = await laneWith({ judgement: { winner: "Essay B" } });
  const client = new anthropic.Anthropic({ ...sdk, baseURL: lane.baseUrls.anthropic });
  const message = await client.messages.create({
    model: "claude-haiku-4-5",
    max_tokens: 2000,
    messages: [{ role: "user", content: "Two essays." }],
    tools: [{ name: "submit", input_schema: schema as { type: "object" }, strict: true }],
    tool_choice: { type: "tool", name: "submit" },
  });
  expect(message.stop_reason).toBe("tool_use");
  expect(message.content).toEqual([
    {
      type: "tool_use",
      id: expect.any(String),
      name: "submit",
      input: expect.objectContaining({ winner: "Essay B" }),
    },
  ]);
});

it("OpenAI's own SDK reads the answer, its usage and its request id", async () => {
  const lane = await laneWith();
  const client = new openai.OpenAI({ ...sdk, baseURL: lane.baseUrls.openai });
  const response = await client.responses.create(
    samples.openai.body as unknown as openai.OpenAI.Responses.ResponseCreateParamsNonStreaming,
  );
  expect(JSON.parse(response.output_text)).toMatchObject({ winner: "Essay A" });
  expect(response).toMatchObject({ status: "completed", model: "gpt-6.1-terra", error: null });
  expect(response.usage).toMatchObject({
    input_tokens: 11,
    output_tokens_details: { reasoning_tokens: 128 },
    total_tokens: 11 + (response.usage?.output_tokens ?? 0),
  });
  expect(dig(response, "_request_id")).toMatch(/^req_\d+$/);
});

it("OpenAI's SDK reads OpenRouter's answer, and a forced tool's arguments", async () => {
  const lane = await laneWith();
  const client = new openai.OpenAI({ ...sdk, baseURL: lane.baseUrls.openrouter });
  const body = samples.openrouter
    .body as unknown as openai.OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;
  const completion = await client.chat.completions.create(body);
  expect(completion).toMatchObject({ id: expect.stringMatching(/^gen-/), provider: "Anthropic" });
  expect(completion.choices[0]).toMatchObject({ finish_reason: "stop", native_finish_reason: "stop" });

  const { response_format: _, ...wordsOnly } = body;
  const called = await client.chat.completions.create({
    ...wordsOnly,
    tools: [{ type: "function", function: { name: "submit", strict: true, parameters: schema } }],
    tool_choice: { type: "function", function: { name: "submit" } },
  });
  expect(called.choices[0]).toMatchObject({
    finish_reason: "tool_calls",
    message: {
      content: null,
      tool_calls: [{ function: { name: "submit", arguments: expect.stringContaining("Essay A") } }],
    },
  });
});

it.each(vendorNames)("%s says what the script says", async (vendor) => {
  const lane = await laneWith(
    { judgement: { winner: "Essay B", mood: "good" } },
    { text: "It is a tie.", model: "another-model" },
  );
  const first = await answer(lane, vendor);
  expect(JSON.parse(first.text)).toEqual(expect.objectContaining({ winner: "Essay B", confidence: 4.2 }));
  expect(first.text).not.toContain("mood");
  const second = await answer(lane, vendor);
  expect(second.text).toBe("It is a tie.");
  expect(dig(second.body, vendor === "google" ? "modelVersion" : "model")).toBe("another-model");
});

const usages: Record<VendorName, unknown> = {
  anthropic: {
    input_tokens: 60,
    cache_read_input_tokens: 30,
    cache_creation_input_tokens: 10,
    output_tokens: 50,
    output_tokens_details: { thinking_tokens: 20 },
  },
  openai: {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 30, cache_write_tokens: 10 },
    output_tokens: 50,
    output_tokens_details: { reasoning_tokens: 20 },
    total_tokens: 150,
  },
  google: {
    promptTokenCount: 100,
    cachedContentTokenCount: 30,
    candidatesTokenCount: 30,
    thoughtsTokenCount: 20,
    totalTokenCount: 150,
  },
  openrouter: {
    prompt_tokens: 100,
    prompt_tokens_details: { cached_tokens: 30, cache_write_tokens: 10 },
    completion_tokens: 50,
    completion_tokens_details: { reasoning_tokens: 20 },
    total_tokens: 150,
  },
};

it.each(vendorNames)("%s counts tokens in its own way, or says nothing of them", async (vendor) => {
  const counted = {
    promptTokens: 100,
    cachedTokens: 30,
    cacheWriteTokens: 10,
    completionTokens: 50,
    reasoningTokens: 20,
  };
  const lane = await laneWith({ usage: counted }, { usage: null });
  const key = vendor === "google" ? "usageMetadata" : "usage";
  expect(dig((await answer(lane, vendor)).body, key)).toMatchObject(usages[vendor] as object);
  expect((await answer(lane, vendor)).body).not.toHaveProperty(key);
});

/** Where each vendor says how it ended, and what goes with it. */
const endings: Record<string, { step: Step } & Record<VendorName, object>> = {
  "a refusal": {
    step: { fault: "refusal" },
    anthropic: { stop_reason: "refusal", stop_details: { type: "refusal" }, content: [{ type: "text" }] },
    openai: { status: "completed", output: [{}, { content: [{ type: "refusal" }] }] },
    google: { candidates: [{ finishReason: "SAFETY" }] },
    openrouter: {
      choices: [{ finish_reason: "stop", message: { content: null, refusal: expect.any(String) } }],
    },
  },
  "a blocked prompt": {
    step: { fault: "safety" },
    anthropic: { stop_reason: "refusal", content: [] },
    openai: { status: "incomplete", incomplete_details: { reason: "content_filter" } },
    google: { promptFeedback: { blockReason: "SAFETY" } },
    openrouter: { choices: [{ finish_reason: "content_filter" }] },
  },
  "a blocked answer": {
    step: { fault: "safety", at: "answer" },
    anthropic: { stop_reason: "refusal", content: [] },
    openai: { status: "incomplete", incomplete_details: { reason: "content_filter" } },
    google: { candidates: [{ finishReason: "SAFETY" }] },
    openrouter: { choices: [{ finish_reason: "content_filter" }] },
  },
  "a recitation": {
    step: { fault: "recitation" },
    anthropic: { stop_reason: "refusal" },
    openai: { incomplete_details: { reason: "content_filter" } },
    google: { candidates: [{ finishReason: "RECITATION" }] },
    openrouter: { choices: [{ finish_reason: "content_filter", native_finish_reason: "RECITATION" }] },
  },
  "an answer out of tokens": {
    step: { fault: "truncatedAnswer", text: "12345678" },
    anthropic: { stop_reason: "max_tokens", content: [{}, { text: "1234" }] },
    openai: {
      incomplete_details: { reason: "max_output_tokens" },
      output: [{}, { status: "incomplete", content: [{ text: "1234" }] }],
    },
    google: { candidates: [{ finishReason: "MAX_TOKENS", content: { parts: [{}, { text: "1234" }] } }] },
    openrouter: { choices: [{ finish_reason: "length", message: { content: "1234" } }] },
  },
  "nothing but reasoning": {
    step: { fault: "emptyAnswer" },
    anthropic: { stop_reason: "max_tokens", content: [{ type: "thinking" }], usage: { output_tokens: 2000 } },
    openai: {
      incomplete_details: { reason: "max_output_tokens" },
      output: [{ type: "reasoning" }],
      usage: { output_tokens_details: { reasoning_tokens: 2000 } },
    },
    google: { candidates: [{ finishReason: "MAX_TOKENS" }], usageMetadata: { thoughtsTokenCount: 2000 } },
    openrouter: { choices: [{ finish_reason: "length", message: { content: "" } }] },
  },
};

it.each(Object.keys(endings))("%s is marked as each vendor marks it, in a 200", async (name) => {
  const ending = endings[name];
  if (ending === undefined) throw new Error(name);
  const lane = await laneWith({ ...ending.step, times: 4 });
  for (const vendor of vendorNames) {
    const response = await send(lane, vendor);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject(ending[vendor]);
  }
});
