/** What an operator's page says of the last ten minutes is what was counted, and nothing that is older. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { createMeter } from "../../src/telemetry/metrics/meter.ts";
import { takeDifferences } from "../../src/telemetry/metrics/sums.ts";
import {
  newRecent,
  noteDifferences,
  noteEvent,
  noteFailures,
  recentCalls,
  slotsKept,
  type FailedAttempt,
} from "../../src/telemetry/recent.ts";
import { attemptOf, requestOf } from "./events-for-test.ts";

const startMs = 1_780_000_000_000;
const timeout = { reason: "timeout" } as const;

it("counts the calls of each ten seconds, and which of them failed", () => {
  const recent = newRecent();
  noteEvent(recent, attemptOf(), startMs);
  noteEvent(recent, attemptOf({ failure: timeout }), startMs + 9_999);
  noteEvent(recent, attemptOf(), startMs + 10_000);
  noteEvent(recent, attemptOf({ provider: "google" }), startMs + 10_000);
  noteEvent(recent, requestOf(), startMs + 10_000);
  const { calls, failed, perSlot } = recentCalls(recent, "openai", startMs + 10_000);
  expect([calls, failed, perSlot.length]).toEqual([3, 1, slotsKept]);
  expect(perSlot.slice(-2)).toEqual([
    { calls: 2, failed: 1 },
    { calls: 1, failed: 0 },
  ]);
});

it("forgets what is ten minutes old, to the slot", () => {
  const recent = newRecent();
  noteEvent(recent, attemptOf(), startMs);
  expect(recentCalls(recent, "openai", startMs + 599_999).calls).toBe(1);
  expect(recentCalls(recent, "openai", startMs + 600_000).calls).toBe(0);
  noteEvent(recent, attemptOf(), startMs + 599_999);
  expect(recent.slots).toHaveLength(2);
  noteEvent(recent, attemptOf(), startMs + 600_000);
  expect(recent.slots).toHaveLength(2);
});

it("holds no more after a day of calls than after ten minutes of them, and goes on where the clock is set back", () => {
  const recent = newRecent();
  for (let slot = 0; slot < 8_640; slot++) noteEvent(recent, attemptOf(), startMs + slot * 10_000);
  expect(recent.slots).toHaveLength(slotsKept);
  noteEvent(recent, attemptOf(), startMs);
  expect(recentCalls(recent, "openai", startMs).calls).toBe(1);
});

it("is the same, whether the process noted its calls or told somebody what it counted", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          provider: fc.constantFrom("openai" as const, "mock" as const),
          durationMs: fc.integer({ min: 0, max: 100_000 }),
          failure: fc.constantFrom(null, timeout),
          model: fc.constantFrom("gpt-6-luna", "made-up"),
        }),
      ),
      (calls) => {
        const [noted, told] = [newRecent(), newRecent()];
        const meter = createMeter((_, model) => (model === "made-up" ? "other" : model));
        for (const call of calls) {
          noteEvent(noted, attemptOf(call), startMs);
          meter.count(attemptOf(call));
        }
        noteDifferences(told, takeDifferences(meter.sums), startMs);
        for (const provider of ["openai", "mock"] as const)
          expect(recentCalls(told, provider, startMs)).toEqual(recentCalls(noted, provider, startMs));
      },
    ),
  );
});

it.each([
  ["of one call, the middle of its bucket", [800], 0.96],
  ["of calls in two buckets, the edge between them", [800, 2_000], 1.28],
  ["of calls above all buckets, the last edge", [90_000], 81.92],
])("the median is what histogram_quantile says: %s", (_, durations, seconds) => {
  const recent = newRecent();
  for (const durationMs of durations) noteEvent(recent, attemptOf({ durationMs }), startMs);
  expect(recentCalls(recent, "openai", startMs).medianMs).toBeCloseTo(seconds * 1000, 6);
});

it("says nothing of durations where there were no calls", () => {
  expect(recentCalls(newRecent(), "openai", startMs)).toMatchObject({
    calls: 0,
    medianMs: null,
    p95Ms: null,
  });
});

it("keeps the last 200 failed calls, with names cut and without a word of what the vendor said", () => {
  const recent = newRecent();
  const failure = { reason: "request_refused", status: 400, vendorSays: "canary of an essay" } as const;
  for (let at = 0; at < 201; at++)
    noteEvent(recent, attemptOf({ failure, correlationId: `c${at}`, model: "m".repeat(1_000) }), startMs);
  expect(recent.failures.map(({ correlationId }) => correlationId)).toEqual(
    Array.from({ length: 200 }, (_, at) => `c${at + 1}`),
  );
  expect(recent.failures[0]).toMatchObject({
    atMs: startMs,
    reason: "request_refused",
    status: 200,
    requestId: "r",
  });
  expect(recent.failures[0]?.model).toHaveLength(200);
  expect(JSON.stringify(recent)).not.toContain("canary");
});

it("keeps the latest 200 of failures that are told", () => {
  const recent = newRecent();
  const failures = Array.from({ length: 300 }, (_, at) => ({ atMs: at }) as FailedAttempt);
  noteFailures(recent, failures.slice(0, 150));
  noteFailures(recent, failures.slice(150));
  expect(recent.failures.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 200 }, (_, at) => at + 100));
});

it("leaves out what code of another version counts in other buckets", () => {
  const recent = newRecent();
  noteDifferences(
    recent,
    [["llm_provider_attempt_duration_seconds", ["openai", "m", "judged"], 1, [1, 2]]],
    startMs,
  );
  expect(recentCalls(recent, "openai", startMs).calls).toBe(0);
});
