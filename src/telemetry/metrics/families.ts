/**
 * Every metric of ours: its name, what it says, its labels and their order, and the buckets of those that are histograms. Names, types and labels
 * are fixed: dashboards and alerts are written with them (`docs/monitoring/metrics.md`). Base units; counters end in `_total`.
 *
 * No label holds what a caller wrote: a model is one of the catalogue's, a provider's default or named in the settings, or `other`.
 */
export interface Family {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper edges, rising; without the last, which is infinite. */
  readonly buckets?: readonly number[];
}

const judge = ["provider", "model"] as const;

const httpSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Of a call to a model, as OpenTelemetry's conventions for generative AI (0.1.0) have them. */
const callSeconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const ownSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5];
const ticketSeconds = [1, 5, 15, 60, 300, 900, 3_600, 7_200, 14_400];

/** Counted where it happens, and summed: over processes by who asks them, over a Worker's isolates by the Worker. */
export const countedFamilies = {
  llm_provider_http_requests_total: counter("Requests answered.", ["route", "method", "status"]),
  llm_provider_http_request_duration_seconds: histogram(
    "Time to the answer.",
    ["route", "method"],
    httpSeconds,
  ),
  llm_provider_request_overhead_seconds: histogram(
    "Time of a judgement but for the vendor's calls and our waits, reading and writing JSON included. Node only.",
    [],
    ownSeconds,
  ),
  llm_provider_comparisons_total: counter("Comparisons: judged at once, kept as a ticket, or refused.", [
    "provider",
    "mode",
    "result",
    "error_type",
  ]),
  llm_provider_turned_away_total: counter("Comparisons for which no call was made, or no ticket kept.", [
    "provider",
    "why",
  ]),
  llm_provider_idempotent_requests_total: counter("Comparisons with an Idempotency-Key.", ["outcome"]),
  llm_provider_attempts_total: counter("Calls to vendors, and what came of them.", [
    "provider",
    "model",
    "lane",
    "outcome",
  ]),
  llm_provider_upstream_responses_total: counter("Answers of vendors by HTTP status; none: no answer.", [
    "provider",
    "status",
  ]),
  llm_provider_attempt_duration_seconds: histogram(
    "Time of a call to a vendor, its body included.",
    ["provider", "model", "outcome"],
    callSeconds,
  ),
  llm_provider_retries_total: counter("Calls made because the one before them failed.", [
    "provider",
    "reason",
  ]),
  llm_provider_reasks_total: counter("The one more ask after an answer that was no judgement.", [
    ...judge,
    "outcome",
  ]),
  llm_provider_input_tokens_total: counter("Tokens read by models, cached ones included.", judge),
  llm_provider_output_tokens_total: counter("Tokens written by models, reasoning included.", judge),
  llm_provider_cached_input_tokens_total: counter("Of the input tokens: from the vendor's cache.", judge),
  llm_provider_reasoning_output_tokens_total: counter("Of the output tokens: reasoning.", judge),
  llm_provider_cost_dollars_total: counter("US dollars of calls whose cost is known.", judge),
  llm_provider_unpriced_attempts_total: counter("Calls with usage whose price is not known.", judge),
  llm_provider_answered_by_other_model_total: counter(
    "Answers of a model that is not of the family that was asked.",
    judge,
  ),
  llm_provider_normalizations_total: counter("Judgements that differ from what the judge wrote.", [
    ...judge,
    "kind",
  ]),
  llm_provider_verdicts_total: counter("Verdicts for the essay that was shown first, and second.", [
    ...judge,
    "shown",
  ]),
  llm_provider_confidence: histogram(
    "Confidence of judgements, from 1 to 5.",
    judge,
    [1.5, 2, 2.5, 3, 3.5, 4, 4.5],
  ),
  llm_provider_tickets_total: counter("Tickets accepted, and how they ended.", ["provider", "event"]),
  llm_provider_ticket_wait_seconds: histogram(
    "From acceptance to the first call, of tickets that have ended.",
    ["provider", "end"],
    ticketSeconds,
  ),
  llm_provider_ticket_duration_seconds: histogram(
    "From acceptance to the end.",
    ["provider", "end"],
    ticketSeconds,
  ),
  llm_provider_tenant_requests_total: counter("Comparisons judged or kept.", ["tenant"]),
  llm_provider_tenant_cost_dollars_total: counter("US dollars of calls whose cost is known.", ["tenant"]),
  llm_provider_webhook_attempts_total: counter("Webhooks sent, and what came of them.", ["outcome"]),
  llm_provider_spans_dropped_total: counter(
    "Spans that no collector took. Node only, where spans are sent.",
    [],
  ),
} as const satisfies Readonly<Record<string, Family>>;

