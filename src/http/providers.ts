/** How the providers, their queues and our stores are: what `providers` and `healthz` show. */
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { Overview } from "../domain/gate/view.ts";
import { isOwnKey } from "../domain/gate/model-key.ts";
import { StoreAway, type Ports } from "../gateway/ports.ts";
import { version } from "../version.ts";
import { errorTypeOf } from "./errors.ts";
import type { HealthAnswer, ProvidersAnswer } from "../wire/schemas.ts";

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

/** @param tenant who asks, as its gates know it; absent: nobody */
export async function overviewsOf(gate: Ports["gate"], tenant?: string): Promise<Overviews> {
  const rows = await Promise.all(
    providerNames.map(async (name): Promise<[ProviderName, Overview | null]> => {
      try {
        return [name, await gate(name).overview(tenant)];
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
  nameOf: NameOf,
  nowMs: number,
): ProvidersAnswer["providers"][number] {
  const { named, others } = heldOf(name, overview, nameOf);
  return {
    name,
    ...setup,
    available: usable && overview?.state !== "open" && (overview?.refused ?? null) === null,
    circuit_breaker_state: overview?.state ?? null,
    default_model: defaultModel,
    last_success: time(overview?.lastSuccessMs),
    last_failure: time(overview?.lastFailureMs),
    last_failure_reason: overview?.lastFailure ? errorTypeOf(overview.lastFailure) : null,
    failure_count: overview?.faultsInRow ?? null,
    average_response_time_ms: rounded(overview?.meanResponseMs ?? null),
    retry_at: time(overview?.retryAtMs),
    credentials: credentialsOf(overview),
    models_held: named.map(({ model, why, untilMs }) => ({
      model,
      reason: why,
      until: new Date(untilMs).toISOString(),
    })),
    others_held: others,
    oldest_age_seconds: ageSeconds(overview?.queue.oldestAcceptedAtMs ?? null, nowMs),
    queue: overview && {
      size: overview.queue.size,
      max_size: overview.queue.maxSize,
      size_bytes: overview.queue.bytes,
      max_bytes: overview.queue.maxBytes,
      accepting: overview.queue.accepting,
    },
  };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}

/** A model's name, by its gate's key for it; `null`: it is none that everybody may know of. */
export type NameOf = (provider: ProviderName, key: string) => string | null;

/** Callers name models freely, and what they name is nobody else's to see: but the catalogue's, and what the asker's own tickets wait for. */
function heldOf(provider: ProviderName, overview: Overview | null, nameOf: NameOf) {
  const held = (overview?.held ?? []).map(({ model: key, isWanted, ...hold }) => {
    const own = isWanted && isOwnKey(key) ? key : null;
    return { ...hold, model: nameOf(provider, key) ?? own };
  });
  const named = held.flatMap(({ model, ...hold }) => (model === null ? [] : [{ model, ...hold }]));
  return { named, others: held.length - named.length };
}

function credentialsOf(overview: Overview | null): ProvidersAnswer["providers"][number]["credentials"] {
  switch (overview?.refused ?? null) {
    case null:
      return "ok";
    case "credentials_refused":
      return "refused";
    case "quota_exhausted":
      return "quota_exceeded";
  }
}

function ageSeconds(sinceMs: number | null, nowMs: number): number | null {
  return sinceMs === null ? null : Math.floor(Math.max(0, nowMs - sinceMs) / 1000);
}

/** What waits for what, in words. Without names of models that only a caller has named. */
function waitsInWords(overviews: Overviews, nameOf: NameOf): readonly string[] {
  return providerNames.flatMap((name) => {
    const overview = overviews[name];
    if (overview === null) return [];
    const waiting = overview.queue.size === 1 ? "one ticket waits" : `${overview.queue.size} tickets wait`;
    const again =
      overview.retryAtMs === null ? "" : ` It is asked again at ${time(overview.retryAtMs)} or later.`;
    const words: string[] = [];
    if (overview.refused !== null) {
      const what =
        overview.refused === "quota_exhausted"
          ? "credit or spend limit is used up"
          : "credentials are refused";
      words.push(`Our ${what} at ${name}: ${waiting}.${again}`);
    }
    if (overview.state !== "closed" && overview.queue.size > 0)
      words.push(`${name} is down: ${waiting}.${again}`);
    const { named, others } = heldOf(name, overview, nameOf);
    for (const { model, why, untilMs } of named) {
      words.push(`${model} at ${name} ${holdInWords[why]} ${time(untilMs)}.`);
    }
    if (others === 1) words.push(`Another model at ${name} waits by itself.`);
    if (others > 1) words.push(`${others} other models at ${name} wait, each by itself.`);
    return words;
  });
}

const holdInWords = {
  rate_limit: "is left alone, as its vendor asked, until",
  faults: "is down, while other models answer. It is left alone until",
  refused: "is refused to this service. A ticket that waits for it may ask again from",
  no_judgements: "answers without judgements. A ticket that waits for it may ask again from",
} as const;

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
    readonly nameOf: NameOf;
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
    known.some(({ refused }) => refused !== null) ||
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
    warnings: [...about.warnings, ...waitsInWords(overviews, about.nameOf)],
  };
}

/** `YYYY-MM-DD` */
export function utcDay(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}
