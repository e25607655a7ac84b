/** The front against the real gate in memory. */
import { expect, it } from "vitest";
import { inTime, limits, model, open, outcome, world } from "./front-world.ts";

it("asks the gate once, and then answers by itself while the breaker is closed", async () => {
  const { front, hops } = world();
  const gate = front();
  for (let call = 0; call < 20; call++) {
    expect(await gate.enter(`p${call}`, { tenant: "", model })).toEqual({
      kind: "call",
      epoch: 0,
      probe: null,
    });
  }
  expect(hops()).toHaveLength(1);
});

it("asks for a new snapshot behind the call that finds the old one due, once", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.hops();
  await w.clock.advance(999);
  await gate.enter("p", { tenant: "", model });
  expect(w.hops()).toEqual([]);
  await w.clock.advance(1);
  w.line.delayMs = 400;
  expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call" });
  expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call" });
  expect(w.hops()).toMatchObject([{ verb: "exchange" }]);
});

it("uses no snapshot past its limit: it asks first", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.hops();
  await w.clock.advance(1_999);
  await gate.enter("p", { tenant: "", model });
  expect(w.hops()).toMatchObject([{ verb: "exchange" }]);
  await w.clock.advance(2_000);
  await gate.enter("p", { tenant: "", model });
  expect(w.hops()).toMatchObject([{ verb: "enter" }]);
});

it("tells of a fault at once, with all that was not told yet, in order, and learns from the reply", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.hops();
  await gate.report(outcome("healthy"));
  await gate.report(outcome("healthy"));
  expect(w.hops()).toEqual([]);
  await gate.report(outcome("fault"));
  expect(w.hops()).toMatchObject([
    {
      callReports: [
        { finding: { kind: "healthy" } },
        { finding: { kind: "healthy" } },
        { finding: { kind: "fault" } },
      ],
    },
  ]);
  for (let faults = 1; faults < limits.failureThreshold; faults++) await gate.report(outcome("fault"));
  w.hops();
  expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait", why: "breaker" });
  expect(w.hops()).toEqual([]);
});

it("lets nobody call a halted provider while its gate is away, however long, and says why", async () => {
  const w = world();
  const gate = w.front();
  await gate.order({ kind: "halt", by: "ops" });
  expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait", why: "paused" });
  w.line.isDead = true;
  for (const passedMs of [3_000, 60_000, 3_600_000]) {
    await w.clock.advance(passedMs);
    const said = await inTime(w.clock, gate.enter("q", { tenant: "", model }));
    expect([passedMs, said]).toMatchObject([passedMs, { kind: "wait", why: "paused" }]);
  }
  w.line.isDead = false;
  await gate.order({ kind: "resume" });
  await w.clock.advance(2_000);
  expect(await inTime(w.clock, gate.enter("r", { tenant: "", model }))).toMatchObject({ kind: "call" });
});

it("tells of successes in batches, also where no call comes after them", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.hops();
  for (let call = 0; call < 49; call++) await gate.report(outcome("healthy"));
  expect(w.hops()).toEqual([]);
  await gate.report(outcome("healthy"));
  const [batch] = w.hops();
  expect(batch?.callReports).toHaveLength(50);
  await w.clock.advance(0);
  await gate.report(outcome("healthy"));
  expect(w.hops()).toEqual([]);
});

it("waits 300 ms for a gate that is slow, then calls as if it were closed", async () => {
  const w = world();
  w.line.delayMs = 100_000;
  const gate = w.front();
  const entering = gate.enter("p", { tenant: "", model });
  let answered = false;
  void entering.then(() => (answered = true));
  await w.clock.advance(299);
  expect(answered).toBe(false);
  await w.clock.advance(1);
  expect(await entering).toEqual({ kind: "call", epoch: null, probe: null });
  // Nobody waits again for a second.
  expect(await gate.enter("q", { tenant: "", model })).toMatchObject({ kind: "call" });
  expect(w.hops()).toHaveLength(1);
});

it("goes by the last snapshot for a minute while the gate is away, and then as if it were closed", async () => {
  const w = world();
  const gate = await open(w);
  w.line.isDead = true;
  const taken = w.clock.nowMs();
  await w.clock.advance(limits.recoveryMs - 1);
  expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait" });
  // A probe is the gate's to give.
  await w.clock.advance(1);
  expect(await inTime(w.clock, gate.enter("p", { tenant: "", model }))).toMatchObject({
    kind: "wait",
    why: "breaker",
  });
  await w.clock.advance(taken + 59_999 - w.clock.nowMs());
  expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait" });
  await w.clock.advance(1_001);
  expect(await gate.enter("p", { tenant: "", model })).toEqual({ kind: "call", epoch: null, probe: null });
});

it("finds the gate again when it is back", async () => {
  const w = world();
  const gate = w.front();
  w.line.isDead = true;
  await gate.enter("p", { tenant: "", model });
  w.line.isDead = false;
  await w.clock.advance(1_000);
  expect(await gate.enter("p", { tenant: "", model })).toEqual({ kind: "call", epoch: 0, probe: null });
});

