/** Which spans are kept, and how they lie in one another. */
import { describe, expect, it } from "vitest";
import type {
  AttemptEvent,
  RequestEvent,
  TelemetryEvent,
  TicketWorked,
} from "../../../src/telemetry/events.ts";
import type { RequestSpan } from "../../../src/telemetry/tracing/context.ts";
import { spansTo, type SpanRecord } from "../../../src/telemetry/tracing/recorder.ts";
import { attemptOf, requestOf } from "../events-for-test.ts";

const trace = { traceId: "a".repeat(32), sampled: false };
const root: RequestSpan = {
  ...trace,
  spanId: "1".repeat(16),
  parentSpanId: "9".repeat(16),
  beganMs: 1_000,
  callerSampled: false,
  traceState: "v=1",
};
const child = { ...trace, spanId: "2".repeat(16), parentSpanId: root.spanId, beganMs: 1_002 };
const accepted = { traceId: "b".repeat(32), spanId: "3".repeat(16), sampled: false };
const ofTicket = {
  queueId: "q",
  correlationId: "c",
  traceId: null,
  accepted,
  tenant: "maths",
  provider: "openai",
  model: "m",
} as const;
const end = {
  kind: "ticket_ended",
  ...ofTicket,
  reason: null,
  attempts: 1,
  costUsd: null,
  waitMs: 1,
  durationMs: 9,
} as const;
const unavailable = { reason: "unavailable", status: 503, retryAfterMs: null } as const;

function recorder() {
  const clock = { wallMs: 5_000_000, fineMs: 1_000 };
  const kept: SpanRecord[] = [];
  const record = spansTo({
    spans: {
      attempt: (of) => ({
        traceId: "e".repeat(32),
        spanId: "e".repeat(16),
        sampled: of?.sampled ?? false,
        parentSpanId: null,
        beganMs: clock.fineMs,
      }),
    },
    nowMs: () => Math.floor(clock.wallMs + clock.fineMs),
    fineMs: () => clock.fineMs,
    serverOf: (provider) => (provider === "openai" ? { address: "api.openai.com", port: 443 } : undefined),
    keep: (span) => kept.push(span),
  });
  /** Tells each at its moment. */
  const tell = (...told: readonly (readonly [fineMs: number, event: TelemetryEvent])[]) => {
    for (const [fineMs, event] of told) {
      clock.fineMs = fineMs;
      record(event);
    }
    return kept;
  };
  return { clock, kept, tell };
}

const request = (changes: Partial<RequestEvent> = {}) => requestOf({ span: root, ...changes });
const attempt = (changes: Partial<AttemptEvent> = {}) => attemptOf({ span: child, ...changes });
const work = (changes: Partial<TicketWorked> = {}): TicketWorked => ({
  kind: "ticket_worked",
  ...ofTicket,
  span: { ...root, parentSpanId: null },
  outcome: "judged",
  reason: null,
  ...changes,
});

