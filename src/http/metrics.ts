/** `GET /metrics`: what was counted, and how gates, stores and process are at this moment, as Prometheus reads it. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { GateStatus } from "../domain/gate/view.ts";
import type { Clock, Ports, Sha256 } from "../gateway/ports.ts";
import type { Config } from "../settings/config.ts";
import { beginAtZero } from "../telemetry/metrics/from-zero.ts";
import type { ModelLabel } from "../telemetry/metrics/meter.ts";
import type { Recent } from "../telemetry/recent.ts";
import { addDifferences, newSums, type Difference } from "../telemetry/metrics/sums.ts";
import { metricsType, shown, textOf, type Sample, type Shown } from "../telemetry/metrics/text.ts";
import { version } from "../version.ts";
import { textAnswer } from "./answer.ts";
import { statusesOf, type GateStatuses } from "./gate-views.ts";
import type { AskStores, Dependencies } from "./health.ts";
import { operatorsOnly, type OperatorParts } from "./operator-access.ts";
import type { Platform } from "./platform.ts";
import type { Routes } from "./route-context.ts";

/** What the platform has of metrics. */
export interface MetricsSource {
  /** All that was counted: by this process, or by all isolates of the Worker. */
  readonly counted: () => Promise<readonly Difference[]>;
  /** What this platform alone can show, such as memory. */
  readonly ofPlatform: () => readonly Shown[];
  /** What has happened lately, to whom `counted` counts. @throws {StoreAway} */
  readonly recent: () => Promise<Recent>;
}

export interface MetricsParts extends Pick<OperatorParts, "refusedLogins"> {
  readonly config: Config;
  readonly gate: Ports["gate"];
  readonly dependencies: AskStores;
  readonly usable: ReadonlySet<ProviderName>;
  readonly defaultModels: Readonly<Record<ProviderName, string>>;
  readonly modelLabel: ModelLabel;
  readonly metrics: MetricsSource;
  /** What the platform calls what is deployed; `null`: it has no name for it. */
  readonly deployment: string | null;
  readonly platform: Platform;
  readonly clock: Clock;
  readonly sha256: Sha256;
}

export function metricsRoutes(app: Routes, parts: MetricsParts): void {
  app.get("/metrics", operatorsOnly(parts, "look"), async (c) =>
    textAnswer(200, await metricsNow(parts), metricsType, c.get("correlationId")),
  );
}

async function metricsNow(parts: MetricsParts): Promise<string> {
  const { config, metrics, usable, defaultModels, modelLabel, platform, clock } = parts;
  const [counted, statuses, dependencies] = await Promise.all([
    metrics.counted(),
    statusesOf(parts.gate),
    parts.dependencies("all"),
  ]);
  const sums = newSums();
  const { access, tracing, webhooks } = config;
  beginAtZero(sums, {
    usable,
    defaultModel: (provider) => modelLabel(provider, defaultModels[provider]),
    tenants: access.kind === "keys" ? access.keys.map(({ tenant }) => tenant) : [],
    sendsSpans: tracing !== null,
    sendsWebhooks: webhooks.endpoints.length + webhooks.prefixes.length > 0,
  });
  addDifferences(sums, counted);
  const build = [version, platform.name, parts.deployment ?? ""];
  return textOf(sums, [
    ...ofGates(statuses, clock.nowMs()),
    ...ofStores(dependencies),
    ...metrics.ofPlatform(),
    shown("llm_provider_build_info", [{ values: build, value: 1 }]),
  ]);
}

type Row = readonly [ProviderName, GateStatus];

/** A gate that can't be reached is left out, but for the one that says so. */
function ofGates(statuses: GateStatuses, nowMs: number): readonly Shown[] {
  const all = Object.entries(statuses) as readonly (readonly [ProviderName, GateStatus | null])[];
  const rows = all.filter((row): row is Row => row[1] !== null);
  const each = (valueOf: (status: GateStatus) => number): readonly Sample[] =>
    rows.map(([provider, status]) => ({ values: [provider], value: valueOf(status) }));
  const states = rows.flatMap(([provider, { state }]) =>
    (["closed", "open", "half_open"] as const).map((one) => ({
      values: [provider, one],
      value: flag(one === state),
    })),
  );
  return [
    shown(
      "llm_provider_gate_up",
      all.map(([provider, status]) => ({ values: [provider], value: flag(status !== null) })),
    ),
    shown("llm_provider_circuit_breaker_state", states),
    shown(
      "llm_provider_circuit_breaker_openings_total",
      each(({ openings = 0 }) => openings),
    ),
    shown(
      "llm_provider_faults_in_a_row",
      each(({ faultsInRow }) => faultsInRow),
    ),
    shown(
      "llm_provider_credentials_refused",
      each(({ refused }) => flag(refused !== null)),
    ),
    shown(
      "llm_provider_paused",
      each(({ halt }) => flag(halt !== undefined)),
    ),
    shown(
      "llm_provider_held_models",
      each(({ held }) => held.length),
    ),
    shown(
      "llm_provider_queue_depth",
      each(({ queue }) => queue.size),
    ),
    shown(
      "llm_provider_queue_running",
      each(({ queue }) => queue.running ?? 0),
    ),
    shown(
      "llm_provider_queue_bytes",
      each(({ queue }) => queue.bytes),
    ),
    shown(
      "llm_provider_queue_max_depth",
      each(({ queue }) => queue.maxSize),
    ),
    shown(
      "llm_provider_queue_max_bytes",
      each(({ queue }) => queue.maxBytes),
    ),
    shown(
      "llm_provider_queue_accepting",
      each(({ queue }) => flag(queue.accepting)),
    ),
    shown(
      "llm_provider_queue_oldest_age_seconds",
      each(({ queue: { oldestAcceptedAtMs } }) =>
        oldestAcceptedAtMs === null ? 0 : Math.max(0, nowMs - oldestAcceptedAtMs) / 1000,
      ),
    ),
  ];
}

function ofStores(dependencies: Dependencies): readonly Shown[] {
  const rows = Object.entries(dependencies);
  const up = rows.map(([store, { status }]) => ({ values: [store], value: flag(status === "up") }));
  const latency = rows.flatMap(([store, { latencyMs }]) =>
    latencyMs === undefined ? [] : [{ values: [store], value: latencyMs / 1000 }],
  );
  return [shown("llm_provider_store_up", up), shown("llm_provider_store_latency_seconds", latency)];
}

function flag(is: boolean): number {
  return is ? 1 : 0;
}
