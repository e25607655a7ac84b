import { expect, it } from "vitest";
import { enter, isMomentous, newGate, started, type GateState } from "../../../src/domain/gate/gate.ts";
import { exchange, takeReports } from "../../../src/domain/gate/report.ts";
import { snapshotOf, statusOf } from "../../../src/domain/gate/view.ts";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import { fault, gateWorld, healthy, limits, nothing, refused } from "../durable-builders.ts";

const tell = (gate: GateState, callReports: CallReport[], nowMs = 0, id = `${nowMs}${callReports.length}`) =>
  takeReports(gate, id, callReports, nowMs, limits, 0);
const open = tell(newGate, [fault, fault, fault]);

it("lets a live call through a closed breaker, and says in which epoch", () => {
  const entered = enter(newGate, "p", { tenant: "", model: "m" }, 0, limits);
  expect(entered).toEqual({ gate: newGate, reply: { kind: "call", epoch: 0, probe: null } });
  expect(entered.gate).toBe(newGate);
});

it("makes the first call after the recovery time the probe, under a lease, and the next one wait", () => {
  expect(enter(open, "p", { tenant: "", model: "m" }, 9_999, limits).reply).toEqual({
    kind: "wait",
    retryAtMs: 10_000,
    why: "breaker",
  });
  const { gate, reply } = enter(open, "p", { tenant: "", model: "m" }, 10_000, limits);
  expect(reply).toEqual({ kind: "call", epoch: 1, probe: { permit: "p", endsAtMs: 85_000 } });
  // Sooner than its lease ends, for a probe is answered soon.
  expect(enter(gate, "q", { tenant: "", model: "m" }, 10_001, limits).reply).toEqual({
    kind: "wait",
    retryAtMs: 20_001,
    why: "breaker",
  });
  expect(enter(gate, "q", { tenant: "", model: "m" }, 84_000, limits).reply).toMatchObject({
    retryAtMs: 85_000,
  });
  expect(enter(gate, "q", { tenant: "", model: "m" }, 85_000, limits).reply).toMatchObject({
    probe: { permit: "q" },
  });
});

it("gives who asks twice with its permit the same probe and lease, and no other", () => {
  const { gate, reply } = enter(open, "p", { tenant: "", model: "m" }, 10_000, limits);
  expect(enter(gate, "p", { tenant: "", model: "m" }, 10_050, limits)).toEqual({ gate, reply });
  expect(enter(gate, "p", { tenant: "", model: "m" }, 85_000, limits).reply).toMatchObject({
    probe: { endsAtMs: 160_000 },
  });
});

it("takes no turn for a model that is held", () => {
  const gate = tell(open, [{ ...nothing, finding: { kind: "rate_limited", model: "m", holdMs: 60_000 } }]);
  expect(enter(gate, "p", { tenant: "", model: "m" }, 10_000, limits)).toEqual({
    gate,
    reply: { kind: "wait", retryAtMs: 60_000, why: "rate_limit" },
  });
  expect(enter(gate, "p", { tenant: "", model: "other" }, 10_000, limits).reply).toMatchObject({
    kind: "call",
  });
});

it("leaves the breaker alone at a 429, at refused credentials and at a client that hung up", () => {
  const limited: CallReport = { ...nothing, finding: { kind: "rate_limited", model: "m", holdMs: null } };
  for (const callReport of [limited, refused, nothing]) {
    expect(tell(newGate, Array<CallReport>(30).fill(callReport)).breaker).toEqual(newGate.breaker);
  }
});

it("holds the model, and no other, for a 429 that asks for longer than its request could wait", () => {
  const gate = tell(newGate, [{ ...nothing, finding: { kind: "rate_limited", model: "m", holdMs: 5_000 } }]);
  expect(enter(gate, "p", { tenant: "", model: "m" }, 4_999, limits).reply).toEqual({
    kind: "wait",
    retryAtMs: 5_000,
    why: "rate_limit",
  });
  expect(enter(gate, "p", { tenant: "", model: "m" }, 5_000, limits).reply.kind).toBe("call");
  expect(enter(gate, "p", { tenant: "", model: "n" }, 0, limits).reply.kind).toBe("call");
});

it("lets live calls through while credentials are refused, and one that is answered lifts the hold", () => {
  const held = tell(newGate, [refused]);
  expect(held.credentials).toEqual({
    why: "credentials_refused",
    askFromMs: 10_000,
    asker: null,
    refusals: 0,
    sinceMs: 0,
  });
  expect(enter(held, "p", { tenant: "", model: "m" }, 0, limits).reply.kind).toBe("call");
  expect(tell(held, [healthy], 1).credentials).toBeNull();
  expect(tell(held, [fault], 1).credentials).toEqual(held.credentials);
  // Of a call from before the refusal it says nothing.
  const call = { comparison: "c", tenant: "t", model: "m", beforeAgoMs: 9 };
  expect(tell(held, [{ ...healthy, call: { ...call, beganAgoMs: 6 } }], 5).credentials).toEqual(
    held.credentials,
  );
  expect(tell(held, [{ ...healthy, call: { ...call, beganAgoMs: 5 } }], 5).credentials).toBeNull();
});

