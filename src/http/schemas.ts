/**
 * What the service takes and gives, once: the same schemas validate requests, hold answers in tests, and are the OpenAPI document.
 * The namespace import is on purpose: the named one is five times the bundle.
 */
import * as z from "zod";
import { providerNames, reasoningEfforts } from "../domain/comparison.ts";
import { placeholderProblems } from "../domain/prompt.ts";
import { errorTypes } from "./errors.ts";

const metadataBytesMax = 16 * 1024;

/** For every optional field an explicit null means "not given": real clients send it. */
export const overridesRequest = z
  .object({
    provider_override: z.enum(providerNames).nullish(),
    model_override: z.string().min(1).max(200).nullish(),
    temperature_override: z.number().min(0).max(2).nullish(),
    system_prompt_override: z.string().nullish(),
    max_tokens_override: z.int().positive().nullish(),
    reasoning_effort: z.enum(reasoningEfforts).nullish(),
  })
  .meta({ description: "What to leave to the service is left out, or null." });

export const comparisonRequest = z.object({
  user_prompt: text(20_000)
    .superRefine((prompt, context) => {
      for (const problem of placeholderProblems(prompt))
        context.addIssue({ code: "custom", message: problem });
    })
    .meta({
      description:
        "The comparison's instructions. {essay_a} and {essay_b} are replaced, each at most once; an essay without a placeholder is appended.",
    }),
  essay_a: text(200_000),
  essay_b: text(200_000),
  llm_config_overrides: overridesRequest.nullish(),
  processing_mode: z.enum(["queue_if_unavailable", "immediate", "queue"]).nullish(),
  priority: z.int().min(0).max(10).nullish(),
  correlation_id: z.guid().nullish(),
  user_id: z.string().nullish(),
  metadata: z
    .record(z.string(), z.unknown())
    .refine((metadata) => jsonBytes(metadata) <= metadataBytesMax, "must be at most 16 KiB of JSON")
    .nullish()
    .meta({ description: "Echoed untouched; at most 16 KiB of JSON." }),
});
export type ComparisonRequest = z.infer<typeof comparisonRequest>;

export const providerParameter = z.object({ provider: z.enum(providerNames) });
export const modelsQuery = z.object({ provider: z.enum(providerNames).optional() });
export const ticketParameter = z.object({ queue_id: z.guid() });

const count = z.int().nonnegative();

export const judgementAnswer = z.object({
  winner: z.enum(["Essay A", "Essay B"]),
  justification: z.string().min(1).max(500),
  confidence: z.number().min(1).max(5),
  provider: z.enum(providerNames),
  model: z.string().meta({ description: "The model that says it answered." }),
  response_time_ms: count.meta({ description: "Duration of the answering call." }),
  token_usage: z
    .object({
      prompt_tokens: count,
      completion_tokens: count,
      total_tokens: count,
      cached_tokens: count,
      reasoning_tokens: count,
    })
    .nullable()
    .meta({ description: "Of the answering call; null where the provider did not say." }),
  cost_estimate: z
    .number()
    .nonnegative()
    .nullable()
    .meta({ description: "US dollars for all calls; null where the price is unknown." }),
  correlation_id: z.guid(),
  trace_id: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullable(),
  metadata: z.record(z.string(), z.unknown()).meta({
    description:
      "The caller's own, and prompt_sha256, requested_model, attempts, normalizations, dropped_parameters where the caller has no such key.",
  }),
});
export type JudgementAnswer = z.infer<typeof judgementAnswer>;

export const errorAnswer = z.object({
  error: z.string().meta({ description: "One sentence for a person." }),
  error_type: z.enum(errorTypes),
  details: z.string().optional(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  correlation_id: z.guid(),
  retry_after: z.int().positive().optional().meta({ description: "Seconds; where trying again can help." }),
});

/** Null until something measures it: a figure is never invented. */
const notMeasured = z.null();

export const providersAnswer = z.object({
  providers: z.array(
    z.object({
      name: z.enum(providerNames),
      enabled: z.boolean(),
      configured: z.boolean(),
      available: z.boolean(),
      circuit_breaker_state: notMeasured,
      default_model: z.string(),
      last_success: notMeasured,
      last_failure: notMeasured,
      failure_count: notMeasured,
      average_response_time_ms: notMeasured,
      retry_at: notMeasured,
      queue: notMeasured,
    }),
  ),
  default_provider: z.enum(providerNames),
  total_requests_today: notMeasured,
  total_cost_today: notMeasured,
});
export type ProvidersAnswer = z.infer<typeof providersAnswer>;

export const providerTestAnswer = z.object({
  success: z.boolean(),
  provider: z.enum(providerNames),
  message: z.string(),
  response_time_ms: count,
});
export type ProviderTestAnswer = z.infer<typeof providerTestAnswer>;

export const modelsAnswer = z.object({
  models: z.array(
    z.object({
      provider: z.enum(providerNames),
      id: z.string(),
      parameters: z.array(z.string()),
      structured_output: z.string(),
      prices: z
        .object({
          input: z.number(),
          cached: z.number(),
          output: z.number(),
          unit: z.literal("USD per million tokens"),
          valid_from: z.iso.date(),
          source: z.string(),
        })
        .nullable(),
      deprecated_on: z.iso.date().nullable(),
      default: z.boolean(),
    }),
  ),
});
export type ModelsAnswer = z.infer<typeof modelsAnswer>;

export const healthAnswer = z.object({
  service: z.literal("llm-provider-service"),
  status: z.enum(["healthy", "degraded"]),
  version: z.string(),
  platform: z.enum(["node", "cloudflare"]),
  environment: z.enum(["development", "test", "production"]),
  dependencies: z.record(z.string(), z.object({ status: z.string() })),
  queue_stats: notMeasured,
  providers: z.record(
    z.string(),
    z.object({ enabled: z.boolean(), configured: z.boolean(), circuit_breaker_state: notMeasured }),
  ),
  warnings: z.array(z.string()),
});
export type HealthAnswer = z.infer<typeof healthAnswer>;

/** The contract counts UTF-16 units, zod and JSON Schema count code points: a text of pairs may pass there and is refused here. */
function text(maxUnits: number) {
  return z
    .string()
    .min(1)
    .refine(({ length }) => length <= maxUnits, `must have at most ${maxUnits} characters`)
    .meta({ maxLength: maxUnits });
}

function jsonBytes(value: unknown): number {
  try {
    return new TextEncoder().encode(JSON.stringify(value)).length;
  } catch {
    // Nested more deeply than `stringify` can follow: too large in any case.
    return Infinity;
  }
}
