/** Google's Gemini API: generateContent, v1beta. */
import { err, ok, type Result } from "../../../src/domain/result.ts";
import { type JsonObject, textOf } from "../json.ts";
import {
  type Asked,
  type Ending,
  fit,
  type Heard,
  isBadKey,
  isMissingModel,
  type Question,
  readObject,
  type Tokens,
  type Trouble,
  type Vendor,
  type Wait,
  type Words,
} from "../vendor.ts";
import { googleModels } from "./model-lists.ts";
import { generateContentRequest, misfitTrouble, refusal } from "./google-request.ts";

const badKey: Trouble = {
  status: 400,
  message: "API key not valid. Please pass a valid API key.",
  details: [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: "API_KEY_INVALID",
      domain: "googleapis.com",
      metadata: { service: "generativelanguage.googleapis.com" },
    },
    {
      "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
      locale: "en-US",
      message: "API key not valid. Please pass a valid API key.",
    },
  ],
};

export const google: Vendor = {
  name: "google",
  read,
  envelope,
  // There is no place for an error inside an answer: the error body itself comes with a 200.
  failedEnvelope: (_question, trouble) => errorBody(trouble),
  errorBody,
  headers: () => ({ "server-timing": "gfet4t7; dur=7", "x-content-type-options": "nosniff" }),
  // Seconds are told in the body; only a date would need the header.
  waitHeaders: ({ retryAfter }) => (typeof retryAfter === "string" ? { "retry-after": retryAfter } : {}),
  troubles: {
    rateLimited: {
      status: 429,
      message: "You exceeded your current quota, please check your plan and billing details.",
      details: [quotaFailure("GenerateRequestsPerMinutePerProjectPerModel")],
    },
    creditExhausted: { status: 402, message: "Your prepaid credits are depleted." },
    dailyQuotaExhausted: {
      status: 429,
      message: "You exceeded your current quota, please check your plan and billing details.",
      details: [quotaFailure("GenerateRequestsPerDayPerProjectPerModel")],
    },
    paymentRequired: { status: 402, message: "Your prepaid credits are depleted." },
    credentialsRefused: badKey,
    forbidden: { status: 403, message: "The caller does not have permission" },
    modelNotFound: { status: 404, message: "models/this-model is not found for API version v1beta." },
    contextTooLong: {
      status: 400,
      message: "The input token count exceeds the maximum number of tokens allowed (1048576).",
    },
    serverError: { status: 500, message: "An internal error has occurred. Please retry." },
    unavailable: { status: 503, message: "The service is currently unavailable." },
    overloaded: { status: 503, message: "The model is overloaded. Please try again later." },
  },
};

function read(heard: Heard): Result<Asked, Trouble> {
  if (heard.path === "/v1beta/models" && heard.method === "GET") {
    const trouble = keyTrouble(heard);
    return trouble === null ? ok({ route: "models", body: googleModels() }) : err(trouble);
  }
  const target = /^\/(v1|v1beta)\/models\/([^/:]+):generateContent$/.exec(heard.path);
  if (target === null || heard.method !== "POST") {
    return err({ status: 404, message: "The requested URL was not found on this server." });
  }
  const trouble = keyTrouble(heard);
  if (trouble !== null) return err(trouble);
  const version = target[1] ?? "";
  const model = decodeURIComponent(target[2] ?? "");
  const body = readObject(heard);
  if (!body.ok) return body;
  const request = fit(generateContentRequest, body.value);
  if (!request.ok) return err(misfitTrouble(request.error));
  if (version !== "v1beta" || isMissingModel(model)) {
    return err({
      status: 404,
      message: `models/${model} is not found for API version ${version}, or is not supported for generateContent.`,
    });
  }
  const refused = refusal(model, request.value);
  if (refused !== null) return err(refused);
  const { contents, systemInstruction, generationConfig } = request.value;
  return ok({
    route: "judgement",
    question: {
      model,
      maxTokens: generationConfig?.maxOutputTokens ?? null,
      promptText: textOf([systemInstruction?.parts, contents.map(({ parts }) => parts)]),
      schema: generationConfig?.responseJsonSchema ?? generationConfig?.responseSchema ?? null,
      tool: null,
      reasons: generationConfig?.thinkingConfig?.thinkingBudget !== 0,
    },
  });
}

