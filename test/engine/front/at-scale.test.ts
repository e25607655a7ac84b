/** What the front keeps away from a gate that many isolates ask. */
import { expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { inTime, limits, model, open, outcome, world } from "./front-world.ts";

it("asks once for all that come while the answer is on its way", async () => {
  const w = world();
  const gate = w.front();
  w.line.delayMs = 200;
  const calls = ["p", "q", "r"].map((permit) => gate.enter(permit, { tenant: "", model }));
  await w.clock.advance(199);
  expect(w.hops()).toMatchObject([{ verb: "enter", id: "p" }]);
  await w.clock.advance(101);
  for (const call of calls) expect(await call).toEqual({ kind: "call", epoch: 0, probe: null });
  expect(w.hops()).toEqual([]);
});

it("lets those who wait for another's answer go after 300 ms, as the one who asks", async () => {
  const w = world();
  const gate = w.front();
  w.line.delayMs = 100_000;
  const calls = ["p", "q"].map((permit) => gate.enter(permit, { tenant: "", model }));
  let answered = 0;
  for (const call of calls) void call.then(() => answered++);
  await w.clock.advance(299);
  expect(answered).toBe(0);
  await w.clock.advance(1);
  expect(answered).toBe(2);
  expect(w.hops()).toHaveLength(1);
});

it("asks by itself where the one who asked died with its request", async () => {
  const w = world();
  let lost = 0;
  const gate = w.front(
    { enter: () => (lost++, new Promise(() => {})) },
    { clock: { ...w.clock, after: () => () => {} } },
  );
  void gate.enter("p", { tenant: "", model });
  await w.clock.advance(299);
  void gate.enter("q", { tenant: "", model });
  expect(lost).toBe(1);
  await w.clock.advance(1);
  void gate.enter("r", { tenant: "", model });
  expect(lost).toBe(2);
});

it("asks once a second while another is the probe, and the gate lets only one be", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  expect(await gate.enter("first", { tenant: "", model })).toMatchObject({
    kind: "call",
    probe: { permit: "first" },
  });
  const other = w.front();
  for (let call = 0; call < 10; call++) {
    expect(await gate.enter(`p${call}`, { tenant: "", model })).toMatchObject({
      kind: "wait",
      why: "breaker",
    });
    expect(await other.enter(`q${call}`, { tenant: "", model })).toMatchObject({
      kind: "wait",
      why: "breaker",
    });
  }
  expect(w.hops()).toMatchObject([
    { verb: "enter", id: "first" },
    { verb: "enter", id: "q0" },
  ]);
  await w.clock.advance(999);
  await other.enter("early", { tenant: "", model });
  expect(w.hops()).toEqual([]);
  // Told a few milliseconds more than a second, after those who asked before it.
  await w.clock.advance(20);
  expect(await other.enter("again", { tenant: "", model })).toMatchObject({ kind: "wait" });
  await other.enter("after", { tenant: "", model });
  expect(w.hops()).toMatchObject([{ verb: "enter", id: "again" }]);
});

it("takes the turn with the next request after its own probe", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  await gate.enter("first", { tenant: "", model });
  expect(await gate.enter("second", { tenant: "", model })).toMatchObject({ kind: "wait" });
  await gate.report(outcome("healthy", "first"));
  expect(await gate.enter("third", { tenant: "", model })).toMatchObject({
    kind: "call",
    probe: { permit: "third" },
  });
  await gate.report(outcome("healthy", "third"));
  expect(await gate.enter("fourth", { tenant: "", model })).toMatchObject({ kind: "call", probe: null });
});

it("takes a turn that another's death has freed, in the millisecond in which its lease ends", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  await gate.enter("dies", { tenant: "", model });
  const other = w.front();
  await w.clock.advance(limits.leaseMs - 500);
  expect(await other.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait" });
  await w.clock.advance(499);
  expect(await other.enter("q", { tenant: "", model })).toMatchObject({ kind: "wait" });
  await w.clock.advance(1);
  expect(await other.enter("r", { tenant: "", model })).toMatchObject({
    kind: "call",
    probe: { permit: "r" },
  });
});

it("tells the probe the same when it asks again", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  const first = await gate.enter("first", { tenant: "", model });
  expect(await gate.enter("second", { tenant: "", model })).toMatchObject({ kind: "wait" });
  expect(await gate.enter("first", { tenant: "", model })).toEqual(first);
});

it("gives a turn back that it may have been given, where the answer was lost", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  w.line.replyDelayMs = 3_000;
  w.line.loseReplies = true;
  const entering = gate.enter("late", { tenant: "", model });
  await w.clock.advance(2_000);
  expect(await entering).toMatchObject({ kind: "wait" });
  expect(w.keeper.enter("next", { tenant: "", model }).admission).toMatchObject({ kind: "wait" });
  await w.clock.advance(1_000);
  expect(w.keeper.enter("next", { tenant: "", model }).admission).toMatchObject({
    kind: "call",
    probe: { permit: "next" },
  });
});

