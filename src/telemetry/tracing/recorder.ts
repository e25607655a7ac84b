/**
 * Spans, made from events when these are told: each span at its end, all of a request or of an attempt for a ticket together, when its first span has
 * ended. Only then is it known whether they are kept: what was sampled at its head is, and so is what an operator will look for in any case.
 */
import { isProviderFault } from "../../domain/failure.ts";
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type {
  AttemptEvent,
  RequestEvent,
  Tell,
  TelemetryEvent,
  TicketEnded,
  TicketKept,
  TicketWorked,
} from "../events.ts";
import {
  describeCall,
  describeEnd,
  describeKeeping,
  describeRequest,
  describeWork,
  type Attributes,
  type Description,
} from "./attributes.ts";
import type { Span, SpanContext } from "./context.ts";
import type { Spans } from "./tracer.ts";

/** A span that has ended, as plain values. */
export interface SpanRecord extends Description {
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  /** Its parent is another process'. */
  readonly isParentRemote: boolean;
  readonly traceState: string | null;
  /** Epoch milliseconds, in fractions. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  readonly links: readonly SpanContext[];
}

export interface SpanParts {
  readonly spans: Pick<Spans, "attempt">;
  /** Epoch milliseconds, and the finest clock. */
  readonly nowMs: () => number;
  readonly fineMs: () => number;
  /** Where a provider's calls go; absent: nowhere. */
  readonly serverOf: (
    provider: ProviderName,
  ) => { readonly address: string; readonly port: number } | undefined;
  /** Takes what is kept. Never throws. */
  readonly keep: (record: SpanRecord) => void;
}

/** Slower than this is always kept. */
const slowMs = 30_000;
/** Requests and attempts whose spans are held until their end is told. */
const mostHeld = 2_048;

type Recorded<Event extends { readonly span: Span | null }> = Event & {
  readonly span: NonNullable<Event["span"]>;
};
type Child = Recorded<AttemptEvent> | Recorded<TicketKept>;

export function spansTo(parts: SpanParts): Tell {
  const wallMs = createWall(parts);
  const families = createFamilies(parts.fineMs);
  /** Tickets that have ended badly, until the attempt is over in which they did. */
  const badlyEnded = new Set<string>();

  function end(event: Recorded<RequestEvent> | Recorded<TicketWorked>, mustKeep: boolean): void {
    const { span } = event;
    const endMs = parts.fineMs();
    const family = families.take(span.spanId);
    if (!span.sampled && !mustKeep && !family.mustKeep && endMs - span.beganMs < slowMs) return;
    const offsetMs = wallMs(endMs);
    const traceState = event.kind === "request" ? event.span.traceState : null;
    for (const { event: child, endMs } of family.children)
      parts.keep(recordOf(child, { offsetMs, endMs, traceState }, parts.serverOf));
    parts.keep(recordOf(event, { offsetMs, endMs, traceState }, parts.serverOf));
  }

  /** A ticket that ends badly has a span of its own, of no duration: nobody need be at work on it then. */
  function endedBadly(event: TicketEnded): void {
    badlyEnded.add(event.queueId);
    if (badlyEnded.size > mostHeld) badlyEnded.delete(badlyEnded.values().next().value ?? "");
    const span = parts.spans.attempt(event.accepted);
    const endMs = parts.fineMs();
    const ending = { offsetMs: wallMs(endMs), endMs, traceState: null };
    parts.keep(recordOf({ ...event, span }, ending, parts.serverOf));
  }

  return (told) => {
    const event = forSpans(told);
    switch (event?.kind) {
      case undefined:
        return;
      case "attempt":
      case "ticket_kept":
        if (isRecorded(event)) families.add(event);
        return;
      case "request":
        if (isRecorded(event)) end(event, event.status >= 500);
        return;
      case "ticket_worked":
        if (isRecorded(event)) end(event, badlyEnded.delete(event.queueId) || event.outcome === "threw");
        return;
      case "ticket_ended":
        if (event.status === "failed" || event.status === "expired") endedBadly(event);
    }
  };
}

/** What was done for one request, or one attempt for a ticket. */
interface Family {
  readonly children: { readonly event: Child; readonly endMs: number }[];
  /** A vendor's fault is in it that counts for the breaker. */
  mustKeep: boolean;
}

const childless: Family = { children: [], mustKeep: false };