describe("what was not sampled is kept", () => {
  it.each<[string, RequestEvent | TicketWorked, AttemptEvent, number]>([
    ["nowhere, where all went well", request(), attempt(), 0],
    ["not for a client's mistake", request({ status: 422, errorType: "INVALID_REQUEST" }), attempt(), 0],
    [
      "for an answer of 500 and more",
      request({ status: 503, errorType: "CIRCUIT_BREAKER_OPEN" }),
      attempt(),
      2,
    ],
    ["for a vendor's fault that counts for the breaker", request(), attempt({ failure: unavailable }), 2],
    [
      "not for a 429, which doesn't",
      request(),
      attempt({ failure: { reason: "rate_limited", retryAfterMs: null } }),
      0,
    ],
    [
      "of a ticket for a fault as well",
      work({ outcome: "failed", reason: "unavailable" }),
      attempt({ failure: unavailable }),
      2,
    ],
    [
      "not of a ticket that waits for its turn again",
      work({ outcome: "failed", reason: "rate_limited" }),
      attempt(),
      0,
    ],
    ["for a bug of ours", work({ outcome: "threw" }), attempt(), 2],
  ])("%s", (_, last, first, count) => {
    expect(recorder().tell([1_400, first], [1_500, last])).toHaveLength(count);
  });

  it.each([
    [30_999, 0],
    [31_000, 1],
  ])("when it took over thirty seconds: at %d", (fineMs, count) => {
    expect(recorder().tell([fineMs, request()])).toHaveLength(count);
  });

  it("for a ticket that failed by it, and for one whose time was over with nobody at work", () => {
    const failed = recorder().tell(
      [1_400, attempt()],
      [1_450, { ...end, status: "failed", reason: "truncated" }],
      [1_500, work({ outcome: "failed", reason: "truncated" })],
    );
    expect(failed.map(({ name, links }) => [name, links])).toEqual([
      ["ticket failed", [accepted]],
      ["chat gpt-6-luna", []],
      ["process tickets", [accepted]],
    ]);
    expect(recorder().tell([1_000, { ...end, status: "expired" }])).toMatchObject([
      { name: "ticket expired", kind: "internal", error: "expired" },
    ]);
    expect(
      recorder().tell([1_000, { ...end, status: "completed" }], [1_000, { ...end, status: "cancelled" }]),
    ).toEqual([]);
  });
});

it("what was sampled is kept whole, each span within the one that it was made for", () => {
  const sampled = { ...root, sampled: true };
  const [call, whole] = recorder().tell([1_400.5, attempt()], [1_500.25, request({ span: sampled })]);
  expect(whole).toMatchObject({
    name: "POST /api/v1/comparison",
    kind: "server",
    isParentRemote: true,
    traceState: "v=1",
    beganAtMs: 5_001_000,
    endedAtMs: 5_001_500.25,
  });
  expect(call).toMatchObject({
    name: "chat gpt-6-luna",
    kind: "client",
    isParentRemote: false,
    traceState: "v=1",
    parentSpanId: whole?.spanId,
    beganAtMs: 5_001_002,
    endedAtMs: 5_001_400.5,
  });
  expect(call?.attributes).toMatchObject({
    "server.address": "api.openai.com",
    "server.port": 443,
    "gen_ai.request.reasoning.level": "low",
    "gen_ai.usage.input_tokens": 1200,
  });
});

it("a wall clock that is set moves spans with it, and one that wanders by a hair does not", () => {
  const { clock, tell } = recorder();
  const sampled = request({ span: { ...root, sampled: true } });
  const [first] = tell([2_000, sampled]);
  clock.wallMs += 4;
  expect(tell([2_000, sampled])[1]?.endedAtMs).toBe(first?.endedAtMs);
  clock.wallMs += 3_600_000;
  expect(tell([2_000, sampled])[2]?.endedAtMs).toBeCloseTo((first?.endedAtMs ?? 0) + 3_600_004, 0);
});

it("what is never told to be over is forgotten in the end", () => {
  const { tell, kept } = recorder();
  for (let at = 0; at < 5_000; at++)
    tell([1_400, attempt({ span: { ...child, parentSpanId: String(at).padStart(16, "0") } })]);
  // Of the last ones the end may still come.
  const sampled = (at: number) =>
    request({ span: { ...root, sampled: true, spanId: String(at).padStart(16, "0") } });
  tell([1_500, sampled(0)], [1_500, sampled(4_999)]);
  expect(kept.map(({ name }) => name)).toEqual([
    "POST /api/v1/comparison",
    "chat gpt-6-luna",
    "POST /api/v1/comparison",
  ]);
});

it.each([
  ["a path that no route has", { route: "/*", status: 404 }, "GET"],
  ["a method that somebody made up", { method: "CANARY", route: "/healthz" }, "_OTHER /healthz"],
])("%s names no span", (_, changes, name) => {
  const [span] = recorder().tell([
    1_500,
    request({ span: { ...root, sampled: true }, method: "GET", ...changes }),
  ]);
  expect(span?.name).toBe(name);
  expect(JSON.stringify(span)).not.toContain("CANARY");
});
