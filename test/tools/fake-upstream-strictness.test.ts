import { afterAll, beforeAll, expect, it } from "vitest";
import { type Change, samples, schema, send } from "../../tools/fake-upstream/samples.ts";
import { type VendorName, vendorNames } from "../../tools/fake-upstream/script.ts";
import { type FakeUpstream, startFakeUpstream } from "../../tools/fake-upstream/server.ts";

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());

const closed = { type: "object", additionalProperties: false };
const withProperty = (property: unknown) => ({
  ...schema,
  properties: { winner: property },
  required: ["winner"],
});
const optionalKey = { ...schema, required: ["winner"] };
const open = { ...schema, additionalProperties: undefined };

const anthropicSchema = (schema: unknown) => ({ output_config: { format: { type: "json_schema", schema } } });
const openaiFormat = (format: object) => ({
  text: { format: { type: "json_schema", name: "judgement", strict: true, schema, ...format } },
});
const gemini = (config: object) => ({ generationConfig: config });
const geminiPath = (model: string) => `/v1beta/models/${model}:generateContent`;
const openrouterFormat = (jsonSchema: object) => ({
  response_format: {
    type: "json_schema",
    json_schema: { name: "judgement", strict: true, schema, ...jsonSchema },
  },
});
const forcedTool = {
  output_config: undefined,
  tools: [{ name: "submit", input_schema: schema }],
  tool_choice: { type: "tool", name: "submit" },
};
const old = { "anthropic-version": "2023-06-01" };

type Case = [vendor: VendorName, what: string, change: Change, status: number, says: string];