export type CountedName = keyof typeof countedFamilies;

const shared = "The same in all processes that share a store: max by (provider), not sum.";

/** As they are at the moment of the scrape. */
export const shownFamilies = {
  llm_provider_gate_up: gauge("1: the provider's gate could be asked.", ["provider"]),
  llm_provider_circuit_breaker_state: gauge(`1 for the state that it is in. ${shared}`, [
    "provider",
    "state",
  ]),
  llm_provider_circuit_breaker_openings_total: counter(`Openings since the gate was made. ${shared}`, [
    "provider",
  ]),
  llm_provider_faults_in_a_row: gauge(`Faults without an answer between them. ${shared}`, ["provider"]),
  llm_provider_credentials_refused: gauge(`1: our key or credit is refused. ${shared}`, ["provider"]),
  llm_provider_paused: gauge(`1: an operator has paused it. ${shared}`, ["provider"]),
  llm_provider_held_models: gauge(`Models that are left alone now. ${shared}`, ["provider"]),
  llm_provider_queue_depth: gauge(`Unfinished tickets. ${shared}`, ["provider"]),
  llm_provider_queue_running: gauge(`Tickets sent to workers, or called for. ${shared}`, ["provider"]),
  llm_provider_queue_bytes: gauge(`Bytes that tickets hold. ${shared}`, ["provider"]),
  llm_provider_queue_max_depth: gauge(`The limit of tickets. ${shared}`, ["provider"]),
  llm_provider_queue_max_bytes: gauge(`The limit of bytes. ${shared}`, ["provider"]),
  llm_provider_queue_accepting: gauge(`1: new tickets are kept. ${shared}`, ["provider"]),
  llm_provider_queue_oldest_age_seconds: gauge(`Age of the oldest ticket; 0: there is none. ${shared}`, [
    "provider",
  ]),
  llm_provider_store_up: gauge("1: the store can be used.", ["store"]),
  llm_provider_store_latency_seconds: gauge("Of one question to the store, at this scrape.", ["store"]),
  llm_provider_http_requests_in_flight: gauge("Requests that are not answered yet. Node only.", []),
  llm_provider_listeners: gauge(
    "Who waits for what happens to a ticket: by a request (wait), a stream of events or a WebSocket (socket). Node only.",
    ["kind"],
  ),
  llm_provider_upstream_connections: gauge("Connections to the vendor, and calls without one. Node only.", [
    "provider",
    "state",
  ]),
  llm_provider_build_info: gauge("1.", ["version", "platform", "deployment"]),
} as const satisfies Readonly<Record<string, Family>>;

export type ShownName = keyof typeof shownFamilies;

function counter<const Labels extends readonly string[]>(help: string, labels: Labels) {
  return { type: "counter", help, labels } as const;
}

function gauge<const Labels extends readonly string[]>(help: string, labels: Labels) {
  return { type: "gauge", help, labels } as const;
}

function histogram<const Labels extends readonly string[]>(
  help: string,
  labels: Labels,
  buckets: readonly number[],
) {
  return { type: "histogram", help, labels, buckets } as const;
}