function keyTrouble({ headers, query }: Heard): Trouble | null {
  // The vendor would take it; there it lands in logs.
  if (query.has("key")) {
    return { status: 400, message: "The fake upstream: the key belongs into the header x-goog-api-key." };
  }
  const key = headers["x-goog-api-key"];
  if (key) return isBadKey(key) ? badKey : null;
  return headers["authorization"] === undefined
    ? {
        status: 403,
        message: "Method doesn't allow unregistered callers (callers without established identity).",
      }
    : {
        status: 401,
        message: "Request had invalid authentication credentials. Expected OAuth 2 access token.",
      };
}

function envelope(question: Question, words: Words, id: string): JsonObject {
  return {
    ...(words.ending === "promptBlocked"
      ? { promptFeedback: { blockReason: "SAFETY", safetyRatings } }
      : { candidates: [candidate(question, words)] }),
    ...(words.usage === null ? {} : { usageMetadata: usage(words.usage) }),
    modelVersion: words.model,
    responseId: id,
  };
}

function candidate(question: Question, { ending, text }: Words): JsonObject {
  const blocked = ending === "answerBlocked" || ending === "recited" || ending === "refused";
  const finishReason = finishReasons[ending];
  if (blocked) return { index: 0, finishReason, safetyRatings };
  // The thought comes before the answer: who takes `parts[0]` for it is wrong.
  const thought = question.reasons ? [{ text: "**Comparing the essays**", thought: true }] : [];
  return {
    index: 0,
    finishReason,
    safetyRatings: [],
    content: { role: "model", ...(ending === "empty" ? {} : { parts: [...thought, { text }] }) },
  };
}

const finishReasons: Record<Ending, string> = {
  whole: "STOP",
  refused: "SAFETY",
  promptBlocked: "SAFETY",
  answerBlocked: "SAFETY",
  recited: "RECITATION",
  cutShort: "MAX_TOKENS",
  empty: "MAX_TOKENS",
};

const safetyRatings = [{ category: "HARM_CATEGORY_HARASSMENT", probability: "HIGH", blocked: true }];

/** Here thoughts are beside the candidates' tokens, not among them. */
const usage = (tokens: Tokens): JsonObject => ({
  promptTokenCount: tokens.promptTokens,
  cachedContentTokenCount: tokens.cachedTokens,
  candidatesTokenCount: tokens.completionTokens - tokens.reasoningTokens,
  thoughtsTokenCount: tokens.reasoningTokens,
  toolUsePromptTokenCount: 0,
  totalTokenCount: tokens.promptTokens + tokens.completionTokens,
});

function errorBody({ status, message, type, code, details, wait }: Trouble): JsonObject {
  const all = [...(details ?? []), ...reasonDetails(code), ...retryDetails(wait ?? {})];
  return {
    error: {
      code: status,
      message,
      status: type ?? statusWords[status] ?? (status >= 500 ? "INTERNAL" : "FAILED_PRECONDITION"),
      ...(all.length === 0 ? {} : { details: all }),
    },
  };
}

const reasonDetails = (reason?: string): JsonObject[] =>
  reason === undefined
    ? []
    : [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "googleapis.com" }];

function retryDetails({ retryAfter, retryAfterMs }: Wait): JsonObject[] {
  const seconds = retryAfterMs === undefined ? retryAfter : retryAfterMs / 1000;
  return typeof seconds === "number"
    ? [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${seconds}s` }]
    : [];
}

function quotaFailure(quotaId: string): JsonObject {
  const quotaMetric = "generativelanguage.googleapis.com/generate_content_requests";
  return { "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations: [{ quotaMetric, quotaId }] };
}

const statusWords: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  402: "RESOURCE_EXHAUSTED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  501: "UNIMPLEMENTED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};