/** What is told before the span is over that it was done for. */
function createFamilies(fineMs: () => number) {
  /** By the id of that span. */
  const families = new Map<string, Family>();
  return {
    add(event: Child): void {
      const { parentSpanId } = event.span;
      if (parentSpanId === null) return;
      let family = families.get(parentSpanId);
      if (family === undefined) families.set(parentSpanId, (family = { children: [], mustKeep: false }));
      family.children.push({ event, endMs: fineMs() });
      if (event.kind === "attempt" && event.failure !== null)
        family.mustKeep ||= isProviderFault(event.failure);
      // One whose end nobody tells.
      if (families.size > mostHeld) families.delete(families.keys().next().value ?? "");
    },
    take(spanId: string): Family {
      const family = families.get(spanId);
      if (family === undefined) return childless;
      families.delete(spanId);
      return family;
    },
  };
}

/** @returns `null`: it belongs to nobody's request */
function forSpans(
  event: TelemetryEvent,
): AttemptEvent | TicketKept | RequestEvent | TicketWorked | TicketEnded | null {
  switch (event.kind) {
    case "attempt":
    case "ticket_kept":
    case "request":
    case "ticket_worked":
    case "ticket_ended":
      return event;
    case "request_began":
    case "breaker_opened":
    case "breaker_half_open":
    case "breaker_closed":
    case "provider_held":
    case "provider_released":
    case "queue_full":
    case "queue_accepting":
    case "store_away":
    case "store_back":
    case "store_refuses":
    case "store_accepts":
    case "store_warnings":
    case "tickets_moved":
    case "spooled_too_late":
    case "judged_for_nobody":
    case "upstash_away":
    case "bus_failing":
    case "bus_back":
    case "bus_dropped":
    case "operator_action":
    case "operator_refused":
    case "webhook_attempt":
    case "webhook_failing":
    case "webhook_off":
    case "webhook_on":
    case "started":
    case "found":
    case "stopping":
    case "stopped":
    case "log_lines_dropped":
    case "spans_dropped":
    case "settings_wrong":
    case "unknown_fields":
    case "unexpected_error":
    case "background_fault":
    case "gate_alarm_failed":
    case "gate_away":
    case "gate_start_failed":
    case "index_alarm_failed":
    case "key_alarm_failed":
    case "message_failed":
    case "message_unreadable":
    case "metrics_not_stored":
    case "queue_refused":
    case "recording_failed":
    case "ticket_alarm_failed":
    case "ticket_failed":
    case "ticket_silent":
      return null;
  }
}

function isRecorded<Event extends { readonly span: Span | null }>(
  event: Event,
): event is Event & { readonly span: NonNullable<Event["span"]> } {
  return event.span !== null;
}

interface Ending {
  /** Of the wall clock, to the finest one. */
  readonly offsetMs: number;
  readonly endMs: number;
  readonly traceState: string | null;
}

type Told = Child | Recorded<RequestEvent> | Recorded<TicketWorked> | (TicketEnded & { readonly span: Span });

function recordOf(
  event: Told,
  { offsetMs, endMs, traceState }: Ending,
  serverOf: SpanParts["serverOf"],
): SpanRecord {
  const { traceId, spanId, parentSpanId, beganMs } = event.span;
  return {
    ...describe(event, serverOf),
    traceId,
    spanId,
    parentSpanId,
    isParentRemote: event.kind === "request" && parentSpanId !== null,
    traceState,
    beganAtMs: offsetMs + beganMs,
    endedAtMs: offsetMs + endMs,
  };
}

function describe(
  event: Told,
  serverOf: SpanParts["serverOf"],
): Description & Pick<SpanRecord, "kind" | "links"> {
  switch (event.kind) {
    case "attempt": {
      const { address, port } = serverOf(event.provider) ?? {};
      const where: Attributes = { "server.address": address, "server.port": port };
      const { attributes, ...described } = describeCall(event);
      return { ...described, attributes: { ...attributes, ...where }, kind: "client", links: [] };
    }
    case "ticket_kept":
      return { ...describeKeeping(event), kind: "producer", links: [] };
    case "request":
      return { ...describeRequest(event), kind: "server", links: [] };
    case "ticket_worked":
      return { ...describeWork(event), kind: "consumer", links: linksTo(event.accepted) };
    case "ticket_ended":
      return { ...describeEnd(event), kind: "internal", links: linksTo(event.accepted) };
  }
}

function linksTo(context: SpanContext | null): readonly SpanContext[] {
  return context === null ? [] : [context];
}

/** Further apart than this, the wall clock was set, or the machine has slept. */
const mostApartMs = 5;

/**
 * How far the wall clock is ahead of the finest clock: the same for all spans for as long as it can be, so that those of a trace fit into one
 * another.
 */
function createWall({ nowMs, fineMs }: Pick<SpanParts, "nowMs" | "fineMs">): (atMs: number) => number {
  let offsetMs = nowMs() - fineMs();
  return (atMs) => {
    const apartMs = nowMs() - (atMs + offsetMs);
    if (Math.abs(apartMs) > mostApartMs) offsetMs += apartMs;
    return offsetMs;
  };
}
