import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import {
  addReport,
  answer,
  countExchange,
  isRefreshDue,
  isReportDue,
  noExchanges,
  roomIn,
  type Exchanges,
  type KeptSnapshot,
  type Snapshot,
  type Unreported,
} from "../../../src/domain/gate/snapshot.ts";
import { enter, newGate, type GateState } from "../../../src/domain/gate/gate.ts";
import { exchange } from "../../../src/domain/gate/report.ts";
import { snapshotOf } from "../../../src/domain/gate/view.ts";
import { fault, healthy, limits, nothing, refused } from "../durable-builders.ts";

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
  expect(answer(keep(closed), { tenant: "", model: "m" }, 1_000)).toEqual({ kind: "call", epoch: 7 });
});

it("is not used past its limit: to the last millisecond, and not a moment longer", () => {
  for (const snapshot of [closed, { ...open, probeFromMs: 9_000 }]) {
    expect(answer(keep(snapshot), { tenant: "", model: "m" }, 2_999).kind).not.toBe("ask");
    expect(answer(keep(snapshot), { tenant: "", model: "m" }, 3_000)).toEqual({ kind: "ask" });
  }
});

it("asks where there is none, or the clock was set back", () => {
  expect(answer(null, { tenant: "", model: "m" }, 0)).toEqual({ kind: "ask" });
  expect(answer(keep(closed), { tenant: "", model: "m" }, 999)).toEqual({ kind: "ask" });
  expect(isRefreshDue(keep(closed), 999)).toBe(true);
});

it("waits for a held model until its hold ends, and not a moment longer", () => {
  expect(answer(keep(closed), { tenant: "", model: "held" }, 1_499)).toEqual({
    kind: "wait",
    retryAtMs: 1_500,
    why: "rate_limit",
  });
  expect(answer(keep(closed), { tenant: "", model: "held" }, 1_500).kind).toBe("call");
});

it("waits at an open breaker until its time is over, and then asks, for one will be the probe", () => {
  expect(answer(keep(open), { tenant: "", model: "m" }, 2_499)).toEqual({
    kind: "wait",
    retryAtMs: 2_500,
    why: "breaker",
  });
  expect(answer(keep(open), { tenant: "", model: "m" }, 2_500)).toEqual({ kind: "ask" });
});

const probed: Snapshot = { ...closed, state: "half_open", probeFromMs: 1_700 };

it("asks at a half-open breaker whose turn is free, for the next request is its probe", () => {
  expect(answer(keep({ ...probed, probeFromMs: null }), { tenant: "", model: "m" }, 1_000)).toEqual({
    kind: "ask",
  });
});

it("waits where another is the probe, until it has surely been answered", () => {
  expect(answer(keep(probed), { tenant: "", model: "m" }, 1_699)).toEqual({
    kind: "wait",
    retryAtMs: 1_700,
    why: "breaker",
  });
  expect(answer(keep(probed), { tenant: "", model: "m" }, 1_700)).toEqual({ kind: "ask" });
});

it("asks again whether the turn is free as soon as the gate can bear it", () => {
  const long = keep({ ...probed, probeFromMs: 9_000 });
  expect(answer(long, { tenant: "", model: "m" }, 1_999)).toMatchObject({ kind: "wait", retryAtMs: 9_000 });
  expect(answer(long, { tenant: "", model: "m" }, 2_000)).toEqual({ kind: "ask" });
});

it("is not misled by a clock that differs from the gate's", () => {
  const here = keep(open, 5_001_000);
  expect(answer(here, { tenant: "", model: "m" }, 5_002_499)).toEqual({
    kind: "wait",
    retryAtMs: 5_002_500,
    why: "breaker",
  });
  expect(answer(here, { tenant: "", model: "m" }, 5_002_500)).toEqual({ kind: "ask" });
  expect(answer(keep(closed, 5_001_000), { tenant: "", model: "held" }, 5_001_499)).toMatchObject({
    retryAtMs: 5_001_500,
  });
  expect(answer(keep(probed, 5_001_000), { tenant: "", model: "m" }, 5_001_699)).toMatchObject({
    retryAtMs: 5_001_700,
  });
  expect(answer(keep(probed, 5_001_000), { tenant: "", model: "m" }, 5_001_700)).toEqual({ kind: "ask" });
});

