/** The front against the real gate in memory, both by clocks of their own; between them a line that can be slow, or dead. */
import { expect, it } from "vitest";
import { newGate, type GateCore, type GateLimits } from "../../src/domain/gate.ts";
import type { Finding, Outcome } from "../../src/domain/outcome.ts";
import { createGateFront, type RemoteGate } from "../../src/gateway/gate-front.ts";
import { createGateKeeper } from "../../src/stores/gate-keeper.ts";
import { memoryPlaces } from "../../src/stores/memory-places.ts";
import { manualClock } from "../support/clock.ts";

const limits: GateLimits = {
  failureThreshold: 5,
  successThreshold: 2,
  recoveryMs: 10_000,
  maxOpenMs: 60_000,
  maxSize: 10,
  maxBytes: 1_000,
  highWatermark: 0.8,
  lowWatermark: 0.6,
  concurrency: 8,
  leaseMs: 75_000,
};
const model = "model-one";

function world() {
  const clock = manualClock();
  let core: GateCore = newGate;
  const keeper = createGateKeeper({
    places: memoryPlaces(),
    limits,
    readCore: () => core,
    writeCore: (changed) => void (core = changed),
    atomically: (work) => work(),
    nowMs: clock.nowMs,
    random: () => 0,
  });
  const line = { delayMs: 0, replyDelayMs: 0, isDead: false, loseReplies: false };
  const asked: { verb: "enter" | "exchange"; outcomes: readonly Outcome[]; id: string }[] = [];

  async function over<Reply>(work: () => Reply): Promise<Reply> {
    if (line.delayMs > 0) await new Promise<void>((resolve) => void clock.after(line.delayMs, resolve));
    if (line.isDead) throw new Error("no line");
    const reply = work();
    const backMs = line.replyDelayMs;
    if (backMs > 0) await new Promise<void>((resolve) => void clock.after(backMs, resolve));
    if (line.loseReplies) throw new Error("the reply was lost");
    return reply;
  }

  const remote: RemoteGate = {
    enter(permit, name) {
      asked.push({ verb: "enter", outcomes: [], id: permit });
      return over(() => keeper.enter(permit, name));
    },
    exchange(id, outcomes) {
      asked.push({ verb: "exchange", outcomes, id });
      return over(() => keeper.exchange(id, outcomes));
    },
    reserve: (seat) => over(() => keeper.reserve(seat) === "held"),
    start: (seat, starter) => over(() => keeper.start(seat, starter)),
    outlook: (id) => over(() => keeper.outlook(id)),
    overview: () => over(() => keeper.overview()),
  };
  let ids = 0;
  const front = () =>
    createGateFront({
      remote,
      clock,
      newId: () => `batch-${++ids}`,
      later: (work) => void work,
    });
  return {
    clock,
    line,
    remote,
    keeper,
    front,
    /** What was asked of the gate since this was last called. */
    hops: () => asked.splice(0),
  };
}

/** Waits for an answer and moves time as far as it takes. */
async function inTime<T>(clock: ReturnType<typeof manualClock>, work: Promise<T>, ms = 10_000): Promise<T> {
  const state = { isOver: false };
  void work.finally(() => (state.isOver = true));
  await clock.advance(0);
  for (let passed = 0; !state.isOver && passed < ms; passed += 50) await clock.advance(50);
  return work;
}

function outcome(kind: "healthy" | "fault" | "nothing", permit: string | null = null, epoch = 0): Outcome {
  const finding: Finding = { kind };
  return { permit, epoch, finding, durationMs: 100 };
}

async function open(w: ReturnType<typeof world>, gate = w.front()) {
  await gate.enter("p", model);
  for (let faults = 0; faults < limits.failureThreshold; faults++) await gate.report(outcome("fault"));
  w.hops();
  return gate;
}

it("asks the gate once, and then answers by itself while the breaker is closed", async () => {
  const { front, hops } = world();
  const gate = front();
  for (let call = 0; call < 20; call++) {
    expect(await gate.enter(`p${call}`, model)).toEqual({ kind: "call", epoch: 0, probe: null });
  }
  expect(hops()).toHaveLength(1);
});

