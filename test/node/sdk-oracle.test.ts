/**
 * The vendors' own SDKs say what a request looks like on the wire. Each comparison is written here in the SDK's words and sent by it, and sent
 * by our adapter; both must reach the vendor alike. Google's SDK is not among our packages: `google.test.ts` pins its wire.
 */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import type { ChatCompletionCreateParamsNonStreaming } from "openai/resources/chat/completions";
import { afterAll, expect, inject, it } from "vitest";
import type { Plan } from "../../src/domain/judging/plan.ts";
import type { JudgeRequest, Provider } from "../../src/gateway/ports.ts";
import { judgementSchema } from "../../src/domain/judging/judgement.ts";
import { undiciTransport } from "../../src/node/vendors/undici-transport.ts";
import { anthropicProvider } from "../../src/providers/anthropic.ts";
import { openaiProvider } from "../../src/providers/openai.ts";
import { openrouterProvider } from "../../src/providers/openrouter.ts";
import { fakeLane, type Lane } from "../../tools/fake-upstream/client.ts";
import type { RecordedRequest } from "../../tools/fake-upstream/script.ts";

const apiKey = "test-key";
const system = "You are an impartial assessor.";
const user = "ESSAY A “one”\nESSAY B two 😀";
const schema = { ...judgementSchema, required: [...judgementSchema.required] };

const { transport, close } = undiciTransport();
afterAll(() => close());
const surroundings = { transport, nowMs: () => 0 };
const clock = { nowMs: () => 0, monotonicMs: () => 0, after: () => () => {} };

interface Case {
  readonly name: string;
  readonly asked: { readonly model: string; readonly plan: Partial<Plan> };
  readonly ours: (lane: Lane) => Provider;
  readonly theirs: (lane: Lane) => Promise<unknown>;
}

const cases: readonly Case[] = [
  {
    name: "OpenAI is asked for a schema as its SDK asks",
    asked: { model: "gpt-6.1-terra", plan: { reasoningEffort: "low" } },
    ours: (lane) => openaiProvider({ apiKey, baseUrl: lane.baseUrls.openai }, surroundings),
    theirs: (lane) =>
      new OpenAI({ apiKey, baseURL: lane.baseUrls.openai, maxRetries: 0 }).responses.create({
        model: "gpt-6.1-terra",
        store: false,
        instructions: system,
        input: user,
        max_output_tokens: 2000,
        reasoning: { effort: "low" },
        text: { format: { type: "json_schema", name: "comparison", strict: true, schema } },
      }),
  },
  {
    name: "OpenAI is sent a temperature as its SDK sends it",
    asked: { model: "gpt-4.1", plan: { temperature: 0.2, structure: "words" } },
    ours: (lane) => openaiProvider({ apiKey, baseUrl: lane.baseUrls.openai }, surroundings),
    theirs: (lane) =>
      new OpenAI({ apiKey, baseURL: lane.baseUrls.openai, maxRetries: 0 }).responses.create({
        model: "gpt-4.1",
        store: false,
        instructions: system,
        input: user,
        max_output_tokens: 2000,
        temperature: 0.2,
      }),
  },
  {
    name: "Anthropic is asked for a schema as its SDK asks",
    asked: { model: "claude-sonnet-5-5", plan: { reasoningEffort: "low" } },
    ours: (lane) => anthropicProvider({ apiKey, baseUrl: lane.baseUrls.anthropic }, surroundings),
    theirs: (lane) =>
      new Anthropic({ apiKey, baseURL: lane.baseUrls.anthropic, maxRetries: 0 }).messages.create({
        model: "claude-sonnet-5-5",
        max_tokens: 2000,
        system: [{ type: "text", text: system, cache_control: { type: "ephemeral" } }],
        messages: [{ role: "user", content: user }],
        output_config: { effort: "low", format: { type: "json_schema", schema } },
      }),
  },
  {
    name: "Anthropic is told to leave its thinking as its SDK tells it",
    asked: { model: "claude-sonnet-5-5", plan: { reasoningEffort: "none", thinkingOff: "between_tools" } },
    ours: (lane) => anthropicProvider({ apiKey, baseUrl: lane.baseUrls.anthropic }, surroundings),
    theirs: (lane) =>
      new Anthropic({ apiKey, baseURL: lane.baseUrls.anthropic, maxRetries: 0 }).messages.create({
        model: "claude-sonnet-5-5",
        max_tokens: 2000,
        system: [{ type: "text", text: system, cache_control: { type: "ephemeral" } }],
        messages: [{ role: "user", content: user }],
        thinking: { type: "between_tools" },
        output_config: { format: { type: "json_schema", schema } },
      }),
  },
  {
    name: "Anthropic is given a tool as its SDK gives it",
    asked: { model: "claude-haiku-4-5", plan: { structure: "tool" } },
    ours: (lane) => anthropicProvider({ apiKey, baseUrl: lane.baseUrls.anthropic }, surroundings),
    theirs: (lane) =>
      new Anthropic({ apiKey, baseURL: lane.baseUrls.anthropic, maxRetries: 0 }).messages.create({
        model: "claude-haiku-4-5",
        max_tokens: 2000,
        system: [{ type: "text", text: system, cache_control: { type: "ephemeral" } }],
        messages: [{ role: "user", content: user }],
        tools: [{ name: "comparison", strict: true, input_schema: schema }],
        tool_choice: { type: "tool", name: "comparison", disable_parallel_tool_use: true },
      }),
  },
  {
    name: "OpenRouter is asked as OpenAI's SDK asks it, which lets its additions through",
    asked: { model: "openai/gpt-6.1-terra", plan: { reasoningEffort: "low" } },
    ours: (lane) => openrouterProvider({ apiKey, baseUrl: lane.baseUrls.openrouter }, { transport, clock }),
    theirs: (lane) =>
      new OpenAI({ apiKey, baseURL: lane.baseUrls.openrouter, maxRetries: 0 }).chat.completions.create({
        model: "openai/gpt-6.1-terra",
        messages: [
          { role: "system", content: system },
          { role: "user", content: user },
        ],
        max_tokens: 2000,
        reasoning: { effort: "low" },
        response_format: { type: "json_schema", json_schema: { name: "comparison", strict: true, schema } },
        provider: { data_collection: "deny", require_parameters: true },
      } as ChatCompletionCreateParamsNonStreaming),
  },
];

it.each(cases)("$name", async ({ asked, ours, theirs }) => {
  const lane = fakeLane(inject("fakeUpstreamUrl"), crypto.randomUUID());
  await theirs(lane);
  const { outcome } = await ours(lane).judge(requestFor(asked), new AbortController().signal);
  const [sdk, adapter] = (await lane.requests()).map(onTheWire);
  expect(outcome).toMatchObject({ ok: true });
  expect(sdk?.authorization).toBe(`Bearer ${apiKey}`);
  expect(adapter).toStrictEqual(sdk);
});

function requestFor({ model, plan }: Case["asked"]): JudgeRequest {
  return {
    model,
    system,
    user,
    maxTokens: 2000,
    plan: { temperature: null, reasoningEffort: null, structure: "schema", dropped: [], ...plan },
    promptSha256: "0".repeat(64),
    frame: 2,
    attempt: 1,
  };
}

function onTheWire({ method, path, headers, body }: RecordedRequest) {
  return {
    method,
    path,
    authorization: headers["authorization"],
    version: headers["anthropic-version"],
    otherKey: headers["x-api-key"],
    contentType: headers["content-type"],
    body,
  };
}
