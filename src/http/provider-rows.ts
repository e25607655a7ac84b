/** A provider as `GET /api/v1/providers` shows it. */
import type { GateStatus } from "../domain/gate/view.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Config } from "../settings/config.ts";
import type { ProvidersAnswer } from "../wire/schemas.ts";
import { errorTypeOf } from "./errors.ts";
import { pausedModelsOf, type NameOf } from "./paused-models.ts";

/** What the operator has set up of a provider. */
export interface Setup {
  readonly enabled: boolean;
  readonly configured: boolean;
}

export function setupOf(config: Config, name: ProviderName): Setup {
  if (name === "mock") return { enabled: config.mock.enabled, configured: true };
  const { enabled, apiKey } = config.providers[name];
  return { enabled, configured: apiKey !== null };
}

export function setupsOf(config: Config): Readonly<Record<ProviderName, Setup>> {
  return {
    anthropic: setupOf(config, "anthropic"),
    openai: setupOf(config, "openai"),
    google: setupOf(config, "google"),
    openrouter: setupOf(config, "openrouter"),
    mock: setupOf(config, "mock"),
  };
}

export function providerRow({
  name,
  setup,
  isUsable,
  defaultModel,
  gateStatus,
  nameOf,
  nowMs,
}: {
  readonly name: ProviderName;
  readonly setup: Setup;
  /** Enabled, and with a key. */
  readonly isUsable: boolean;
  readonly defaultModel: string;
  /** `null`: the provider's gate can't be reached. */
  readonly gateStatus: GateStatus | null;
  readonly nameOf: NameOf;
  readonly nowMs: number;
}): ProvidersAnswer["providers"][number] {
  const { named, others } = pausedModelsOf(name, gateStatus, nameOf);
  return {
    name,
    ...setup,
    available:
      isUsable &&
      gateStatus?.state !== "open" &&
      (gateStatus?.refused ?? null) === null &&
      gateStatus?.halt === undefined,
    circuit_breaker_state: gateStatus?.state ?? null,
    paused: gateStatus?.halt !== undefined,
    default_model: defaultModel,
    last_success: time(gateStatus?.lastSuccessMs),
    last_failure: time(gateStatus?.lastFailureMs),
    last_failure_reason: gateStatus?.lastFailure ? errorTypeOf(gateStatus.lastFailure) : null,
    failure_count: gateStatus?.faultsInRow ?? null,
    average_response_time_ms: rounded(gateStatus?.meanResponseMs ?? null),
    retry_at: time(gateStatus?.retryAtMs),
    // Where it may not be asked, nobody has refused anything.
    credentials: isUsable ? credentialsOf(gateStatus) : "ok",
    models_held: named.map(({ model, why, untilMs }) => ({
      model,
      reason: why,
      until: new Date(untilMs).toISOString(),
    })),
    others_held: others,
    oldest_age_seconds: ageSeconds(gateStatus?.queue.oldestAcceptedAtMs ?? null, nowMs),
    queue: gateStatus && {
      size: gateStatus.queue.size,
      max_size: gateStatus.queue.maxSize,
      size_bytes: gateStatus.queue.bytes,
      max_bytes: gateStatus.queue.maxBytes,
      accepting: gateStatus.queue.accepting,
    },
  };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}

function credentialsOf(gateStatus: GateStatus | null): ProvidersAnswer["providers"][number]["credentials"] {
  switch (gateStatus?.refused ?? null) {
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

function time(ms: number | null | undefined): string | null {
  return typeof ms === "number" ? new Date(ms).toISOString() : null;
}