it("waits longer for the gate where only it can say who is the probe", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  w.line.delayMs = 1_900;
  expect(await inTime(w.clock, gate.enter("far", { tenant: "", model }))).toMatchObject({
    probe: { permit: "far" },
  });
});

it("asks for the probe again with its permit, until it is reported", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  const enter = () => gate.enter("probe", { tenant: "", model });
  const probe = await enter();
  expect(probe).toMatchObject({ kind: "call", probe: { permit: "probe" } });
  expect(await enter()).toEqual(probe);
  await gate.report(outcome("fault", "probe", 1));
  w.hops();
  expect(await enter()).toMatchObject({ kind: "wait", why: "breaker" });
  expect(w.hops()).toEqual([]);
});

it("gives a turn back that came too late for its call", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  w.line.delayMs = 3_000;
  expect(await inTime(w.clock, gate.enter("late", { tenant: "", model }))).toMatchObject({ kind: "wait" });
  await w.clock.advance(10_000);
  w.line.delayMs = 0;
  expect(w.keeper.enter("next", { tenant: "", model }).admission).toMatchObject({
    kind: "call",
    probe: { permit: "next" },
  });
});

it("never throws at a report, and tells it later, once", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.line.isDead = true;
  await gate.report(outcome("fault"));
  await gate.report(outcome("fault"));
  w.line.isDead = false;
  await gate.report(outcome("fault"));
  expect(await gate.status()).toMatchObject({ faultsInRow: 3 });
});

it("counts a batch once whose reply was lost", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.line.loseReplies = true;
  await gate.report(outcome("fault"));
  w.line.loseReplies = false;
  await gate.report(outcome("fault"));
  expect(await gate.status()).toMatchObject({ faultsInRow: 2 });
});

it("tells no report that is older than a minute: the gate would take it for the present", async () => {
  for (const [ageMs, faultsInRow] of [
    [59_999, 1],
    [60_000, 0],
  ] as const) {
    const w = world();
    const gate = w.front();
    await gate.enter("p", { tenant: "", model });
    w.line.isDead = true;
    await gate.report(outcome("fault"));
    w.line.isDead = false;
    await w.clock.advance(ageMs);
    await gate.enter("p", { tenant: "", model });
    await gate.report(outcome("nothing", "p"));
    expect(await gate.status()).toMatchObject({ faultsInRow });
  }
});

it("tells none that came up behind an exchange that hung, and then lay for a minute", async () => {
  for (const [ageMs, faults] of [
    [59_999, 2],
    [60_000, 1],
  ] as const) {
    const w = world();
    const gate = w.front();
    await gate.enter("p", { tenant: "", model });
    w.line.delayMs = 20_000;
    void gate.report(outcome("fault"));
    void gate.report(outcome("fault"));
    await w.clock.advance(20_000);
    w.line.delayMs = 0;
    await w.clock.advance(ageMs - 20_000);
    w.hops();
    await gate.report(outcome("fault"));
    const told = w.hops().flatMap(({ callReports }) => callReports);
    expect(told).toHaveLength(faults);
  }
});

it("holds a report up for 300 ms at most", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
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
  const gate = w.front({ exchange: () => (lost++, new Promise(() => {})) });
  for (const [waitMs, exchanges] of [
    [0, 0],
    [1_000, 1],
    [500, 1],
  ] as const) {
    await w.clock.advance(waitMs);
    await gate.enter("p", { tenant: "", model });
    expect(lost).toBe(exchanges);
  }
  // Asked anew, the snapshot is usable again.
  await w.clock.advance(8_000);
  await gate.enter("p", { tenant: "", model });
  await w.clock.advance(1_500);
  await gate.enter("p", { tenant: "", model });
  expect(lost).toBe(2);
});

it("lets the snapshot that was asked for last stand, whichever comes last", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  expect(await gate.enter("probe", { tenant: "", model })).toMatchObject({ kind: "call" });
  // On its way back for long: what it saw is no longer so.
  w.line.replyDelayMs = 900;
  void gate.report(outcome("fault"));
  await w.clock.advance(10);
  w.line.replyDelayMs = 0;
  await gate.report(outcome("fault", "probe"));
  await w.clock.advance(900);
  w.hops();
  expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait" });
  await w.clock.advance(limits.recoveryMs);
  expect(await gate.enter("q", { tenant: "", model })).toMatchObject({ kind: "wait" });
  expect(w.hops()).toEqual([]);
});

it("passes on what tickets ask, and what goes wrong with it", async () => {
  const w = world();
  const gate = w.front();
  expect(await w.create(gate, "a")).toBe(true);
  expect(await gate.estimate("a")).toMatchObject({ position: 1 });
  w.line.isDead = true;
  await expect(w.create(gate, "b")).rejects.toThrow("no line");
  await expect(gate.estimate("a")).rejects.toThrow("no line");
});