// A case a line.
// oxfmt-ignore
const refused: Case[] = [
  ["anthropic", "no key", { headers: { "x-api-key": undefined } }, 401, '"authentication_error"'],
  ["anthropic", "a bad key", { headers: { "x-api-key": "bad" } }, 401, '"authentication_error"'],
  ["anthropic", "a bad key beside a good one: x-api-key counts", { headers: { "x-api-key": "bad", authorization: "Bearer good" } }, 401, "invalid x-api-key"],
  ["anthropic", "no version", { headers: { "anthropic-version": undefined } }, 400, "anthropic-version"],
  ["anthropic", "an unknown version", { headers: { "anthropic-version": "2025-01-01" } }, 400, "not a valid version"],
  ["anthropic", "another content type", { headers: { "content-type": "text/plain" } }, 400, "content type"],
  ["anthropic", "malformed JSON", { bodyText: "{" }, 400, '"invalid_request_error"'],
  ["anthropic", "another path", { path: "/v1/complete" }, 404, '"not_found_error"'],
  ["anthropic", "an unknown model", { body: { model: "no-such-model" } }, 404, "model: no-such-model"],
  ["anthropic", "no max_tokens", { body: { max_tokens: undefined } }, 400, "max_tokens: Field required"],
  ["anthropic", "more tokens than the model has", { body: { max_tokens: 128_001 } }, 400, "maximum allowed"],
  ["anthropic", "temperature under 2026-10-21", { body: { temperature: 1 } }, 400, "temperature: Extra inputs are not permitted"],
  ["anthropic", "an unknown field", { body: { maxTokens: 5 } }, 400, "maxTokens: Extra inputs are not permitted"],
  ["anthropic", "an unknown field deep inside", { body: { output_config: { format: { type: "json_schema", schema, name: "x" } } } }, 400, "output_config.format.name: Extra inputs"],
  ["anthropic", "a prefilled answer", { body: { messages: [{ role: "user", content: "a" }, { role: "assistant", content: "{" }] } }, 400, "prefill"],
  ["anthropic", "a forced tool on Sonnet 5.5", { body: forcedTool }, 400, "forced tool use"],
  ["anthropic", "a forced tool on Opus 5.5", { body: { ...forcedTool, model: "claude-opus-5-5" } }, 400, "forced tool use"],
  ["anthropic", "a forced tool on Fable 5.1", { body: { ...forcedTool, model: "claude-fable-5-1" } }, 400, "forced tool use"],
  ["anthropic", "a forced tool that is not there", { body: { ...forcedTool, model: "claude-haiku-5-5", tools: [] } }, 400, "Tool not found"],
  ["anthropic", "effort on Sonnet 4.5", { body: { model: "claude-sonnet-4-5", output_config: { effort: "low" } } }, 400, "effort"],
  ["anthropic", "effort on Haiku 4.5", { body: { model: "claude-haiku-4-5-20251001", output_config: { effort: "low" } } }, 400, "effort"],
  ["anthropic", "effort none", { body: { output_config: { effort: "none" } } }, 400, "output_config.effort"],
  ["anthropic", "a schema for Opus 4.0", { body: { model: "claude-opus-4-0" } }, 400, "structured outputs"],
  ["anthropic", "a schema for Sonnet 4.0", { body: { model: "claude-sonnet-4-20250514" } }, 400, "structured outputs"],
  ["anthropic", "a schema for Claude 3", { body: { model: "claude-3-7-sonnet-latest" } }, 400, "structured outputs"],
  ["anthropic", "minimum in a schema", { body: anthropicSchema(withProperty({ type: "number", minimum: 1 })) }, 400, "'minimum' is not supported"],
  ["anthropic", "maxLength in a schema", { body: anthropicSchema(withProperty({ type: "string", maxLength: 9 })) }, 400, "'maxLength' is not supported"],
  ["anthropic", "an open schema", { body: anthropicSchema(open) }, 400, "must be explicitly set to false"],
  ["anthropic", "a thinking budget on Haiku 5.5", { body: { model: "claude-haiku-5-5", thinking: { type: "enabled", budget_tokens: 1024 } } }, 400, "budget"],
  ["anthropic", "thinking off on Opus 5.5", { body: { model: "claude-opus-5-5", thinking: { type: "disabled" } } }, 400, "adaptively"],

  ["openai", "no key", { headers: { authorization: undefined } }, 401, '"invalid_request_error"'],
  ["openai", "a bad key", { headers: { authorization: "Bearer bad-key" } }, 401, '"invalid_api_key"'],
  ["openai", "another content type", { headers: { "content-type": "text/plain" } }, 400, "content type"],
  ["openai", "malformed JSON", { bodyText: "[1" }, 400, "parse the JSON"],
  ["openai", "another path", { path: "/completions" }, 404, "Invalid URL"],
  ["openai", "an unknown model", { body: { model: "no-such-model" } }, 404, '"model_not_found"'],
  ["openai", "no store", { body: { store: undefined } }, 400, '"essays_must_not_be_stored"'],
  ["openai", "store: true", { body: { store: true } }, 400, '"essays_must_not_be_stored"'],
  ["openai", "an unknown parameter", { body: { colour: "red" } }, 400, '"unknown_parameter"'],
  ["openai", "max_tokens", { body: { max_tokens: 5 } }, 400, "Use 'max_output_tokens'"],
  ["openai", "response_format", { body: { response_format: {} } }, 400, "Use 'text.format'"],
  ["openai", "no input", { body: { input: undefined } }, 400, '"missing_required_parameter"'],
  ["openai", "15 output tokens", { body: { max_output_tokens: 15 } }, 400, '"integer_below_min_value"'],
  ["openai", "temperature while it reasons", { body: { temperature: 0 } }, 400, "'temperature' is not supported"],
  ["openai", "temperature with low effort", { body: { temperature: 0, reasoning: { effort: "low" } } }, 400, "'temperature' is not supported"],
  ["openai", "effort none on gpt-6-astra", { body: { model: "gpt-6-astra", reasoning: { effort: "none" } } }, 400, "'none' is not supported"],
  ["openai", "effort none on gpt-6.1-sol", { body: { model: "gpt-6.1-sol", reasoning: { effort: "none" } } }, 400, "'none' is not supported"],
  ["openai", "effort on gpt-4.1", { body: { model: "gpt-4.1", reasoning: { effort: "low" } } }, 400, "'reasoning.effort' is not supported"],
  ["openai", "an illegal schema name", { body: openaiFormat({ name: "my judgement" }) }, 400, "text.format.name"],
  ["openai", "a schema name of 65 characters", { body: openaiFormat({ name: "n".repeat(65) }) }, 400, "text.format.name"],
  ["openai", "an optional key in a strict schema", { body: openaiFormat({ schema: optionalKey }) }, 400, "Missing 'justification'"],
  ["openai", "an open strict schema", { body: openaiFormat({ schema: open }) }, 400, "'additionalProperties' is required"],
  ["openai", "oneOf in a strict schema", { body: openaiFormat({ schema: withProperty({ type: "string", oneOf: [] }) }) }, 400, "'oneOf' is not permitted"],
  ["openai", "an array as strict schema", { body: openaiFormat({ schema: { type: "array", items: schema } }) }, 400, "In context=()"],
  ["openai", "JSON mode without the word", { body: { text: { format: { type: "json_object" } } } }, 400, "the word 'json'"],

  ["google", "no key", { headers: { "x-goog-api-key": undefined } }, 403, '"PERMISSION_DENIED"'],
  ["google", "a bad key: a 400", { headers: { "x-goog-api-key": "bad" } }, 400, '"API_KEY_INVALID"'],
  ["google", "a bearer key", { headers: { "x-goog-api-key": undefined, authorization: "Bearer good" } }, 401, '"UNAUTHENTICATED"'],
  ["google", "a key in the query", { path: `${samples.google.path}?key=good` }, 400, "x-goog-api-key"],
  ["google", "another content type", { headers: { "content-type": "text/plain" } }, 400, '"INVALID_ARGUMENT"'],
  ["google", "malformed JSON", { bodyText: "nonsense" }, 400, '"INVALID_ARGUMENT"'],
  ["google", "/v1/", { path: "/v1/models/gemini-3.8-flash:generateContent" }, 404, '"NOT_FOUND"'],
  ["google", "an unknown model", { path: geminiPath("no-such-model") }, 404, '"NOT_FOUND"'],
  ["google", "temperature on 3.8", { body: gemini({ temperature: 1 }) }, 400, "generation_config.temperature"],
  ["google", "temperature on 3.6", { path: geminiPath("gemini-3.6-flash"), body: gemini({ temperature: 1 }) }, 400, "temperature"],
  ["google", "topP on Argon", { path: geminiPath("gemini-4-argon"), body: gemini({ topP: 1 }) }, 400, "top_p"],
  ["google", "an unknown field", { body: { store: false } }, 400, 'Unknown name \\"store\\"'],
  ["google", "an unknown field deep inside", { body: gemini({ maxTokens: 9 }) }, 400, "at 'generation_config'"],
  ["google", "an invalid thinkingLevel", { body: gemini({ thinkingConfig: { thinkingLevel: "NONE" } }) }, 400, "thinking_level"],
  ["google", "minimal thinking on 3.8", { body: gemini({ thinkingConfig: { thinkingLevel: "MINIMAL" } }) }, 400, "MINIMAL"],
  ["google", "a thinkingLevel on 2.5", { path: geminiPath("gemini-2.5-flash"), body: gemini({ thinkingConfig: { thinkingLevel: "LOW" } }) }, 400, "Thinking level"],
  ["google", "a thinking budget on Argon", { path: geminiPath("gemini-4-argon"), body: gemini({ thinkingConfig: { thinkingBudget: 5 } }) }, 400, "Thinking budget"],
  ["google", "a schema without the MIME type", { body: gemini({ responseJsonSchema: schema }) }, 400, "application/json"],
  ["google", "maxLength in a schema", { body: gemini({ responseMimeType: "application/json", responseJsonSchema: withProperty({ type: "string", maxLength: 9 }), }) }, 400, '\\"maxLength\\"'],
  ["google", "no contents", { body: { contents: undefined } }, 400, "contents is not specified"],

  ["openrouter", "no key", { headers: { authorization: undefined } }, 401, '"code":401'],
  ["openrouter", "a bad key", { headers: { authorization: "Bearer bad" } }, 401, '"code":401'],
  ["openrouter", "another content type", { headers: { "content-type": "text/plain" } }, 400, '"code":400'],
  ["openrouter", "malformed JSON", { bodyText: "{]" }, 400, '"code":400'],
  ["openrouter", "an unknown model", { body: { model: "no-such/model" } }, 404, '"model_not_found"'],
  ["openrouter", "a model without an author", { body: { model: "gpt-6-luna" } }, 400, "not a valid model ID"],
  ["openrouter", "fallback models", { body: { models: ["openai/gpt-6.1-terra"] } }, 400, "pinned"],
  ["openrouter", "an unknown field", { body: { provier: {} } }, 400, "provier"],
  ["openrouter", "a schema where only JSON mode is", { body: { model: "deepseek/deepseek-chat-v3.1" } }, 404, '"no_endpoints"'],
  ["openrouter", "JSON mode where it is not", { body: { model: "gryphe/mythomax-l2-13b", response_format: { type: "json_object" } } }, 404, '"no_endpoints"'],
  ["openrouter", "temperature where it is not", { body: { temperature: 0 } }, 404, '"no_endpoints"'],
  ["openrouter", "what two endpoints take, but neither alone", { body: { model: "qwen/qwen3-235b-a22b", temperature: 0 } }, 404, '"no_endpoints"'],
  ["openrouter", "an optional key in a strict schema", { body: openrouterFormat({ schema: optionalKey }) }, 400, "Missing 'justification'"],
  ["openrouter", "an illegal schema name", { body: openrouterFormat({ name: "a b" }) }, 400, "json_schema.name"],
];