it("lets nobody call while an operator has halted the provider, and asks as soon as the gate can bear it", () => {
  const gate: GateState = { ...newGate, halt: { by: "ops", atMs: 500 } };
  const halted = keep(snapshotOf(gate, 1_000, limits));
  for (const nowMs of [1_000, 1_999]) {
    const wait = { kind: "wait", retryAtMs: nowMs + 60_000, why: "paused" };
    expect(answer(halted, { tenant: "a", model: "m" }, nowMs)).toEqual(wait);
  }
  expect(answer(halted, { tenant: "a", model: "m" }, 2_000)).toEqual({ kind: "ask" });
  expect(isRefreshDue(halted, 2_000)).toBe(true);
  // What older code makes of it: a probe that is under way. Nobody may call.
  const { halted: _, ...older } = halted.snapshot;
  expect(answer(keep(older), { tenant: "a", model: "m" }, 1_999)).toMatchObject({
    kind: "wait",
    why: "breaker",
  });
});

it("lets nobody past a halt for whom the breaker would be as if closed", () => {
  let gate: GateState = newGate;
  const whose = (tenant: string) => ({ tenant, model: "m" });
  const call = { comparison: "c", ...whose("ill"), beganAgoMs: 10, beforeAgoMs: 10 };
  for (let at = 0; at < limits.failureThreshold; at++)
    gate = exchange(gate, `r${at}`, [{ ...fault, call }], 1_000, limits, 0).gate;
  expect(enter(gate, "p", whose("well"), 1_000, limits).reply).toMatchObject({ kind: "call" });
  const halted = { ...gate, halt: { by: "ops", atMs: 1_000 } };
  expect(enter(halted, "p", whose("well"), 1_000, limits).reply).toMatchObject({ why: "paused" });
  expect(answer(keep(snapshotOf(halted, 1_000, limits)), whose("well"), 1_000)).toMatchObject({
    why: "paused",
  });
});

it("is refreshed behind a request before its limit", () => {
  expect(isRefreshDue(null, 0)).toBe(true);
  expect(isRefreshDue(keep(closed), 1_999)).toBe(false);
  expect(isRefreshDue(keep(closed), 2_000)).toBe(true);
});

it("is not refreshed for calls while the breaker is open: nothing changes for them", () => {
  expect(isRefreshDue(keep({ ...open, probeFromMs: 9_000, usableForMs: 8_000 }), 8_999)).toBe(false);
});

it("knows of a full queue for as long as the gate can't bear to be asked, and for as long again if it must", () => {
  const full = { ...closed, accepting: false };
  const room = (kept: KeptSnapshot | null, nowMs: number) => roomIn(kept, nowMs, nowMs);
  expect(room(null, 0)).toBe("perhaps");
  expect(room(keep(closed), 1_000)).toBe("perhaps");
  expect(room(keep(full), 999)).toBe("none_lately");
  expect(room(keep(full), 1_000)).toBe("none");
  expect(room(keep(full), 1_999)).toBe("none");
  expect(room(keep(full), 2_000)).toBe("none_lately");
  expect(room(keep(full), 2_999)).toBe("none_lately");
  expect(room(keep(full), 3_000)).toBe("perhaps");
  // However long the view of an open breaker lasts.
  expect(room(keep({ ...full, state: "open", usableForMs: 60_000 }), 3_000)).toBe("perhaps");
});

it("knows of a full queue only for the tenant whom the gate has told so lately", () => {
  const full = { ...closed, accepting: false };
  expect(roomIn(keep(full), null, 1_500)).toBe("perhaps");
  expect(roomIn(keep(full), 1_200, 1_500)).toBe("none");
  // Two thousand ago, by a clock that was set back or not.
  expect(roomIn(keep(full), -500, 1_500)).toBe("perhaps");
  expect(roomIn(keep(full), 3_500, 1_500)).toBe("perhaps");
  expect(roomIn(keep(full), -499, 1_500)).toBe("none");
});

