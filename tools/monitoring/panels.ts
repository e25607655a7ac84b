/**
 * What the dashboard shows, in the order in which an operator asks. `$provider`, `$job` and `$__rate_interval` are filled in by Grafana. What the
 * gates say is the same in all processes that share a Redis, so the worst is shown (`min`, `max`); what processes have counted is summed.
 */

export interface Panel {
  readonly title: string;
  /** What to read from it, in a sentence. */
  readonly about: string;
  readonly kind: "lines" | "states" | "table";
  /** As Grafana calls it. */
  readonly unit: "short" | "s" | "percentunit" | "reqps" | "bytes" | "currencyUSD";
  readonly queries: readonly Query[];
  /** What stands in place of a number. */
  readonly words?: Readonly<Record<string, Word>>;
  /** Beyond it a value is no good. */
  readonly bad?: { readonly from: number } | { readonly outside: readonly [least: number, most: number] };
  /** What only Node has (`docs/monitoring/metrics.md`): on Workers it stays empty. */
  readonly nodeOnly?: true;
}

interface Query {
  readonly expression: string;
  readonly legend: string;
}

interface Word {
  readonly text: string;
  readonly color: "green" | "orange" | "red";
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const here = 'job=~"$job"';
const of = `${here}, provider=~"$provider"`;
const rate = "[$__rate_interval]";
const judge = "provider, model";
const ofJudge = "{{provider}} {{model}}";
const perHour = 3_600;

const yes: Word = { text: "yes", color: "green" };

function query(expression: string, legend: string): Query {
  return { expression, legend };
}

/** What was counted, a second. */
function perSecond(metric: string, by: string, more = "", labels = of): string {
  return `sum by (${by}) (rate(llm_provider_${metric}{${labels}${more}}${rate}))`;
}

function quantile(share: number, metric: string, by: string, labels: string): string {
  const buckets = `rate(llm_provider_${metric}_bucket{${labels}}${rate})`;
  return `histogram_quantile(${share}, sum by (le${by === "" ? "" : `, ${by}`}) (${buckets}))`;
}

function quantiles(metric: string, labels: string): readonly Query[] {
  return [0.5, 0.95, 0.99].map((share) => query(quantile(share, metric, "", labels), `p${share * 100}`));
}

function gate(metric: string, worst: "min" | "max", more = ""): string {
  return `${worst} by (provider) (llm_provider_${metric}{${of}${more}})`;
}

const wrong: Row = {
  title: "Is anything wrong?",
  panels: [
    {
      title: "Circuit breakers",
      about: "Open: the provider is not called but for probes; comparisons become tickets.",
      kind: "states",
      unit: "short",
      queries: [
        query(
          `${gate("circuit_breaker_state", "max", ', state="half_open"')} + 2 * ${gate("circuit_breaker_state", "max", ', state="open"')}`,
          "{{provider}}",
        ),
      ],
      words: {
        "0": { text: "closed", color: "green" },
        "1": { text: "half-open", color: "orange" },
        "2": { text: "open", color: "red" },
        "3": { text: "open", color: "red" },
      },
    },
    {
      title: "Oldest ticket",
      about: "The one to watch: behind a closed breaker nothing should wait for ten minutes.",
      kind: "lines",
      unit: "s",
      queries: [query(gate("queue_oldest_age_seconds", "max"), "{{provider}}")],
      bad: { from: 600 },
    },
    {
      title: "How full the queues are",
      about: "At 80 % of either limit new tickets are refused (QUEUE_HIGH_WATERMARK).",
      kind: "lines",
      unit: "percentunit",
      queries: [
        query(
          `max by (provider) (llm_provider_queue_depth{${of}} / llm_provider_queue_max_depth{${of}})`,
          "{{provider}} tickets",
        ),
        query(
          `max by (provider) (llm_provider_queue_bytes{${of}} / llm_provider_queue_max_bytes{${of}})`,
          "{{provider}} bytes",
        ),
      ],
      bad: { from: 0.7 },
    },
    {
      title: "Queues accept",
      about: "No: comparisons that can't be judged at once are refused with 503 QUEUE_FULL.",
      kind: "states",
      unit: "short",
      queries: [query(gate("queue_accepting", "min"), "{{provider}}")],
      words: { "0": { text: "no", color: "red" }, "1": yes },
    },
    {
      title: "Answers of 500 and above",
      about:
        "500 is a bug of ours, 502 a refusal or an answer without a verdict, 503 a provider or store that is away.",
      kind: "lines",
      unit: "reqps",
      queries: [
        query(
          perSecond("http_requests_total", "route, status", ', status=~"5.."', here),
          "{{status}} {{route}}",
        ),
      ],
    },
    {
      title: "Credentials refused",
      about: "Our key or credit at the vendor: tickets wait until it is mended.",
      kind: "states",
      unit: "short",
      queries: [query(gate("credentials_refused", "max"), "{{provider}}")],
      words: { "0": { text: "no", color: "green" }, "1": { text: "refused", color: "red" } },
    },
    {
      title: "Models held, pauses, and faults in a row",
      about:
        "A model that is left alone for a while (429, a refusal of its own), a provider that an operator has paused, and what brings a breaker near its opening.",
      kind: "lines",
      unit: "short",
      queries: [
        query(gate("paused", "max"), "{{provider}} paused"),
        query(gate("held_models", "max"), "{{provider}} held"),
        query(gate("faults_in_a_row", "max"), "{{provider}} faults"),
      ],
    },
    {
      title: "Gates can be asked",
      about: "No: this provider's breaker and queue can't be asked how they are, and are missing above.",
      kind: "states",
      unit: "short",
      queries: [query(gate("gate_up", "min"), "{{provider}}")],
      words: { "0": { text: "no", color: "red" }, "1": yes },
    },
  ],
};

const comparisonRoute = `${here}, route="/api/v1/comparison"`;

const callers: Row = {
  title: "What do callers see?",
  panels: [
    {
      title: "Comparisons by result",
      about: "Judged at once, kept as a ticket, or refused and why.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("comparisons_total", "result, error_type"), "{{result}} {{error_type}}")],
    },
    {
      title: "Time to the answer of a comparison",
      about: "Tickets are among them: an answer of 202 is one.",
      kind: "lines",
      unit: "s",
      queries: quantiles("http_request_duration_seconds", comparisonRoute),
    },
    {
      title: "Turned away",
      about: "No call was made, or no ticket kept.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("turned_away_total", "provider, why"), "{{provider}} {{why}}")],
    },
    {
      title: "Requests by route and status",
      about: "All routes, those of health and metrics too.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("http_requests_total", "route, status", "", here), "{{status}} {{route}}")],
    },
    {
      title: "Comparisons by tenant",
      about: "Judged or kept.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("tenant_requests_total", "tenant", "", here), "{{tenant}}")],
    },
    {
      title: "Requests with an Idempotency-Key",
      about: "Replayed: the client asked again and was not billed again.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("idempotent_requests_total", "outcome", "", here), "{{outcome}}")],
    },
    {
      title: "Webhooks by outcome",
      about: "Whatever is not delivered is tried again. Who fares how: GET /healthz, and the log.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("webhook_attempts_total", "outcome", "", here), "{{outcome}}")],
    },
    {
      title: "Requests under way",
      about: "Not answered yet.",
      kind: "lines",
      unit: "short",
      queries: [
        query(`sum(llm_provider_http_requests_in_flight{${here}})`, "under way"),
        query(`sum by (kind) (llm_provider_listeners{${here}})`, "waits for tickets: {{kind}}"),
      ],
      nodeOnly: true,
    },
    {
      title: "What the service itself takes",
      about: "Of a judgement's time: all but the vendor's calls and our waits.",
      kind: "lines",
      unit: "s",
      queries: quantiles("request_overhead_seconds", here),
      nodeOnly: true,
    },
  ],
};

const vendors: Row = {
  title: "Vendors",
  panels: [
    {
      title: "Calls by outcome",
      about: "Each call to a vendor, for live requests and for tickets.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("attempts_total", "provider, outcome"), "{{provider}} {{outcome}}")],
    },
    {
      title: "Time of a call, p95 by judge",
      about: "Judgements and failures apart: an outage makes failures quick, or as slow as the time limit.",
      kind: "lines",
      unit: "s",
      queries: [
        query(quantile(0.95, "attempt_duration_seconds", `${judge}, outcome`, of), `${ofJudge} {{outcome}}`),
      ],
    },
    {
      title: "Answers by status that are no 200",
      about: "none: no answer came.",
      kind: "lines",
      unit: "reqps",
      queries: [
        query(
          perSecond("upstream_responses_total", "provider, status", ', status!~"2.."'),
          "{{provider}} {{status}}",
        ),
      ],
    },
    {
      title: "Calls made again, and why",
      about: "Within a live request, or a ticket's next attempt.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("retries_total", "provider, reason"), "{{provider}} {{reason}}")],
    },
    {
      title: "Openings of the breaker, in an hour",
      about: "Many short outages are seen here, and nowhere else.",
      kind: "lines",
      unit: "short",
      queries: [
        query(
          `max by (provider) (increase(llm_provider_circuit_breaker_openings_total{${of}}[1h]))`,
          "{{provider}}",
        ),
      ],
    },
    {
      title: "Connections",
      about: "queued: calls that wait for a connection.",
      kind: "lines",
      unit: "short",
      queries: [
        query(
          `sum by (provider, state) (llm_provider_upstream_connections{${of}})`,
          "{{provider}} {{state}}",
        ),
      ],
      nodeOnly: true,
    },
  ],
};

const queue: Row = {
  title: "Queue",
  panels: [
    {
      title: "Tickets that have not ended",
      about: "running: sent to a worker, or called for.",
      kind: "lines",
      unit: "short",
      queries: [
        query(gate("queue_depth", "max"), "{{provider}} unfinished"),
        query(gate("queue_running", "max"), "{{provider}} running"),
      ],
    },
    {
      title: "Tickets accepted, and ended",
      about: "Where more are accepted than end for long, the queue fills up.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("tickets_total", "event"), "{{event}}")],
    },
    {
      title: "How long tickets waited for their first call (p95), beside the oldest",
      about:
        "The first is of tickets that have ended: when the queue stands still it says nothing, and the oldest grows.",
      kind: "lines",
      unit: "s",
      queries: [
        query(quantile(0.95, "ticket_wait_seconds", "provider", of), "{{provider}} waited"),
        query(gate("queue_oldest_age_seconds", "max"), "{{provider}} oldest"),
      ],
    },
    {
      title: "From acceptance to the end, p95",
      about: "By how tickets ended.",
      kind: "lines",
      unit: "s",
      queries: [
        query(quantile(0.95, "ticket_duration_seconds", "provider, end", of), "{{provider}} {{end}}"),
      ],
    },
  ],
};

const money: Row = {
  title: "Money",
  panels: [
    {
      title: "Dollars an hour, by judge",
      about: "Of calls whose cost is known.",
      kind: "lines",
      unit: "currencyUSD",
      queries: [query(`${perHour} * ${perSecond("cost_dollars_total", judge)}`, ofJudge)],
    },
    {
      title: "Dollars an hour, by tenant",
      about: "Of calls whose cost is known.",
      kind: "lines",
      unit: "currencyUSD",
      queries: [
        query(`${perHour} * ${perSecond("tenant_cost_dollars_total", "tenant", "", here)}`, "{{tenant}}"),
      ],
    },
    {
      title: "Tokens a second, by judge",
      about: "All that was read, and all that was written.",
      kind: "lines",
      unit: "short",
      queries: [
        query(perSecond("input_tokens_total", judge), `${ofJudge} read`),
        query(perSecond("output_tokens_total", judge), `${ofJudge} written`),
      ],
    },
    {
      title: "Of them from the cache, and for reasoning",
      about: "Shares of the tokens read, and of those written.",
      kind: "lines",
      unit: "percentunit",
      queries: [
        query(
          `${perSecond("cached_input_tokens_total", judge)} / ${perSecond("input_tokens_total", judge)}`,
          `${ofJudge} cached`,
        ),
        query(
          `${perSecond("reasoning_output_tokens_total", judge)} / ${perSecond("output_tokens_total", judge)}`,
          `${ofJudge} reasoning`,
        ),
      ],
    },
    {
      title: "Calls whose price is not known",
      about: "They are billed, and missing in all sums of dollars.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("unpriced_attempts_total", judge), ofJudge)],
    },
  ],
};

const judges: Row = {
  title: "Judges",
  panels: [
    {
      title: "Verdicts for the essay that was shown first",
      about: "About a half where orders are mixed. A judge that is far from it decides by place.",
      kind: "lines",
      unit: "percentunit",
      queries: [
        query(
          `sum by (${judge}) (increase(llm_provider_verdicts_total{${of}, shown="first"}[1d])) / (sum by (${judge}) (increase(llm_provider_verdicts_total{${of}}[1d])) > 0)`,
          ofJudge,
        ),
      ],
      bad: { outside: [0.45, 0.55] },
    },
    {
      title: "Answers that are no judgement",
      about: "A share of all calls that the model answered.",
      kind: "lines",
      unit: "percentunit",
      queries: [
        query(
          `${perSecond("attempts_total", judge, ', outcome=~"unreadable|truncated|content_refused"')} / ${perSecond("attempts_total", judge, ', outcome=~"judged|unreadable|truncated|content_refused"')}`,
          ofJudge,
        ),
      ],
      bad: { from: 0.05 },
    },
    {
      title: "Asked once more, and what came of it",
      about: "After an answer that was no judgement.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("reasks_total", `${judge}, outcome`), `${ofJudge} {{outcome}}`)],
    },
    {
      title: "Judgements that differ from what the judge wrote",
      about: "A confidence that was clamped, a justification that was cut.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("normalizations_total", `${judge}, kind`), `${ofJudge} {{kind}}`)],
    },
    {
      title: "Confidence, the mean by judge",
      about: "From 1 to 5. A judge that has one answer for everything shows here.",
      kind: "lines",
      unit: "short",
      queries: [
        query(`${perSecond("confidence_sum", judge)} / ${perSecond("confidence_count", judge)}`, ofJudge),
      ],
    },
    {
      title: "Answered by another model than was asked",
      about: "The vendor says so itself: an alias that it has pointed elsewhere.",
      kind: "lines",
      unit: "reqps",
      queries: [query(perSecond("answered_by_other_model_total", judge), ofJudge)],
    },
  ],
};

const machine: Row = {
  title: "Process and stores",
  panels: [
    {
      title: "Stores can be used",
      about: "What clients notice of one that can't: docs/operate.md.",
      kind: "states",
      unit: "short",
      queries: [query(`min by (store, instance) (llm_provider_store_up{${here}})`, "{{store}} {{instance}}")],
      words: { "0": { text: "no", color: "red" }, "1": yes },
    },
    {
      title: "Time of one question to a store",
      about: "At the scrape.",
      kind: "lines",
      unit: "s",
      queries: [
        query(
          `max by (store, instance) (llm_provider_store_latency_seconds{${here}})`,
          "{{store}} {{instance}}",
        ),
      ],
    },
    {
      title: "CPU",
      about: "A share of one core.",
      kind: "lines",
      unit: "percentunit",
      queries: [query(`rate(process_cpu_seconds_total{${here}}${rate})`, "{{instance}}")],
      nodeOnly: true,
    },
    {
      title: "Memory",
      about: "Give a process 1 GB.",
      kind: "lines",
      unit: "bytes",
      queries: [
        query(`process_resident_memory_bytes{${here}}`, "{{instance}} resident"),
        query(`nodejs_heap_size_used_bytes{${here}}`, "{{instance}} heap"),
        query(`nodejs_external_memory_bytes{${here}}`, "{{instance}} outside the heap"),
      ],
      nodeOnly: true,
    },
    {
      title: "Lag of the event loop, p99",
      about: "Since the last scrape. 10 ms is none.",
      kind: "lines",
      unit: "s",
      queries: [query(`nodejs_eventloop_lag_p99_seconds{${here}}`, "{{instance}}")],
      bad: { from: 0.25 },
      nodeOnly: true,
    },
    {
      title: "Time in the garbage collector",
      about: "A share of one core.",
      kind: "lines",
      unit: "percentunit",
      queries: [
        query(
          `sum by (instance, kind) (rate(nodejs_gc_duration_seconds_sum{${here}}${rate}))`,
          "{{instance}} {{kind}}",
        ),
      ],
      nodeOnly: true,
    },
    {
      title: "Open files",
      about: "Connections are among them.",
      kind: "lines",
      unit: "short",
      queries: [query(`process_open_fds{${here}}`, "{{instance}}")],
      nodeOnly: true,
    },
    {
      title: "What runs",
      about: "Two versions at once are a deploy that is under way, or stuck.",
      kind: "table",
      unit: "short",
      queries: [
        query(`count by (instance, version, platform, deployment) (llm_provider_build_info{${here}})`, ""),
      ],
    },
  ],
};

export const rows: readonly Row[] = [wrong, callers, vendors, queue, money, judges, machine];

/** Metrics that no panel shows, and why. */
export const inNoPanel: Readonly<Record<string, string>> = {
  llm_provider_spans_dropped_total:
    "of tracing, whose own tools show that spans are missing; each loss is in the log too",
  process_cpu_user_seconds_total: "a part of process_cpu_seconds_total",
  process_cpu_system_seconds_total: "a part of process_cpu_seconds_total",
  process_start_time_seconds: "for stock dashboards of Node",
  process_max_fds: "for stock dashboards of Node",
  nodejs_eventloop_lag_min_seconds: "for stock dashboards of Node",
  nodejs_eventloop_lag_max_seconds: "for stock dashboards of Node",
  nodejs_eventloop_lag_mean_seconds: "for stock dashboards of Node",
  nodejs_eventloop_lag_p50_seconds: "for stock dashboards of Node",
  nodejs_eventloop_lag_p90_seconds: "for stock dashboards of Node",
  nodejs_heap_size_total_bytes: "for stock dashboards of Node",
  nodejs_heap_space_size_used_bytes: "for stock dashboards of Node",
  nodejs_active_resources: "for stock dashboards of Node",
  nodejs_version_info: "for stock dashboards of Node",
};
