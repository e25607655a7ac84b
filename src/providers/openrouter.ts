/**
 * OpenRouter, by its chat completions. `models` (fallbacks) is never sent: another model would answer, and the judge is never swapped. A
 * student's essay goes only to endpoints that don't keep it for training: `data_collection: "deny"`.
 * Source: https://openrouter.ai/docs/api-reference; the shape is that of openai 7.57.0's types, with additions
 */
import type {
  ChatCompletion,
  ChatCompletionCreateParamsNonStreaming,
} from "openai/resources/chat/completions";
import type { ReasoningEffort } from "../domain/judging/comparison.ts";
import type { Clock, JudgeRequest, Provider } from "../gateway/ports.ts";
import { providerSpeaking, type Vendor } from "./call.ts";
import { bearer, type Dialect, judgementName, type Schema, shapeOf, type Told } from "./dialect.ts";
import { items, ofType, text, type Unsure } from "./envelope.ts";
import { keptLookup } from "./kept-lookup.ts";
import { endpointsAt, planOver } from "./openrouter-endpoints.ts";
import { openrouterEnds, openrouterRefusals } from "./refusals/openrouter.ts";
import { beginsWith } from "./refusals/refusal.ts";
import { durationMs, untilMs } from "./retry-hints.ts";
import { openaiTiers } from "./tiers.ts";
import type { Transport } from "./transport.ts";

type Completion = Omit<ChatCompletion, "choices" | "usage"> & {
  choices: Choice[];
  error: OpenRouterError;
  usage: NonNullable<ChatCompletion["usage"]> & Bill;
};
type Choice = ChatCompletion.Choice & { error: OpenRouterError };
type Bill = { cost: number; is_byok: boolean; cost_details: { upstream_inference_cost: number | null } };
type OpenRouterError = {
  message: string;
  metadata: { error_type: string } & Moderation & Limit & PassedOn;
  availability: { code: string; retryable: boolean; retry_after: number };
};
/** Of moderation, and of a guardrail. */
type Moderation = { reasons: string[]; patterns: string[] };
type Limit = { limit_source: string; reason: string; resets_at: string; headers: Record<string, string> };
/** The company that the call was passed on to, and what it answered. */
type PassedOn = { provider_name: string | null; raw: string };

export const openrouter: Dialect<Unsure<Completion>, Unsure<OpenRouterError>> = {
  name: "openrouter",
  refusals: openrouterRefusals,
  ends: openrouterEnds,
  tiers: openaiTiers,

  headers: bearer,
  path: () => "/chat/completions",
  bodyOf,

  answersIn: (envelope) =>
    items(envelope?.choices).map((choice) => ({
      ended: choice?.finish_reason,
      refusal: text(choice?.message?.refusal) === "" ? "" : "refusal",
      texts: [contentOf(choice?.message?.content)],
    })),
  modelIn: (envelope) => envelope?.model,
  usageIn: (envelope) => {
    const usage = envelope?.usage;
    return {
      prompt: usage?.prompt_tokens,
      cached: usage?.prompt_tokens_details?.cached_tokens,
      cacheWrite: usage?.prompt_tokens_details?.cache_write_tokens,
      completion: usage?.completion_tokens,
      reasoning: usage?.completion_tokens_details?.reasoning_tokens,
      tier: envelope?.service_tier,
      costUsd: billedIn(usage),
    };
  },
  requestIdIn: (envelope) => envelope?.id,

  toldIn,
  // A company that breaks off in the middle is told of beside what it had written, in a 200.
  problemInside: (envelope) =>
    items(envelope?.choices)
      .map((choice) => choice?.error)
      .find((error) => error !== undefined && error !== null),
};

/** OpenRouter as a provider. What a model takes is asked of the vendor, and of the catalogue where the vendor does not answer. */
export function openrouterProvider(
  vendor: Vendor,
  { transport, clock }: { readonly transport: Transport; readonly clock: Clock },
): Provider {
  const endpointsOf = keptLookup(endpointsAt(vendor), { transport, clock });
  return {
    ...providerSpeaking(openrouter)(vendor, { transport, nowMs: () => clock.nowMs() }),
    plan: (model, parameters, signal) => {
      const endpoints = endpointsOf(model, signal);
      return endpoints instanceof Promise
        ? endpoints.then((found) => planOver(found, model, parameters))
        : planOver(endpoints, model, parameters);
    },
  };
}

const schemaFormat = (schema: Schema) =>
  ({
    response_format: { type: "json_schema", json_schema: { name: judgementName, strict: true, schema } },
  }) as const;
const jsonFormat = { response_format: { type: "json_object" } } as const;

/** What OpenRouter adds to the OpenAI shape, as far as it is used. */
interface Additions {
  provider: { data_collection: "deny"; require_parameters?: true };
  reasoning?: { effort: ReasoningEffort };
}

function bodyOf(request: Omit<JudgeRequest, "attempt">) {
  const { model, system, user, maxTokens, plan } = request;
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
    ...shapeOf(request, schemaFormat, jsonFormat),
    provider: { data_collection: "deny", ...(demanding ? { require_parameters: true } : {}) },
  } satisfies ChatCompletionCreateParamsNonStreaming & Additions;
}

/** OpenRouter's OpenAPI definition allows a list of parts in the place of a text, some of them parts of reasoning. */
function contentOf(content: unknown): string {
  return Array.isArray(content)
    ? ofType(content as Unsure<{ type: "text"; text: string }[]>, "text")
        .map((part) => text(part?.text))
        .join("")
    : text(content);
}

/**
 * OpenRouter tells with every answer what the call took, in credits, each a US dollar. With a key of our own at the company behind OpenRouter
 * (`is_byok`), that company's bill comes on top. openrouter.ai/docs/use-cases/usage-accounting, read 2026-11-30
 */
function billedIn(bill: Unsure<Bill>): number {
  const upstream = bill?.is_byok === true ? dollars(bill.cost_details?.upstream_inference_cost) : 0;
  return dollars(bill?.cost) + upstream;
}

/** @returns `NaN` where `value` is no sum of money */
function dollars(value: unknown): number {
  return typeof value === "number" && value >= 0 && value < 1e9 ? value : Number.NaN;
}

/** Words of ours in brackets stand for what the vendor says without a word (`refusals/openrouter.ts`). */
function toldIn(problem: Unsure<OpenRouterError>, about: number | null, nowMs: number): Told {
  const { metadata, availability, message } = problem ?? {};
  const saw = items(metadata?.reasons).length > 0 || items(metadata?.patterns).length > 0;
  const passedOn = text(metadata?.provider_name) !== "";
  const raw = metadata?.raw ?? "";
  const silent =
    beginsWith(text(message), "provider returned error") && typeof raw === "string" && raw.trim() === "";
  const seconds = availability?.retry_after;
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
    waitMs:
      (typeof seconds === "number" ? durationMs(`${seconds}s`) : null) ??
      untilMs(metadata?.headers?.["X-RateLimit-Reset"], nowMs),
    renewedInMs: untilMs(metadata?.resets_at, nowMs),
  };
}
