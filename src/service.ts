/** The service put together from its settings and what a platform gives it: the same on both. */
import type { Config } from "./config.ts";
import { createGateway } from "./gateway/gateway.ts";
import type { AttemptReport, Clock, Sha256 } from "./gateway/ports.ts";
import { createApp } from "./http/app.ts";
import type { Log } from "./http/log.ts";
import { createMask } from "./http/mask.ts";
import type { Platform } from "./http/platform.ts";
import { createReport } from "./http/sentry.ts";
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
}

export function createService(config: Config, surroundings: Surroundings) {
  const { platform, transport, clock, newId, random, sha256, log } = surroundings;
  const providers = createProviders(config, transport, clock);
  const defaultModels = configuredModels(config);
  const gateway = createGateway(
    { providers, clock, random, sha256, onAttempt: (report) => logAttempt(log, report) },
    {
      defaults: {
        provider: config.defaultProvider,
        models: defaultModels,
        maxTokens: config.llm.defaultMaxTokens,
      },
      requestTimeoutMs: config.llm.requestTimeoutMs,
      maxRetries: config.llm.maxRetries,
    },
  );
  const vendorKeys = Object.values(config.providers).map(({ apiKey }) => apiKey ?? "");
  const report = createReport({
    dsn: config.sentryDsn,
    environment: config.environment,
    release: version,
    platform: platform.name,
  });
  return createApp({
    config,
    gateway,
    usable: new Set(providers.keys()),
    defaultModels,
    platform,
    clock,
    newId,
    sha256,
    log,
    report,
    mask: createMask(vendorKeys),
  });
}

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
