/** The gates of a Node process: what every gate promises, and what is special to them. */
import type { TelemetryEvent } from "../../../src/telemetry/events.ts";
import { StatementSync } from "node:sqlite";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import { createAlarm, type Alarm } from "../../../src/node/sqlite/alarm.ts";
import { openDatabase } from "../../../src/node/sqlite/database.ts";
import { groupCommit } from "../../../src/node/sqlite/group-commit.ts";
import { sqliteGates } from "../../../src/node/sqlite/gates.ts";
import { testGate } from "../../contracts/gate.ts";
import { manualClock } from "../../support/clock.ts";
import { directoryForTest, limits } from "../../support/sqlite-store.ts";

describe("as every gate", () => {
  testGate(limits, gatesForTest);
});

const healthy: CallReport = { permit: null, epoch: 0, finding: { kind: "healthy" }, durationMs: 5 };
const fault: CallReport = { ...healthy, finding: { kind: "fault" } };
const queueItem = { priority: 0, acceptedAtMs: 0, sizeBytes: 1, model: "m", tenant: "", comparison: "" };

function countedRuns(): () => number {
  const run = vi.spyOn(StatementSync.prototype, "run");
  onTestFinished(() => run.mockRestore());
  return () => run.mock.calls.length;
}

it("runs no statement for live calls through a closed breaker, and stores their figures within half a minute", async () => {
  const world = await gatesForTest();
  await world.advance(1_000);
  const runs = countedRuns();
  for (let call = 0; call < 1_000; call++) {
    await world.gate.enter(`p${call}`, { tenant: "", model: "m" });
    await world.gate.report(healthy);
  }
  await world.advance(29_999);
  expect(runs()).toBe(0);
  await world.advance(1);
  await world.restart();
  expect(await world.gate.status()).toMatchObject({ meanResponseMs: 5 });
});

it("stores a fault that opens nothing within a second, and an opening before anybody hears of it", async () => {
  const world = await gatesForTest();
  for (let faults = 1; faults < limits.failureThreshold; faults++) await world.gate.report(fault);
  expect(world.stored()).toBeNull();
  await world.advance(1_000);
  expect(world.stored()).toMatchObject({ breaker: { state: "closed", faultsInRow: 4 } });
  await world.gate.report(fault);
  expect(world.stored()).toMatchObject({ breaker: { state: "open" } });
});

it("stores a probe's lease before the probe goes", async () => {
  const world = await gatesForTest();
  for (let faults = 0; faults < limits.failureThreshold; faults++) await world.gate.report(fault);
  await world.advance(60_000);
  await world.gate.enter("probe", { tenant: "", model: "m" });
  expect(world.stored()).toMatchObject({ breaker: { state: "half_open", probe: { permit: "probe" } } });
});

it("goes on from memory while the disk is full, and stores when there is room again", async () => {
  const world = await gatesForTest();
  world.sql.exec("PRAGMA query_only = ON");
  for (let faults = 0; faults < limits.failureThreshold; faults++) await world.gate.report(fault);
  expect(await world.gate.enter("p", { tenant: "", model: "m" })).toMatchObject({ kind: "wait" });
  expect(world.gate.admit({ ...queueItem, ticketId: "a" }, world.nowMs())).toMatchObject({
    kind: "admitted",
  });
  await world.advance(2_500);
  expect(world.stored()).toBeNull();
  world.sql.exec("PRAGMA query_only = OFF");
  await world.advance(1_000);
  expect(world.stored()).toMatchObject({ breaker: { state: "open" } });
});

it("gives the probe of a dead process away at once: nobody else can have it", async () => {
  const world = await gatesForTest();
  for (let faults = 0; faults < limits.failureThreshold; faults++) await world.gate.report(fault);
  await world.advance(60_000);
  await world.gate.enter("dies", { tenant: "", model: "m" });
  await world.restart();
  expect(await world.gate.enter("next", { tenant: "", model: "m" })).toMatchObject({
    kind: "call",
    probe: { permit: "next" },
  });
});

