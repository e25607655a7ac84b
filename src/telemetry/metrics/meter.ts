/**
 * Counts what happens. The series that an event counts in are looked up once for all events of its kind and labels, and kept together: a judgement
 * costs four look-ups, not one for each of its twenty figures.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { AttemptEvent, RequestEvent, TelemetryEvent, TicketEnded, WebhookEvent } from "../events.ts";
import { countedFamilies, type CountedName } from "./families.ts";
import { newSums, observe, seriesOf, type Series, type Sums } from "./sums.ts";

/** A model as a label: one of the catalogue's ids, a provider's default, or `other`. What callers name is no label. */
export type ModelLabel = (provider: ProviderName, model: string) => string;

export interface Meter {
  readonly count: (event: TelemetryEvent) => void;
  readonly sums: Sums;
  /** Requests that are not answered yet. */
  readonly inFlight: () => number;
}

/**
 * Gates and stores are asked how they are at each scrape; the rest is for the log and for spans. A list of types alone: an event that is neither
 * counted nor here doesn't compile, and nothing of the list is in the Worker.
 */
type Uncounted = Extract<
  TelemetryEvent,
  {
    kind:
      | "ticket_worked"
      | "breaker_opened"
      | "breaker_half_open"
      | "breaker_closed"
      | "provider_held"
      | "provider_released"
      | "queue_full"
      | "queue_accepting"
      | "store_away"
      | "store_back"
      | "store_refuses"
      | "store_accepts"
      | "store_warnings"
      | "tickets_moved"
      | "spooled_too_late"
      | "judged_for_nobody"
      | "upstash_away"
      | "bus_failing"
      | "bus_back"
      | "bus_dropped"
      | "operator_action"
      | "operator_refused"
      | "webhook_failing"
      | "webhook_off"
      | "webhook_on"
      | "started"
      | "found"
      | "stopping"
      | "stopped"
      | "log_lines_dropped"
      | "settings_wrong"
      | "unknown_fields"
      | "unexpected_error"
      | "background_fault"
      | "gate_alarm_failed"
      | "gate_away"
      | "gate_start_failed"
      | "index_alarm_failed"
      | "key_alarm_failed"
      | "message_failed"
      | "message_unreadable"
      | "metrics_not_stored"
      | "queue_refused"
      | "recording_failed"
      | "ticket_alarm_failed"
      | "ticket_failed"
      | "ticket_silent";
  }
>;

export function createMeter(modelLabel: ModelLabel, sums: Sums = newSums()): Meter {
  let inFlight = 0;
  const request = requestCounter(sums);
  const attempt = attemptCounter(sums, modelLabel);
  const tenants = remembered((tenant) => seriesOf(sums, "llm_provider_tenant_cost_dollars_total", [tenant]));

  function count(event: TelemetryEvent): void {
    switch (event.kind) {
      case "request_began":
        inFlight++;
        return;
      case "request":
        // Refused from below the routes, none has begun.
        if (event.route !== null) inFlight--;
        return request(event);
      case "attempt":
        if (event.costUsd !== null) tenants(event.tenant).value += event.costUsd;
        return attempt(event);
      case "ticket_kept":
        seriesOf(sums, "llm_provider_tickets_total", [event.provider, "accepted"]).value++;
        return;
      case "ticket_ended":
        return countEnd(sums, event);
      case "webhook_attempt":
        seriesOf(sums, "llm_provider_webhook_attempts_total", [webhookOutcome(event)]).value++;
        return;
      case "spans_dropped":
        seriesOf(sums, "llm_provider_spans_dropped_total", []).value += event.count;
        return;
      default:
        event satisfies Uncounted;
    }
  }

  return { count, sums, inFlight: () => inFlight };
}

function webhookOutcome({ status, failure }: Extract<WebhookEvent, { kind: "webhook_attempt" }>): string {
  if (failure !== null) return failure;
  return status !== null && status >= 200 && status < 300 ? "delivered" : "status";
}

const edges = {
  http: countedFamilies.llm_provider_http_request_duration_seconds.buckets,
  own: countedFamilies.llm_provider_request_overhead_seconds.buckets,
  call: countedFamilies.llm_provider_attempt_duration_seconds.buckets,
  confidence: countedFamilies.llm_provider_confidence.buckets,
  ticket: countedFamilies.llm_provider_ticket_duration_seconds.buckets,
};

