/** Anthropic's Messages API, versions 2023-06-01 and 2026-10-21. */
import { err, ok, type Result } from "../../../src/domain/result.ts";
import { isObject, type JsonObject, parseJson, textOf } from "../json.ts";
import {
  type Asked,
  bearerKey,
  type Ending,
  fit,
  type Heard,
  isBadKey,
  isMissingModel,
  type Misfit,
  type Question,
  readObject,
  standardWaitHeaders,
  type Tokens,
  type Trouble,
  type Vendor,
  type Words,
} from "../vendor.ts";
import { anthropicModels } from "./model-lists.ts";
import { forcedTool, messagesRequest, refusal, thinks, versions } from "./anthropic-request.ts";

export const anthropic: Vendor = {
  name: "anthropic",
  read,
  envelope,
  // There is no place for an error inside a message: the error body itself comes with a 200.
  failedEnvelope: (_question, trouble, id) => errorBody(trouble, id),
  errorBody,
  headers: (id) => ({
    "request-id": `req_${id}`,
    "anthropic-organization-id": "00000000-0000-4000-8000-00000000face",
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-requests-reset": "2026-11-22T00:00:00Z",
    "anthropic-ratelimit-tokens-limit": "400000",
    "anthropic-ratelimit-tokens-remaining": "399000",
    "anthropic-ratelimit-tokens-reset": "2026-11-22T00:00:00Z",
  }),
  waitHeaders: standardWaitHeaders,
  troubles: {
    rateLimited: { status: 429, message: "This request would exceed your organization's rate limit." },
    creditExhausted: {
      status: 429,
      code: "enforced_spend_limit_reached",
      message: "You have reached your organization's spend limit.",
    },
    dailyQuotaExhausted: {
      status: 429,
      code: "contract_spend_limit_reached",
      message: "You have reached the spend limit of your contract.",
    },
    paymentRequired: { status: 402, message: "Your credit balance is too low to access the API." },
    credentialsRefused: { status: 401, message: "invalid x-api-key" },
    forbidden: { status: 403, message: "Your API key does not have permission to use this model." },
    modelNotFound: { status: 404, message: "model: this-model" },
    contextTooLong: { status: 400, message: "prompt is too long: 1000042 tokens > 1000000 maximum" },
    serverError: { status: 500, message: "Internal server error" },
    unavailable: { status: 503, message: "Service temporarily unavailable" },
    overloaded: { status: 529, message: "Overloaded" },
  },
};

function read(heard: Heard): Result<Asked, Trouble> {
  const isList = heard.path === "/v1/models" && heard.method === "GET";
  if (!isList && heard.path !== "/v1/messages") return err({ status: 404, message: "Not Found" });
  if (!isList && heard.method !== "POST") return err({ status: 405, message: "Method Not Allowed" });
  // Where both are sent, x-api-key counts.
  const key = heard.headers["x-api-key"] ?? bearerKey(heard.headers);
  if (!key) return err({ status: 401, message: "x-api-key header is required" });
  if (isBadKey(key)) return err({ status: 401, message: "invalid x-api-key" });
  const version = heard.headers["anthropic-version"];
  if (version === undefined) return err({ status: 400, message: "anthropic-version: header is required" });
  if (!versions.includes(version)) {
    return err({ status: 400, message: `anthropic-version: "${version}" is not a valid version` });
  }
  if (isList) return ok({ route: "models", body: anthropicModels() });
  const body = readObject(heard);
  if (!body.ok) return body;
  const request = fit(messagesRequest, body.value);
  if (!request.ok) return err({ status: 400, message: sentence(request.error) });
  const { model, max_tokens, system, messages, output_config } = request.value;
  if (isMissingModel(model)) return err({ status: 404, message: `model: ${model}` });
  const refused = refusal(request.value, version);
  if (refused !== null) return err(refused);
  const tool = forcedTool(request.value);
  return ok({
    route: "judgement",
    question: {
      model,
      maxTokens: max_tokens,
      promptText: textOf([system, messages.map(({ content }) => content)]),
      schema: tool?.schema ?? output_config?.format?.schema ?? null,
      tool: tool?.name ?? null,
      reasons: tool === null && thinks(request.value),
    },
  });
}

/** As pydantic says it. */
function sentence({ kind, path, why }: Misfit): string {
  const words = { unknown: "Extra inputs are not permitted", missing: "Field required", wrong: why };
  return `${path.join(".")}: ${words[kind]}`;
}

function envelope(question: Question, words: Words, id: string): JsonObject {
  const input = question.tool === null ? null : parseJson(words.text);
  const called = words.ending === "whole" && isObject(input);
  return {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model: words.model,
    container: null,
    content: [...thinking(question, words), ...answer(question, words, called ? input : null, id)],
    stop_reason: called ? "tool_use" : stopReasons[words.ending],
    stop_details: stopReasons[words.ending] === "refusal" ? refusalDetails : null,
    stop_sequence: null,
    ...(words.usage === null ? {} : { usage: usage(words.usage) }),
  };
}

/** A block that comes before the answer: who takes `content[0]` for it is wrong. */
function thinking(question: Question, { ending }: Words): JsonObject[] {
  const thought = ending === "empty" || (question.reasons && stopReasons[ending] !== "refusal");
  return thought ? [{ type: "thinking", thinking: "", signature: "ZmFrZSBzaWduYXR1cmU=" }] : [];
}

function answer(question: Question, words: Words, input: JsonObject | null, id: string): JsonObject[] {
  if (input !== null) return [{ type: "tool_use", id: `toolu_${id}`, name: question.tool, input }];
  return words.text === "" ? [] : [{ type: "text", citations: null, text: words.text }];
}

const stopReasons: Record<Ending, string> = {
  whole: "end_turn",
  refused: "refusal",
  promptBlocked: "refusal",
  answerBlocked: "refusal",
  recited: "refusal",
  cutShort: "max_tokens",
  empty: "max_tokens",
};

const refusalDetails = {
  type: "refusal",
  category: "general_harms",
  explanation: "The request was declined.",
};

/** Here `input_tokens` is what neither came from the cache nor went into it. */
function usage(tokens: Tokens): JsonObject {
  return {
    input_tokens: tokens.promptTokens - tokens.cachedTokens - tokens.cacheWriteTokens,
    cache_creation_input_tokens: tokens.cacheWriteTokens,
    cache_read_input_tokens: tokens.cachedTokens,
    cache_creation: { ephemeral_5m_input_tokens: tokens.cacheWriteTokens, ephemeral_1h_input_tokens: 0 },
    output_tokens: tokens.completionTokens,
    output_tokens_details: { thinking_tokens: tokens.reasoningTokens },
    server_tool_use: null,
    service_tier: "standard",
    inference_geo: null,
    speed: null,
  };
}

function errorBody({ status, message, type, code }: Trouble, id: string): JsonObject {
  return {
    type: "error",
    error: {
      type: type ?? errorTypes[status] ?? (status >= 500 ? "api_error" : "invalid_request_error"),
      message,
      ...(code === undefined ? {} : { details: { error_code: code } }),
    },
    request_id: `req_${id}`,
  };
}

const errorTypes: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};
