import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { longestPauseMs } from "../../../src/domain/gate/call-report.ts";
import { newGate, type GateState } from "../../../src/domain/gate/gate.ts";
import { recordOf } from "../../../src/domain/gate/model-records.ts";
import { behindMs, placeSetBack, presentGate, withinReach } from "../../../src/domain/gate/set-back.ts";
import { fault, gateWorld, healthy, limits, place, queueItem, refused } from "../durable-builders.ts";

const hourMs = 3_600_000;
const startMs = 1_800_000_000_000;

/** A gate that waits for everything at once; every moment anywhere. */
const anyMoment = fc.integer({ min: 0, max: 3_600_000_000_000 });
const anyLease = fc.record({ permit: fc.constant("p"), endsAtMs: anyMoment });
const anyGate: fc.Arbitrary<GateState> = fc
  .record({
    breaker: fc.oneof(
      fc.record({
        state: fc.constant("open" as const),
        epoch: fc.nat(9),
        probeFromMs: anyMoment,
        failedProbes: fc.nat(5),
      }),
      fc.record({
        state: fc.constant("half_open" as const),
        epoch: fc.nat(9),
        probe: fc.option(anyLease),
        goodProbes: fc.nat(2),
        failedProbes: fc.nat(5),
      }),
    ),
    holds: fc.array(
      fc.record({
        model: fc.constantFrom("m", "n"),
        untilMs: anyMoment,
        why: fc.constantFrom("rate_limit" as const, "faults" as const, "refused" as const),
        asker: fc.option(anyLease),
      }),
      { maxLength: 3 },
    ),
    credentials: fc.option(
      fc.record({
        why: fc.constant("credentials_refused" as const),
        askFromMs: anyMoment,
        asker: fc.option(anyLease),
        refusals: fc.nat(9),
        sinceMs: anyMoment,
      }),
    ),
    vitals: anyMoment.map((faultsSinceMs) => ({ ...newGate.vitals, faultsInRow: 1, faultsSinceMs })),
    paces: fc.array(
      fc.record({
        tenant: fc.constant("t"),
        model: fc.constant("m"),
        everyMs: fc.integer({ min: 50, max: longestPauseMs }),
        nextAtMs: anyMoment,
        sinceMs: anyMoment,
      }),
      { maxLength: 2 },
    ),
    records: fc.array(
      fc.tuple(anyMoment, anyMoment).map(([judged, atMs]) => `m ${judged} 01 00ff ${atMs}`),
      { maxLength: 2 },
    ),
    cleanEnds: fc.array(fc.record({ comparison: fc.constant("c"), atMs: anyMoment }), { maxLength: 2 }),
    kept: fc.array(fc.record({ sinceMs: anyMoment, bytes: fc.nat(100) }), { maxLength: 3 }),
    waitsEndedMs: anyMoment,
    halt: fc.option(fc.record({ by: fc.constant("ops"), atMs: anyMoment }), { nil: undefined }),
    seenMs: fc.option(anyMoment, { nil: undefined }),
  })
  .map(({ seenMs, halt, ...given }) => {
    const { seenMs: _, ...unseen } = newGate;
    const optional = { ...(seenMs === undefined ? {} : { seenMs }), ...(halt === undefined ? {} : { halt }) };
    return { ...unseen, ...given, ...optional };
  });

/** How far away each of its moments is, beyond the longest that it may be. */
function beyond(gate: GateState, nowMs: number): readonly number[] {
  const { breaker, holds, credentials, paces, vitals, exchanges, cleanEnds, kept, records } = gate;
  const leaseMs = Math.max(limits.leaseMs, 30_000);
  const pauseMs = Math.max(longestPauseMs, limits.maxOpenMs);
  const leases = [
    breaker.state === "half_open" ? breaker.probe : null,
    credentials?.asker,
    ...holds.map(({ asker }) => asker),
  ];
  const { answers, judgedAtMs } = recordOf(records, "m");
  const past = [
    vitals.lastSuccessMs ?? 0,
    vitals.faultsSinceMs ?? 0,
    vitals.lastFailureMs ?? 0,
    exchanges.sinceMs,
    gate.waitsEndedMs,
    gate.halt?.atMs ?? 0,
    credentials?.sinceMs ?? 0,
    judgedAtMs ?? 0,
    ...answers.map(({ atMs }) => atMs),
    ...paces.map(({ sinceMs }) => sinceMs),
    ...cleanEnds.map(({ atMs }) => atMs),
    ...kept.map(({ sinceMs }) => sinceMs),
  ];
  return [
    ...past.map((atMs) => atMs - nowMs),
    ...(breaker.state === "open" ? [breaker.probeFromMs - nowMs - limits.maxOpenMs] : []),
    ...holds.map(({ untilMs }) => untilMs - nowMs - pauseMs),
    ...(credentials === null ? [] : [credentials.askFromMs - nowMs - pauseMs]),
    ...paces.map(({ nextAtMs, everyMs }) => nextAtMs - nowMs - everyMs),
    ...leases.map((lease) => (lease?.endsAtMs ?? 0) - nowMs - leaseMs),
  ];
}

