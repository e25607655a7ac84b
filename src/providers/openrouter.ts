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
} from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import { schemaOf } from "../domain/judging/frames.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Plan } from "../domain/judging/plan.ts";
import type { Billed } from "../domain/judging/usage.ts";
import type { Clock, JudgeRequest, Provider } from "../gateway/ports.ts";
import {
  call,
  type Dialect,
  jsonHeaders,
  judgementName,
  notAnAnswer,
  textsOfAll,
  type Told,
  type Vendor,
} from "./call.ts";
import { findModel, planFor } from "./catalog.ts";
import { costOf } from "./cost.ts";
import { count, countOrZero, items, ofType, sensible, text, type Unsure } from "./envelope.ts";
import { type Ability, type Endpoint, endpointLookup } from "./openrouter-endpoints.ts";
import { openrouterRefusals } from "./refusals/openrouter.ts";
import { beginsWith } from "./refusals/refusal.ts";
import { durationMs, untilMs } from "./retry-hints.ts";
import { billedAs, openaiTiers } from "./tiers.ts";
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
    max_tokens: plan.maxTokens ?? maxTokens,
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
    /** Of moderation, and of a guardrail. */
    readonly reasons: readonly string[];
    readonly patterns: readonly string[];
    /** Of limits. */
    readonly limit_source: string;
    readonly reason: string;
    readonly resets_at: string;
    readonly headers: { readonly "X-RateLimit-Reset": string };
    /** The company that the call was passed on to, and what it answered. */
    readonly provider_name: string | null;
    readonly raw: string;
  };
  readonly availability: {
    readonly code: string;
    readonly retryable: boolean;
    readonly retry_after: number;
  };
}

type Problem = Unsure<OpenRouterError>;
type Choice = ChatCompletion.Choice & { readonly error: OpenRouterError };
type Envelope = Unsure<
  Omit<ChatCompletion, "choices" | "usage"> & {
    readonly choices: readonly Choice[];
    readonly error: OpenRouterError;
    readonly usage: NonNullable<ChatCompletion["usage"]> & Bill;
  }
>;

interface Bill {
  readonly cost: number;
  readonly is_byok: boolean;
  readonly cost_details: { readonly upstream_inference_cost: number | null };
}

/** OpenRouter's OpenAPI definition allows a list of these in the place of `content`. */
interface ContentPart {
  readonly type: "text";
  readonly text: string;
}

const dialect: Dialect<Envelope, Problem> = {
  refusals: openrouterRefusals,
  toldIn,
  // A company that breaks off in the middle is told of beside what it had written, in a 200.
  problemInside: (envelope) =>
    items(envelope?.choices)
      .map((choice) => choice?.error)
      .find((error) => error !== undefined && error !== null),
  textsIn: (envelope) => textsOfAll(items(envelope?.choices), textIn),
  modelIn: (envelope) => envelope?.model,
  usageIn: (envelope) => {
    const usage = envelope?.usage;
    return sensible({
      promptTokens: count(usage?.prompt_tokens),
      cachedTokens: countOrZero(usage?.prompt_tokens_details?.cached_tokens),
      cacheWriteTokens: countOrZero(usage?.prompt_tokens_details?.cache_write_tokens),
      completionTokens: count(usage?.completion_tokens),
      reasoningTokens: countOrZero(usage?.completion_tokens_details?.reasoning_tokens),
      ...billedIn(envelope),
    });
  },
  requestIdIn: (envelope) => envelope?.id,
};

/**
 * OpenRouter tells with every answer what it took, in credits, each a US dollar. With a key of our own at the company behind it (`is_byok`), that company's bill
 * comes on top. openrouter.ai/docs/use-cases/usage-accounting, read 2026-11-30
 */
function billedIn(envelope: Envelope): { readonly billed?: Billed } {
  const { cost, is_byok: ownKey, cost_details: details } = envelope?.usage ?? {};
  const costUsd = ownKey === true ? dollars(cost) + dollars(details?.upstream_inference_cost) : dollars(cost);
  return Number.isNaN(costUsd) ? billedAs(openaiTiers, envelope?.service_tier) : { billed: { costUsd } };
}

/** @returns `NaN` where it is no sum of money */
function dollars(value: unknown): number {
  return typeof value === "number" && value >= 0 && value < 1e9 ? value : Number.NaN;
}

/** Words of ours in brackets stand for what the vendor says without a word (`refusals/openrouter.ts`). */
function toldIn(problem: Problem, about: number | null, nowMs: number): Told {
  const { metadata, availability, message } = problem ?? {};
  const saw = items(metadata?.reasons).length > 0 || items(metadata?.patterns).length > 0;
  const passedOn = text(metadata?.provider_name) !== "";
  const silent = beginsWith(text(message), "provider returned error") && isNothing(metadata?.raw);
  return {
    codes: [
      saw ? "moderation" : "",
      text(metadata?.reason),
      text(metadata?.limit_source),
      passedOn && (about === 401 || about === 403) ? "(upstream refusal)" : "",
      silent && about !== 402 && about !== 429 ? "(upstream silence)" : "",
      about === 503 ? text(availability?.code) : "",
      about === 503 && availability?.retryable === false ? "(not retryable)" : "",
    ],
    type: text(metadata?.error_type),
    waitMs: secondsMs(availability?.retry_after) ?? untilMs(metadata?.headers?.["X-RateLimit-Reset"], nowMs),
    renewedInMs: untilMs(metadata?.resets_at, nowMs),
  };
}

function isNothing(raw: unknown): boolean {
  return raw === undefined || raw === null || (typeof raw === "string" && raw.trim() === "");
}

function secondsMs(seconds: unknown): number | null {
  return typeof seconds === "number" ? durationMs(`${seconds}s`) : null;
}

function textIn(choice: Unsure<Choice>): Result<string, Failure> {
  if (text(choice?.message?.refusal) !== "") return err({ reason: "content_refused", kind: "refusal" });
  switch (choice?.finish_reason) {
    case "stop":
    // Companies behind OpenRouter leave it out, or empty.
    case null:
    case undefined:
    case "":
      return ok(contentOf(choice?.message?.content));
    case "length":
      return err({ reason: "truncated" });
    case "content_filter":
      return err({ reason: "content_refused", kind: "content_filter" });
    case "error":
      return err({ reason: "unavailable", status: 200, retryAfterMs: null });
    default:
      return notAnAnswer;
  }
}

/** A text, or parts of one beside parts of reasoning. */
function contentOf(content: unknown): string {
  return Array.isArray(content)
    ? ofType(content as Unsure<readonly ContentPart[]>, "text")
        .map((part) => text(part?.text))
        .join("")
    : text(content);
}
