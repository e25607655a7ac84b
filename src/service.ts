/** The service put together from its settings and what a platform gives it: the same on both. */
import { secretsOf, type Config } from "./settings/config.ts";
import { createGateway } from "./gateway/gateway.ts";
import { createKeyedSubmit } from "./gateway/idempotency.ts";
import type { AttemptReport, Clock, Ports, Sha256, Totals } from "./gateway/ports.ts";
import { createApp } from "./http/app.ts";
import type { Log } from "./telemetry/log.ts";
import { createMask } from "./telemetry/mask.ts";
import type { Platform } from "./http/platform.ts";
import { createReport } from "./telemetry/sentry.ts";
import { utcDay, type Dependencies } from "./http/providers.ts";
import { describeModels } from "./providers/catalog.ts";
import { configuredModels, createProviders } from "./providers/providers.ts";
import type { Transport } from "./providers/transport.ts";
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
  readonly log: Log;
  readonly durable: DurableParts;
}

/** Where tickets live here, and who decides about them. */
export interface DurableParts extends Pick<
  Ports,
  "gate" | "tickets" | "copyOf" | "keys" | "stopping" | "sizeOf"
> {
  readonly totals: Totals;
  /** The stores, and how they are. */
  readonly dependencies: () => Promise<Dependencies>;
  /** What the queue is made of, for `/healthz`. */
  readonly queueType: string;
  /** What of the stores breaks a promise, beside what the settings say of themselves. Asked after `dependencies`. */
  readonly warnings?: () => readonly string[];
}

export function createService(config: Config, surroundings: Surroundings) {
  const { platform, transport, clock, newId, random, sha256, log, durable } = surroundings;
  const { gate, tickets, copyOf, keys, stopping, totals, sizeOf } = durable;
  const providers = createProviders(config, transport, clock);
  const defaultModels = configuredModels(config);
  const mask = createMask(secretsOf(config));
  const onAttempt = (report: AttemptReport) => {
    logAttempt(log, report);
    if (report.costUsd) totals.add(report.tenant, utcDay(clock.nowMs()), 0, report.costUsd);
  };
  const ports: Ports = {
    providers,
    gate,
    tickets,
    copyOf,
    keys,
    clock,
    newId,
    random,
    sha256,
    ...(sizeOf && { sizeOf }),
    stopping,
    mask,
    onAttempt,
  };
  const { requestTimeoutMs, maxRetries, defaultMaxTokens } = config.llm;
  const defaults = { provider: config.defaultProvider, models: defaultModels, maxTokens: defaultMaxTokens };
  const gateway = createGateway(ports, {
    defaults,
    requestTimeoutMs,
    maxRetries,
    serviceVersion: version,
  });
  const submitKeyed = createKeyedSubmit(ports, gateway.submit, {
    leaseMs: requestTimeoutMs + keyMarginMs,
    retentionMs: config.queue.retentionMs,
  });
  const report = createReport({
    dsn: config.sentryDsn,
    environment: config.environment,
    release: version,
    platform: platform.name,
  });
  const app = createApp({
    config,
    gateway,
    submitKeyed,
    gate,
    totals,
    dependencies: durable.dependencies,
    queueType: durable.queueType,
    storeWarnings: durable.warnings ?? noWarnings,
    usable: new Set(providers.keys()),
    defaultModels,
    models: (provider) => describeModels(clock.nowMs(), defaultModels, provider),
    platform,
    clock,
    newId,
    sha256,
    log,
    report,
    mask,
  });
  return { app, gateway };
}

const noWarnings = () => [];

/** Between the end of a live request and that of its key's lease: time to store what came of it. */
const keyMarginMs = 15_000;

function logAttempt(log: Log, { reply, failure, ...report }: AttemptReport): void {
  const { outcome, usage, status, requestId } = reply;
  log(failure === null ? "info" : "warn", "attempt", {
    correlation_id: report.correlationId,
    tenant: report.tenant,
    provider: report.provider,
    model: report.model,
    attempt: report.attempt,
    duration_ms: report.durationMs,
    upstream_status: status,
    upstream_request_id: requestId,
    ...(outcome.ok && { answered_model: outcome.value.model }),
    ...(usage && { prompt_tokens: usage.promptTokens, completion_tokens: usage.completionTokens }),
    ...(failure && { failure: failure.reason }),
    ...(failure?.reason === "connection" && { failure_code: failure.code }),
    ...(failure?.reason === "unreadable" && { failure_code: failure.why }),
    ...(failure?.reason === "content_refused" && { failure_code: failure.kind }),
  });
}
