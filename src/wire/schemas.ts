/**
 * What the service takes and gives, once: the same schemas validate requests, hold answers in tests, and are the OpenAPI document.
 * The namespace import is on purpose: the named one is five times the bundle.
 */
import * as z from "zod";
import {
  presentations,
  processingModes,
  providerNames,
  reasoningEfforts,
} from "../domain/judging/comparison.ts";
import { placeholderProblems } from "../domain/judging/prompt.ts";
import { errorTypes } from "./error-types.ts";

const ticketStatuses = ["queued", "processing", "completed", "failed", "expired", "cancelled"] as const;

/** Real clients send these; nobody reads them. */
export const ignoredOverrides = { output_verbosity: ignored(), service_type: ignored() };

/** For every optional field an explicit null means "not given": real clients send it. Fields that are not here: `unknown-fields.ts`. */
export const overridesRequest = z
  .object({
    provider_override: z.enum(providerNames).nullish(),
    // It goes into the address of a call.
    model_override: z
      .string()
      .regex(/^[!-~]{1,200}$/, "must be 1 to 200 characters from ! to ~, without blanks")
      .nullish(),
    temperature_override: z.number().min(0).max(2).nullish(),
    system_prompt_override: z.string().regex(/\S/, "must not be blank").nullish(),
    max_tokens_override: z.int().positive().nullish(),
    reasoning_effort: z.enum(reasoningEfforts).nullish(),
    ...ignoredOverrides,
  })
  .meta({
    description: "What to leave to the service is left out, or null. Another field than these is refused.",
    additionalProperties: { type: "null" },
  });

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
  essay_a: essay(),
  essay_b: essay(),
  llm_config_overrides: overridesRequest.nullish(),
  processing_mode: z.enum(processingModes).nullish(),
  presentation: z.enum(presentations).nullish().meta({
    description: "Which essay the judge reads first; the answer is in your own names all the same.",
  }),
  presentation_key: atMost(200)
    .nullish()
    .meta({ description: "Names a series, whose orders can be had again." }),
  presentation_index: z
    .int()
    .nonnegative()
    .nullish()
    .meta({ description: "Of the judgement, in the series of its pair." }),
  priority: z.int().min(0).max(10).nullish(),
  correlation_id: z.guid().nullish(),
  user_id: atMost(255).nullish(),
  // What it may be, as it was written, is said in `metadata.ts`.
  metadata: z.record(z.string(), z.unknown()).nullish().meta({
    description:
      "Echoed as it was written; at most 16 KiB of JSON and 100 levels deep, no name twice in an object, none of them __proto__.",
  }),
  callback_url: atMost(2_048).nullish().meta({
    description:
      "Where its end is told, should it become a ticket, in place of your endpoints: under a prefix that the operator has set for you.",
  }),
});
export type ComparisonRequest = z.infer<typeof comparisonRequest>;

export const providerParameter = z.object({ provider: z.enum(providerNames) });
export const modelsQuery = z.object({ provider: z.enum(providerNames).optional() });
/** Printable ASCII: what a header can hold without doubt. */
export const idempotencyKey = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, "must be 1 to 255 printable characters");
/** Ids are kept in lower case, and read in either. */
export const ticketParameter = z.object({ queue_id: z.guid().toLowerCase() });

/** What a query says is text. */
export const waitQuery = z.object({
  wait: z.coerce
    .number()
    .pipe(z.int().min(0).max(30))
    .optional()
    .meta({ description: "Seconds for which the answer waits for a ticket's end; 0: it does not." }),
});
/** As EventSource sends it, too. */
export const lastEventId = z.coerce
  .number()
  .pipe(z.int().min(0))
  .meta({ description: "Only events behind the one of this number." });
export const eventsQuery = z.object({ after: lastEventId.optional() });

