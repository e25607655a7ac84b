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
import type { FrameVersion } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import { schemaOf } from "../domain/judging/frames.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { JudgeRequest, Provider } from "../gateway/ports.ts";
import {
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
import { openaiRefusals } from "./refusals/openai.ts";
import { billedAs, openaiTiers } from "./tiers.ts";

/** OpenAI as a provider. */
export function openaiProvider({ apiKey, baseUrl }: Vendor, surroundings: Surroundings): Provider {
  const url = `${baseUrl}/responses`;
  const headers = { ...jsonHeaders, authorization: `Bearer ${apiKey}` };
  const tier = isOpenaisOwn(baseUrl) ? standardTier : {};
  return {
    name: "openai",
    plan: (model, parameters) => planFor(findModel("openai", model), parameters),
    judge: (request, signal) =>
      call(
        surroundings,
        { url, headers, body: { ...bodyOf(request), ...tier } },
        dialect,
        request.model,
        signal,
      ),
    cost: (model, usage, nowMs) => costOf(findModel("openai", model), usage, nowMs),
  };
}

/** Without it a project's own setting decides, and with that what a judgement costs. Servers that only speak OpenAI's language may not know it. */
const standardTier = { service_tier: "default" } satisfies Partial<ResponseCreateParamsNonStreaming>;

/** Its regional hosts included, such as `eu.api.openai.com`. */
function isOpenaisOwn(baseUrl: string): boolean {
  return /^https:\/\/([a-z0-9-]+\.)*api\.openai\.com(:\d+)?(\/|$)/i.test(baseUrl);
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
    max_output_tokens: plan.maxTokens ?? maxTokens,
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
  refusals: openaiRefusals,
  toldIn: (problem) => ({ codes: [text(problem?.code)], type: text(problem?.type) }),
  textsIn,
  modelIn: (envelope) => envelope?.model,
  usageIn: (envelope) => {
    const usage = envelope?.usage;
    return sensible({
      promptTokens: count(usage?.input_tokens),
      cachedTokens: countOrZero(usage?.input_tokens_details?.cached_tokens),
      cacheWriteTokens: countOrZero(usage?.input_tokens_details?.cache_write_tokens),
      completionTokens: count(usage?.output_tokens),
      reasoningTokens: countOrZero(usage?.output_tokens_details?.reasoning_tokens),
      ...billedAs(openaiTiers, envelope?.service_tier),
    });
  },
  requestIdIn: (_, header) => header("x-request-id"),
};

function textsIn(envelope: Envelope): Result<readonly string[], Failure> {
  // Commentary on the way to the answer is reasoning said aloud: not the verdict.
  const messages = ofType(envelope?.output, "message").filter((message) => message?.phase !== "commentary");
  if (messages.some((message) => ofType(message?.content, "refusal").length > 0)) {
    return err({ reason: "content_refused", kind: "refusal" });
  }
  switch (envelope?.status) {
    case "completed":
      return ok(
        messages.map((message) =>
          ofType(message?.content, "output_text")
            .map((part) => text(part?.text))
            .join(""),
        ),
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