it("has one exchange under way: what comes meanwhile goes in the next, at once after it", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.hops();
  w.line.delayMs = 100;
  const reports = [gate.report(outcome("fault"))];
  await w.clock.advance(10);
  reports.push(gate.report(outcome("fault")), gate.report(outcome("healthy")), gate.report(outcome("fault")));
  await w.clock.advance(89);
  expect(w.hops().map(({ callReports }) => callReports.length)).toEqual([1]);
  await w.clock.advance(1);
  expect(w.hops().map(({ callReports }) => callReports.map(({ finding }) => finding.kind))).toEqual([
    ["fault", "healthy", "fault"],
  ]);
  await w.clock.advance(300);
  await Promise.all(reports);
  expect(w.hops()).toEqual([]);
  expect(w.keeper.status()).toMatchObject({ faultsInRow: 1 });
});

it("lets the caller of a fault that rides along go when it is told, and after 300 ms at the latest", async () => {
  for (const [delayMs, waitedMs] of [
    // Told after 70; it looks after 20, 60 and 140.
    [40, 140],
    [5_000, 300],
  ] as const) {
    const w = world();
    const gate = w.front();
    await gate.enter("p", { tenant: "", model });
    w.line.delayMs = delayMs;
    void gate.report(outcome("fault"));
    await w.clock.advance(10);
    let isOver = false;
    void gate.report(outcome("fault")).then(() => (isOver = true));
    await w.clock.advance(waitedMs - 1);
    expect(isOver).toBe(false);
    await w.clock.advance(1);
    expect(isOver).toBe(true);
    await w.clock.advance(20_000);
    expect(w.keeper.status()).toMatchObject({ faultsInRow: 2 });
  }
});

it("makes exchanges for others in the name of one request for ten seconds, and not for as long as there is trouble", async () => {
  const w = world();
  const works: { isOver: boolean }[] = [];
  const later = (work: Promise<unknown>) => {
    const entry = { isOver: false };
    works.push(entry);
    void work.then(() => (entry.isOver = true));
  };
  const gate = w.front({}, { later });
  w.line.delayMs = 1_000;
  for (let faults = 0; faults < 22; faults++) {
    void gate.report(outcome("fault"));
    await w.clock.advance(500);
    expect(works[0]?.isOver).toBe(faults >= 19);
  }
  // Another goes on.
  expect(works).toHaveLength(2);
});

it("knows what the gate knows when the caller of a fault goes on", async () => {
  const w = world();
  const gate = w.front();
  await gate.enter("p", { tenant: "", model });
  w.line.delayMs = 40;
  const reports = Array.from({ length: limits.failureThreshold }, () => gate.report(outcome("fault")));
  await inTime(w.clock, Promise.all(reports));
  expect(await gate.enter("q", { tenant: "", model })).toMatchObject({ kind: "wait", why: "breaker" });
});

it("tells a probe's outcome at once, beside the exchange that is under way", async () => {
  const w = world();
  const gate = await open(w);
  await w.clock.advance(limits.recoveryMs);
  await gate.enter("probe", { tenant: "", model });
  w.hops();
  w.line.delayMs = 1_000;
  void gate.report(outcome("fault"));
  await w.clock.advance(10);
  void gate.report(outcome("healthy", "probe"));
  expect(w.hops()).toMatchObject([{ verb: "exchange" }, { callReports: [{ permit: "probe" }] }]);
});

it("tells a fault in a new exchange where the one it waited for died with its request", async () => {
  const w = world();
  let lost = 0;
  const gate = w.front({ exchange: () => (lost++, new Promise(() => {})) });
  void gate.report(outcome("fault"));
  await w.clock.advance(9_900);
  void gate.report(outcome("fault"));
  await w.clock.advance(99);
  expect(lost).toBe(1);
  // It looks after 20, 60 and 140 ms.
  await w.clock.advance(41);
  expect(lost).toBe(2);
});

it("asks a full queue for a place once a second", async () => {
  const w = world();
  const gate = w.front();
  await fill(w);
  expect(await w.create(gate, "first")).toBe(false);
  await w.clock.advance(0);
  expect(w.hops().map(({ verb }) => verb)).toEqual(["admit", "exchange"]);
  await w.clock.advance(999);
  for (let ticket = 0; ticket < 10; ticket++) expect(await w.create(gate, `t${ticket}`)).toBe(false);
  expect(w.hops()).toEqual([]);
  await w.clock.advance(1);
  const refusals = Array.from({ length: 10 }, (_, ticket) => w.create(gate, `u${ticket}`));
  expect(await inTime(w.clock, Promise.all(refusals))).not.toContain(true);
  expect(w.hops().map(({ verb }) => verb)).toEqual(["exchange"]);
});