it("never sends a suspect beside that of another provider, and sends it when that one is through", async () => {
  const world = await gatesForTest();
  const requeueing = { notBeforeMs: world.nowMs(), suspect: true, permit: null };
  const [mock, openai] = [world.gates.of("mock"), world.gates.of("openai")];
  mock.requeue({ ...queueItem, ticketId: "a" }, requeueing);
  expect(await world.sent()).toEqual(["a"]);
  openai.requeue({ ...queueItem, ticketId: "b" }, requeueing);
  openai.enqueue({ ...queueItem, ticketId: "c" }, world.nowMs());
  expect(await world.sent()).toEqual(["c"]);
  mock.remove("a");
  expect(await world.sent()).toEqual(["b"]);
});

it("sends nothing before it is opened, nor after it is shut", async () => {
  const world = await gatesForTest();
  world.gates.shut();
  await world.enqueue({ ...queueItem, ticketId: "a" }, world.nowMs());
  world.gates.look();
  expect(await world.sent()).toEqual([]);
  world.gates.open();
  world.gates.look();
  expect(await world.sent()).toEqual(["a"]);
});

it("asks after a ticket that has said nothing for five minutes", async () => {
  const world = await gatesForTest();
  await world.gate.report({ ...fault, finding: { kind: "rate_limited", model: "m", holdMs: 900_000 } });
  await world.enqueue({ ...queueItem, ticketId: "a" }, world.nowMs());
  await world.advance(299_999);
  expect(world.silent()).toEqual([]);
  await world.advance(1);
  expect(world.silent()).toEqual(["a"]);
  await world.advance(299_999);
  expect(world.silent()).toEqual(["a"]);
});

it("begins anew where what it stored is of a newer version", async () => {
  const world = await gatesForTest();
  world.sql.exec(`INSERT INTO gates VALUES ('mock', '{"version":2,"breaker":"other"}')`);
  await world.restart();
  expect(await world.gate.enter("p", { tenant: "", model: "m" })).toMatchObject({ kind: "call" });
});

async function gatesForTest() {
  const clock = manualClock();
  const directory = directoryForTest();
  const opened = openDatabase(directory);
  if (!opened.ok) throw new Error(opened.error);
  const { sql, close } = opened.value;
  onTestFinished(close);
  const commits = groupCommit(sql, { ...opened.value, onTrouble: () => {} });
  let sent: string[] = [];
  let silent: string[] = [];
  const told: TelemetryEvent[] = [];
  let alarm: Alarm | null = null;
  let gates = start();

  function start() {
    alarm?.stop();
    const started = sqliteGates({
      sql,
      commits,
      limits,
      clock,
      random: () => 0.5,
      newId: () => crypto.randomUUID(),
      tell: (event) => told.push(event),
      send: (id) => sent.push(id),
      onSilent: (id) => silent.push(id),
      onDue: (atMs) => alarm?.set(atMs),
    });
    alarm = createAlarm(clock, 600_000, async () => started.look());
    started.open();
    return started;
  }

  return {
    clock,
    sql,
    get gates() {
      return gates;
    },
    get gate() {
      return gates.of("mock");
    },
    admit: async (...asked: Parameters<ReturnType<typeof gates.of>["admit"]>) =>
      gates.of("mock").admit(...asked),
    enqueue: async (...told: Parameters<ReturnType<typeof gates.of>["enqueue"]>) =>
      gates.of("mock").enqueue(...told),
    requeue: async (...told: Parameters<ReturnType<typeof gates.of>["requeue"]>) =>
      gates.of("mock").requeue(...told),
    remove: async (id: string) => gates.of("mock").remove(id),
    async sent() {
      await clock.advance(0);
      const ids = sent;
      sent = [];
      return ids;
    },
    silent: () => silent,
    stored() {
      const row = sql.prepare("SELECT core FROM gates WHERE provider = 'mock'").get();
      return row === undefined ? null : (JSON.parse(String(row["core"])) as unknown);
    },
    nowMs: clock.nowMs,
    advance: (ms: number) => clock.advance(ms),
    async restart() {
      gates.shut();
      sent = [];
      gates = start();
    },
  };
}