it("counts a batch in order: a success between faults keeps the breaker closed", () => {
  expect(tell(newGate, [fault, fault, healthy, fault]).breaker.state).toBe("closed");
  expect(tell(newGate, [healthy, fault, fault, fault]).breaker.state).toBe("open");
});

it("counts a batch with trouble in it once, however often it is repeated", () => {
  const once = tell(newGate, [fault, fault], 0, "b1");
  expect(tell(once, [fault, fault], 1, "b1")).toBe(once);
  expect(tell(once, [fault], 1, "b2").breaker.state).toBe("open");
});

it("remembers the latest 32 batches with trouble, so it stays small", () => {
  const many = Array.from({ length: 100 }).reduce<GateState>(
    (gate, _, i) => tell(gate, [nothing], 0, `b${i}`),
    newGate,
  );
  expect(many.countedReports).toHaveLength(32);
  expect(many.countedReports.at(-1)).toBe("b99");
});

it("closes after as many good probes as asked for, and comes back with 1 ticket in flight, then 3, then all", () => {
  const first = enter(open, "p", { tenant: "", model: "m" }, 10_000, limits).gate;
  const half = tell(first, [{ ...healthy, permit: "p" }], 10_100);
  expect(half.breaker.state).toBe("half_open");
  const second = enter(half, "q", { tenant: "", model: "m" }, 10_100, limits).gate;
  const closed = tell(second, [{ ...healthy, permit: "q" }], 10_200);
  expect(closed.breaker).toEqual({ state: "closed", epoch: 1, faultsInRow: 0, window: [] });
  expect(closed.ramp).toEqual({ allowed: 1, good: 0 });
  const allowed = [1, 2, 3, 4, 5].reduce<GateState[]>(
    (states) => [...states, tell(states.at(-1) ?? closed, [healthy], 10_300)],
    [closed],
  );
  expect(allowed.map(({ ramp }) => ramp?.allowed ?? "all")).toEqual([1, 3, 3, 3, "all", "all"]);
});

it("does not take the step up for a fault", () => {
  const ramping: GateState = { ...newGate, ramp: { allowed: 1, good: 0 } };
  expect(tell(ramping, [fault]).ramp).toEqual(ramping.ramp);
});

it("comes back step by step after refused credentials too", () => {
  expect(tell(tell(newGate, [refused]), [healthy], 1).ramp).toEqual({ allowed: 1, good: 0 });
});

it("does not close on a probe that was never sent", () => {
  const { gate } = enter(
    { ...open, breaker: { ...open.breaker } },
    "p",
    { tenant: "", model: "m" },
    10_000,
    limits,
  );
  const after = tell(gate, [{ ...nothing, permit: "p" }], 10_001);
  expect(after.breaker).toMatchObject({ state: "half_open", probe: null, goodProbes: 0 });
  expect(enter(after, "q", { tenant: "", model: "m" }, 10_001, limits).reply).toMatchObject({
    probe: { permit: "q" },
  });
});

it("counts faults in a row across the opening, until a success", () => {
  const probe = enter(open, "p", { tenant: "", model: "m" }, 10_000, limits).gate;
  const reopened = tell(probe, [{ ...fault, permit: "p" }], 10_500);
  expect(reopened.vitals).toMatchObject({ faultsInRow: 4, lastFailureMs: 10_500 });
  expect(tell(reopened, [healthy], 11_000).vitals).toMatchObject({ faultsInRow: 0, lastSuccessMs: 11_000 });
});

it("keeps a moving mean of the response time of answered calls alone", () => {
  const slow: CallReport = { ...healthy, durationMs: 200 };
  expect(tell(newGate, [healthy, slow, { ...fault, durationMs: 9_000 }]).vitals.meanResponseMs).toBeCloseTo(
    110,
  );
});

it("keeps an open breaker over a restart, and asks with refused credentials at once", () => {
  const both = tell(open, [refused]);
  const after = started(both, true, 4_000);
  expect(after.breaker).toEqual(open.breaker);
  expect(after.credentials).toMatchObject({ askFromMs: 4_000, asker: null, refusals: 0 });
  expect(started(both, true, 50_000).credentials?.askFromMs).toBe(10_000);
});

it("takes turns back at a start only from a predecessor that is surely dead", () => {
  const probing = enter(open, "p", { tenant: "", model: "m" }, 10_000, limits).gate;
  expect(started(probing, false, 10_001).breaker).toEqual(probing.breaker);
  expect(started(probing, true, 10_001).breaker).toMatchObject({ probe: null, state: "half_open" });
});

it("says which changes must be stored at once", () => {
  const counted = tell(newGate, [healthy]);
  expect(isMomentous(newGate, counted)).toBe(false);
  expect(isMomentous(newGate, exchange(newGate, "r", [], 0, limits, 0).gate)).toBe(false);
  expect(isMomentous(newGate, open)).toBe(true);
  expect(isMomentous(open, enter(open, "p", { tenant: "", model: "m" }, 10_000, limits).gate)).toBe(true);
  expect(isMomentous(newGate, tell(newGate, [refused]))).toBe(true);
  expect(isMomentous(newGate, { ...newGate, accepting: false })).toBe(true);
  const held = tell(newGate, [{ ...nothing, finding: { kind: "rate_limited", model: "m", holdMs: 1 } }]);
  expect(isMomentous(newGate, held)).toBe(true);
  expect(isMomentous(newGate, { ...newGate, ramp: { allowed: 1, good: 0 } })).toBe(true);
});