it.each(refused)("%s refuses %s", async (vendor, what, change, status, says) => {
  const lane = upstream.lane(`refuse ${vendor} ${what}`);
  await lane.script([{ fault: "serverError" }]);
  const response = await send(lane, vendor, change);
  expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(says)]);
  // A fault never hides a bad request: the step is still there.
  expect(await lane.stepsLeft()).toHaveLength(1);
  expect(await lane.requests()).toMatchObject([{ outcome: "refused", status, refusal: expect.any(String) }]);
});

// oxfmt-ignore
const taken: [vendor: VendorName, what: string, change: Change][] = [
  ...vendorNames.map((vendor): [VendorName, string, Change] => [vendor, "the sample", {}]),
  ["anthropic", "a bearer key", { headers: { "x-api-key": undefined, authorization: "Bearer good" } }],
  ["anthropic", "temperature under 2023-06-01", { headers: old, body: { temperature: 1 } }],
  ["anthropic", "a forced tool on Haiku 5.5", { body: { ...forcedTool, model: "claude-haiku-5-5" } }],
  ["anthropic", "effort on Opus 4.5", { body: { model: "claude-opus-4-5", output_config: { effort: "low" } } }],
  ["anthropic", "a schema for Sonnet 4.5", { body: { model: "claude-sonnet-4-5" } }],
  ["anthropic", "a schema for Opus 4.1", { body: { model: "claude-opus-4-1" } }],
  ["anthropic", "128,000 tokens", { body: { max_tokens: 128_000 } }],
  ["anthropic", "cached system blocks", { body: { system: [{ type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "1h" } }] } }],
  ["openai", "temperature with effort none", { body: { temperature: 0, reasoning: { effort: "none" } } }],
  ["openai", "temperature on gpt-4.1", { body: { model: "gpt-4.1", temperature: 0 } }],
  ["openai", "low effort on gpt-6-astra", { body: { model: "gpt-6-astra", reasoning: { effort: "low" } } }],
  ["openai", "bounds of numbers in a strict schema", { body: openaiFormat({ schema: withProperty({ type: "number", minimum: 1 }) }) }],
  ["openai", "an open schema that is not strict", { body: openaiFormat({ schema: open, strict: false }) }],
  ["openai", "a schema name of 64 characters", { body: openaiFormat({ name: "n".repeat(64) }) }],
  ["openai", "16 output tokens", { body: { max_output_tokens: 16 } }],
  ["openai", "JSON mode with the word", { body: { input: "Write JSON.", text: { format: { type: "json_object" } } } }],
  ["google", "temperature on 3.5", { path: geminiPath("gemini-3.5-flash"), body: gemini({ temperature: 1 }) }],
  ["google", "minimal thinking on 3.6", { path: geminiPath("gemini-3.6-flash"), body: gemini({ thinkingConfig: { thinkingLevel: "minimal" } }) }],
  ["google", "an empty object schema", { body: gemini({ responseMimeType: "application/json", responseJsonSchema: closed }) }],
  ["openrouter", "a schema without require_parameters", { body: { model: "gryphe/mythomax-l2-13b", provider: {} } }],
  ["openrouter", "JSON mode where it is", { body: { model: "deepseek/deepseek-chat-v3.1", response_format: { type: "json_object" } } }],
  ["openrouter", "anything for a model it does not know", { body: { model: "some/model", temperature: 1, reasoning: { effort: "low" } } }],
];

it.each(taken)("%s takes %s", async (vendor, what, change) => {
  const lane = upstream.lane(`take ${vendor} ${what}`);
  const response = await send(lane, vendor, change);
  expect([response.status, await response.json()]).toEqual([
    200,
    expect.not.objectContaining({ error: expect.anything() }),
  ]);
  expect(await lane.requests()).toMatchObject([{ outcome: "answered", refusal: null }]);
});
