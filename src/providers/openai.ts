/**
 * OpenAI, by its Responses API: the one that its newest models need for everything. That API stores by default, for 30 days or more: a student's
 * essay must not stay there, hence `store: false`.
 * Source: the types of openai 7.57.0; https://developers.openai.com/api/docs/guides/structured-outputs
 */
import type {
  Response,
  ResponseCreateParamsNonStreaming,
  ResponseError,
} from "openai/resources/responses/responses";
import type { ErrorObject } from "openai/resources/shared";
import type { JudgeRequest, Provider } from "../gateway/ports.ts";
import { providerSpeaking, type VendorParts, type Vendor } from "./call.ts";
import { bearer, type Dialect, judgementName, type Schema, shapeOf } from "./dialect.ts";
import type { Said } from "./ends.ts";
import { ofType, text, type Unsure } from "./envelope.ts";
import { openaiEnds, openaiRefusals } from "./refusals/openai.ts";
import { openaiTiers } from "./tiers.ts";

type Envelope = Unsure<Omit<Response, "error"> & { error: Problems }>;
/** A refused request and a response that failed report their errors at the same place, in almost the same shape. */
type Problems = Omit<ErrorObject, "code"> & { code: ResponseError["code"] | string | null };

export const openai: Dialect<Envelope, Unsure<Problems>> = {
  name: "openai",
  refusals: openaiRefusals,
  ends: openaiEnds,
  tiers: openaiTiers,

  headers: bearer,
  path: () => "/responses",
  // Where no tier is named a project's own setting decides, and with that what a judgement costs.
  bodyOf: (request) =>
    ({ ...bodyOf(request), service_tier: "default" }) satisfies ResponseCreateParamsNonStreaming,

  answersIn: (envelope) => [answerIn(envelope)],
  modelIn: (envelope) => envelope?.model,
  usageIn: (envelope) => {
    const usage = envelope?.usage;
    return {
      prompt: usage?.input_tokens,
      cached: usage?.input_tokens_details?.cached_tokens,
      cacheWrite: usage?.input_tokens_details?.cache_write_tokens,
      completion: usage?.output_tokens,
      reasoning: usage?.output_tokens_details?.reasoning_tokens,
      tier: envelope?.service_tier,
    };
  },
  requestIdIn: (_, header) => header("x-request-id"),

  toldIn: (problem) => ({ codes: [text(problem?.code)], type: text(problem?.type) }),
};

/** OpenAI as a provider, or a server that only speaks OpenAI's language and may know no tiers. */
export function openaiProvider(vendor: Vendor, parts: VendorParts): Provider {
  const spoken = isOpenaisOwn(vendor.baseUrl) ? openai : { ...openai, bodyOf };
  return providerSpeaking(spoken)(vendor, parts);
}

/** With OpenAI's regional hosts, such as `eu.api.openai.com`. */
function isOpenaisOwn(baseUrl: string): boolean {
  return /^https:\/\/([a-z0-9-]+\.)*api\.openai\.com(:\d+)?(\/|$)/i.test(baseUrl);
}

const schemaFormat = (schema: Schema) =>
  ({ text: { format: { type: "json_schema", name: judgementName, strict: true, schema } } }) as const;
const jsonFormat = { text: { format: { type: "json_object" } } } as const;

function bodyOf(request: Omit<JudgeRequest, "attempt">) {
  const { model, system, user, maxTokens, plan } = request;
  return {
    model,
    store: false,
    instructions: system,
    input: user,
    max_output_tokens: plan.maxTokens ?? maxTokens,
    ...(plan.temperature === null ? {} : { temperature: plan.temperature }),
    ...(plan.reasoningEffort === null ? {} : { reasoning: { effort: plan.reasoningEffort } }),
    ...shapeOf(request, schemaFormat, jsonFormat),
  } satisfies ResponseCreateParamsNonStreaming;
}

function answerIn(envelope: Envelope): Said {
  // Commentary on the way to the answer is reasoning said aloud: not the verdict.
  const messages = ofType(envelope?.output, "message").filter((message) => message?.phase !== "commentary");
  const refused = messages.some((message) => ofType(message?.content, "refusal").length > 0);
  const status = envelope?.status;
  const why = status === "incomplete" ? text(envelope?.incomplete_details?.reason) : "";
  return {
    ended: why === "" ? status : `incomplete: ${why}`,
    refusal: refused ? "refusal" : why === "content_filter" ? why : "",
    texts: messages.map((message) =>
      ofType(message?.content, "output_text")
        .map((part) => text(part?.text))
        .join(""),
    ),
  };
}