/** Of a list. */
export const ticketsQuery = z.object({
  status: z.enum(ticketStatuses).optional(),
  provider: z.enum(providerNames).optional(),
  limit: z.coerce.number().pipe(z.int().min(1).max(100)).default(50),
  cursor: z
    .string()
    .max(500)
    .optional()
    .meta({ description: "From the answer before, with the same filters." }),
});

/** Of the feed. */
export const feedQuery = waitQuery.extend({
  after: z
    .string()
    .max(100)
    .optional()
    .meta({ description: "The cursor of the answer before; left out: from the oldest that is kept." }),
  limit: z.coerce.number().pipe(z.int().min(1).max(100)).default(100),
});

const count = z.int().nonnegative();

const winner = z.enum(["Essay A", "Essay B"]);

export const judgementAnswer = z.object({
  winner,
  justification: z.string().min(1).max(500),
  confidence: z.number().min(1).max(5),
  // Older versions did not say, and what they answered to an Idempotency-Key is answered again as it was.
  shown_first: winner.optional().meta({ description: "Which of your essays the judge read first." }),
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
      "The caller's own, and prompt_sha256, pair_sha256 (the same for both orders), presentation, requested_model, attempts, normalizations, justification_as_shown (where the essays were exchanged), sent_parameters, dropped_parameters, ignored_fields, service_version where the caller has no such key.",
  }),
});
export type JudgementAnswer = z.infer<typeof judgementAnswer>;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const dollars = z.number().nonnegative().nullable();

export const previewAnswer = z.object({
  provider: z.enum(providerNames),
  model: z.string(),
  request: z
    .object({
      method: z.literal("POST"),
      url: z
        .string()
        .meta({ description: "{provider base} stands for an address of this service's operator." }),
      headers: z.record(z.string(), z.string()),
      body: z.string().meta({ description: "Byte for byte." }),
    })
    .meta({ description: "What would be sent, without keys." }),
  prompt_sha256: hash,
  pair_sha256: hash,
  shown_first: winner
    .nullable()
    .meta({ description: "Null: chance will decide, and the request is as given." }),
  sent_parameters: z.record(z.string(), z.unknown()),
  dropped_parameters: z.array(z.string()),
  ignored_fields: z.array(z.string()),
  estimate: z
    .object({ prompt_tokens: count, max_completion_tokens: count, cost_low: dollars, cost_high: dollars })
    .meta({
      description:
        "Of one call, in US dollars, null where the price is unknown. Low: a short verdict without reasoning; high: all tokens that it may write.",
    }),
});
export type PreviewAnswer = z.infer<typeof previewAnswer>;

const time = z.iso.datetime();

export const ticketAnswer = z.object({
  queue_id: z.guid(),
  status: z.enum(ticketStatuses),
  message: z.string().meta({ description: "Why it waits, in a sentence." }),
  provider: z.enum(providerNames),
  position_in_queue: z.int().positive().nullable(),
  estimated_wait_minutes: count.nullable(),
  retry_after: z
    .int()
    .positive()
    .nullable()
    .meta({ description: "Seconds until the next attempt can be expected; null: it has ended." }),
  error_type: z
    .enum(errorTypes)
    .optional()
    .meta({ description: "Of a ticket that has ended without a judgement: why." }),
  expires_at: time,
  status_url: z.string(),
  results_url: z.string(),
  correlation_id: z.guid(),
  ignored_fields: z.array(z.string()).meta({ description: "Of the request: those that nobody reads." }),
});
export type TicketAnswer = z.infer<typeof ticketAnswer>;

export const statusAnswer = z.object({
  queue_id: z.guid(),
  status: z.enum(ticketStatuses),
  provider: z.enum(providerNames),
  shown_first: winner.meta({ description: "Which of your essays the judge reads first." }),
  queued_at: time,
  updated_at: time,
  expires_at: time,
  available_until: time
    .nullable()
    .meta({ description: "How long it can be read, once it has ended; null: it has not." }),
  position_in_queue: z.int().positive().nullable().meta({ description: "1: next; null unless queued." }),
  estimated_wait_minutes: count.nullable(),
  retry_count: count.meta({ description: "Attempts that failed." }),
  priority: z.int().min(0).max(10),
  size_bytes: count.meta({ description: "Of its texts." }),
  metadata: z.record(z.string(), z.unknown()),
  result_available: z.boolean(),
  result_location: z.string().nullable(),
  error_message: z.string().nullable(),
  error_type: z.enum(errorTypes).nullable().meta({ description: "Why it failed, or why it waits." }),
  correlation_id: z.guid(),
});
export type StatusAnswer = z.infer<typeof statusAnswer>;

