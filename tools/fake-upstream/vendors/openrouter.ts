/** OpenRouter's chat completions, and its list of a model's endpoints. */
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
  type Question,
  readObject,
  standardWaitHeaders,
  type Tokens,
  type Trouble,
  type Vendor,
  type Words,
} from "../vendor.ts";
import { openrouterModels } from "./model-lists.ts";
import { endpointsBody, endpointsOf } from "./openrouter-models.ts";
import { type ChatRequest, chatRequest, forcedTool, isServed, refusal } from "./openrouter-request.ts";

export const openrouter: Vendor = {
  name: "openrouter",
  read,
  envelope,
  failedEnvelope,
  errorBody,
  headers: () => ({ "x-content-type-options": "nosniff" }),
  waitHeaders: standardWaitHeaders,
  troubles: {
    rateLimited: { status: 429, message: "Rate limit exceeded. Please try again later." },
    creditExhausted: { status: 402, message: "Insufficient credits. Add more to continue." },
    dailyQuotaExhausted: {
      status: 429,
      code: "constraint_filtered",
      message: "Rate limit exceeded: free-models-per-day.",
    },
    paymentRequired: { status: 402, message: "Insufficient credits. Add more to continue." },
    credentialsRefused: { status: 401, message: "User not found." },
    forbidden: { status: 403, message: "The input was flagged by moderation." },
    modelNotFound: { status: 404, code: "model_not_found", message: "No endpoints found for this-model." },
    contextTooLong: { status: 400, message: "This endpoint's maximum context length is 200000 tokens." },
    serverError: { status: 500, message: "Internal Server Error" },
    unavailable: { status: 503, code: "capacity_exhausted", message: "No provider is available right now." },
    overloaded: { status: 529, code: "capacity_exhausted", message: "Provider overloaded" },
  },
};

function read(heard: Heard): Result<Asked, Trouble> {
  const lookup = /^\/api\/v1\/models\/([^/]+\/[^/]+)\/endpoints$/.exec(heard.path)?.[1];
  if (lookup !== undefined && heard.method === "GET") return readLookup(decodeURIComponent(lookup));
  // Public, as the look-up is.
  if (heard.path === "/api/v1/models" && heard.method === "GET") {
    return ok({ route: "models", body: openrouterModels() });
  }
  if (heard.path !== "/api/v1/chat/completions") return err({ status: 404, message: "Not Found" });
  if (heard.method !== "POST") return err({ status: 405, message: "Method Not Allowed" });
  const key = bearerKey(heard.headers);
  if (key === null) return err({ status: 401, message: "No auth credentials found" });
  if (isBadKey(key)) return err({ status: 401, message: "User not found." });
  const body = readObject(heard);
  if (!body.ok) return body;
  const request = fit(chatRequest, body.value);
  if (!request.ok) {
    const { kind, path, why } = request.error;
    return err({ status: 400, message: `${kind} field '${path.join(".")}': ${why}` });
  }
  const { model } = request.value;
  if (isMissingModel(model)) {
    return err({ status: 404, code: "model_not_found", message: `No endpoints found for ${model}.` });
  }
  const refused = refusal(request.value);
  return refused === null ? ok({ route: "judgement", question: questionOf(request.value) }) : err(refused);
}

/** Public: needs no key. */
const readLookup = (model: string): Result<Asked, Trouble> =>
  isMissingModel(model)
    ? err({ status: 404, code: "model_not_found", message: `Model ${model} not found` })
    : ok({ route: "endpoints", model, body: endpointsBody(model) });

/** What no endpoint takes is dropped in silence, unless parameters are required. */
function questionOf(request: ChatRequest): Question {
  const { model, messages, response_format, reasoning, reasoning_effort } = request;
  const tool = isServed(model, ["tools"]) ? forcedTool(request) : null;
  const schema =
    response_format?.type === "json_schema" && isServed(model, ["structured_outputs"])
      ? response_format.json_schema.schema
      : null;
  return {
    model,
    maxTokens: request.max_tokens ?? request.max_completion_tokens ?? null,
    promptText: textOf(messages.map(({ content }) => content)),
    schema: tool?.schema ?? schema,
    tool: tool?.name ?? null,
    reasons: isServed(model, ["reasoning"]) && (reasoning?.effort ?? reasoning_effort) !== "none",
  };
}

