/**
 * Spans on Workers: the platform's own, which see what no code of ours does (subrequests, objects, queues, SQL), and say of HTTP what there is to say.
 * What we know goes onto them, made from the same events. The platform takes no `traceparent` in and knows no links, so both are attributes.
 */
import { tracing } from "cloudflare:workers";
import type { TelemetryEvent } from "../telemetry/events.ts";
import { describeCall, ofRequest, ofWork, type Attributes } from "../telemetry/tracing/attributes.ts";
import type { Tracer } from "../telemetry/tracing/tracer.ts";

export const platformTracer: Tracer = {
  keeping() {
    const context = tracing.getActiveSpan()?.spanContext();
    if (context === undefined) return null;
    return { ...context, sampled: context.traceFlags > 0, parentSpanId: null, beganMs: 0 };
  },
  around: (work) => tracing.enterSpan("call", work),
};

/** Runs the work on one ticket as a span of its own: a batch's messages are worked on side by side. */
export function asWork<Done>(work: () => Promise<Done>): Promise<Done> {
  return tracing.enterSpan("process tickets", work);
}

/** Says on the span in which an event is told what is known of it. */
export function markSpan(event: TelemetryEvent): void {
  if (event.kind === "attempt") {
    const { name, attributes } = describeCall(event);
    tracing.getActiveSpan()?.updateName(name).setAttributes(attributes);
  } else if (event.kind === "request") {
    mark(ofRequest(event), { "llm_provider.caller_trace_id": event.traceId ?? undefined });
  } else if (event.kind === "ticket_worked") {
    const { accepted } = event;
    mark(ofWork(event), {
      "llm_provider.caller_trace_id": event.traceId ?? undefined,
      "llm_provider.link.trace_id": accepted?.traceId,
      "llm_provider.link.span_id": accepted?.spanId,
    });
  }
}

function mark(attributes: Attributes, more: Attributes): void {
  tracing.getActiveSpan()?.setAttributes({ ...attributes, ...more });
}