export const ticketsAnswer = z.object({
  tickets: z.array(statusAnswer).meta({ description: "Your own, newest first." }),
  cursor: z.string().nullable().meta({
    description:
      "For the next page, which may hold fewer than were asked for, or none, though there is another behind it; null: there is none.",
  }),
  complete: z.boolean().meta({
    description:
      "False: a store can't be asked, or has not heard yet of tickets that were accepted a moment ago.",
  }),
});

/** As all who are told have it: feed, streams and webhooks. */
const noticeData = statusAnswer
  .pick({
    queue_id: true,
    status: true,
    provider: true,
    queued_at: true,
    available_until: true,
    error_message: true,
    error_type: true,
    correlation_id: true,
    metadata: true,
  })
  .extend({
    event_type: z.enum([
      "QUEUE_REQUEST_QUEUED",
      "QUEUE_REQUEST_PROCESSING",
      "QUEUE_REQUEST_COMPLETED",
      "QUEUE_REQUEST_FAILED",
    ]),
    event_number: z.int().positive().meta({ description: "The highest is the ticket's end." }),
    attempts: count.nullable().meta({ description: "Null until it has ended, and where it was cancelled." }),
    ended_at: time.nullable(),
    cancelled_by: z.enum(["owner", "operator", "set"]).optional(),
    results_url: z.string(),
    result: z.null(),
  });

export const eventsAnswer = z.object({
  events: z
    .array(
      z.object({
        id: z
          .string()
          .regex(/^evt_[0-9a-f-]{36}_\d+$/)
          .meta({ description: "The same each time that it is told." }),
        type: z.enum(["ticket.completed", "ticket.failed", "ticket.expired", "ticket.cancelled"]),
        timestamp: time,
        data: noticeData,
      }),
    )
    .meta({ description: "Your tickets that have ended, in the order of their ends." }),
  cursor: z.string().meta({ description: "To go on from, also where there was no event." }),
  more: z.boolean().meta({ description: "Others are there already." }),
});

const endpointName = z.string().regex(/^[\w.-]{1,64}$/);
export const webhookTestRequest = z.object({ name: endpointName });
export const webhookTestAnswer = z.object({
  name: z.string(),
  delivered: z.boolean(),
  status: z.int().nullable(),
  error: z.enum(["refused", "timeout", "tls", "blocked", "status", "other"]).nullable(),
  response_time_ms: count,
  event_id: z.string(),
});
export type WebhookTestAnswer = z.infer<typeof webhookTestAnswer>;

export const webhooksAnswer = z.object({
  endpoints: z
    .array(
      z.object({
        name: z.string(),
        host: z.string(),
        kind: z.enum(["endpoint", "callback"]),
        state: z.enum(["ok", "failing", "probing", "off"]).meta({
          description:
            "failing: one delivery at a time is tried, the others wait. off: nothing is sent until a test is answered with 2xx, or the URL is another one.",
        }),
        failing_since: time.nullable(),
        off_because: z
          .enum(["gone", "silent"])
          .nullable()
          .meta({ description: "It has answered 410, or no 2xx for five days." }),
        pending: count,
        dropped: count.meta({ description: "Never told: too many waited, or their tickets were forgotten." }),
        last_delivered_at: time.nullable(),
      }),
    )
    .meta({ description: "Your own, as they are in the settings." }),
});
export type WebhooksAnswer = z.infer<typeof webhooksAnswer>;

