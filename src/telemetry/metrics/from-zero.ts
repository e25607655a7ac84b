/**
 * Series that are there from the start. Prometheus' `rate` and `increase` see how a series grows, and not that it has come: of one that began with
 * its first event that event would be lost. So series whose labels are a closed list begin at 0.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { Failure } from "../../domain/failure.ts";
import { seriesOf, type Sums } from "./sums.ts";

export interface ZeroParts {
  /** Those that can be called. */
  readonly usable: Iterable<ProviderName>;
  /** As a label. */
  readonly defaultModel: (provider: ProviderName) => string;
  /** Those that have a key. */
  readonly tenants: readonly string[];
  /** Spans are sent to a collector. */
  readonly sendsSpans: boolean;
  /** Somebody is told of tickets by webhooks. */
  readonly sendsWebhooks: boolean;
}

const modes = ["queue_if_unavailable", "immediate", "queue"];
const outcomes: readonly ("judged" | Failure["reason"])[] = [
  "judged",
  "connection",
  "timeout",
  "hung_up",
  "unavailable",
  "rate_limited",
  "credentials_refused",
  "quota_exhausted",
  "request_refused",
  "content_refused",
  "truncated",
  "unreadable",
];

const webhookOutcomes = ["delivered", "status", "refused", "timeout", "tls", "blocked", "other"];

export function beginAtZero(sums: Sums, parts: ZeroParts): void {
  const { usable, defaultModel, tenants, sendsSpans, sendsWebhooks } = parts;
  for (const provider of usable) {
    const model = defaultModel(provider);
    for (const mode of modes) {
      for (const result of ["judged", "kept"])
        seriesOf(sums, "llm_provider_comparisons_total", [provider, mode, result, "none"]);
      // The first bug that a client meets is the one to be told of.
      seriesOf(sums, "llm_provider_comparisons_total", [provider, mode, "refused", "INTERNAL_ERROR"]);
    }
    for (const lane of ["live", "ticket"]) {
      for (const outcome of outcomes)
        seriesOf(sums, "llm_provider_attempts_total", [provider, model, lane, outcome]);
    }
    for (const why of ["breaker", "rate_limit", "queue_full", "crowded"])
      seriesOf(sums, "llm_provider_turned_away_total", [provider, why]);
    for (const event of ["accepted", "completed", "failed", "expired", "cancelled"])
      seriesOf(sums, "llm_provider_tickets_total", [provider, event]);
    for (const shown of ["first", "second"])
      seriesOf(sums, "llm_provider_verdicts_total", [provider, model, shown]);
    seriesOf(sums, "llm_provider_cost_dollars_total", [provider, model]);
    seriesOf(sums, "llm_provider_unpriced_attempts_total", [provider, model]);
    seriesOf(sums, "llm_provider_answered_by_other_model_total", [provider, model]);
  }
  if (sendsWebhooks) {
    for (const outcome of webhookOutcomes) {
      seriesOf(sums, "llm_provider_webhook_attempts_total", [outcome]);
    }
  }
  if (sendsSpans) seriesOf(sums, "llm_provider_spans_dropped_total", []);
  for (const outcome of ["first", "replayed", "in_progress", "mismatch"])
    seriesOf(sums, "llm_provider_idempotent_requests_total", [outcome]);
  for (const tenant of tenants) {
    seriesOf(sums, "llm_provider_tenant_requests_total", [tenant]);
    seriesOf(sums, "llm_provider_tenant_cost_dollars_total", [tenant]);
  }
}