it("tells an isolate that the view of an open breaker lasts until its time is over", () => {
  expect(snapshotOf(open, 4_000, limits)).toMatchObject({
    state: "open",
    probeFromMs: 10_000,
    epoch: 1,
    usableForMs: 6_000,
  });
  expect(snapshotOf(open, 10_000, limits)).toMatchObject({
    state: "half_open",
    probeFromMs: null,
    usableForMs: 2_000,
  });
  // One is the probe: it will be answered before its lease ends. Nearly over, the lease is what counts.
  const probed = enter(open, "p", { tenant: "", model: "m" }, 10_000, limits).gate;
  expect(snapshotOf(probed, 10_000, limits)).toMatchObject({ state: "half_open", probeFromMs: 20_000 });
  expect(snapshotOf(probed, 84_000, limits)).toMatchObject({ probeFromMs: 85_000 });
  expect(snapshotOf(probed, 85_000, limits)).toMatchObject({ probeFromMs: null });
  expect(snapshotOf(newGate, 0, limits)).toMatchObject({
    state: "closed",
    refreshAfterMs: 1_000,
    usableForMs: 2_000,
  });
});

it("shows the providers page what is so", () => {
  const { keeper, keep, tell, world } = gateWorld();
  keep("a", { sizeBytes: 7, acceptedAtMs: 3 });
  keep("b", { sizeBytes: 5, acceptedAtMs: 4 });
  world.nowMs = 100;
  tell(healthy, fault, fault, fault);
  expect(keeper.status()).toEqual({
    state: "open",
    faultsInRow: 3,
    faultsSinceMs: 100,
    lastSuccessMs: 100,
    lastFailureMs: 100,
    lastFailure: null,
    meanResponseMs: 100,
    retryAtMs: 10_100,
    refused: null,
    held: [],
    openings: 1,
    queue: {
      size: 2,
      maxSize: 10,
      bytes: 12,
      maxBytes: 1_000,
      accepting: true,
      oldestAcceptedAtMs: 3,
      running: 0,
    },
  });
  world.nowMs = 10_100;
  expect(keeper.status()).toMatchObject({ state: "half_open", retryAtMs: null });
});

it("need not last at once, what is counted of those for whom an open breaker is as if closed; that it opens for them must", () => {
  const call = { comparison: "c", tenant: "evil", model: "m", beganAgoMs: 1, beforeAgoMs: 1 };
  const forOne = tell(
    newGate,
    Array.from({ length: 3 }, () => ({ ...fault, call })),
  );
  const of = (callReport: CallReport): CallReport => ({
    ...callReport,
    epoch: forOne.breaker.epoch,
    call: { ...call, tenant: "good" },
  });
  const answered = tell(forOne, [of(healthy)], 1);
  expect(answered.breaker).toMatchObject({ state: "open", others: { byTenant: { calls: 1 } } });
  expect(isMomentous(forOne, answered)).toBe(false);
  const forAll = tell(answered, [of(fault), of(fault), of(fault)], 2);
  expect(isMomentous(answered, forAll)).toBe(true);
  const { gate: probing } = enter(forOne, "p", call, 60_000, limits);
  expect(isMomentous(forOne, probing)).toBe(true);
});

it("says since when there are faults in a row, and since when our credentials are refused", () => {
  const empty = { size: 0, bytes: 0, waiting: 0, inFlight: 0, suspectsInFlight: 0, oldestAcceptedAtMs: null };
  const statusAt = (gate: GateState, nowMs: number) => statusOf(gate, empty, () => false, nowMs, limits);
  const failing = tell(tell(newGate, [fault], 1_000), [fault, fault], 5_000);
  expect(statusAt(failing, 6_000)).toMatchObject({ faultsInRow: 3, faultsSinceMs: 1_000 });
  const well = tell(failing, [healthy], 7_000);
  expect(statusAt(well, 7_000).faultsSinceMs).toBeUndefined();
  expect(statusAt(tell(well, [fault], 8_000), 9_000).faultsSinceMs).toBe(8_000);
  // Older code ends a row and begins another, and takes the moment along.
  const { vitals } = failing;
  const older = { ...failing, vitals: { ...vitals, faultsInRow: 1, lastSuccessMs: 7_500 } };
  expect(statusAt(older, 9_000).faultsSinceMs).toBeUndefined();
  expect(statusAt(failing, 9_000).refusedSinceMs).toBeUndefined();
  const twiceRefused = tell(tell(newGate, [refused], 2_000), [refused], 3_000);
  expect(statusAt(twiceRefused, 9_000)).toMatchObject({
    refused: "credentials_refused",
    refusedSinceMs: 2_000,
  });
});
