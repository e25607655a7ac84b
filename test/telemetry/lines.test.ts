/** Which events are lines of the log, and what a line of a request says where lines are paid for. */
import { expect, it } from "vitest";
import type { TelemetryEvent } from "../../src/telemetry/events.ts";
import { linesTo, requestLinesTo } from "../../src/telemetry/lines.ts";
import type { LogFields } from "../../src/telemetry/log.ts";
import { attemptOf, requestOf } from "./events-for-test.ts";

type Line = LogFields & { readonly level: string; readonly event: string };

function told(events: readonly TelemetryEvent[], sink: typeof linesTo): readonly Line[] {
  const lines: Line[] = [];
  const tell = sink((level, event, fields) => lines.push({ level, event, ...fields }));
  for (const event of events) tell(event);
  return lines;
}

const whose = {
  queueId: "q",
  correlationId: "c",
  traceId: "t",
  accepted: null,
  tenant: "maths",
  provider: "openai",
  model: "m",
} as const;

const ofEndpoint = { tenant: "maths", endpoint: "main" };
const toldEvent = { eventId: "evt_q_3", queueId: "q", attempt: 2 };
const toldFields = { event_id: "evt_q_3", queue_id: "q", attempt: 2 };

it.each<[TelemetryEvent, object]>([
  [
    { kind: "breaker_opened", provider: "openai", untilMs: 0, reason: "unavailable", faults: 5, model: "m" },
    {
      level: "warn",
      provider: "openai",
      until: "1970-01-01T00:00:00.000Z",
      reason: "unavailable",
      count: 5,
      model: "m",
    },
  ],
  [
    { kind: "breaker_half_open", provider: "openai" },
    { level: "info", provider: "openai" },
  ],
  [
    { kind: "breaker_closed", provider: "openai" },
    { level: "info", provider: "openai" },
  ],
  [
    { kind: "provider_held", provider: "openai", reason: "quota_exhausted", untilMs: 1 },
    { level: "warn", provider: "openai", reason: "quota_exhausted", until: "1970-01-01T00:00:00.001Z" },
  ],
  [
    { kind: "provider_released", provider: "openai", reason: "rate_limit", model: "m" },
    { level: "info", provider: "openai", reason: "rate_limit", model: "m" },
  ],
  [
    { kind: "queue_full", provider: "openai", size: 800 },
    { level: "warn", provider: "openai", count: 800 },
  ],
  [
    { kind: "queue_accepting", provider: "openai", size: 599 },
    { level: "info", provider: "openai", count: 599 },
  ],
  [
    { kind: "found", provider: "openai", count: 3, oldestAtMs: 1 },
    { level: "info", provider: "openai", count: 3, since: "1970-01-01T00:00:00.001Z" },
  ],
  [
    { kind: "ticket_kept", ...whose, span: null, reason: "breaker" },
    {
      level: "info",
      queue_id: "q",
      correlation_id: "c",
      trace_id: "t",
      tenant: "maths",
      provider: "openai",
      model: "m",
      reason: "breaker",
    },
  ],
  [
    {
      kind: "ticket_ended",
      ...whose,
      status: "failed",
      reason: "truncated",
      attempts: 2,
      costUsd: 0.5,
      waitMs: 1,
      durationMs: 9,
    },
    {
      level: "warn",
      queue_id: "q",
      correlation_id: "c",
      trace_id: "t",
      tenant: "maths",
      provider: "openai",
      model: "m",
      ticket_status: "failed",
      reason: "truncated",
      attempts: 2,
      cost: 0.5,
      duration_ms: 9,
    },
  ],
  [
    { kind: "unknown_fields", correlationId: "c", traceId: "t", fields: ["f"] },
    { level: "debug", correlation_id: "c", trace_id: "t", unknown_fields: ["f"] },
  ],
  [
    {
      kind: "unexpected_error",
      correlationId: "c",
      traceId: "t",
      queueId: "q",
      errorName: "RangeError",
      stack: [],
    },
    {
      level: "error",
      correlation_id: "c",
      trace_id: "t",
      queue_id: "q",
      error_name: "RangeError",
      stack: [],
    },
  ],
  [
    { kind: "ticket_alarm_failed", errorName: "Error", queueId: "q" },
    { level: "error", error_name: "Error", queue_id: "q" },
  ],
  [
    { kind: "webhook_attempt", ...ofEndpoint, ...toldEvent, status: 204, failure: null, durationMs: 31 },
    { level: "info", ...ofEndpoint, ...toldFields, status: 204, duration_ms: 31 },
  ],
  [
    { kind: "webhook_attempt", ...ofEndpoint, ...toldEvent, status: 302, failure: null, durationMs: 31 },
    { level: "warn", ...ofEndpoint, ...toldFields, status: 302, duration_ms: 31 },
  ],
  [
    { kind: "webhook_attempt", ...ofEndpoint, ...toldEvent, status: null, failure: "tls", durationMs: 31 },
    { level: "warn", ...ofEndpoint, ...toldFields, failure: "tls", duration_ms: 31 },
  ],
  [
    { kind: "webhook_failing", ...ofEndpoint },
    { level: "warn", ...ofEndpoint },
  ],
  [
    { kind: "webhook_off", ...ofEndpoint, reason: "gone" },
    { level: "error", ...ofEndpoint, reason: "gone" },
  ],
  [
    { kind: "webhook_on", ...ofEndpoint },
    { level: "info", ...ofEndpoint },
  ],
  [
    { kind: "spans_dropped", count: 512 },
    { level: "warn", count: 512 },
  ],
  [
    { kind: "bus_failing", bus: "kafka", code: "ECONNREFUSED", waiting: 3 },
    { level: "error", bus: "kafka", failure_code: "ECONNREFUSED", count: 3 },
  ],
  [
    { kind: "bus_failing", bus: "queue", code: "other", waiting: null },
    { level: "error", bus: "queue", failure_code: "other" },
  ],
  [
    { kind: "bus_back", bus: "http", waiting: 0 },
    { level: "info", bus: "http", count: 0 },
  ],
  [
    { kind: "bus_dropped", bus: "http", count: 2 },
    { level: "error", bus: "http", count: 2 },
  ],
  [
    { kind: "stopped", signal: "SIGTERM", durationMs: 5 },
    { level: "info", signal: "SIGTERM", duration_ms: 5 },
  ],
])("$kind", (event, line) => {
  expect(told([event], linesTo)).toEqual([{ event: event.kind, ...line }]);
});

