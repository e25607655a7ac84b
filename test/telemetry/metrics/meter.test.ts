/** What events count, and that nobody outside can make the list of series longer. */
import { describe, expect, it } from "vitest";
import { createModelLabel } from "../../../src/providers/model-label.ts";
import { defaultModels } from "../../../src/providers/catalog.ts";
import { beginAtZero } from "../../../src/telemetry/metrics/from-zero.ts";
import { createMeter, isOfFamily } from "../../../src/telemetry/metrics/meter.ts";
import { newSums } from "../../../src/telemetry/metrics/sums.ts";
import { textOf } from "../../../src/telemetry/metrics/text.ts";
import type { TelemetryEvent } from "../../../src/telemetry/events.ts";
import { attemptOf, requestOf } from "../events-for-test.ts";

const label = createModelLabel({ ...defaultModels, openai: "a-model-of-our-own" });

/** Samples that are not 0, by their name and labels without the prefix. */
function counted(...events: readonly TelemetryEvent[]): Readonly<Record<string, number>> {
  const meter = createMeter(label);
  for (const event of events) meter.count(event);
  return samplesIn(textOf(meter.sums, []));
}

function samplesIn(text: string): Readonly<Record<string, number>> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const rows = lines.map((line): [string, number] => {
    const at = line.lastIndexOf(" ");
    return [line.slice("llm_provider_".length, at), Number(line.slice(at + 1))];
  });
  return Object.fromEntries(rows.filter(([name, value]) => value !== 0 && !name.includes("_bucket")));
}

const judge = 'provider="openai",model="gpt-6-luna"';