function requestCounter(sums: Sums): (event: RequestEvent) => void {
  const series = (name: CountedName, ...values: readonly string[]) => seriesOf(sums, name, values);
  const tenants = remembered((tenant) => series("llm_provider_tenant_requests_total", tenant));
  const overhead = series("llm_provider_request_overhead_seconds");
  const answered = new Map<string, { readonly total: Series; readonly duration: Series }>();
  const compared = new Map<string, Series>();

  function answeredOf({ route, method, status }: RequestEvent) {
    const key = `${method} ${status} ${route}`;
    const known = answered.get(key);
    if (known !== undefined) return known;
    const values = [routeLabel(route), methodLabel(method)] as const;
    const made = {
      total: series("llm_provider_http_requests_total", ...values, String(status)),
      duration: series("llm_provider_http_request_duration_seconds", ...values),
    };
    // A method is what a client writes.
    if (answered.size < mostRemembered) answered.set(key, made);
    return made;
  }

  function comparedOf(provider: string, mode: string, result: string, errorType: string): Series {
    const key = `${provider} ${mode} ${result} ${errorType}`;
    const known = compared.get(key);
    if (known !== undefined) return known;
    const made = series("llm_provider_comparisons_total", provider, mode, result, errorType);
    compared.set(key, made);
    return made;
  }

  return (event) => {
    const { total, duration } = answeredOf(event);
    total.value++;
    if (event.route !== null) observe(duration, edges.http, event.durationMs / 1000);
    const { comparison, provider, errorType, tenant } = event;
    if (comparison === null) return;
    const { mode, result, turnedAway, keyed, overheadMs } = comparison;
    comparedOf(provider ?? "none", mode ?? "none", result, errorType ?? "none").value++;
    if (overheadMs !== null) observe(overhead, edges.own, overheadMs / 1000);
    if (result !== "refused" && tenant !== null) tenants(tenant).value++;
    if (turnedAway !== null) series("llm_provider_turned_away_total", provider ?? "none", turnedAway).value++;
    if (keyed !== null) series("llm_provider_idempotent_requests_total", keyed).value++;
  };
}

/** A client can write what it likes, and each is remembered under its own name. */
const mostRemembered = 1_000;
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"]);

function methodLabel(method: string): string {
  return methods.has(method) ? method : "other";
}

/** @param route `*`, or `null`: none matched */
function routeLabel(route: string | null): string {
  return route === null || route.includes("*") ? "unmatched" : route;
}

/** The series of one judge. */
interface JudgeSeries {
  /** By outcome, once there was one: each is a dozen and a half lines. */
  readonly durations: { judged?: Series; failed?: Series };
  readonly input: Series;
  readonly output: Series;
  readonly cached: Series;
  readonly reasoning: Series;
  readonly cost: Series;
  readonly unpriced: Series;
  readonly byOther: Series;
  readonly first: Series;
  readonly second: Series;
  readonly confidence: Series;
  readonly outcomes: Map<string, Series>;
}

function attemptCounter(sums: Sums, modelLabel: ModelLabel): (event: AttemptEvent) => void {
  const series = (name: CountedName, ...values: readonly string[]) => seriesOf(sums, name, values);
  const judges = new Map<string, Map<string, JudgeSeries>>();
  const responses = new Map<string, Series>();

  function judgeOf(provider: string, model: string): JudgeSeries {
    let ofProvider = judges.get(provider);
    if (ofProvider === undefined) judges.set(provider, (ofProvider = new Map()));
    let judge = ofProvider.get(model);
    if (judge === undefined) ofProvider.set(model, (judge = judgeSeries(sums, provider, model)));
    return judge;
  }

  function outcomeOf({ outcomes }: JudgeSeries, values: readonly [string, string, string, string]): Series {
    const key = `${values[2]} ${values[3]}`;
    const known = outcomes.get(key);
    if (known !== undefined) return known;
    const made = series("llm_provider_attempts_total", ...values);
    outcomes.set(key, made);
    return made;
  }

  function responseOf(provider: string, status: number | null): Series {
    const key = `${provider} ${status}`;
    const known = responses.get(key);
    if (known !== undefined) return known;
    const made = series("llm_provider_upstream_responses_total", provider, statusLabel(status));
    if (responses.size < mostRemembered) responses.set(key, made);
    return made;
  }

  return (event) => {
    const { provider, lane, reply, failure, retryOf } = event;
    const model = modelLabel(provider, event.model);
    const judge = judgeOf(provider, model);
    const outcome = failure?.reason ?? "judged";
    outcomeOf(judge, [provider, model, lane, outcome]).value++;
    responseOf(provider, reply.status).value++;
    const ended = failure === null ? "judged" : "failed";
    const duration = (judge.durations[ended] ??= series(
      "llm_provider_attempt_duration_seconds",
      provider,
      model,
      ended,
    ));
    observe(duration, edges.call, event.durationMs / 1000);
    if (retryOf !== null) series("llm_provider_retries_total", provider, retryOf).value++;
    if (event.isReask) series("llm_provider_reasks_total", provider, model, outcome).value++;
    countUsage(judge, event);
    // Trying a provider out is no judging: its texts are always the same.
    if (lane !== "test") countVerdict(sums, judge, event, model);
  };
}

