/** `GET /healthz`: how the service, its stores and its gates are. Open to everybody, so no caller's names are in it. */
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { Clock, Ports, StoreError } from "../gateway/ports.ts";
import type { Config } from "../settings/config.ts";
import { version } from "../version.ts";
import type { Webhooks } from "../push/webhooks.ts";
import type { HealthAnswer } from "../wire/schemas.ts";
import { jsonAnswer } from "./answer.ts";
import { statusesOf, type GateStatuses } from "./gate-views.ts";
import { namesByKey, type NamedModels, type NameOf } from "./paused-models.ts";
import type { Platform } from "./platform.ts";
import { setupsOf, type Setup } from "./provider-rows.ts";
import type { Routes } from "./route-context.ts";
import { waitsInWords } from "./waits.ts";

/** By name. A `down` store that is `needed` means that the service can't keep tickets. */
export type Dependencies = Readonly<
  Record<
    string,
    {
      readonly status: "up" | "down";
      readonly latencyMs?: number;
      readonly error?: StoreError;
      readonly needed: boolean;
    }
  >
>;

/** The stores, and how they are. @param asked `needed`: those alone without which nothing can be kept may do */
export type AskStores = (asked: "all" | "needed") => Promise<Dependencies>;

export interface HealthParts extends NamedModels {
  readonly config: Config;
  readonly gate: Ports["gate"];
  readonly dependencies: AskStores;
  /** What of the stores breaks a promise. Asked after `dependencies`. */
  readonly storeWarnings: () => readonly string[];
  /** `null`: nobody is told of tickets by webhooks. */
  readonly webhooks: Webhooks | null;
  /** What the queue is made of here. */
  readonly queueType: string;
  readonly platform: Platform;
  /** What the platform calls this version of the service that it runs; `null`: it has no name for it. */
  readonly deployment: string | null;
  readonly clock: Clock;
}

export function healthRoutes(app: Routes, parts: HealthParts): void {
  app.get("/healthz", async (c) => {
    const body = await healthNow(parts);
    return jsonAnswer(body.status === "unhealthy" ? 503 : 200, body, c.get("correlationId"));
  });
}

async function healthNow(parts: HealthParts): Promise<HealthAnswer> {
  const { config, platform, deployment, queueType } = parts;
  const dependencies = await parts.dependencies("all");
  const untold = (await parts.webhooks?.warnings()) ?? [];
  const warnings = [...config.warnings, ...parts.storeWarnings(), ...untold];
  const nameOf = await namesByKey(parts);
  const about = {
    platform: platform.name,
    environment: config.environment,
    commit: config.commit,
    deployment,
    warnings,
    areWebhooksIll: untold.length > 0,
    queueType,
    nameOf,
  };
  const setups = setupsOf(config);
  return healthBody(about, setups, dependencies, await statusesOf(parts.gate), parts.clock.nowMs());
}

/** A ticket that waits for longer than this behind a closed breaker is a sign that nothing drains. */
export const overdueMs = 600_000;

function healthBody(
  about: {
    readonly platform: HealthAnswer["platform"];
    readonly environment: HealthAnswer["environment"];
    readonly commit: string | null;
    readonly deployment: string | null;
    readonly warnings: readonly string[];
    readonly areWebhooksIll: boolean;
    readonly queueType: string;
    readonly nameOf: NameOf;
  },
  setups: Readonly<Record<ProviderName, Setup>>,
  dependencies: Dependencies,
  gateStatuses: GateStatuses,
  nowMs: number,
): HealthAnswer {
  const known = Object.values(gateStatuses).filter((gateStatus) => gateStatus !== null);
  const ages = known.map(({ queue, state }) => ({
    state,
    ageMs: queue.oldestAcceptedAtMs === null ? null : Math.max(0, nowMs - queue.oldestAcceptedAtMs),
  }));
  const oldest = ages.map(({ ageMs }) => ageMs).filter((ageMs) => ageMs !== null);
  const stores = Object.values(dependencies);
  const isUnhealthy = stores.some(({ status, needed }) => status === "down" && needed);
  const isDegraded =
    about.areWebhooksIll ||
    known.length < providerNames.length ||
    stores.some(({ status }) => status === "down") ||
    known.some(({ refused, halt }) => refused !== null || halt !== undefined) ||
    isWaitedForInVain(setups, gateStatuses) ||
    ages.some(({ state, ageMs }) => state === "open" || (state === "closed" && (ageMs ?? 0) > overdueMs));
  return {
    service: "llm-provider-service",
    status: isUnhealthy ? "unhealthy" : isDegraded ? "degraded" : "healthy",
    version,
    ...(about.commit !== null && { commit: about.commit }),
    ...(about.deployment !== null && { deployment: about.deployment }),
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
          ...setups[name],
          circuit_breaker_state: gateStatuses[name]?.state ?? null,
        },
      ]),
    ),
    warnings: [...about.warnings, ...waitsInWords(gateStatuses, setups, about.nameOf)],
  };
}

/** Whether tickets wait for a provider that is switched off here or has no key: nothing but whoever runs the service ends that. */
function isWaitedForInVain(
  setups: Readonly<Record<ProviderName, Setup>>,
  gateStatuses: GateStatuses,
): boolean {
  return providerNames.some(
    (name) => (gateStatuses[name]?.queue.size ?? 0) > 0 && !(setups[name].enabled && setups[name].configured),
  );
}
