import { expect, it } from "vitest";
import { estimatedWaitMs, retryAfterSeconds, waitMinutes } from "../../src/domain/gate/forecast.ts";
import { gateLimits, ticketPolicy } from "../../src/settings/limits.ts";
import { countEnd, msPerTicket, noVitals } from "../../src/domain/gate/vitals.ts";

const settings = {
  llm: { requestTimeoutMs: 60_000 },
  breaker: { failureThreshold: 5, recoveryMs: 10_000, successThreshold: 2, maxOpenMs: 60_000 },
  queue: {
    maxSize: 1_000,
    maxBytes: 104_857_600,
    highWatermark: 0.8,
    lowWatermark: 0.6,
    ticketTtlMs: 14_400_000,
    maxRetries: 3,
    concurrency: 8,
    retentionMs: 86_400_000,
  },
};

it("takes every number from its setting, and leases longer than an attempt can take", () => {
  expect(gateLimits(settings)).toEqual({
    ...settings.breaker,
    maxSize: 1_000,
    maxBytes: 104_857_600,
    highWatermark: 0.8,
    lowWatermark: 0.6,
    concurrency: 8,
    retentionMs: 86_400_000,
    leaseMs: 75_000,
  });
  expect(ticketPolicy(settings)).toEqual({
    ttlMs: 14_400_000,
    maxAttempts: 4,
    leaseMs: 75_000,
    retentionMs: 86_400_000,
    recoveryMs: 10_000,
  });
});

const next = { position: 1, opensAtMs: 0, notBeforeMs: 0, msPerTicket: 2_000 };
it.each([
  ["the next one, at an open gate", next, 0],
  ["the fourth: three before it", { ...next, position: 4 }, 6_000],
  ["the fourth, at a gate that opens in 10 s", { ...next, position: 4, opensAtMs: 11_000 }, 16_000],
  ["one in backoff, when that takes longer", { ...next, position: 2, notBeforeMs: 9_000 }, 8_000],
  ["one in backoff, when the line takes longer", { ...next, position: 4, notBeforeMs: 3_000 }, 6_000],
  ["the next one, when nobody knows how fast it goes", { ...next, msPerTicket: null }, 0],
  ["the second, when nobody knows how fast it goes", { ...next, position: 2, msPerTicket: null }, null],
  ["anyone, when nobody knows when the gate opens", { ...next, opensAtMs: null }, null],
])("estimates the wait of %s", (_, forecast, waitMs) => {
  expect(estimatedWaitMs(forecast, 1_000)).toBe(waitMs);
});

it("says whole minutes, rounded up, and null for unknown", () => {
  expect([0, 1, 60_000, 60_001, null].map(waitMinutes)).toEqual([0, 1, 1, 2, null]);
});

it("says at least one second, rounded up, and falls back where there is no estimate", () => {
  expect(retryAfterSeconds(0, 99_000)).toBe(1);
  expect(retryAfterSeconds(1_001, 99_000)).toBe(2);
  expect(retryAfterSeconds(null, 36_500)).toBe(37);
  expect(retryAfterSeconds(null, -5)).toBe(1);
});

it("measures the time between ends only while others waited, so idleness is not slowness", () => {
  const first = countEnd(noVitals, 5, 1_000);
  expect(msPerTicket(first, 4)).toBeNull();
  const second = countEnd(first, 0, 1_500);
  expect(msPerTicket(second, 4)).toBe(500);
  const afterIdleness = countEnd(second, 5, 900_000);
  expect(msPerTicket(afterIdleness, 4)).toBe(500);
  expect(msPerTicket(countEnd(afterIdleness, 5, 901_500), 4)).toBe(600);
});

it("supposes that all permits work at the mean response time before any ticket has ended", () => {
  expect(msPerTicket({ ...noVitals, meanResponseMs: 2_000 }, 4)).toBe(500);
});
