/**
 * A collector of OpenTelemetry, as far as spans go to it: in batches, behind everything else. What it doesn't take is dropped, and counted: it costs no
 * request anything, and memory is bounded.
 */
import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type SpanContext as OtelContext,
  type TraceState,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace";
import { randomUUID } from "node:crypto";
import type { Config } from "../../settings/config.ts";
import type { SpanContext } from "../../telemetry/tracing/context.ts";
import type { SpanRecord } from "../../telemetry/tracing/recorder.ts";
import { version } from "../../version.ts";

export interface Collector {
  readonly take: (record: SpanRecord) => void;
  /** Sends what waits. Never throws. */
  readonly flush: () => Promise<void>;
}

/** Spans that wait, or are on their way. */
const mostWaiting = 2_048;
const batchSize = 512;
const gatherMs = 2_000;
/** For a batch, with all its repetitions. */
const sendMs = 10_000;
/** An answer that goes on and on. */
const hungMs = 15_000;

type ExportResult = Parameters<Parameters<SpanExporter["export"]>[1]>[0];
/** As `ExportResultCode` has it, which a package of its own would be needed for. */
const taken = 0;
const notTaken = 1;

/** @param dropped hears of spans that are lost: at most once for each batch */
export function collectorAt(
  { endpoint, headers, serviceName }: NonNullable<Config["tracing"]>,
  dropped: (count: number) => void,
): Collector {
  let waiting = 0;
  /** There was no room for them, and nobody has been told. */
  let untold = 0;
  const otlp = new OTLPTraceExporter({
    url: `${endpoint}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: sendMs,
  });

  /** The processor does not say what it has dropped, nor whether a batch was taken. */
  const exporter: SpanExporter = {
    export(spans, done) {
      let isOver = false;
      const over = (result: ExportResult) => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        waiting -= spans.length;
        const lost = untold + (result.code === taken ? 0 : spans.length);
        untold = 0;
        if (lost > 0) dropped(lost);
        done(result);
      };
      const timer = setTimeout(() => over({ code: notTaken }), hungMs).unref();
      otlp.export(spans, over);
    },
    shutdown: () => otlp.shutdown(),
    forceFlush: () => otlp.forceFlush(),
  };
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: mostWaiting,
    maxExportBatchSize: batchSize,
    scheduledDelayMillis: gatherMs,
    // Longer than a batch may take, so that what comes of it is always heard.
    exportTimeoutMillis: 2 * hungMs,
  });
  const common = commonParts(serviceName);

  return {
    take(record) {
      if (waiting >= mostWaiting) {
        untold++;
        return;
      }
      waiting++;
      processor.onEnd(readable(record, common));
    },
    flush: async () => {
      await Promise.allSettled([processor.forceFlush(), otlp.forceFlush()]);
    },
  };
}

type Common = Pick<ReadableSpan, "resource" | "instrumentationScope">;

/** By the version of the conventions that `telemetry/tracing/attributes.ts` follows. */
const schemaUrl = "https://opentelemetry.io/schemas/gen-ai/0.1.0";

function commonParts(serviceName: string): Common {
  const instance = randomUUID();
  return {
    resource: resourceFromAttributes({
      "service.name": serviceName,
      "service.version": version,
      "service.instance.id": instance,
    }),
    instrumentationScope: { name: "llm-provider-service", version, schemaUrl },
  };
}

const kinds: Readonly<Record<SpanRecord["kind"], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

function readable(record: SpanRecord, common: Common): ReadableSpan {
  const { name, kind, traceId, parentSpanId, isParentRemote, traceState, beganAtMs, endedAtMs, error } =
    record;
  const state = traceState === null ? {} : { traceState: asSent(traceState) };
  // What is sent is kept, whatever was meant at its head.
  const own: OtelContext = { traceId, spanId: record.spanId, traceFlags: TraceFlags.SAMPLED, ...state };
  return {
    name,
    kind: kinds[kind],
    spanContext: () => own,
    ...(parentSpanId !== null && {
      parentSpanContext: { ...own, spanId: parentSpanId, isRemote: isParentRemote },
    }),
    startTime: hrTime(beganAtMs),
    endTime: hrTime(endedAtMs),
    duration: hrTime(endedAtMs - beganAtMs),
    ended: true,
    status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR },
    attributes: said(record.attributes),
    links: record.links.map((link) => ({ context: linked(link) })),
    events: [],
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ...common,
  };
}

/** Opaque: it is passed on as it came. */
function asSent(text: string): TraceState {
  const state: TraceState = {
    serialize: () => text,
    get: () => undefined,
    set: () => state,
    unset: () => state,
  };
  return state;
}

/** The span that kept a ticket may have been another process'. */
function linked({ traceId, spanId, sampled }: SpanContext): OtelContext {
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}

/** As long as a value of a line in the log may be. */
const longestValue = 300;

function said(attributes: SpanRecord["attributes"]): Record<string, string | number | boolean> {
  const all: Record<string, string | number | boolean> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) all[name] = typeof value === "string" ? value.slice(0, longestValue) : value;
  }
  return all;
}
