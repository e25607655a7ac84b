/**
 * OpenRouter, by its chat completions. `models` (fallbacks) is never sent: another model would answer, and the judge is never swapped. A
 * student's essay goes only to endpoints that don't keep it for training: `data_collection: "deny"`.
 * Source: https://openrouter.ai/docs/api-reference; the shape is that of openai 7.57.0's types, with additions
 */
import type {
  ChatCompletion,
  ChatCompletionCreateParamsNonStreaming,
} from "openai/resources/chat/completions";
import {
  type FrameVersion,
  type Parameters,
  type ReasoningEffort,
  reasoningEfforts,
} from "../domain/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import { schemaOf } from "../domain/frames.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Plan } from "../domain/plan.ts";
import type { Clock, JudgeRequest, Provider } from "../gateway/ports.ts";
import {
  type Complaint,
  call,
  type Dialect,
  jsonHeaders,
  judgementName,
  notAnAnswer,
  type Vendor,
} from "./call.ts";
import { findModel, planFor } from "./catalog.ts";
import { costOf } from "./cost.ts";
import { count, countOrZero, items, sensible, text, type Unsure } from "./envelope.ts";
import { durationHintMs, failureInside, failureOfStatus } from "./failures.ts";
import { type Ability, type Endpoint, endpointLookup } from "./openrouter-endpoints.ts";
import type { Transport } from "./transport.ts";

/** OpenRouter as a provider. It asks the vendor what a model takes, and uses the catalogue where that is not answered. */
export function openrouterProvider(
  vendor: Vendor,
  { transport, clock }: { readonly transport: Transport; readonly clock: Clock },
): Provider {
  const url = `${vendor.baseUrl}/chat/completions`;
  const headers = { ...jsonHeaders, authorization: `Bearer ${vendor.apiKey}` };
  const surroundings = { transport, nowMs: () => clock.nowMs() };
  const endpointsOf = endpointLookup(vendor, { transport, clock });
  return {
    name: "openrouter",
    plan: (model, parameters, signal) => {
      const endpoints = endpointsOf(model, signal);
      return endpoints instanceof Promise
        ? endpoints.then((found) => planOver(found, model, parameters))
        : planOver(endpoints, model, parameters);
    },
    judge: (request, signal) =>
      call(surroundings, { url, headers, body: bodyOf(request) }, dialect, request.model, signal),
    cost: (model, usage, nowMs) => costOf(findModel("openrouter", model), usage, nowMs),
  };
}

/**
 * The strictest shape that some endpoint takes, and of the parameters those which an endpoint with that shape takes too: the request requires all
 * of them at once, and an ability that only another endpoint has would leave nobody to answer.
 */
function planOver(endpoints: readonly Endpoint[] | null, model: string, parameters: Parameters): Plan {
  const known = findModel("openrouter", model);
  if (endpoints === null) return planFor(known, parameters);

  const schema = endpoints.filter(takes("structured_outputs"));
  const json = endpoints.filter(takes("response_format"));
  const [structure, shaped] =
    schema.length > 0
      ? (["schema", schema] as const)
      : json.length > 0
        ? (["json", json] as const)
        : (["words", endpoints] as const);
  const warm = shaped.filter(takes("temperature"));
  const left = parameters.temperature !== null && warm.length > 0 ? warm : shaped;
  const efforts = known.known ? known.efforts : reasoningEfforts;
  return planFor(
    {
      ...known,
      structure,
      temperature: warm.length > 0 ? "always" : "never",
      efforts: left.some(takes("reasoning")) ? efforts : [],
    },
    parameters,
  );
}

const takes = (ability: Ability) => (endpoint: Endpoint) => endpoint.includes(ability);

const schemaFormat = (frame: FrameVersion) =>
  ({
    response_format: {
      type: "json_schema",
      json_schema: { name: judgementName, strict: true, schema: schemaOf(frame) },
    },
  }) as const;
const jsonFormat = { response_format: { type: "json_object" } } as const;

/** What OpenRouter adds to the OpenAI shape, as far as it is used. */
interface Additions {
  provider: { data_collection: "deny"; require_parameters?: true };
  reasoning?: { effort: ReasoningEffort };
}