it("accepts again within a second after the queue has drained", async () => {
  const w = world();
  const gate = w.front();
  await fill(w);
  await w.create(gate, "full");
  await w.clock.advance(0);
  for (let ticket = 0; ticket < limits.maxSize; ticket++) w.keeper.remove(`held-${ticket}`);
  await w.clock.advance(999);
  expect(await w.create(gate, "early")).toBe(false);
  await w.clock.advance(1);
  expect(await inTime(w.clock, w.create(gate, "now"))).toBe(true);
});

it("believes what was said last of a full queue where the gate is slow, but not for long", async () => {
  const w = world();
  const gate = w.front();
  await fill(w);
  await w.create(gate, "full");
  await w.clock.advance(1_000);
  w.line.delayMs = 100_000;
  let isHeld: boolean | null = null;
  void w.create(gate, "a").then((held) => (isHeld = held));
  await w.clock.advance(299);
  expect(isHeld).toBeNull();
  await w.clock.advance(1);
  expect(isHeld).toBe(false);
  // Twice the second for which it was to hold.
  await w.clock.advance(701);
  const refused = w.create(gate, "b").catch((error: unknown) => error);
  await w.clock.advance(2_000);
  expect(await refused).toBeInstanceOf(StoreAway);
});

it("asks for places side by side while the gate is quick", async () => {
  const w = world();
  const gate = w.front();
  w.line.delayMs = 299;
  const held = Array.from({ length: 5 }, (_, ticket) => w.create(gate, `t${ticket}`));
  expect(w.hops()).toHaveLength(5);
  expect(await inTime(w.clock, Promise.all(held))).toEqual([true, true, true, true, true]);
});

it("asks a slow gate for one place at a time, and not for long: of one that is overrun it says that it is away", async () => {
  for (const [delayMs, asked, becomes] of [
    [900, 3, "held"],
    [4_000, 1, "away"],
  ] as const) {
    const w = world();
    const gate = w.front();
    w.line.delayMs = delayMs;
    void w.create(gate, "first");
    // A ticket's object may take 700 ms of this.
    await w.clock.advance(1_000);
    const outcomes: string[] = [];
    const note = (work: Promise<boolean>) =>
      void work.then(
        (isHeld) => outcomes.push(isHeld ? "held" : "full"),
        (error: unknown) => outcomes.push(error instanceof StoreAway ? "away" : String(error)),
      );
    note(w.create(gate, "second"));
    note(w.create(gate, "third"));
    await w.clock.advance(2_000);
    expect(w.hops()).toHaveLength(asked);
    await w.clock.advance(3_000);
    expect(outcomes).toEqual([becomes, becomes]);
  }
});

it("asks a gate that is slow but not overrun all the same, after two seconds", async () => {
  const w = world();
  const gate = w.front();
  w.line.delayMs = 900;
  const held = [w.create(gate, "first")];
  await w.clock.advance(900);
  held.push(w.create(gate, "second"));
  await w.clock.advance(1);
  for (let ticket = 0; ticket < 6; ticket++) held.push(w.create(gate, `t${ticket}`));
  await w.clock.advance(2_000);
  expect(w.hops()).toHaveLength(8);
  await w.clock.advance(900);
  expect(await Promise.all(held)).not.toContain(false);
});

it("takes no gate for slow whose tickets' objects are: tickets come side by side all the same", async () => {
  const w = world();
  const gate = w.front();
  const held = [w.create(gate, "first", 900)];
  await w.clock.advance(900);
  expect(await held[0]).toBe(true);
  for (let ticket = 0; ticket < 3; ticket++) held.push(w.create(gate, `t${ticket}`, 900));
  await w.clock.advance(699);
  for (let ticket = 0; ticket < 3; ticket++) held.push(w.create(gate, `u${ticket}`, 900));
  expect(w.hops()).toHaveLength(7);
  await w.clock.advance(900);
  expect(await Promise.all(held)).not.toContain(false);
});

it("waits no longer for a place whose request has died", async () => {
  const w = world();
  let lost = 0;
  const gate = w.front();
  const dies = () => gate.admit(() => (lost++, new Promise(() => {})));
  void dies();
  await w.clock.advance(4_999);
  void dies().catch(() => {});
  expect(lost).toBe(1);
  await w.clock.advance(1);
  void dies();
  expect(lost).toBe(2);
});

it("tells those who ask for the first time, all at once, to come again one after another", () => {
  const { keeper } = world();
  const told = Array.from(
    { length: 900 },
    (_, isolate) => keeper.enter(`p${isolate}`, { tenant: "", model }).snapshot.refreshAfterMs,
  );
  expect(Math.round(told.at(-1) ?? 0)).toBe(Math.round(1_000 + 899 * (1_000 / 300)));
  expect(new Set(told).size).toBe(900);
});

/** Up to the high watermark, by others. */
async function fill(w: ReturnType<typeof world>): Promise<void> {
  for (let ticket = 0; w.keeper.status().queue.accepting; ticket++)
    w.keeper.admit(
      {
        ticketId: `held-${ticket}`,
        priority: 0,
        acceptedAtMs: 1,
        sizeBytes: 1,
        model,
        tenant: "",
        comparison: "",
      },
      0,
    );
}