const deliveryStatus = z.enum(["pending", "delivered", "failed", "dropped"]);
export const deliveriesQuery = z.object({
  name: endpointName.optional(),
  status: deliveryStatus.optional(),
  limit: ticketsQuery.shape.limit,
  cursor: ticketsQuery.shape.cursor,
});
export const deliveryParameter = z.object({ delivery_id: z.guid().toLowerCase() });

export const deliveryAnswer = z.object({
  delivery_id: z.guid(),
  event_id: z.string(),
  type: z.string(),
  queue_id: z.guid(),
  endpoint: z.string(),
  status: deliveryStatus,
  attempts: count,
  last_status: z.int().nullable().meta({ description: "HTTP status of the last answer." }),
  last_error: webhookTestAnswer.shape.error,
  next_attempt_at: time.nullable().meta({
    description: "At the earliest: where the receiver is failing or off, later. null: under way, or over.",
  }),
  created_at: time,
});
export type DeliveryAnswer = z.infer<typeof deliveryAnswer>;

export const deliveriesAnswer = z.object({
  deliveries: z.array(deliveryAnswer).meta({ description: "Newest first, kept as long as their tickets." }),
  cursor: ticketsAnswer.shape.cursor,
});
export type DeliveriesAnswer = z.infer<typeof deliveriesAnswer>;

export const operatorStatusAnswer = statusAnswer.extend({ tenant: z.string() });
export const operatorTicketsAnswer = ticketsAnswer.extend({
  tickets: z.array(operatorStatusAnswer).meta({ description: "Newest first." }),
});

export const operatorTicketsQuery = ticketsQuery.extend({
  tenant: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .optional(),
});
export const actionsQuery = z.object({
  limit: z.coerce.number().pipe(z.int().min(1).max(1_000)).default(100),
});

export const actionsAnswer = z.object({
  actions: z
    .array(
      z.object({
        at: time,
        operator: z.string(),
        action: z.enum(["pause", "resume", "probe", "cancel"]),
        provider: z.enum(providerNames),
        queue_id: z.guid().nullable().meta({ description: "Of the ticket that was cancelled." }),
        tenant: z.string().nullable().meta({ description: "Whose ticket it was." }),
      }),
    )
    .meta({ description: "The newest first, kept as long as results." }),
});
export type ActionsAnswer = z.infer<typeof actionsAnswer>;

export const resultAnswer = judgementAnswer.extend({
  queue_id: z.guid(),
  queued_at: time,
  completed_at: time,
});
export type ResultAnswer = z.infer<typeof resultAnswer>;

export const pendingAnswer = z.object({
  status: z.enum(["queued", "processing"]),
  message: z.string(),
  retry_after: z.int().positive(),
});
export type PendingAnswer = z.infer<typeof pendingAnswer>;