function bodyOf({ model, system, user, maxTokens, plan, frame }: JudgeRequest) {
  const { temperature, reasoningEffort: effort, structure } = plan;
  const demanding = structure === "schema" || structure === "json" || temperature !== null || effort !== null;
  return {
    model,
    messages: [
      { role: "system", content: system },
      { role: "user", content: user },
    ],
    max_tokens: maxTokens,
    ...(temperature === null ? {} : { temperature }),
    ...(effort === null ? {} : { reasoning: { effort } }),
    ...(structure === "schema" ? schemaFormat(frame) : structure === "json" ? jsonFormat : {}),
    provider: { data_collection: "deny", ...(demanding ? { require_parameters: true } : {}) },
  } satisfies ChatCompletionCreateParamsNonStreaming & Additions;
}

interface OpenRouterError {
  readonly code: number;
  readonly message: string;
  readonly metadata: {
    readonly error_type: string;
    readonly reasons: readonly string[];
    readonly patterns: readonly string[];
  };
  readonly availability: {
    readonly code: string;
    readonly retryable: boolean;
    readonly retry_after: number;
  };
}

type Problem = Unsure<OpenRouterError>;
type Envelope = Unsure<
  Omit<ChatCompletion, "choices"> & {
    readonly choices: readonly (ChatCompletion.Choice & { readonly error: OpenRouterError })[];
    readonly error: OpenRouterError;
  }
>;

const dialect: Dialect<Envelope, Problem> = {
  // A provider that breaks off in the middle is told of beside what it had written, in a 200.
  problemIn: (envelope) => envelope?.error ?? items(envelope?.choices)[0]?.error,
  failureOf,
  textIn,
  modelIn: (envelope) => envelope?.model,
  usageIn: (envelope) => {
    const usage = envelope?.usage;
    return sensible({
      promptTokens: count(usage?.prompt_tokens),
      cachedTokens: countOrZero(usage?.prompt_tokens_details?.cached_tokens),
      cacheWriteTokens: countOrZero(usage?.prompt_tokens_details?.cache_write_tokens),
      completionTokens: count(usage?.completion_tokens),
      reasoningTokens: countOrZero(usage?.completion_tokens_details?.reasoning_tokens),
    });
  },
  requestIdIn: (envelope) => envelope?.id,
};

const refusals = /^(content_policy_violation|refusal)$/;
const nobodyServes = /^(constraint_filtered|no_endpoints|model_not_found)$/;

function failureOf({ problem, status, retryAfterMs, vendorSays }: Complaint<Problem>): Failure {
  const { metadata, availability } = problem ?? {};
  const type = text(metadata?.error_type);
  if (refusals.test(type)) return { reason: "content_refused", kind: type };
  if (type === "max_tokens_exceeded") return { reason: "truncated" };
  const named = status === 200 ? problem?.code : status;
  if (named === 403 && isBlock(problem)) return { reason: "content_refused", kind: "moderation" };
  // Not an outage: no endpoint offers what is asked for, now or later.
  if (named === 503 && (availability?.retryable === false || nobodyServes.test(text(availability?.code)))) {
    return { reason: "request_refused", status: 503, vendorSays };
  }
  const hintMs = retryAfterMs ?? durationHintMs(`${String(availability?.retry_after)}s`);
  return status === 200
    ? failureInside(named, hintMs, vendorSays)
    : failureOfStatus(status, hintMs, vendorSays);
}

/** A 403 is about the key, unless moderation gives its reasons or a guardrail says what it saw: in fields, or in words alone. */
function isBlock(problem: Problem): boolean {
  const { metadata, message } = problem ?? {};
  return (
    items(metadata?.reasons).length > 0 ||
    items(metadata?.patterns).length > 0 ||
    /\b(blocked|flagged|moderation)\b/i.test(text(message))
  );
}

function textIn(envelope: Envelope): Result<string, Failure> {
  const [choice] = items(envelope?.choices);
  if (text(choice?.message?.refusal) !== "") return err({ reason: "content_refused", kind: "refusal" });
  switch (choice?.finish_reason) {
    case "stop":
    case null:
      return ok(text(choice?.message?.content));
    case "length":
      return err({ reason: "truncated" });
    case "content_filter":
      return err({ reason: "content_refused", kind: "content_filter" });
    case "error":
      return err(failureInside(null, null, ""));
    default:
      return notAnAnswer;
  }
}
