/** OpenAI's Responses API. */
import { err, ok, type Result } from "../../../src/domain/result.ts";
import { type JsonObject, textOf } from "../json.ts";
import {
  type Asked,
  bearerKey,
  fit,
  type Heard,
  isBadKey,
  isMissingModel,
  type Question,
  readObject,
  standardWaitHeaders,
  type Tokens,
  type Trouble,
  type Vendor,
  type Words,
} from "../vendor.ts";
import { openaiModels } from "./model-lists.ts";
import { misfitTrouble, reasons, refusal, responsesRequest } from "./openai-request.ts";

export const openai: Vendor = {
  name: "openai",
  read,
  envelope,
  failedEnvelope,
  errorBody,
  headers: (id) => ({
    "x-request-id": `req_${id}`,
    "openai-processing-ms": "7",
    "openai-version": "2020-10-01",
    "openai-organization": "fake-organization",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-tokens": "1999000",
    "x-ratelimit-reset-tokens": "30ms",
  }),
  waitHeaders: standardWaitHeaders,
  troubles: {
    rateLimited: { status: 429, message: "Rate limit reached for requests. Please try again later." },
    creditExhausted: {
      status: 429,
      type: "insufficient_quota",
      code: "credit_balance_exhausted",
      message: "Your credit balance is exhausted. Please add credits.",
    },
    dailyQuotaExhausted: {
      status: 429,
      type: "insufficient_quota",
      code: "organization_usage_limit_exceeded",
      message: "Your organization has reached its usage limit.",
    },
    paymentRequired: {
      status: 402,
      type: "insufficient_quota",
      code: "insufficient_quota",
      message: "You exceeded your current quota, please check your plan and billing details.",
    },
    credentialsRefused: {
      status: 401,
      code: "invalid_api_key",
      message: "Incorrect API key provided: sk-fake********1234.",
    },
    forbidden: {
      status: 403,
      type: "request_forbidden",
      code: "unsupported_country_region_territory",
      message: "Country, region, or territory not supported",
    },
    modelNotFound: {
      status: 404,
      param: "model",
      code: "model_not_found",
      message: "The model 'this-model' does not exist or you do not have access to it.",
    },
    contextTooLong: {
      status: 400,
      param: "input",
      code: "context_length_exceeded",
      message: "Your input exceeds the context window of this model.",
    },
    serverError: { status: 500, message: "The server had an error processing your request." },
    unavailable: { status: 503, message: "The service is temporarily unavailable." },
    overloaded: {
      status: 503,
      code: "server_is_overloaded",
      message: "The server is currently overloaded. Please try again later.",
    },
  },
};

function read(heard: Heard): Result<Asked, Trouble> {
  const isList = heard.path === "/v1/models" && heard.method === "GET";
  if (!isList && (heard.path !== "/v1/responses" || heard.method !== "POST")) {
    return err({ status: 404, message: `Invalid URL (${heard.method} ${heard.path})` });
  }
  const key = bearerKey(heard.headers);
  if (key === null) return err({ status: 401, message: "Missing bearer or basic authentication in header" });
  if (isBadKey(key)) {
    return err({ status: 401, code: "invalid_api_key", message: "Incorrect API key provided: bad*****." });
  }
  if (isList) return ok({ route: "models", body: openaiModels() });
  const body = readObject(heard);
  if (!body.ok) return body;
  const request = fit(responsesRequest, body.value);
  if (!request.ok) return err(misfitTrouble(request.error));
  const { model, max_output_tokens, instructions, input, text } = request.value;
  if (isMissingModel(model)) {
    return err({
      status: 404,
      param: "model",
      code: "model_not_found",
      message: `The model '${model}' does not exist or you do not have access to it.`,
    });
  }
  const refused = refusal(request.value);
  if (refused !== null) return err(refused);
  return ok({
    route: "judgement",
    question: {
      model,
      maxTokens: max_output_tokens ?? null,
      promptText: textOf([instructions, input]),
      schema: text?.format?.type === "json_schema" ? text.format.schema : null,
      tool: null,
      reasons: reasons(request.value),
    },
  });
}

function envelope(question: Question, words: Words, id: string): JsonObject {
  const reason = incompleteReason(words);
  const status = reason === null ? "completed" : "incomplete";
  return {
    ...responseHead(words.model, id),
    status,
    error: null,
    incomplete_details: reason === null ? null : { reason },
    max_output_tokens: question.maxTokens,
    output: [
      // Comes before the message: who takes `output[0]` for the answer is wrong.
      ...(question.reasons || words.ending === "empty"
        ? [{ type: "reasoning", id: `rs_${id}`, summary: [] }]
        : []),
      ...(words.text === "" && words.ending !== "whole"
        ? []
        : [{ type: "message", id: `msg_${id}`, status, role: "assistant", content: [content(words)] }]),
    ],
    ...(words.usage === null ? {} : { usage: usage(words.usage) }),
  };
}

function failedEnvelope(question: Question, { status, code, message }: Trouble, id: string): JsonObject {
  return {
    ...responseHead(question.model, id),
    status: "failed",
    error: { code: code ?? (status === 429 ? "rate_limit_exceeded" : "server_error"), message },
    incomplete_details: null,
    max_output_tokens: question.maxTokens,
    output: [],
    usage: null,
  };
}

const responseHead = (model: string, id: string): JsonObject => ({
  id: `resp_${id}`,
  object: "response",
  created_at: Math.floor(Date.now() / 1000),
  model,
  store: false,
  service_tier: "default",
});

function content({ ending, text }: Words): JsonObject {
  return ending === "refused"
    ? { type: "refusal", refusal: text }
    : { type: "output_text", annotations: [], text };
}

function incompleteReason({ ending }: Words): string | null {
  switch (ending) {
    case "whole":
    case "refused":
      return null;
    case "promptBlocked":
    case "answerBlocked":
    case "recited":
      return "content_filter";
    case "cutShort":
    case "empty":
      return "max_output_tokens";
  }
}

const usage = (tokens: Tokens): JsonObject => ({
  input_tokens: tokens.promptTokens,
  input_tokens_details: { cached_tokens: tokens.cachedTokens, cache_write_tokens: tokens.cacheWriteTokens },
  output_tokens: tokens.completionTokens,
  output_tokens_details: { reasoning_tokens: tokens.reasoningTokens },
  total_tokens: tokens.promptTokens + tokens.completionTokens,
});

function errorBody({ status, message, type, code, param }: Trouble): JsonObject {
  const usual = usualError(status);
  return { error: { message, type: type ?? usual.type, param: param ?? null, code: code ?? usual.code } };
}

function usualError(status: number): { type: string; code: string | null } {
  if (status === 429) return { type: "requests", code: "rate_limit_exceeded" };
  if (status === 503) return { type: "service_unavailable_error", code: null };
  return { type: status >= 500 ? "server_error" : "invalid_request_error", code: null };
}