it("asks for a new snapshot behind the call that finds the old one due, once", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", model);
  w.hops();
  await w.clock.advance(999);
  await gate.enter("p", model);
  expect(w.hops()).toEqual([]);
  await w.clock.advance(1);
  w.line.delayMs = 400;
  expect(await gate.enter("p", model)).toMatchObject({ kind: "call" });
  expect(await gate.enter("p", model)).toMatchObject({ kind: "call" });
  expect(w.hops()).toMatchObject([{ verb: "exchange" }]);
});

it("uses no snapshot past its limit: it asks first", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", model);
  w.hops();
  await w.clock.advance(1_999);
  await gate.enter("p", model);
  expect(w.hops()).toMatchObject([{ verb: "exchange" }]);
  await w.clock.advance(2_000);
  await gate.enter("p", model);
  expect(w.hops()).toMatchObject([{ verb: "enter" }]);
});

it("tells of a fault at once, with all that was not told yet, in order, and learns from the reply", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", model);
  w.hops();
  await gate.report(outcome("healthy"));
  await gate.report(outcome("healthy"));
  expect(w.hops()).toEqual([]);
  await gate.report(outcome("fault"));
  expect(w.hops()).toMatchObject([
    {
      outcomes: [
        { finding: { kind: "healthy" } },
        { finding: { kind: "healthy" } },
        { finding: { kind: "fault" } },
      ],
    },
  ]);
  for (let faults = 1; faults < limits.failureThreshold; faults++) await gate.report(outcome("fault"));
  w.hops();
  expect(await gate.enter("p", model)).toMatchObject({ kind: "wait", why: "breaker" });
  expect(w.hops()).toEqual([]);
});

it("tells of successes in batches, also where no call comes after them", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", model);
  w.hops();
  for (let call = 0; call < 49; call++) await gate.report(outcome("healthy"));
  expect(w.hops()).toEqual([]);
  await gate.report(outcome("healthy"));
  const [batch] = w.hops();
  expect(batch?.outcomes).toHaveLength(50);
  await w.clock.advance(0);
  await gate.report(outcome("healthy"));
  expect(w.hops()).toEqual([]);
});

it("asks each time while the breaker is half-open, and one is the probe", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  expect(await gate.enter("first", model)).toMatchObject({ kind: "call", probe: { permit: "first" } });
  expect(await gate.enter("second", model)).toMatchObject({ kind: "wait" });
  expect(await w.front().enter("third", model)).toMatchObject({ kind: "wait" });
  expect(w.hops()).toMatchObject([{ verb: "enter" }, { verb: "enter" }, { verb: "enter" }]);
  await gate.report(outcome("healthy", "first"));
  expect(await gate.enter("second", model)).toMatchObject({ probe: { permit: "second" } });
});

it("waits 300 ms for a gate that is slow, then calls as if it were closed", async () => {
  const w = world();
  w.line.delayMs = 100_000;
  const gate = w.front();
  const entering = gate.enter("p", model);
  let answered = false;
  void entering.then(() => (answered = true));
  await w.clock.advance(299);
  expect(answered).toBe(false);
  await w.clock.advance(1);
  expect(await entering).toEqual({ kind: "call", epoch: null, probe: null });
  // Nobody waits again for a second.
  expect(await gate.enter("q", model)).toMatchObject({ kind: "call" });
  expect(w.hops()).toHaveLength(1);
});

it("goes by the last snapshot for a minute while the gate is away, and then as if it were closed", async () => {
  const w = world();
  const gate = await open(w);
  w.line.isDead = true;
  const taken = w.clock.nowMs();
  await w.clock.advance(limits.recoveryMs - 1);
  expect(await gate.enter("p", model)).toMatchObject({ kind: "wait" });
  // A probe is the gate's to give.
  await w.clock.advance(1);
  expect(await inTime(w.clock, gate.enter("p", model))).toMatchObject({ kind: "wait", why: "breaker" });
  await w.clock.advance(taken + 59_999 - w.clock.nowMs());
  expect(await gate.enter("p", model)).toMatchObject({ kind: "wait" });
  await w.clock.advance(1_001);
  expect(await gate.enter("p", model)).toEqual({ kind: "call", epoch: null, probe: null });
});

