/** Events as the log has them: which are lines of their own, how loud they are, and which of their fields a line has. */
import type { Failure } from "../domain/failure.ts";
import type { Log, LogFields, LogLevel } from "./log.ts";
import type {
  AttemptEvent,
  BusTelling,
  FaultEvent,
  GateEvent,
  OperatorEvent,
  RequestEvent,
  Tell,
  TelemetryEvent,
  TicketEnded,
  WebhookEvent,
} from "./events.ts";

/** Every event that is logged, as one line. */
export function linesTo(log: Log): Tell {
  return (event) => {
    const line = lineOf(event);
    if (line !== null) log(line.level, event.kind, line.fields);
  };
}

/** Requests whose calls are remembered until they end. */
const mostUnderWay = 1_000;

/**
 * One line for each request, for where lines are paid for: what a request's calls and its ticket would say stands in the request's own line.
 * What happens outside requests has its lines as everywhere.
 */
export function requestLinesTo(log: Log): Tell {
  const write = linesTo(log);
  /** By correlation id, which is all that an attempt knows of its request. */
  const underWay = new Map<string, { readonly calls: number; readonly fields: LogFields }>();

  function add(correlationId: string, fields: LogFields, calls: 0 | 1): void {
    const known = underWay.get(correlationId);
    const cost = sumOf(known?.fields.cost, fields.cost);
    underWay.delete(correlationId);
    underWay.set(correlationId, {
      calls: (known?.calls ?? 0) + calls,
      fields: { ...known?.fields, ...fields, ...(cost !== undefined && { cost }) },
    });
    // One that never ended, or whose id another request had too.
    if (underWay.size > mostUnderWay) underWay.delete(underWay.keys().next().value ?? "");
  }

  function end(event: RequestEvent): void {
    const { level, fields } = requestLine(event);
    const { correlationId = "" } = event;
    const of = underWay.get(correlationId);
    underWay.delete(correlationId);
    const attempts = of === undefined || of.calls === 0 ? {} : { attempts: of.calls };
    log(level, event.kind, { ...of?.fields, ...attempts, ...fields });
  }

  return (event) => {
    if (event.kind === "request") end(event);
    else if (event.kind === "attempt" && event.queueId === null)
      add(event.correlationId, attemptFields(event), 1);
    else if (event.kind === "ticket_kept")
      add(event.correlationId, { queue_id: event.queueId, reason: event.reason }, 0);
    else if (event.kind === "unknown_fields") add(event.correlationId, { unknown_fields: event.fields }, 0);
    else write(event);
  };
}

function sumOf(a: number | null | undefined, b: number | null | undefined): number | null | undefined {
  if (a === undefined || a === null) return b;
  return b === undefined || b === null ? a : a + b;
}

interface Line {
  readonly level: LogLevel;
  readonly fields: LogFields;
}

/** Not where who asked has gone, or has cancelled: nothing is wrong then. */
function isFault(failure: Failure | null): boolean {
  return failure !== null && failure.reason !== "hung_up";
}

/** @returns `null`: it is only counted */
function lineOf(event: TelemetryEvent): Line | null {
  switch (event.kind) {
    case "request_began":
    case "ticket_worked":
      return null;
    case "request":
      return requestLine(event);
    case "attempt":
      return { level: isFault(event.failure) ? "warn" : "info", fields: attemptLine(event) };
    case "unknown_fields":
      return { level: "debug", fields: { ...idsOf(event), unknown_fields: event.fields } };
    case "unexpected_error": {
      const { errorName, stack } = event;
      return { level: "error", fields: { ...idsOf(event), error_name: errorName, stack } };
    }
    case "ticket_kept":
      return { level: "info", fields: { ...ticketFields(event), reason: event.reason } };
    case "ticket_ended":
      return ticketEndedLine(event);
    case "breaker_opened":
    case "breaker_half_open":
    case "breaker_closed":
    case "provider_held":
    case "provider_released":
    case "queue_full":
    case "queue_accepting":
      return gateLine(event);
    case "store_away":
    case "store_back":
    case "store_refuses":
    case "store_accepts":
    case "store_warnings":
    case "tickets_moved":
    case "spooled_too_late":
    case "judged_for_nobody":
    case "upstash_away":
      return storeLine(event);
    case "bus_failing":
    case "bus_back":
    case "bus_dropped":
      return busLine(event);
    case "started":
    case "found":
    case "stopping":
    case "stopped":
    case "log_lines_dropped":
    case "spans_dropped":
    case "settings_wrong":
      return processLine(event);
    case "operator_action":
    case "operator_refused":
      return operatorLine(event);
    case "webhook_attempt":
    case "webhook_failing":
    case "webhook_off":
    case "webhook_on":
      return webhookLine(event);
    // All others are faults: a list of types alone, since each is told in the same way.
    default:
      event satisfies FaultEvent;
      return { level: "error", fields: { ...idsOf(event), error_name: event.errorName } };
  }
}