const limited = (holdMs: number | null): CallReport => ({
  ...nothing,
  finding: { kind: "rate_limited", model: "m", holdMs },
});
it.each<[string, CallReport, boolean]>([
  ["a fault", fault, true],
  ["a refusal", refused, true],
  ["a hold", limited(5), true],
  ["a 429 without a hold", limited(null), false],
  ["a success", healthy, false],
  ["a hang-up", nothing, false],
  ["a good probe", { ...healthy, permit: "p" }, true],
  ["a probe that was never sent", { ...nothing, permit: "p" }, true],
  ["a probe that met a 429", { ...limited(null), permit: "p" }, true],
])("reports %s at once: %j", (_, callReport, due) => {
  expect(isReportDue([healthy, callReport])).toBe(due);
});

const collect = (count: number) =>
  Array.from({ length: count }).reduce<Unreported>(
    (all, _, i) => addReport(all, { ...healthy, durationMs: i }),
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

/** Isolates begin when `beginMs` says; each asks again as soon as the time that it was told has passed. @returns how many asked in each second */
function asking(isolates: number, beginMs: (isolate: number) => number, seconds: number) {
  let exchanges: Exchanges = noExchanges;
  const due = Array.from({ length: isolates }, (_, isolate) => beginMs(isolate));
  const asked = Array.from({ length: seconds }, () => 0);
  for (let nowMs = 0; nowMs < seconds * 1_000; nowMs += 20) {
    due.forEach((dueMs, isolate) => {
      if (dueMs > nowMs) return;
      exchanges = countExchange(exchanges, [], nowMs);
      due[isolate] = nowMs + exchanges.refreshAfterMs;
      const second = Math.floor(nowMs / 1_000);
      asked[second] = (asked[second] ?? 0) + 1;
    });
  }
  return { asked, exchanges };
}

it("bounds the gate's load at 300 exchanges a second, however many isolates there are", () => {
  for (const isolates of [10, 300, 6_000]) {
    const { asked, exchanges } = asking(isolates, (isolate) => (isolate * 997) % 60_000, 120);
    const lastMinute = asked.slice(60);
    expect(Math.max(...lastMinute)).toBeLessThan(320);
    // Few isolates learn as soon as they can; many use what the gate can bear.
    expect(exchanges.refreshAfterMs < 1_400).toBe(isolates <= 300);
    expect(Math.min(...lastMinute) > 250).toBe(isolates >= 300);
  }
});

it("spreads those who begin all at once, from the second second on", () => {
  for (const isolates of [1_000, 5_000]) {
    const { asked } = asking(isolates, () => 0, 60);
    expect(asked[0]).toBe(isolates);
    expect(Math.max(...asked.slice(1))).toBeLessThan(320);
  }
});

it("makes nobody's view older than 5 s for a storm of trouble, nor than it was", () => {
  const storm = (from: Exchanges) =>
    Array.from({ length: 20_000 }).reduce<Exchanges>((all) => countExchange(all, [healthy, fault], 0), from);
  expect(storm(noExchanges).refreshAfterMs).toBe(5_000);
  expect(storm({ sinceMs: 0, refreshAfterMs: 9_000 }).refreshAfterMs).toBe(9_000);
  const calm = Array.from({ length: 20_000 }).reduce<Exchanges>(
    (all) => countExchange(all, [healthy], 0),
    noExchanges,
  );
  expect(calm.refreshAfterMs).toBe(60_000);
});

it("asks for a refresh after 1 to 60 s, whatever the clock does", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: -100_000, max: 100_000 }), fc.boolean())), (moments) => {
      const { refreshAfterMs } = moments.reduce<Exchanges>(
        (all, [nowMs, isTrouble]) => countExchange(all, isTrouble ? [fault] : [], nowMs),
        noExchanges,
      );
      expect(refreshAfterMs).toBeGreaterThanOrEqual(1_000);
      expect(refreshAfterMs).toBeLessThanOrEqual(60_000);
    }),
  );
});