it("finds the gate again when it is back", async () => {
  const w = world();
  const gate = w.front();
  w.line.isDead = true;
  await gate.enter("p", model);
  w.line.isDead = false;
  await w.clock.advance(1_000);
  expect(await gate.enter("p", model)).toEqual({ kind: "call", epoch: 0, probe: null });
});

it("waits longer for the gate where only it can say who is the probe", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  w.line.delayMs = 1_900;
  expect(await inTime(w.clock, gate.enter("far", model))).toMatchObject({ probe: { permit: "far" } });
});

it("gives a turn back that came too late for its call", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  w.line.delayMs = 3_000;
  expect(await inTime(w.clock, gate.enter("late", model))).toMatchObject({ kind: "wait" });
  await w.clock.advance(10_000);
  w.line.delayMs = 0;
  expect(w.keeper.enter("next", model).admission).toMatchObject({ kind: "call", probe: { permit: "next" } });
});

it("never throws at a report, and tells it later, once", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", model);
  w.line.isDead = true;
  await gate.report(outcome("fault"));
  await gate.report(outcome("fault"));
  w.line.isDead = false;
  await gate.report(outcome("fault"));
  expect(await gate.overview()).toMatchObject({ faultsInRow: 3 });
});

it("counts a batch once whose reply was lost", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", model);
  w.line.loseReplies = true;
  await gate.report(outcome("fault"));
  w.line.loseReplies = false;
  await gate.report(outcome("fault"));
  expect(await gate.overview()).toMatchObject({ faultsInRow: 2 });
});

it("tells no news that is older than a minute: the gate would take it for the present", async () => {
  for (const [ageMs, faultsInRow] of [
    [59_999, 1],
    [60_000, 0],
  ] as const) {
    const w = world();
    const gate = w.front();
    await gate.enter("p", model);
    w.line.isDead = true;
    await gate.report(outcome("fault"));
    w.line.isDead = false;
    await w.clock.advance(ageMs);
    await gate.enter("p", model);
    await gate.report(outcome("nothing", "p"));
    expect(await gate.overview()).toMatchObject({ faultsInRow });
  }
});

it("holds a report up for 300 ms at most", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", model);
  w.line.delayMs = 5_000;
  let isOver = false;
  void gate.report(outcome("fault")).then(() => (isOver = true));
  await w.clock.advance(299);
  expect(isOver).toBe(false);
  await w.clock.advance(1);
  expect(isOver).toBe(true);
});

it("begins another exchange when the one under way died with its request", async () => {
  const w = world();
  let lost = 0;
  const gate = createGateFront({
    remote: { ...w.remote, exchange: () => (lost++, new Promise(() => {})) },
    clock: w.clock,
    newId: () => "batch",
    later: (work) => void work,
  });
  for (const [waitMs, exchanges] of [
    [0, 0],
    [1_000, 1],
    [500, 1],
  ] as const) {
    await w.clock.advance(waitMs);
    await gate.enter("p", model);
    expect(lost).toBe(exchanges);
  }
  // Asked anew, the snapshot is usable again.
  await w.clock.advance(8_000);
  await gate.enter("p", model);
  await w.clock.advance(1_500);
  await gate.enter("p", model);
  expect(lost).toBe(2);
});

it("lets the snapshot that was asked for last stand, whichever comes last", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", model);
  await w.clock.advance(1_000);
  w.line.replyDelayMs = 900;
  await gate.enter("p", model);
  w.line.replyDelayMs = 0;
  for (let faults = 0; faults < limits.failureThreshold; faults++) {
    await w.clock.advance(10);
    await gate.report(outcome("fault"));
  }
  await w.clock.advance(900);
  expect(await gate.enter("p", model)).toMatchObject({ kind: "wait" });
});

it("passes on what tickets ask, and what goes wrong with it", async () => {
  const w = world();
  const gate = w.front();
  const seat = { ticketId: "a", priority: 0, acceptedAtMs: w.clock.nowMs(), sizeBytes: 1, model };
  expect(await gate.reserve(seat)).toBe(true);
  expect(await gate.outlook("a")).toBeNull();
  w.line.isDead = true;
  await expect(gate.reserve(seat)).rejects.toThrow("no line");
});