describe("counts", () => {
  it("a call that brought a judgement, with all its figures", () => {
    expect(counted(attemptOf())).toEqual({
      [`attempts_total{${judge},lane="live",outcome="judged"}`]: 1,
      'upstream_responses_total{provider="openai",status="200"}': 1,
      [`attempt_duration_seconds_sum{${judge},outcome="judged"}`]: 0.812,
      [`attempt_duration_seconds_count{${judge},outcome="judged"}`]: 1,
      [`input_tokens_total{${judge}}`]: 1200,
      [`output_tokens_total{${judge}}`]: 180,
      [`cached_input_tokens_total{${judge}}`]: 1024,
      [`reasoning_output_tokens_total{${judge}}`]: 128,
      [`cost_dollars_total{${judge}}`]: 0.25,
      'tenant_cost_dollars_total{tenant="maths"}': 0.25,
      [`verdicts_total{${judge},shown="first"}`]: 1,
      [`confidence_sum{${judge}}`]: 4.2,
      [`confidence_count{${judge}}`]: 1,
    });
  });

  it("the second essay's verdict, and how the judgement differs from what was written", () => {
    const judgement = { winner: "Essay B", confidence: 1, normalizations: ["confidence_clamped"] } as const;
    expect(counted(attemptOf({ judgement }))).toMatchObject({
      [`verdicts_total{${judge},shown="second"}`]: 1,
      [`normalizations_total{${judge},kind="confidence_clamped"}`]: 1,
    });
  });

  it("a call without an answer, made once more for that; nothing that it cost is known", () => {
    const failure = { reason: "connection", code: "ECONNRESET" } as const;
    const reply = {
      outcome: { ok: false, error: failure },
      usage: null,
      requestId: null,
      status: null,
    } as const;
    const failed = attemptOf({ failure, reply, judgement: null, costUsd: null, retryOf: "timeout" });
    expect(counted(failed)).toEqual({
      [`attempts_total{${judge},lane="live",outcome="connection"}`]: 1,
      'upstream_responses_total{provider="openai",status="none"}': 1,
      [`attempt_duration_seconds_sum{${judge},outcome="failed"}`]: 0.812,
      [`attempt_duration_seconds_count{${judge},outcome="failed"}`]: 1,
      'retries_total{provider="openai",reason="timeout"}': 1,
    });
  });

  it("a cost that is not known as a call without a price, never as 0 dollars", () => {
    const found = counted(attemptOf({ costUsd: null }));
    expect(found).toMatchObject({ [`unpriced_attempts_total{${judge}}`]: 1 });
    expect(Object.keys(found).filter((name) => name.includes("cost"))).toEqual([]);
  });

  it("the one more ask by what came of it", () => {
    expect(counted(attemptOf({ isReask: true }))).toMatchObject({
      [`reasks_total{${judge},outcome="judged"}`]: 1,
    });
  });

  it("no verdict of somebody who tries the provider out, but the call", () => {
    const found = counted(attemptOf({ lane: "test" }));
    expect(found).toMatchObject({ [`attempts_total{${judge},lane="test",outcome="judged"}`]: 1 });
    expect(Object.keys(found).filter((name) => /verdicts|confidence/.test(name))).toEqual([]);
  });

  it("an answer of another model", () => {
    const reply = { ...attemptOf().reply, outcome: { ok: true, value: { model: "gpt-5-mini" } } } as const;
    expect(counted(attemptOf({ reply }))).toMatchObject({ [`answered_by_other_model_total{${judge}}`]: 1 });
  });

  it("a request, its comparison and its tenant", () => {
    expect(counted({ kind: "request_began" }, requestOf())).toEqual({
      'http_requests_total{route="/api/v1/comparison",method="POST",status="200"}': 1,
      'http_request_duration_seconds_sum{route="/api/v1/comparison",method="POST"}': 0.815,
      'http_request_duration_seconds_count{route="/api/v1/comparison",method="POST"}': 1,
      'comparisons_total{provider="openai",mode="immediate",result="judged",error_type="none"}': 1,
      request_overhead_seconds_sum: 0.00075,
      request_overhead_seconds_count: 1,
      'tenant_requests_total{tenant="maths"}': 1,
    });
  });

  it("a comparison that was turned away and refused, under a key, for no tenant's account", () => {
    const comparison = {
      mode: "immediate",
      result: "refused",
      turnedAway: "breaker",
      keyed: "first",
      overheadMs: null,
    } as const;
    const refused = requestOf({ status: 503, errorType: "CIRCUIT_BREAKER_OPEN", comparison });
    const found = counted(refused);
    expect(found).toMatchObject({
      'comparisons_total{provider="openai",mode="immediate",result="refused",error_type="CIRCUIT_BREAKER_OPEN"}': 1,
      'turned_away_total{provider="openai",why="breaker"}': 1,
      'idempotent_requests_total{outcome="first"}': 1,
    });
    expect(Object.keys(found).filter((name) => name.startsWith("tenant_"))).toEqual([]);
  });

  it("spans that nobody took", () => {
    const dropped = { kind: "spans_dropped", count: 512 } as const;
    expect(counted(dropped, dropped)).toEqual({ spans_dropped_total: 1_024 });
  });

  it("a ticket from its acceptance to its end", () => {
    const whose = {
      queueId: "q",
      correlationId: "c",
      traceId: null,
      accepted: null,
      tenant: "maths",
      provider: "openai",
      model: "m",
    } as const;
    const end = {
      status: "expired",
      reason: null,
      attempts: 0,
      costUsd: null,
      waitMs: 61_000,
      durationMs: 120_000,
    } as const;
    const found = counted(
      { kind: "ticket_kept", ...whose, span: null, reason: "asked" },
      { kind: "ticket_ended", ...whose, ...end },
      { kind: "ticket_ended", ...whose, ...end, status: "cancelled", waitMs: null },
    );
    expect(found).toEqual({
      'tickets_total{provider="openai",event="accepted"}': 1,
      'tickets_total{provider="openai",event="expired"}': 1,
      'tickets_total{provider="openai",event="cancelled"}': 1,
      'ticket_wait_seconds_sum{provider="openai",end="expired"}': 61,
      'ticket_wait_seconds_count{provider="openai",end="expired"}': 1,
      'ticket_duration_seconds_sum{provider="openai",end="expired"}': 120,
      'ticket_duration_seconds_count{provider="openai",end="expired"}': 1,
      'ticket_duration_seconds_sum{provider="openai",end="cancelled"}': 120,
      'ticket_duration_seconds_count{provider="openai",end="cancelled"}': 1,
    });
  });
});

