/**
 * What counting costs a judgement on Node: `npx node test/proofs/bench/metrics.ts`. In pairs, alternately: the events of a judgement told to the
 * meter, to nobody, and the same observations made with prom-client. CPU time of this process; the machine's other work is in none of it, but
 * its caches are: trust the medians, and of them the ratios.
 */
import { Counter, Histogram, Registry } from "prom-client";
import { defaultModels } from "../../../src/providers/catalog.ts";
import { createModelLabel } from "../../../src/providers/model-label.ts";
import type { TelemetryEvent } from "../../../src/telemetry/events.ts";
import { countedFamilies, type Family } from "../../../src/telemetry/metrics/families.ts";
import { createMeter } from "../../../src/telemetry/metrics/meter.ts";
import { textOf } from "../../../src/telemetry/metrics/text.ts";
import { attemptOf, requestOf } from "../../telemetry/events-for-test.ts";

const judgements = 100_000;
const pairs = 15;

type Tell = (event: TelemetryEvent) => void;

/** Events are made anew each time, as the service makes them. */
function judge(tell: Tell, at: number): void {
  tell({ kind: "request_began" });
  tell(attemptOf({ durationMs: 500 + (at % 997), costUsd: 0.0002 }));
  tell(requestOf({ durationMs: 500 + (at % 997) }));
}

function microseconds(tell: Tell): number {
  const before = process.cpuUsage();
  for (let at = 0; at < judgements; at++) judge(tell, at);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / judgements;
}

/** What the meter counts of a judgement, with look-ups as prom-client has them. */
function withPromClient(): Tell {
  const registry = new Registry();
  const metric = (name: keyof typeof countedFamilies) => {
    const { type, help, labels, buckets }: Family = countedFamilies[name];
    const shape = { name, help, labelNames: [...labels], registers: [registry] };
    return type === "histogram"
      ? new Histogram({ ...shape, buckets: [...(buckets ?? [])] })
      : new Counter(shape);
  };
  const names = [
    ...(["http_requests_total", "http_request_duration_seconds", "request_overhead_seconds"] as const),
    ...([
      "comparisons_total",
      "tenant_requests_total",
      "attempts_total",
      "upstream_responses_total",
    ] as const),
    ...(["attempt_duration_seconds", "input_tokens_total", "output_tokens_total"] as const),
    ...(["cached_input_tokens_total", "reasoning_output_tokens_total", "cost_dollars_total"] as const),
    ...(["tenant_cost_dollars_total", "verdicts_total", "confidence"] as const),
  ];
  const all = names.map((name) => ({
    metric: metric(`llm_provider_${name}`),
    labels: Object.fromEntries(
      countedFamilies[`llm_provider_${name}`].labels.map((label) => [label, "some-value"]),
    ),
  }));
  return (event) => {
    if (event.kind !== "request") return;
    for (const { metric, labels } of all) {
      if (metric instanceof Histogram) metric.observe(labels, 0.8);
      else metric.inc(labels, 1);
    }
  };
}

const meter = createMeter(createModelLabel(defaultModels));
const promClient = withPromClient();
const nobody: Tell = () => {};
const found = { meter: [] as number[], promClient: [] as number[] };
for (let pair = 0; pair <= pairs; pair++) {
  const base = microseconds(nobody);
  const ours = microseconds(meter.count) - base;
  const theirs = microseconds(promClient) - base;
  // The first warms up.
  if (pair === 0) continue;
  found.meter.push(ours);
  found.promClient.push(theirs);
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const sinceMs = performance.now();
const text = textOf(meter.sums, []);
console.log(
  `Counting a judgement: ${median(found.meter).toFixed(2)} us (median of ${pairs} pairs, ${judgements} judgements each)`,
);
console.log(`The same observations with prom-client: ${median(found.promClient).toFixed(2)} us`);
console.log(`Ratio: ${(median(found.meter) / median(found.promClient)).toFixed(2)}`);
console.log(`A scrape's text: ${text.length} characters in ${(performance.now() - sinceMs).toFixed(1)} ms`);