function countUsage(judge: JudgeSeries, { reply: { usage }, costUsd }: AttemptEvent): void {
  if (usage === null) return;
  judge.input.value += usage.promptTokens;
  judge.output.value += usage.completionTokens;
  judge.cached.value += usage.cachedTokens;
  judge.reasoning.value += usage.reasoningTokens;
  if (costUsd === null) judge.unpriced.value++;
  else judge.cost.value += costUsd;
}

function countVerdict(sums: Sums, judge: JudgeSeries, event: AttemptEvent, model: string): void {
  const { judgement, reply, provider } = event;
  if (reply.outcome.ok && !isOfFamily(event.model, reply.outcome.value.model)) judge.byOther.value++;
  if (judgement === null) return;
  // As the judge was shown them.
  if (judgement.winner === "Essay A") judge.first.value++;
  else judge.second.value++;
  observe(judge.confidence, edges.confidence, judgement.confidence);
  for (const kind of judgement.normalizations)
    seriesOf(sums, "llm_provider_normalizations_total", [provider, model, kind]).value++;
}

/** A snapshot of the model that was asked, or the model that an alias stands for, by its name: `…-latest` and dates left out. */
export function isOfFamily(asked: string, answered: string): boolean {
  const [a, b] = [familyOf(asked), familyOf(answered)];
  return a.startsWith(b) || b.startsWith(a);
}

/** Without the vendor before it, the variant behind it, and what says which snapshot it is. */
function familyOf(model: string): string {
  const name = model.toLowerCase().split("/").at(-1) ?? "";
  return name.replace(/:.*$/, "").replace(/-(latest|\d{4}-\d{2}-\d{2}|\d{8})$/, "");
}

/** Three digits; whatever else a vendor may send is `other`. */
function statusLabel(status: number | null): string {
  if (status === null) return "none";
  return Number.isInteger(status) && status >= 100 && status <= 599 ? String(status) : "other";
}

function judgeSeries(sums: Sums, provider: string, model: string): JudgeSeries {
  const of = (name: CountedName, ...more: readonly string[]) =>
    seriesOf(sums, name, [provider, model, ...more]);
  return {
    durations: {},
    input: of("llm_provider_input_tokens_total"),
    output: of("llm_provider_output_tokens_total"),
    cached: of("llm_provider_cached_input_tokens_total"),
    reasoning: of("llm_provider_reasoning_output_tokens_total"),
    cost: of("llm_provider_cost_dollars_total"),
    unpriced: of("llm_provider_unpriced_attempts_total"),
    byOther: of("llm_provider_answered_by_other_model_total"),
    first: of("llm_provider_verdicts_total", "first"),
    second: of("llm_provider_verdicts_total", "second"),
    confidence: of("llm_provider_confidence"),
    outcomes: new Map(),
  };
}

function countEnd(sums: Sums, { provider, status, waitMs, durationMs }: TicketEnded): void {
  seriesOf(sums, "llm_provider_tickets_total", [provider, status]).value++;
  const values = [provider, status];
  observe(seriesOf(sums, "llm_provider_ticket_duration_seconds", values), edges.ticket, durationMs / 1000);
  if (waitMs === null) return;
  observe(seriesOf(sums, "llm_provider_ticket_wait_seconds", values), edges.ticket, waitMs / 1000);
}

/** Tenants have keys: there are no more of them than the settings name. */
function remembered(make: (name: string) => Series): (name: string) => Series {
  const known = new Map<string, Series>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const made = make(name);
    known.set(name, made);
    return made;
  };
}