function envelope(question: Question, words: Words, id: string): JsonObject {
  const called =
    question.tool !== null && words.ending === "whole" && isObject(parseJson(words.text))
      ? [
          {
            index: 0,
            id: `call_${id}`,
            type: "function",
            function: { name: question.tool, arguments: words.text },
          },
        ]
      : null;
  const [finish, native] = called === null ? finishReasons[words.ending] : ["tool_calls", "tool_use"];
  return {
    ...head(question.model, words.model, id),
    choices: [
      {
        index: 0,
        logprobs: null,
        finish_reason: finish,
        native_finish_reason: native,
        message: {
          role: "assistant",
          content: called !== null || words.ending === "refused" ? null : words.text,
          refusal: words.ending === "refused" ? words.text : null,
          ...(question.reasons ? { reasoning: "Comparing the essays." } : {}),
          ...(called === null ? {} : { tool_calls: called }),
        },
      },
    ],
    ...(words.usage === null ? {} : { usage: usage(words.usage) }),
  };
}

/** With what the judge had written until then, and usage: it is paid for. */
function failedEnvelope(question: Question, trouble: Trouble, id: string): JsonObject {
  return {
    ...head(question.model, question.model, id),
    choices: [
      {
        index: 0,
        logprobs: null,
        finish_reason: "error",
        native_finish_reason: "error",
        error: inner(trouble),
        message: { role: "assistant", content: '{"winner":"Essay', refusal: null },
      },
    ],
    usage: usage({
      promptTokens: Math.ceil(question.promptText.length / 4),
      completionTokens: 4,
      cachedTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
    }),
  };
}

const head = (asked: string, model: string, id: string): JsonObject => ({
  id: `gen-${id}`,
  provider: endpointsOf(asked)[0]?.provider,
  model,
  object: "chat.completion",
  created: Math.floor(Date.now() / 1000),
  system_fingerprint: null,
});

/** OpenRouter's word, and the one of the provider behind it. */
const finishReasons: Record<Ending, readonly [string, string]> = {
  whole: ["stop", "stop"],
  refused: ["stop", "refusal"],
  promptBlocked: ["content_filter", "SAFETY"],
  answerBlocked: ["content_filter", "SAFETY"],
  recited: ["content_filter", "RECITATION"],
  cutShort: ["length", "max_tokens"],
  empty: ["length", "max_tokens"],
};

const usage = (tokens: Tokens): JsonObject => ({
  prompt_tokens: tokens.promptTokens,
  completion_tokens: tokens.completionTokens,
  total_tokens: tokens.promptTokens + tokens.completionTokens,
  prompt_tokens_details: {
    cached_tokens: tokens.cachedTokens,
    cache_write_tokens: tokens.cacheWriteTokens,
  },
  completion_tokens_details: { reasoning_tokens: tokens.reasoningTokens },
  cost: 0.0021,
  cost_details: { upstream_inference_cost: null },
  is_byok: false,
});

function errorBody(trouble: Trouble): JsonObject {
  return { error: inner(trouble) };
}

/** `code` is a number here. Words for it are in the metadata and, about routing, in the availability. */
function inner({ status, message, type, code, wait }: Trouble): JsonObject {
  const configuration = ["constraint_filtered", "no_endpoints", "model_not_found"].includes(code ?? "");
  return {
    code: status,
    message,
    metadata: { error_type: type ?? errorTypes[status] ?? "unknown_error" },
    ...(code === undefined
      ? {}
      : {
          availability: {
            code,
            retryable: !configuration,
            ...(typeof wait?.retryAfter === "number" ? { retry_after: wait.retryAfter } : {}),
          },
        }),
  };
}

const errorTypes: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "authentication",
  402: "payment_required",
  403: "permission_denied",
  404: "not_found",
  408: "timeout",
  413: "payload_too_large",
  429: "rate_limit_exceeded",
  500: "server",
  502: "provider_unavailable",
  503: "provider_unavailable",
  504: "timeout",
  524: "timeout",
  529: "provider_overloaded",
};
