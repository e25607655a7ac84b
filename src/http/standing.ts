/** How the providers, their queues and our stores are: what `providers` and `healthz` show. */
import { providerNames, type ProviderName } from "../domain/comparison.ts";
import type { Overview } from "../domain/gate-view.ts";
import { StoreAway, type Ports } from "../gateway/ports.ts";
import { version } from "../version.ts";
import type { HealthAnswer, ProvidersAnswer } from "./schemas.ts";

/** By name. A `down` store that is `needed` means that the service can't keep tickets. */
export type Dependencies = Readonly<
  Record<
    string,
    {
      readonly status: "up" | "down";
      readonly latencyMs?: number;
      readonly error?: string;
      readonly needed: boolean;
    }
  >
>;

/** `null`: its gate can't be reached. */
export type Overviews = Readonly<Record<ProviderName, Overview | null>>;

export async function overviewsOf(gate: Ports["gate"]): Promise<Overviews> {
  const rows = await Promise.all(
    providerNames.map(async (name): Promise<[ProviderName, Overview | null]> => {
      try {
        return [name, await gate(name).overview()];
      } catch (error) {
        if (error instanceof StoreAway) return [name, null];
        throw error;
      }
    }),
  );
  return Object.fromEntries(rows) as Record<ProviderName, Overview | null>;
}

interface Setup {
  readonly enabled: boolean;
  readonly configured: boolean;
}

export function providerRow(
  name: ProviderName,
  setup: Setup,
  usable: boolean,
  defaultModel: string,
  overview: Overview | null,
): ProvidersAnswer["providers"][number] {
  return {
    name,
    ...setup,
    available: usable && overview?.state !== "open",
    circuit_breaker_state: overview?.state ?? null,
    default_model: defaultModel,
    last_success: time(overview?.lastSuccessMs),
    last_failure: time(overview?.lastFailureMs),
    failure_count: overview?.faultsInRow ?? null,
    average_response_time_ms: overview?.meanResponseMs ?? null,
    retry_at: time(overview?.retryAtMs),
    queue: overview && {
      size: overview.queue.size,
      max_size: overview.queue.maxSize,
      size_bytes: overview.queue.bytes,
      max_bytes: overview.queue.maxBytes,
      accepting: overview.queue.accepting,
    },
  };
}

function time(ms: number | null | undefined): string | null {
  return typeof ms === "number" ? new Date(ms).toISOString() : null;
}

/** A ticket that waits for longer than this behind a closed breaker is a sign that nothing drains. */
const oldestMs = 600_000;

export function healthBody(
  about: {
    readonly platform: HealthAnswer["platform"];
    readonly environment: HealthAnswer["environment"];
    readonly warnings: readonly string[];
    readonly queueType: string;
  },
  setups: Readonly<Record<string, Setup>>,
  dependencies: Dependencies,
  overviews: Overviews,
  nowMs: number,
): HealthAnswer {
  const known = Object.values(overviews).filter((overview) => overview !== null);
  const ages = known.map(({ queue, state }) => ({
    state,
    ageMs: queue.oldestAcceptedAtMs === null ? null : Math.max(0, nowMs - queue.oldestAcceptedAtMs),
  }));
  const oldest = ages.map(({ ageMs }) => ageMs).filter((ageMs) => ageMs !== null);
  const stores = Object.values(dependencies);
  const isUnhealthy = stores.some(({ status, needed }) => status === "down" && needed);
  const isDegraded =
    known.length < providerNames.length ||
    stores.some(({ status }) => status === "down") ||
    ages.some(({ state, ageMs }) => state === "open" || (state === "closed" && (ageMs ?? 0) > oldestMs));
  return {
    service: "llm-provider-service",
    status: isUnhealthy ? "unhealthy" : isDegraded ? "degraded" : "healthy",
    version,
    platform: about.platform,
    environment: about.environment,
    dependencies: Object.fromEntries(
      Object.entries(dependencies).map(([name, { status, latencyMs, error }]) => [
        name,
        {
          status,
          ...(latencyMs === undefined ? {} : { latency_ms: latencyMs }),
          ...(error === undefined ? {} : { error }),
        },
      ]),
    ),
    queue_stats: {
      queue_size: known.reduce((sum, { queue }) => sum + queue.size, 0),
      queue_type: about.queueType,
      oldest_age_seconds: oldest.length === 0 ? null : Math.floor(Math.max(...oldest) / 1000),
    },
    providers: Object.fromEntries(
      providerNames.map((name) => [
        name,
        {
          enabled: setups[name]?.enabled ?? false,
          configured: setups[name]?.configured ?? false,
          circuit_breaker_state: overviews[name]?.state ?? null,
        },
      ]),
    ),
    warnings: [...about.warnings],
  };
}

/** `YYYY-MM-DD` */
export function utcDay(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}
