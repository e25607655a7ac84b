/** The service put together from its settings and what a platform gives it: the same on both. */
import { createAccounts } from "./accounts/accounts.ts";
import { secretsOf, type Config } from "./settings/config.ts";
import { doorLimits, liveLimits } from "./settings/limits.ts";
import { createGateway } from "./gateway/gateway.ts";
import { createLiveRoom } from "./gateway/live-room.ts";
import { createKeyedSubmit } from "./gateway/idempotency.ts";
import type { Actions, Clock, Feed, Ports, Sha256, Totals } from "./gateway/ports.ts";
import { createApp, type AppParts } from "./http/app.ts";
import { loopbackTenant } from "./settings/tenants.ts";
import type { MetricsSource } from "./http/metrics.ts";
import type { Tell } from "./telemetry/events.ts";
import type { ModelLabel } from "./telemetry/metrics/meter.ts";
import { createMask } from "./telemetry/mask.ts";
import type { Tracer } from "./telemetry/tracing/tracer.ts";
import type { Platform } from "./http/platform.ts";
import { createRefusedLogins } from "./http/refused-logins.ts";
import type { Live } from "./push/live.ts";
import { createReport } from "./telemetry/sentry.ts";
import type { AskStores } from "./http/health.ts";
import type { Webhooks } from "./push/webhooks.ts";
import { describeModels } from "./providers/catalog.ts";
import { configuredModels, createProviders } from "./providers/providers.ts";
import type { Transport } from "./providers/transport.ts";
import { unknownDefaults } from "./providers/unknown-defaults.ts";
import { version } from "./version.ts";

export interface Surroundings {
  readonly platform: Platform;
  readonly transport: Transport;
  readonly clock: Clock;
  /** A UUID. */
  readonly newId: () => string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sha256: Sha256;
  /** Hears of everything that operators may be told. */
  readonly tell: Tell;
  readonly metrics: MetricsSource;
  readonly modelLabel: ModelLabel;
  /** True from the moment at which the process was asked to end. */
  readonly isStopping: () => boolean;
  /** What the platform calls this version of the service that it runs; `null`: it has no name for it. */
  readonly deployment: string | null;
  /** Absent: nobody is told of tickets by webhooks. */
  readonly webhooks?: Webhooks | undefined;
  /** Absent: nobody records spans. */
  readonly tracer?: Tracer | undefined;
  /** Absent: no answer says where its time went. */
  readonly sayTimes?: AppParts["sayTimes"];
  /** Waits for what happens in the stores. */
  readonly live: Live;
  readonly stores: StoreParts;
}

/** Where tickets live here, and who decides about them. */
export interface StoreParts extends Pick<
  Ports,
  "gate" | "tickets" | "copyOf" | "keys" | "cancellations" | "stopping" | "sizeOf"
> {
  readonly actions: Actions;
  readonly feed: Feed;
  readonly totals: Totals;
  readonly dependencies: AskStores;
  /** What the queue is made of, for `/healthz`. */
  readonly queueType: string;
  /** What of the stores breaks a promise, beside what the settings say of themselves. Asked after `dependencies`. */
  readonly warnings?: () => readonly string[];
}

export function createService(config: Config, surroundings: Surroundings) {
  const { platform, clock, newId, sha256, isStopping, deployment, stores } = surroundings;
  const { metrics, modelLabel, tracer, sayTimes } = surroundings;
  const accounts = createAccounts(stores.totals, clock);
  const tell: Tell = (event) => {
    surroundings.tell(event);
    if (event.kind === "attempt") accounts.countCall(event);
  };
  const { ports, defaultModels, gateway, submitKeyed } = flowOf(config, surroundings, tell);
  const report = createReport({
    dsn: config.sentryDsn,
    environment: config.environment,
    release: version,
    platform: platform.name,
  });
  const settingsWarnings = [...config.warnings, ...unknownDefaults(config)];
  const app = createApp({
    config: { ...config, warnings: settingsWarnings },
    gateway,
    submitKeyed,
    gate: stores.gate,
    feed: stores.feed,
    accounts,
    live: surroundings.live,
    dependencies: stores.dependencies,
    queueType: stores.queueType,
    storeWarnings: stores.warnings ?? noWarnings,
    webhooks: surroundings.webhooks ?? null,
    usable: new Set(ports.providers.keys()),
    defaultModels,
    models: (provider) => describeModels(clock.nowMs(), defaultModels, provider),
    platform,
    isStopping,
    deployment,
    door: createLiveRoom(doorLimits(config, platform.name), clock.monotonicMs),
    clock,
    newId,
    sha256,
    tell,
    metrics,
    modelLabel,
    refusedLogins: createRefusedLogins(tell, clock.monotonicMs),
    report,
    mask: ports.mask,
    tracer,
    sayTimes,
  });
  return { app, gateway, settingsWarnings };
}

/** What becomes of a comparison, behind the routes. */
function flowOf(config: Config, surroundings: Surroundings, tell: Tell) {
  const { platform, transport, clock, newId, random, sha256, stores, tracer } = surroundings;
  const { gate, tickets, copyOf, keys, actions, cancellations, stopping, sizeOf } = stores;
  const defaultModels = configuredModels(config);
  const ports: Ports = {
    providers: createProviders(config, transport, clock),
    gate,
    tickets,
    copyOf,
    keys,
    actions,
    clock,
    newId,
    random,
    sha256,
    ...(sizeOf && { sizeOf }),
    cancellations,
    stopping,
    mask: createMask(secretsOf(config)),
    tell,
    tracer,
  };
  const { requestTimeoutMs, maxRetries, defaultMaxTokens } = config.llm;
  const defaults = { provider: config.defaultProvider, models: defaultModels, maxTokens: defaultMaxTokens };
  const gateway = createGateway(ports, {
    defaults,
    requestTimeoutMs,
    maxRetries,
    tenants: tenantsIn(config),
    live: (provider) => liveLimits(config, platform.name, provider),
    serviceVersion: version,
  });
  const submitKeyed = createKeyedSubmit(ports, gateway.submit, {
    leaseMs: requestTimeoutMs + keyMarginMs,
    retentionMs: config.queue.retentionMs,
  });
  return { ports, defaultModels, gateway, submitKeyed };
}

/** Without keys there is one. */
function tenantsIn({ access }: Config): readonly string[] {
  return access.kind === "keys" ? access.keys.map(({ tenant }) => tenant) : [loopbackTenant];
}

const noWarnings = () => [];

/** Between the end of a live request and that of its key's lease: time to store what came of it. */
const keyMarginMs = 15_000;