/** What finds all lines about the same. */
function idsOf(event: {
  readonly correlationId?: string | undefined;
  readonly traceId?: string | null;
  readonly queueId?: string | null;
}): LogFields {
  const { correlationId, traceId = null, queueId = null } = event;
  return {
    ...(correlationId !== undefined && { correlation_id: correlationId }),
    ...(traceId !== null && { trace_id: traceId }),
    ...(queueId !== null && { queue_id: queueId }),
  };
}

function requestLine(event: RequestEvent): Line {
  const { tenant, route, provider, errorType, status } = event;
  return {
    level: isOften(route) ? "debug" : errorType !== null && status >= 500 ? "warn" : "info",
    fields: {
      ...idsOf(event),
      // Refused from below the routes, nobody knows more.
      ...(route !== null && { tenant, method: event.method, route }),
      status,
      ...(route !== null && { duration_ms: event.durationMs }),
      ...(provider !== null && { provider }),
      ...(errorType !== null && { error_type: errorType }),
    },
  };
}

/** What machines, and a page that is looked at, ask every few seconds: for who debugs. */
const often: readonly string[] = [
  "/healthz",
  "/livez",
  "/readyz",
  "/metrics",
  "/console",
  "/console/tickets/:queue_id",
];

export function isOften(route: string | null): boolean {
  return route !== null && often.includes(route);
}

function attemptLine(event: AttemptEvent): LogFields {
  return {
    ...idsOf(event),
    tenant: event.tenant,
    provider: event.provider,
    attempt: event.attempt,
    duration_ms: event.durationMs,
    ...attemptFields(event),
  };
}

/** What a call was about, and what came of it. */
function attemptFields({ model, reply, costUsd, failure }: AttemptEvent): LogFields {
  const { outcome, usage, status, requestId } = reply;
  return {
    model,
    upstream_status: status,
    upstream_request_id: requestId,
    ...(outcome.ok && { answered_model: outcome.value.model }),
    ...(usage && { prompt_tokens: usage.promptTokens, completion_tokens: usage.completionTokens }),
    ...(costUsd !== null && { cost: costUsd }),
    ...(failure && { failure: failure.reason }),
    ...(failure?.reason === "connection" && { failure_code: failure.code }),
    ...(failure?.reason === "unreadable" && { failure_code: failure.why }),
    ...(failure?.reason === "content_refused" && { failure_code: failure.kind }),
  };
}

type TicketFields = Extract<TelemetryEvent, { kind: "ticket_kept" | "ticket_ended" }>;

function ticketFields(event: TicketFields): LogFields {
  const { tenant, provider, model } = event;
  return { ...idsOf(event), tenant, provider, model };
}

function ticketEndedLine(event: TicketEnded): Line {
  const { status, reason, attempts, costUsd, durationMs } = event;
  return {
    level: status === "failed" || status === "expired" ? "warn" : "info",
    fields: {
      ...ticketFields(event),
      ticket_status: status,
      ...(reason !== null && { reason }),
      attempts,
      cost: costUsd,
      duration_ms: durationMs,
    },
  };
}

function gateLine(event: GateEvent): Line {
  const { kind, provider } = event;
  switch (kind) {
    case "breaker_opened": {
      const { untilMs, faults, reason, model } = event;
      const fields = { provider, until: time(untilMs), count: faults };
      return { level: "warn", fields: { ...fields, ...(reason && { reason }), ...(model && { model }) } };
    }
    case "breaker_half_open":
    case "breaker_closed":
      return { level: "info", fields: { provider } };
    case "provider_held": {
      const { reason, untilMs, model } = event;
      const until = untilMs === undefined ? {} : { until: time(untilMs) };
      return { level: "warn", fields: { provider, reason, ...until, ...(model && { model }) } };
    }
    case "provider_released":
      return {
        level: "info",
        fields: { provider, reason: event.reason, ...(event.model && { model: event.model }) },
      };
    case "queue_full":
      return { level: "warn", fields: { provider, count: event.size } };
    case "queue_accepting":
      return { level: "info", fields: { provider, count: event.size } };
  }
}

