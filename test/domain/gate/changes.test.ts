/** What operators hear of a gate: each change once, by whoever stored it. */
import { expect, it } from "vitest";
import { changesOf, type GateChange } from "../../../src/domain/gate/changes.ts";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import { newGate, type GateState } from "../../../src/domain/gate/gate.ts";
import { silenceMs } from "../../../src/domain/gate/places.ts";
import { createGateKeeper } from "../../../src/engine/gate-keeper.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import { fault, healthy, limits, queueItem, refused } from "../durable-builders.ts";

function world() {
  let state: GateState = newGate;
  let nowMs = 1_000_000;
  let told: GateChange[] = [];
  let reports = 0;
  const keeper = createGateKeeper({
    places: memoryPlaces(),
    limits,
    readState: () => state,
    writeState: (next) => (state = next),
    atomically: (work) => work(),
    nowMs: () => nowMs,
    random: () => 0,
    onChanges: (changes) => told.push(...changes),
  });
  return {
    keeper,
    report: (...callReports: readonly CallReport[]) => keeper.exchange(`report-${++reports}`, callReports),
    pass: (ms: number) => (nowMs += ms),
    /** Since this was last asked. */
    told(): readonly GateChange[] {
      const since = told;
      told = [];
      return since;
    },
    state: () => state,
  };
}

const fell: CallReport = { ...fault, reason: "unavailable" };
const whose = { tenant: "t", model: "m" };

it("a breaker opens, is tried in vain, is tried again and closes: each step once, whatever is asked between", () => {
  const { keeper, report, pass, told } = world();
  report(fell, fell);
  expect(told()).toEqual([]);
  report(fell);
  const untilMs = 1_010_000;
  expect(told()).toEqual([{ kind: "breaker_opened", untilMs, faults: 3, reason: "unavailable" }]);
  report(fell);
  keeper.status();
  keeper.look();
  expect(told()).toEqual([]);

  pass(10_000);
  // Its time is over, but nobody has tried: nothing is stored, and nothing is told.
  keeper.status();
  expect(told()).toEqual([]);
  keeper.enter("probe-1", whose);
  keeper.enter("probe-1", whose);
  expect(told()).toEqual([{ kind: "breaker_half_open" }]);
  report({ ...fell, permit: "probe-1" });
  expect(told()).toMatchObject([{ kind: "breaker_opened", faults: 5 }]);

  pass(60_000);
  for (const permit of ["probe-2", "probe-3"]) {
    keeper.enter(permit, whose);
    report({ ...healthy, permit });
  }
  expect(told()).toEqual([{ kind: "breaker_half_open" }, { kind: "breaker_closed" }]);
});

it("our account is refused, however often, and let in", () => {
  const { report, pass, told } = world();
  report(refused);
  report(refused);
  expect(told()).toEqual([{ kind: "provider_held", reason: "credentials_refused", untilMs: 1_010_000 }]);
  pass(1);
  report({ ...refused, finding: { kind: "refused", why: "quota_exhausted" } });
  expect(told()).toEqual([]);
  const call = { comparison: "c", tenant: "t", model: "m", beganAgoMs: 2, beforeAgoMs: 2 };
  report({ ...healthy, call });
  // That call had begun before our account was refused.
  expect(told()).toEqual([]);
  report({ ...healthy, call: { ...call, beganAgoMs: 0, beforeAgoMs: 0 } });
  report(healthy);
  expect(told()).toEqual([{ kind: "provider_released", reason: "credentials_refused" }]);
});

const limited: CallReport = {
  ...healthy,
  finding: { kind: "rate_limited", model: "m", holdMs: 20_000 },
  call: { comparison: "c", tenant: "t", model: "m", beganAgoMs: 10, beforeAgoMs: 10 },
  reason: "rate_limited",
};

