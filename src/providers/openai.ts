/**
 * OpenAI, by its Responses API: the one that its newest models need for everything. It stores by default, for 30 days or more: a student's
 * essay must not stay there, hence `store: false`.
 * Source: the types of openai 7.57.0; https://developers.openai.com/api/docs/guides/structured-outputs
 */
import type {
  Response,
  ResponseCreateParamsNonStreaming,
  ResponseError,
} from "openai/resources/responses/responses";
import type { ErrorObject } from "openai/resources/shared";
import type { FrameVersion } from "../domain/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import { schemaOf } from "../domain/frames.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { JudgeRequest, Provider } from "../gateway/ports.ts";
import {
  type Complaint,
  call,
  type Dialect,
  jsonHeaders,
  judgementName,
  notAnAnswer,
  type Surroundings,
  type Vendor,
} from "./call.ts";
import { findModel, planFor } from "./catalog.ts";
import { costOf } from "./cost.ts";
import { count, countOrZero, ofType, sensible, text, type Unsure, word } from "./envelope.ts";
import { failureInside, failureOfStatus } from "./failures.ts";

/** OpenAI as a provider. */
export function openaiProvider({ apiKey, baseUrl }: Vendor, surroundings: Surroundings): Provider {
  const url = `${baseUrl}/responses`;
  const headers = { ...jsonHeaders, authorization: `Bearer ${apiKey}` };
  return {
    name: "openai",
    plan: (model, parameters) => planFor(findModel("openai", model), parameters),
    judge: (request, signal) =>
      call(surroundings, { url, headers, body: bodyOf(request) }, dialect, request.model, signal),
    cost: (model, usage, nowMs) => costOf(findModel("openai", model), usage, nowMs),
  };
}

const schemaFormat = (frame: FrameVersion) =>
  ({ format: { type: "json_schema", name: judgementName, strict: true, schema: schemaOf(frame) } }) as const;
const jsonFormat = { format: { type: "json_object" } } as const;

function bodyOf({ model, system, user, maxTokens, plan, frame }: JudgeRequest) {
  return {
    model,
    store: false,
    instructions: system,
    input: user,
    max_output_tokens: maxTokens,
    ...(plan.temperature === null ? {} : { temperature: plan.temperature }),
    ...(plan.reasoningEffort === null ? {} : { reasoning: { effort: plan.reasoningEffort } }),
    ...(plan.structure === "schema"
      ? { text: schemaFormat(frame) }
      : plan.structure === "json"
        ? { text: jsonFormat }
        : {}),
  } satisfies ResponseCreateParamsNonStreaming;
}

type Envelope = Unsure<Omit<Response, "error"> & { error: Problems }>;
/** A refused request and a response that failed report their errors at the same place, in almost the same shape. */
type Problems = Omit<ErrorObject, "code"> & { code: ResponseError["code"] | string | null };

const dialect: Dialect<Envelope, Unsure<Problems>> = {
  problemIn: (envelope) => envelope?.error,
  failureOf,
  textIn,
  modelIn: (envelope) => envelope?.model,
  usageIn: (envelope) => {
    const usage = envelope?.usage;
    return sensible({
      promptTokens: count(usage?.input_tokens),
      cachedTokens: countOrZero(usage?.input_tokens_details?.cached_tokens),
      cacheWriteTokens: countOrZero(usage?.input_tokens_details?.cache_write_tokens),
      completionTokens: count(usage?.output_tokens),
      reasoningTokens: countOrZero(usage?.output_tokens_details?.reasoning_tokens),
    });
  },
  requestIdIn: (_, header) => header("x-request-id"),
};

/** A 429 with one of these is not about pace. The last is an older spelling, and may be the `type`. */
const creditGone =
  /^(credit_balance_exhausted|(organization|project)_spend_limit_exceeded|organization_usage_limit_exceeded|billing_not_active|insufficient_quota)$/;
const policies = /^(invalid_prompt|bio_policy|cyber_policy|misalignment_policy_violation)$/;

function failureOf({ problem, status, retryAfterMs, vendorSays }: Complaint<Unsure<Problems>>): Failure {
  const code = text(problem?.code);
  if (creditGone.test(code) || creditGone.test(text(problem?.type)))
    return { reason: "quota_exhausted", status };
  if (policies.test(code)) return { reason: "content_refused", kind: code };
  if (status !== 200) return failureOfStatus(status, retryAfterMs, vendorSays);
  if (code === "rate_limit_exceeded") return { reason: "rate_limited", retryAfterMs };
  if (code === "data_residency_mismatch") return { reason: "request_refused", status, vendorSays };
  return failureInside(null, retryAfterMs, vendorSays);
}

function textIn(envelope: Envelope): Result<string, Failure> {
  // Commentary on the way to the answer is reasoning said aloud: not the verdict.
  const messages = ofType(envelope?.output, "message").filter((message) => message?.phase !== "commentary");
  if (messages.some((message) => ofType(message?.content, "refusal").length > 0)) {
    return err({ reason: "content_refused", kind: "refusal" });
  }
  switch (envelope?.status) {
    case "completed":
      return ok(
        messages
          .flatMap((message) => ofType(message?.content, "output_text"))
          .map((part) => text(part?.text))
          .join(""),
      );
    case "incomplete": {
      const why = word(envelope.incomplete_details?.reason);
      if (why === "max_output_tokens") return err({ reason: "truncated" });
      return why === "content_filter" ? err({ reason: "content_refused", kind: why }) : notAnAnswer;
    }
    default:
      return notAnAnswer;
  }
}