type StoreEvent = Extract<TelemetryEvent, { store: string } | { kind: "upstash_away" }>;

function storeLine(event: StoreEvent): Line {
  switch (event.kind) {
    case "store_away": {
      const { store, trouble } = event;
      return { level: "warn", fields: { store, ...(trouble && troubleFields(trouble)) } };
    }
    case "store_refuses": {
      const { store, trouble } = event;
      // Where the process' own refuses there is no other.
      return { level: store === "sqlite" ? "error" : "warn", fields: { store, ...troubleFields(trouble) } };
    }
    case "store_accepts":
    case "store_back":
      return { level: "info", fields: { store: event.store } };
    case "spooled_too_late":
    case "judged_for_nobody":
      return { level: "warn", fields: idsOf(event) };
    case "tickets_moved":
      return { level: "info", fields: { count: event.count } };
    case "store_warnings":
      return { level: "warn", fields: { warnings: event.warnings } };
    case "upstash_away":
      return { level: "warn", fields: { error_name: event.errorName, ...troubleFields(event.trouble) } };
  }
}

function troubleFields({ error, code }: { readonly error: string; readonly code: string }): LogFields {
  return { failure: error, failure_code: code };
}

function busLine(event: BusTelling): Line {
  const { bus } = event;
  switch (event.kind) {
    case "bus_failing": {
      const { code, waiting } = event;
      return {
        level: "error",
        fields: { bus, failure_code: code, ...(waiting !== null && { count: waiting }) },
      };
    }
    case "bus_back":
      return { level: "info", fields: { bus, count: event.waiting } };
    case "bus_dropped":
      return { level: "error", fields: { bus, count: event.count } };
  }
}

type ProcessEvent = Extract<
  TelemetryEvent,
  {
    kind:
      | "started"
      | "found"
      | "stopping"
      | "stopped"
      | "log_lines_dropped"
      | "spans_dropped"
      | "settings_wrong";
  }
>;

function processLine(event: ProcessEvent): Line {
  switch (event.kind) {
    case "started": {
      const { version, platform, environment, url, warnings } = event;
      return { level: "info", fields: { version, platform, environment, url, warnings } };
    }
    case "found": {
      const { provider, count, oldestAtMs } = event;
      return { level: "info", fields: { provider, count, ...(oldestAtMs && { since: time(oldestAtMs) }) } };
    }
    case "stopping":
      return { level: "info", fields: { signal: event.signal } };
    case "stopped":
      return { level: "info", fields: { signal: event.signal, duration_ms: event.durationMs } };
    case "log_lines_dropped":
      return { level: "error", fields: { count: event.count } };
    case "spans_dropped":
      return { level: "warn", fields: { count: event.count } };
    case "settings_wrong":
      return { level: "error", fields: { mistakes: event.mistakes } };
  }
}

function operatorLine(event: OperatorEvent): Line {
  switch (event.kind) {
    case "operator_action": {
      const { operator, action, provider, queueId, tenant, isUnanswered } = event;
      const ofWhat = {
        ...(provider !== undefined && { provider }),
        ...(queueId !== undefined && { queue_id: queueId }),
        ...(tenant !== undefined && { tenant }),
      };
      const unsure = isUnanswered === true ? { reason: "unanswered" } : {};
      return { level: isUnanswered ? "warn" : "info", fields: { operator, action, ...ofWhat, ...unsure } };
    }
    case "operator_refused": {
      const { correlationId, route, untold } = event;
      return {
        level: "warn",
        fields: { correlation_id: correlationId, route, ...(untold > 0 && { count: untold }) },
      };
    }
  }
}

function webhookLine(event: WebhookEvent): Line {
  const { tenant, endpoint } = event;
  switch (event.kind) {
    case "webhook_attempt": {
      const { eventId, queueId, attempt, status, failure, durationMs } = event;
      const isTold = status !== null && status >= 200 && status < 300;
      const came = { ...(status !== null && { status }), ...(failure !== null && { failure }) };
      const ofEvent = { event_id: eventId, queue_id: queueId, attempt };
      const fields = { tenant, endpoint, ...ofEvent, ...came, duration_ms: durationMs };
      return { level: isTold ? "info" : "warn", fields };
    }
    case "webhook_failing":
      return { level: "warn", fields: { tenant, endpoint } };
    case "webhook_off":
      return { level: "error", fields: { tenant, endpoint, reason: event.reason } };
    case "webhook_on":
      return { level: "info", fields: { tenant, endpoint } };
  }
}

function time(atMs: number): string {
  return new Date(atMs).toISOString();
}