const attempts = [attemptOf({ costUsd: 0.5 }), attemptOf({ attempt: 2, isReask: true })];

it("a request's calls are lines of their own, with trace and ticket where there are any", () => {
  const ofTicket = attemptOf({ lane: "ticket", queueId: "q", traceId: "t" });
  const lines = told([{ kind: "request_began" }, ...attempts, requestOf(), ofTicket], linesTo);
  expect(lines.map(({ event }) => event)).toEqual(["attempt", "attempt", "request", "attempt"]);
  expect(lines[0]).not.toHaveProperty("queue_id");
  expect(lines[3]).toMatchObject({ queue_id: "q", trace_id: "t", cost: 0.25, upstream_status: 200 });
});

it("where lines are paid for it is one, which says what its calls and its ticket would", () => {
  const kept = { kind: "ticket_kept", ...whose, span: null, reason: "unavailable" } as const;
  const lines = told([...attempts, kept, requestOf({ queueId: "q", status: 202 })], requestLinesTo);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    event: "request",
    status: 202,
    queue_id: "q",
    reason: "unavailable",
    attempts: 2,
    cost: 0.75,
    upstream_status: 200,
    prompt_tokens: 1200,
    duration_ms: 815,
  });
});

it("what happens outside requests has its lines there too", () => {
  const ofTicket = attemptOf({ lane: "ticket", queueId: "q" });
  const events = [ofTicket, { kind: "breaker_closed", provider: "openai" }] as const;
  expect(told(events, requestLinesTo).map(({ event }) => event)).toEqual(["attempt", "breaker_closed"]);
});

it("one request's calls are in no other's line, and requests that never end are forgotten", () => {
  const other = requestOf({ correlationId: "other" });
  expect(told([attemptOf(), other], requestLinesTo)[0]).not.toHaveProperty("attempts");
  const lost = Array.from({ length: 1_001 }, (_, at) => attemptOf({ correlationId: `lost-${at}` }));
  const lines = told(
    [...lost, requestOf({ correlationId: "lost-0" }), requestOf({ correlationId: "lost-1000" })],
    requestLinesTo,
  );
  expect(lines.map(({ attempts }) => attempts)).toEqual([undefined, 1]);
});

it.each([
  ["timeout", "warn"],
  ["hung_up", "info"],
] as const)("warns of a call that failed, not of one that nobody waits for any more: %s", (reason, level) => {
  expect(told([attemptOf({ failure: { reason } })], linesTo)).toMatchObject([{ level }]);
});
