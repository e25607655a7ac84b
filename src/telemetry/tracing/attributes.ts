/**
 * What spans say, under the names of OpenTelemetry's conventions: for calls to models those of generative AI 0.1.0
 * (open-telemetry/semantic-conventions-genai), which are in development still and have moved once, so they are written out here; for HTTP the stable
 * ones; for the queue those of messaging (1.45.0). What has no name there begins with `llm_provider.`.
 *
 * Never a text of a prompt, an essay, an answer or a key, nor a user's id: no opt-in for contents. No path or query either, which a caller writes.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { AttemptEvent, OfTicket, RequestEvent, TicketEnded, TicketWorked } from "../events.ts";

/** `undefined`: it is not said. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a span is called, what it says, and what went wrong, by one of our closed lists; `undefined`: nothing did. */
export interface Description {
  readonly name: string;
  readonly attributes: Attributes;
  readonly error: string | undefined;
}

export function describeCall(event: AttemptEvent): Description {
  const { provider, model, plan, maxTokens, reply, failure, lane, retryOf, costUsd } = event;
  const { outcome, usage, status, requestId } = reply;
  const operation = provider === "google" ? "generate_content" : "chat";
  const error = failure?.reason;
  return {
    name: `${operation} ${model}`,
    error,
    attributes: {
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": providerName(provider),
      "gen_ai.request.model": model,
      "gen_ai.request.max_tokens": plan.maxTokens ?? maxTokens,
      "gen_ai.request.temperature": plan.temperature ?? undefined,
      "gen_ai.request.reasoning.level": plan.reasoningEffort ?? undefined,
      "gen_ai.output.type": plan.structure === "words" ? "text" : "json",
      "gen_ai.response.model": outcome.ok ? outcome.value.model : undefined,
      "gen_ai.usage.input_tokens": usage?.promptTokens,
      "gen_ai.usage.output_tokens": usage?.completionTokens,
      "gen_ai.usage.cache_read.input_tokens": usage?.cachedTokens,
      "gen_ai.usage.cache_write.input_tokens": usage?.cacheWriteTokens,
      "gen_ai.usage.reasoning.output_tokens": usage?.reasoningTokens,
      "http.response.status_code": status ?? undefined,
      "error.type": error,
      "llm_provider.attempt": event.attempt,
      "llm_provider.lane": lane,
      "llm_provider.retry_of": retryOf ?? undefined,
      "llm_provider.reask": event.isReask || undefined,
      "llm_provider.cost_dollars": costUsd ?? undefined,
      "llm_provider.upstream_request_id": requestId ?? undefined,
      ...whose(event),
    },
  };
}

export function describeRequest(event: RequestEvent): Description {
  const { method, route, status, errorType } = event;
  const known = methods.has(method) ? method : "_OTHER";
  const isMatched = route !== null && !route.includes("*");
  // A client's mistake is none of the server's span.
  const error = status >= 500 ? (errorType ?? String(status)) : undefined;
  return {
    name: isMatched ? `${known} ${route}` : known,
    error,
    attributes: {
      "http.request.method": known,
      "http.route": isMatched ? route : undefined,
      "http.response.status_code": status,
      "error.type": error,
      "llm_provider.overhead_ms": event.comparison?.overheadMs ?? undefined,
      ...ofRequest(event),
    },
  };
}

/** What no convention has a name for, and so no platform says by itself. */
export function ofRequest({ provider, errorType, comparison, ...event }: RequestEvent): Attributes {
  return {
    "llm_provider.provider": provider ?? undefined,
    "llm_provider.error_type": errorType ?? undefined,
    "llm_provider.mode": comparison?.mode ?? undefined,
    "llm_provider.result": comparison?.result,
    "llm_provider.turned_away": comparison?.turnedAway ?? undefined,
    ...whose(event),
  };
}

export function describeKeeping(event: OfTicket & { readonly reason: string }): Description {
  return {
    name: "publish tickets",
    error: undefined,
    attributes: { ...message(event, "publish", "send"), "llm_provider.reason": event.reason },
  };
}

export function describeWork(event: TicketWorked): Description {
  const { outcome, reason } = event;
  const error = outcome === "failed" || outcome === "threw" ? (reason ?? outcome) : undefined;
  return {
    name: "process tickets",
    error,
    attributes: { ...message(event, "process", "process"), "error.type": error, ...ofWork(event) },
  };
}

export function ofWork({ outcome, ...event }: TicketWorked): Attributes {
  return { "llm_provider.outcome": outcome, ...ofTicket(event) };
}

/** Of a ticket that nobody will judge any more. */
export function describeEnd(event: TicketEnded): Description {
  const { status, reason, attempts, costUsd, durationMs } = event;
  const error = reason ?? status;
  return {
    name: `ticket ${status}`,
    error,
    attributes: {
      ...ofTicket(event),
      "error.type": error,
      "llm_provider.ticket_status": status,
      "llm_provider.attempts": attempts,
      "llm_provider.cost_dollars": costUsd ?? undefined,
      "llm_provider.ticket_duration_ms": durationMs,
    },
  };
}

function message(event: OfTicket, operation: string, type: string): Attributes {
  return {
    "messaging.system": "llm_provider",
    "messaging.destination.name": "tickets",
    "messaging.operation.name": operation,
    "messaging.operation.type": type,
    "messaging.message.id": event.queueId,
    ...ofTicket(event),
  };
}

function ofTicket({ provider, model, ...event }: OfTicket): Attributes {
  return { "llm_provider.provider": provider, "llm_provider.model": model, ...whose(event) };
}

interface Whose {
  readonly queueId: string | null;
  readonly correlationId: string | undefined;
  readonly tenant: string | null;
}

function whose({ queueId, correlationId, tenant }: Whose): Attributes {
  return {
    "llm_provider.queue_id": queueId ?? undefined,
    "llm_provider.correlation_id": correlationId,
    "llm_provider.tenant": tenant ?? undefined,
  };
}

/** OpenRouter and the mock have no name of their own there. */
function providerName(provider: ProviderName): string {
  return provider === "google" ? "gcp.gemini" : provider;
}

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"]);
