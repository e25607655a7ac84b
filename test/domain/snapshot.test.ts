import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Outcome } from "../../src/domain/outcome.ts";
import {
  addOutcome,
  answer,
  countExchange,
  isRefreshDue,
  isReportDue,
  noExchanges,
  type Exchanges,
  type KeptSnapshot,
  type Snapshot,
  type Unreported,
} from "../../src/domain/snapshot.ts";
import { fault, healthy, nothing, refused } from "./durable-builders.ts";

const closed: Snapshot = {
  takenAtMs: 1_000,
  epoch: 7,
  state: "closed",
  probeFromMs: null,
  holds: [{ model: "held", untilMs: 1_500 }],
  accepting: true,
  refreshAfterMs: 1_000,
  usableForMs: 2_000,
};
const keep = (snapshot: Snapshot, askedAtMs = 1_000): KeptSnapshot => ({ snapshot, askedAtMs });
const open: Snapshot = { ...closed, state: "open", probeFromMs: 2_500 };

it("calls through a closed breaker without asking, in the epoch of the snapshot", () => {
  expect(answer(keep(closed), "m", 1_000)).toEqual({ kind: "call", epoch: 7 });
});

it("is not used past its limit: to the last millisecond, and not a moment longer", () => {
  for (const snapshot of [closed, { ...open, probeFromMs: 9_000 }]) {
    expect(answer(keep(snapshot), "m", 2_999).kind).not.toBe("ask");
    expect(answer(keep(snapshot), "m", 3_000)).toEqual({ kind: "ask" });
  }
});

it("asks where there is none, or the clock was set back", () => {
  expect(answer(null, "m", 0)).toEqual({ kind: "ask" });
  expect(answer(keep(closed), "m", 999)).toEqual({ kind: "ask" });
  expect(isRefreshDue(keep(closed), 999)).toBe(true);
});

it("waits for a held model until its hold ends, and not a moment longer", () => {
  expect(answer(keep(closed), "held", 1_499)).toEqual({ kind: "wait", retryAtMs: 1_500, why: "rate_limit" });
  expect(answer(keep(closed), "held", 1_500).kind).toBe("call");
});

it("waits at an open breaker until its time is over, and then asks, for one will be the probe", () => {
  expect(answer(keep(open), "m", 2_499)).toEqual({ kind: "wait", retryAtMs: 2_500, why: "breaker" });
  expect(answer(keep(open), "m", 2_500)).toEqual({ kind: "ask" });
});

it("always asks at a half-open breaker, for a probe is a lease", () => {
  expect(answer(keep({ ...closed, state: "half_open" }), "m", 1_000)).toEqual({ kind: "ask" });
});

it("is not misled by a clock that differs from the gate's", () => {
  const here = keep(open, 5_001_000);
  expect(answer(here, "m", 5_002_499)).toEqual({ kind: "wait", retryAtMs: 5_002_500, why: "breaker" });
  expect(answer(here, "m", 5_002_500)).toEqual({ kind: "ask" });
  expect(answer(keep(closed, 5_001_000), "held", 5_001_499)).toMatchObject({ retryAtMs: 5_001_500 });
});

it("is refreshed behind a request before its limit", () => {
  expect(isRefreshDue(null, 0)).toBe(true);
  expect(isRefreshDue(keep(closed), 1_999)).toBe(false);
  expect(isRefreshDue(keep(closed), 2_000)).toBe(true);
});

const limited = (holdMs: number | null): Outcome => ({
  ...nothing,
  finding: { kind: "rate_limited", model: "m", holdMs },
});
it.each<[string, Outcome, boolean]>([
  ["a fault", fault, true],
  ["a refusal", refused, true],
  ["a hold", limited(5), true],
  ["a 429 without a hold", limited(null), false],
  ["a success", healthy, false],
  ["a hang-up", nothing, false],
  ["a good probe", { ...healthy, permit: "p" }, true],
  ["a probe that was never sent", { ...nothing, permit: "p" }, true],
  ["a probe that met a 429", { ...limited(null), permit: "p" }, true],
])("reports %s at once: %j", (_, outcome, due) => {
  expect(isReportDue([healthy, outcome])).toBe(due);
});

const collect = (count: number) =>
  Array.from({ length: count }).reduce<Unreported>(
    (all, _, i) => addOutcome(all, { ...healthy, durationMs: i }),
    [],
  );

it("reports successes in batches of 50, and keeps the newest 200 while nobody listens", () => {
  expect(isReportDue(collect(49))).toBe(false);
  expect(isReportDue(collect(50))).toBe(true);
  expect(collect(250)).toHaveLength(200);
  expect(collect(250).map(({ durationMs }) => durationMs)).toEqual(
    Array.from({ length: 200 }, (_, i) => i + 50),
  );
});

it("bounds the gate's load at about 300 exchanges a second, however many isolates there are", () => {
  for (const isolates of [10, 300, 6_000]) {
    // Each isolate asks again as soon as the time that it was last told has passed.
    let exchanges: Exchanges = noExchanges;
    const due = Array.from({ length: isolates }, (_, i) => (i * 997) % 1_000);
    let lastMinute = 0;
    for (let nowMs = 0; nowMs < 120_000; nowMs += 20) {
      if (nowMs === 60_000) lastMinute = 0;
      for (let i = 0; i < isolates; i++) {
        if ((due[i] ?? 0) > nowMs) continue;
        exchanges = countExchange(exchanges, nowMs);
        due[i] = nowMs + exchanges.refreshAfterMs;
        lastMinute++;
      }
    }
    const perSecond = lastMinute / 60;
    expect(perSecond).toBeLessThan(400);
    // Few isolates learn as soon as they can; many use what the gate can bear.
    expect(exchanges.refreshAfterMs < 1_400).toBe(isolates <= 300);
    expect(perSecond > 200).toBe(isolates >= 300);
  }
});

it("asks for a refresh after 1 to 60 s, whatever the clock does", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100_000, max: 100_000 })), (moments) => {
      const { refreshAfterMs } = moments.reduce<Exchanges>(countExchange, noExchanges);
      expect(refreshAfterMs).toBeGreaterThanOrEqual(1_000);
      expect(refreshAfterMs).toBeLessThanOrEqual(60_000);
    }),
  );
});