it("a model is held once, however often it is refused meanwhile, and held anew after its time", () => {
  const { report, pass, told } = world();
  report(limited);
  report(limited);
  expect(told()).toEqual([{ kind: "provider_held", reason: "rate_limit", model: "m", untilMs: 1_020_000 }]);
  pass(20_000);
  report(limited);
  expect(told()).toMatchObject([{ kind: "provider_held", model: "m", untilMs: 1_040_000 }]);
});

it("a model is released by its first answer after the pause", () => {
  const { report, pass, told } = world();
  report(limited);
  told();
  pass(20_001);
  const another = { comparison: "d", tenant: "t", model: "m", beganAgoMs: 1, beforeAgoMs: 1 };
  report({ ...healthy, call: another });
  expect(told()).toEqual([{ kind: "provider_released", reason: "rate_limit", model: "m" }]);
});

it("the queue is full, and accepts again, with how many it holds", () => {
  const { keeper, told } = world();
  for (let at = 0; at < 8; at++) keeper.admit(queueItem(`t${at}`, { sizeBytes: 1 }), 0);
  expect(told()).toEqual([{ kind: "queue_full", size: 8 }]);
  for (let at = 0; at < 3; at++) keeper.remove(`t${at}`);
  expect(told()).toEqual([{ kind: "queue_accepting", size: 5 }]);
});

it("an operator halts and resumes: each once, without an end that anybody knows, and nothing of a probe", () => {
  const { keeper, report, pass, told, state } = world();
  keeper.order({ kind: "halt", by: "ops" });
  keeper.order({ kind: "halt", by: "another" });
  expect(told()).toEqual([{ kind: "provider_held", reason: "paused" }]);
  expect(state().halt).toEqual({ by: "ops", atMs: 1_000_000 });
  pass(3_600_000);
  report(healthy);
  keeper.enter("p", whose);
  keeper.order({ kind: "ask_now" });
  keeper.started(true);
  expect(told()).toEqual([]);
  keeper.order({ kind: "resume" });
  keeper.order({ kind: "resume" });
  expect(told()).toEqual([{ kind: "provider_released", reason: "paused" }]);
  expect(state()).not.toHaveProperty("halt");
});

it("a halt keeps back also those for whom an open breaker is as if closed", () => {
  const { keeper, report, state } = world();
  const call = { comparison: "c", tenant: "ill", model: "m", beganAgoMs: 10, beforeAgoMs: 10 };
  for (let at = 0; at < limits.failureThreshold; at++) report({ ...fell, call });
  expect(state().breaker).toMatchObject({ state: "open", blame: { tenant: "ill" } });
  keeper.order({ kind: "halt", by: "ops" });
  keeper.admit(queueItem("t", { tenant: "well", sizeBytes: 1 }), 0);
  const { send, wakeAtMs } = keeper.look();
  expect([send, keeper.estimate("t")?.why]).toEqual([[], "paused"]);
  // Nothing is to come but the question how a ticket is that is silent.
  expect(wakeAtMs).toBe(1_000_000 + silenceMs);
  keeper.order({ kind: "resume" });
  expect(keeper.look().send).toEqual(["t"]);
});

it("a state that nothing was done to tells nothing", () => {
  expect(changesOf(newGate, newGate, () => 0, 0)).toEqual([]);
});

it("what is not stored is not told: a transaction that throws, and its repetition", () => {
  let state: GateState = newGate;
  const told: GateChange[] = [];
  let fails = true;
  const keeper = createGateKeeper({
    places: memoryPlaces(),
    limits,
    readState: () => state,
    writeState: (next) => (state = next),
    atomically(work) {
      const before = state;
      const reply = work();
      if (!fails) return reply;
      state = before;
      throw new Error("the disk is full");
    },
    nowMs: () => 1_000_000,
    random: () => 0,
    onChanges: (changes) => told.push(...changes),
  });
  expect(() => keeper.exchange("a", [fell, fell, fell])).toThrow("the disk is full");
  expect(told).toEqual([]);
  fails = false;
  keeper.exchange("a", [fell, fell, fell]);
  expect(told).toHaveLength(1);
});