export const errorAnswer = z.object({
  error: z.string().meta({ description: "One sentence for a person." }),
  error_type: z.enum(errorTypes),
  details: z.string().optional(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  correlation_id: z.guid(),
  retry_after: z.int().positive().optional().meta({ description: "Seconds; where trying again can help." }),
});

const breakerState = z.enum(["closed", "open", "half_open"]).nullable();

const providerEntry = z.object({
  name: z.enum(providerNames),
  enabled: z.boolean(),
  configured: z.boolean(),
  available: z.boolean(),
  circuit_breaker_state: breakerState,
  paused: z.boolean().meta({ description: "By an operator, until an operator resumes." }),
  default_model: z.string(),
  last_success: time.nullable(),
  last_failure: time.nullable(),
  last_failure_reason: z.string().nullable().meta({ description: "An `error_type`." }),
  failure_count: count.nullable().meta({ description: "Faults in a row." }),
  average_response_time_ms: z.number().nonnegative().nullable(),
  retry_at: time.nullable(),
  credentials: z.enum(["ok", "refused", "quota_exceeded"]),
  models_held: z
    .array(
      z.object({
        model: z.string(),
        reason: z.enum(["rate_limit", "faults", "refused", "no_judgements"]),
        until: time,
      }),
    )
    .meta({
      description:
        "Models that wait by themselves: those of the catalogue, and those that your own unfinished tickets want.",
    }),
  others_held: count.meta({ description: "Further models that wait by themselves." }),
  oldest_age_seconds: count.nullable().meta({ description: "Of the oldest unfinished ticket." }),
  queue: z
    .object({
      size: count,
      max_size: count,
      size_bytes: count,
      max_bytes: count,
      accepting: z.boolean(),
    })
    .nullable()
    .meta({ description: "Null where its gate can't be reached." }),
});

export const providersAnswer = z.object({
  providers: z.array(providerEntry),
  default_provider: z.enum(providerNames),
  total_requests_today: count.nullable(),
  total_cost_today: z.number().nonnegative().nullable(),
});
export type ProvidersAnswer = z.infer<typeof providersAnswer>;

export const pausableAnswer = providerEntry.extend({
  paused_by: z.string().nullable().meta({ description: "The operator's name." }),
  paused_at: time.nullable(),
});
export type PausableAnswer = z.infer<typeof pausableAnswer>;

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
  status: z.enum(["healthy", "degraded", "unhealthy"]),
  version: z.string(),
  commit: z.string().optional().meta({ description: "Of the source, as the setting GIT_COMMIT says." }),
  deployment: z.string().optional().meta({ description: "The id of this version at Cloudflare." }),
  platform: z.enum(["node", "cloudflare"]),
  environment: z.enum(["development", "test", "production"]),
  dependencies: z.record(
    z.string(),
    z.object({
      status: z.enum(["up", "down"]),
      latency_ms: z.number().nonnegative().optional(),
      error: z
        .enum(["refused", "unknown_host", "wrong_credentials", "timeout", "read_only", "full", "other"])
        .optional()
        .meta({ description: "What is the matter; the log has the store's own word." }),
    }),
  ),
  queue_stats: z.object({
    queue_size: count,
    queue_type: z.string(),
    oldest_age_seconds: count.nullable(),
  }),
  providers: z.record(
    z.string(),
    z.object({ enabled: z.boolean(), configured: z.boolean(), circuit_breaker_state: breakerState }),
  ),
  warnings: z.array(z.string()),
});
export type HealthAnswer = z.infer<typeof healthAnswer>;

export const homeAnswer = z.object({ service: z.string(), version: z.string(), docs: z.string() });
export const aliveAnswer = z.object({ status: z.literal("alive") });
export const readyAnswer = z.object({ status: z.literal("ready") });

function ignored() {
  return z.unknown().optional().meta({ description: "Ignored." });
}

/** The contract counts UTF-16 units, zod and JSON Schema count code points: a text of pairs may pass there and is refused here. */
function atMost(maxUnits: number, text = z.string()) {
  return text
    .refine(({ length }) => length <= maxUnits, `must have at most ${maxUnits} characters`)
    .meta({ maxLength: maxUnits });
}

function text(maxUnits: number) {
  return atMost(maxUnits, z.string().min(1));
}

/**
 * A file's bytes, or their base64, in place of its text would be judged as a text.
 *
 * Not `superRefine`: it hangs a function on what zod holds of each essay, essays then outlive the young generation, and a judgement costs a fifth more.
 */
function essay() {
  return text(200_000).refine((essay) => fileIn(essay) === undefined, {
    error: ({ input }) => `looks like ${fileIn(String(input))}: send its text`,
  });
}

function fileIn(essay: string): string | undefined {
  return files.find(([beginning]) => essay.startsWith(beginning))?.[1];
}

const files = [
  ["PK\u0003\u0004", "a Word document or another ZIP file"],
  ["%PDF-", "a PDF file"],
  ["{\\rtf", "an RTF file"],
  ["UEsDB", "a Word document or another ZIP file in base64"],
  ["JVBER", "a PDF file in base64"],
] as const;
