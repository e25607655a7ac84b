/**
 * Spans on Node: made from events (`telemetry/tracing`), and sent to a collector by OpenTelemetry's own batching and OTLP over HTTP. Loaded only where
 * there is a collector to send to.
 */
import { randomBytes } from "node:crypto";
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { inTime } from "../../gateway/deadline.ts";
import type { Clock } from "../../gateway/ports.ts";
import type { Config } from "../../settings/config.ts";
import type { Tell } from "../../telemetry/events.ts";
import { spansTo } from "../../telemetry/tracing/recorder.ts";
import { createSpans, type Tracer } from "../../telemetry/tracing/tracer.ts";
import { collectorAt } from "./collector.ts";

export interface Tracing {
  readonly tracer: Tracer;
  readonly record: Tell;
  /** Sends what is not sent yet, for so long. Never throws. */
  readonly end: (patienceMs: number) => Promise<void>;
}

export function startTracing(
  config: Pick<Config, "providers">,
  settings: NonNullable<Config["tracing"]>,
  clock: Clock,
  tell: Tell,
): Tracing {
  const spans = createSpans({ ratio: settings.ratio, fineMs, hex: createHex() });
  const collector = collectorAt(settings, (count) => tell({ kind: "spans_dropped", count }));
  const record = spansTo({
    spans,
    nowMs: clock.nowMs,
    fineMs,
    serverOf: serversOf(config),
    keep: collector.take,
  });
  return {
    tracer: { spans, keeping: (request) => request && spans.child(request) },
    record,
    async end(patienceMs) {
      await inTime(clock, patienceMs, collector.flush());
    },
  };
}

const fineMs = () => performance.now();

/** So many hex digits are made in one go: asking the system for each id by itself costs a microsecond. */
const poolDigits = 8_192;

function createHex(): (digits: 16 | 32) => string {
  let pool = "";
  let at = 0;
  return (digits) => {
    if (at + digits > pool.length) {
      pool = randomBytes(poolDigits / 2).toString("hex");
      at = 0;
    }
    return pool.slice(at, (at += digits));
  };
}

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** The mock is nowhere. */
function serversOf({ providers }: Pick<Config, "providers">) {
  const servers = new Map<ProviderName, { readonly address: string; readonly port: number }>();
  for (const [name, { baseUrl }] of Object.entries(providers)) {
    const { hostname: address, port, protocol } = new URL(baseUrl);
    servers.set(name as ProviderName, { address, port: Number(port) || (defaultPorts[protocol] ?? 0) });
  }
  return (provider: ProviderName) => servers.get(provider);
}
