/** A good request to each vendor, and how to send it with something changed. */
import type { Lane } from "./client.ts";
import type { JsonObject } from "./json.ts";
import type { VendorName } from "./script.ts";

/** Within what all four vendors take. */
export const schema: JsonObject = {
  type: "object",
  properties: {
    justification: { type: "string", description: "At most 500 characters." },
    winner: { type: "string", enum: ["Essay A", "Essay B"] },
    confidence: { type: "number" },
  },
  required: ["justification", "winner", "confidence"],
  additionalProperties: false,
};

interface Sample {
  /** Below the base URL. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

export const samples: Readonly<Record<VendorName, Sample>> = {
  anthropic: {
    path: "/v1/messages",
    headers: { "x-api-key": "good", "anthropic-version": "2026-10-21" },
    body: {
      model: "claude-sonnet-5-5",
      max_tokens: 2000,
      system: "You are an impartial assessor.",
      messages: [{ role: "user", content: "Two essays." }],
      output_config: { format: { type: "json_schema", schema } },
    },
  },
  openai: {
    path: "/responses",
    headers: { authorization: "Bearer good" },
    body: {
      model: "gpt-6.1-terra",
      store: false,
      instructions: "You are an impartial assessor.",
      input: "Two essays.",
      max_output_tokens: 2000,
      text: { format: { type: "json_schema", name: "judgement", strict: true, schema } },
    },
  },
  google: {
    path: "/v1beta/models/gemini-3.8-flash:generateContent",
    headers: { "x-goog-api-key": "good" },
    body: {
      systemInstruction: { parts: [{ text: "You are an impartial assessor." }] },
      contents: [{ role: "user", parts: [{ text: "Two essays." }] }],
      generationConfig: {
        maxOutputTokens: 2000,
        responseMimeType: "application/json",
        responseJsonSchema: schema,
      },
    },
  },
  openrouter: {
    path: "/chat/completions",
    headers: { authorization: "Bearer good" },
    body: {
      model: "anthropic/claude-sonnet-5.5",
      messages: [{ role: "user", content: "Two essays." }],
      max_tokens: 2000,
      response_format: { type: "json_schema", json_schema: { name: "judgement", strict: true, schema } },
      provider: { require_parameters: true },
    },
  },
};

/** What to change in a sample. Of `body` and `headers` single keys: `undefined` takes one away. */
export interface Change {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: JsonObject;
  /** In place of the body's JSON. */
  readonly bodyText?: string;
  readonly signal?: AbortSignal;
}

export function send(lane: Lane, vendor: VendorName, change: Change = {}): Promise<Response> {
  const sample = samples[vendor];
  const headers = Object.entries({
    "content-type": "application/json",
    ...sample.headers,
    ...change.headers,
  }).filter((header): header is [string, string] => header[1] !== undefined);
  return fetch(lane.baseUrls[vendor] + (change.path ?? sample.path), {
    method: "POST",
    headers,
    body: change.bodyText ?? JSON.stringify({ ...sample.body, ...change.body }),
    redirect: "manual",
    ...(change.signal === undefined ? {} : { signal: change.signal }),
  });
}