it("knows how many requests are not answered yet; one that was refused below the routes never was one", () => {
  const meter = createMeter(label);
  for (const event of [{ kind: "request_began" }, { kind: "request_began" }, requestOf()] as const)
    meter.count(event);
  expect(meter.inFlight()).toBe(1);
  meter.count(requestOf({ route: null, comparison: null, status: 400 }));
  expect(meter.inFlight()).toBe(1);
});

describe("bounds its series:", () => {
  const models = Array.from({ length: 1_000 }, (_, at) => `made-up-${at}`);

  it("a thousand models that callers made up leave as many series as one", () => {
    const meter = createMeter(label);
    for (const model of models) meter.count(attemptOf({ model }));
    const lines = textOf(meter.sums, [])
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(lines.length).toBeLessThan(60);
    expect(lines.join("\n")).not.toContain("made-up");
    expect(lines.filter((line) => line.includes('model="other"')).length).toBeGreaterThan(10);
  });

  it("so do methods, routes that are none, and statuses", () => {
    const meter = createMeter(label);
    for (const [at, method] of models.entries()) {
      meter.count(requestOf({ method, route: "/*", status: 404, comparison: null }));
      meter.count(attemptOf({ reply: { ...attemptOf().reply, status: 600 + at } }));
    }
    const text = textOf(meter.sums, []);
    expect(text).not.toContain("made-up");
    expect(text).toContain('http_requests_total{route="unmatched",method="other",status="404"} 1000');
    expect(text).toContain('upstream_responses_total{provider="openai",status="other"} 1000');
  });

  it.each([
    ["one of the catalogue's", "gpt-6-luna", "gpt-6-luna"],
    ["a snapshot of one, under its id", "gpt-6-luna-2026-09-01", "gpt-6-luna"],
    ["a provider's default that the catalogue does not have", "a-model-of-our-own", "a-model-of-our-own"],
    ["any other", "gpt-6-luna\n", "other"],
    ["another provider's default", defaultModels.google, "other"],
  ])("a model is a label if it is %s", (_, model, expected) => {
    expect(label("openai", model)).toBe(expected);
    expect(label("openai", model)).toBe(expected);
  });
});

it.each([
  ["gpt-6-luna", "gpt-6-luna", true],
  ["gpt-6-luna", "gpt-6-luna-2026-09-01", true],
  ["gpt-6-luna-2026-03-05", "gpt-6-luna-2026-09-01", true],
  ["claude-sonnet-5-5", "claude-sonnet-5-5-20261001", true],
  ["gemini-3.8-flash", "models/gemini-3.8-flash-001", true],
  ["openai/gpt-6.1-terra", "gpt-6.1-terra", true],
  ["deepseek/deepseek-r2:free", "deepseek/deepseek-r2", true],
  ["mistral-large-latest", "mistral-large-2612", true],
  ["gpt-6-luna", "gpt-5-mini", false],
  ["gemini-3.8-flash", "gemini-3.8-pro", false],
  ["claude-sonnet-5-5", "claude-opus-5", false],
])("asked %s, answered by %s: of its family, %s", (asked, answered, expected) => {
  expect(isOfFamily(asked, answered)).toBe(expected);
});

it("is at 0 from the start where the labels are a closed list, for those who can be asked", () => {
  const sums = newSums();
  beginAtZero(sums, {
    usable: ["openai"],
    defaultModel: () => "gpt-6-luna",
    tenants: ["maths"],
    sendsSpans: true,
    sendsWebhooks: true,
  });
  const text = textOf(sums, []);
  for (const line of [
    'tickets_total{provider="openai",event="expired"} 0',
    `attempts_total{${judge},lane="ticket",outcome="rate_limited"} 0`,
    'comparisons_total{provider="openai",mode="queue",result="kept",error_type="none"} 0',
    'idempotent_requests_total{outcome="mismatch"} 0',
    'tenant_requests_total{tenant="maths"} 0',
    'webhook_attempts_total{outcome="blocked"} 0',
    "spans_dropped_total 0",
  ])
    expect(text).toContain(`\nllm_provider_${line}\n`);
  expect(text).not.toContain("google");
});