it("asks the gate for a tenant that is not known to be kept out of a full queue, and for no other", async () => {
  const w = world();
  const gate = w.front();
  let number = 0;
  const ask = (tenant: string) => w.create(gate, `${number++}`, 0, tenant);
  for (let kept = 0; kept < 8; kept++) expect(await ask("a")).toBe(true);
  expect(await ask("a")).toBe(false);
  await w.clock.advance(1);
  w.hops();
  expect(await ask("a")).toBe(false);
  expect(w.hops().map(({ verb }) => verb)).not.toContain("admit");
  expect(await ask("b")).toBe(true);
  expect(w.hops().map(({ verb }) => verb)).toContain("admit");
});

const facts = {
  comparison: "000000000000000a",
  tenant: "00000000000000aa",
  model,
  beganAgoMs: 10,
  beforeAgoMs: 60_000,
};
const ofTicket = { ...facts, ticket: { unreadableAgoMs: null, thrownAgoMs: null } };

it("brings back how others fared to a ticket that failed, and holds no judgement up for it", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  const other = { ...facts, comparison: "000000000000000b" };
  await gate.report({ ...outcome("healthy"), call: other });
  w.hops();
  const failed = { ...outcome("fault", "p1"), reason: "timeout", call: ofTicket } as const;
  expect(await gate.report(failed)).toMatchObject({ served: true, mostlyFaults: true });
  expect(w.hops()).toMatchObject([{ verb: "exchange" }]);
  expect(await gate.report({ ...outcome("healthy", "p2"), call: ofTicket })).toBeNull();
});

it("says that nobody is known to be served where the gate can't be asked in time, and tells it later all the same", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.line.isDead = true;
  const failed = { ...outcome("fault", "p1"), reason: "timeout", call: ofTicket } as const;
  expect(await inTime(w.clock, gate.report(failed))).toBeNull();
  w.line.isDead = false;
  w.line.delayMs = 2_001;
  expect(await inTime(w.clock, gate.report(failed))).toBeNull();
});

it("tells how old a report is that comes late: what was answered before an outage serves nobody in it", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.hops();
  await gate.report({ ...outcome("healthy"), call: { ...facts, comparison: "000000000000000b" } });
  await w.clock.advance(30_000);
  const failed = {
    ...outcome("fault", "p1"),
    reason: "timeout",
    call: { ...ofTicket, beforeAgoMs: 20_000 },
  } as const;
  expect(await gate.report(failed)).toMatchObject({ served: false });
  expect(w.hops()).toMatchObject([{ callReports: [{ ageMs: 30_000 }, { finding: { kind: "fault" } }] }]);
});

it("costs no hop for a call while a model is paused", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  await gate.report({
    ...outcome("nothing"),
    finding: { kind: "rate_limited", model: "held", holdMs: 60_000 },
    call: { ...facts, model: "held" },
  });
  await gate.report({
    ...outcome("nothing"),
    finding: { kind: "refused", why: "credentials_refused", model: "refused" },
    call: { ...facts, model: "refused" },
  });
  w.hops();
  for (let call = 0; call < 20; call++) {
    expect(await gate.enter(`p${call}`, { tenant: "", model })).toMatchObject({ kind: "call" });
    expect(await gate.enter(`p${call}`, { tenant: "", model: "held" })).toMatchObject({
      kind: "wait",
      why: "rate_limit",
    });
    expect(await gate.enter(`p${call}`, { tenant: "", model: "refused" })).toMatchObject({ kind: "call" });
  }
  expect(w.hops()).toEqual([]);
});

it("lets whom an open breaker spares call without a hop, and tells the gate what came of it behind them", async () => {
  const w = world();
  const gate = w.front();
  const call = { comparison: "c", tenant: "evil", model, beganAgoMs: 10, beforeAgoMs: 20 };
  for (let i = 0; i < limits.failureThreshold; i++) {
    await gate.enter(`p${i}`, { tenant: "evil", model });
    await gate.report({ ...outcome("fault"), call });
  }
  expect(await gate.enter("p", { tenant: "evil", model })).toMatchObject({ kind: "wait", why: "breaker" });
  w.hops();
  for (const permit of ["q", "r"]) {
    expect(await gate.enter(permit, { tenant: "good", model })).toEqual({
      kind: "call",
      epoch: 1,
      probe: null,
    });
  }
  expect(w.hops()).toEqual([]);
  const answered = outcome("healthy", null, 1);
  await gate.report({ ...answered, call: { ...call, tenant: "good" } });
  await w.clock.advance(1_100);
  await gate.enter("s", { tenant: "good", model });
  await w.clock.advance(1);
  expect(w.hops()).toMatchObject([{ verb: "exchange", callReports: [{ finding: { kind: "healthy" } }] }]);
  // Enough faults of theirs, and the breaker is open for them too.
  for (let i = 0; i < limits.failureThreshold; i++) {
    await gate.report({ ...outcome("fault", null, 1), call: { ...call, tenant: "good" } });
  }
  expect(await gate.enter("t", { tenant: "good", model })).toMatchObject({ kind: "wait", why: "breaker" });
});