describe("no moment of a gate is further away than its own longest", () => {
  it("whatever is stored, by whomever", () => {
    fc.assert(
      fc.property(anyGate, anyMoment, (gate, nowMs) => {
        expect(Math.max(...beyond(withinReach(gate, nowMs, limits), nowMs))).toBeLessThanOrEqual(0);
      }),
    );
  });

  it("where older code has written it, which did not say when", () => {
    fc.assert(
      fc.property(anyGate, anyMoment, (stored, nowMs) => {
        const { seenMs: _, ...gate } = stored;
        expect(Math.max(...beyond(presentGate(gate, nowMs, limits), nowMs))).toBeLessThanOrEqual(0);
      }),
    );
  });

  it("changes nothing twice", () => {
    fc.assert(
      fc.property(anyGate, anyMoment, (gate, nowMs) => {
        const present = presentGate(gate, nowMs, limits);
        expect(presentGate(present, nowMs, limits)).toBe(present);
      }),
    );
  });

  it("leaves a gate alone whose clock goes on, or is put right by less than a second", () => {
    const gate = { ...newGate, seenMs: startMs, waitsEndedMs: startMs };
    for (const nowMs of [startMs - 999, startMs, startMs + hourMs])
      expect(presentGate(gate, nowMs, limits)).toBe(gate);
    expect(behindMs(gate, startMs - 1_000)).toBe(1_000);
  });
});

it("moves a place with everything that it waits for; its acceptance stays what it was", () => {
  const running = place("a", {
    acceptedAtMs: 10_000,
    standing: { state: "running", untilMs: 20_000, permit: "p" },
    notBeforeMs: 9_000,
    heardAtMs: 12_000,
  });
  expect(placeSetBack(running, 5_000)).toEqual({
    ...running,
    standing: { state: "running", untilMs: 15_000, permit: "p" },
    notBeforeMs: 4_000,
    heardAtMs: 7_000,
  });
});

/** What a gate waits for, and how long it does. */
const waits = {
  "an open breaker": [[fault, fault, fault], 11_000],
  "a 429 that names 5 s": [
    [{ ...healthy, finding: { kind: "rate_limited", model: "m", holdMs: 5_000 } }],
    5_000,
  ],
  "refused credentials": [[refused], 10_000],
} as const;

describe.each(Object.entries(waits))("after %s", (_, [reports, longestMs]) => {
  it.each([hourMs, 61_000, 1_000])(
    "a clock that is set back by %i ms makes nobody wait for longer",
    (byMs) => {
      const gate = gateWorld();
      gate.world.nowMs = startMs;
      gate.keep("a");
      gate.tell(...reports);
      const wakeAtMs = gate.keeper.look().wakeAtMs ?? Infinity;
      expect(wakeAtMs - startMs).toBeLessThanOrEqual(longestMs);
      gate.world.nowMs = startMs - byMs;
      const { send, wakeAtMs: nextMs } = gate.keeper.look();
      expect([send, (nextMs ?? Infinity) - gate.world.nowMs]).toEqual([[], wakeAtMs - startMs]);
      gate.world.nowMs = nextMs ?? 0;
      expect(gate.keeper.look().send).toEqual(["a"]);
    },
  );

  it("nor one that was set forward by an hour, and back again", () => {
    const gate = gateWorld();
    gate.world.nowMs = startMs + hourMs;
    gate.keep("a");
    gate.tell(...reports);
    gate.world.nowMs = startMs;
    const { wakeAtMs } = gate.keeper.look();
    expect((wakeAtMs ?? Infinity) - startMs).toBeLessThanOrEqual(longestMs);
  });
});

it("a backoff, a lease and what was sent end when they were to", () => {
  const gate = gateWorld();
  const { keeper, world, places } = gate;
  world.nowMs = startMs;
  gate.keep("sent");
  keeper.look();
  for (const id of ["runs", "waits"]) gate.keep(id);
  gate.begin("runs", "p");
  keeper.requeue(queueItem("waits"), { notBeforeMs: startMs + 7_000, suspect: false, permit: null });
  world.nowMs = startMs - hourMs;
  keeper.look();
  expect(places.find("waits")?.notBeforeMs).toBe(world.nowMs + 7_000);
  expect(places.find("runs")?.standing).toMatchObject({ untilMs: world.nowMs + limits.leaseMs });
  expect(places.find("sent")?.standing).toMatchObject({ untilMs: world.nowMs + 30_000 });
});
