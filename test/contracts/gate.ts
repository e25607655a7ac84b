/** What every gate promises (`src/gateway/ports.ts`, `src/domain/gate/gate.ts`), in the runtime that it is made for. */
import { expect, it } from "vitest";
import type { GateLimits } from "../../src/domain/gate/gate.ts";
import type { Requeueing, Starter } from "../../src/domain/gate/queue.ts";
import type { CallReport } from "../../src/domain/gate/call-report.ts";
import type { QueueItem } from "../../src/domain/gate/places.ts";
import type { Admitted } from "../../src/domain/gate/view.ts";
import type { StartingGate } from "../../src/engine/claims.ts";
import type { Gate } from "../../src/gateway/ports.ts";

/** A gate of a provider that nobody used before, with the default settings, and what a test needs around it. */
export interface GateUnderTest {
  readonly gate: Gate & StartingGate;
  /** What the store of tickets tells it. */
  admit(item: QueueItem, notBeforeMs: number): Promise<Admitted>;
  enqueue(item: QueueItem, notBeforeMs: number): Promise<void>;
  requeue(item: QueueItem, requeueing: Requeueing): Promise<void>;
  remove(ticketId: string): Promise<void>;
  /** The ids that it has sent to workers since this was last asked, in order. No worker does anything with them. */
  sent(): Promise<readonly string[]>;
  /** The gate's clock. */
  nowMs(): number;
  /** Moves the clock on; what falls due on the way has happened then. */
  advance(ms: number): Promise<void>;
  /** Its process or object dies and begins anew over what it has stored. What waits may be forgotten: tickets tell it again. */
  restart(): Promise<void>;
}

const model = "model-one";
const minuteMs = 60_000;

export function testGate(limits: GateLimits, make: () => Promise<GateUnderTest>): void {
  it("lets every call through while its provider is well", async () => {
    const { gate } = await make();
    for (let call = 0; call < 5; call++) {
      expect(await gate.enter(`p${call}`, { tenant: "", model })).toMatchObject({
        kind: "call",
        probe: null,
      });
      await gate.report(healthy());
    }
    expect(await gate.status()).toMatchObject({ state: "closed", faultsInRow: 0, retryAtMs: null });
  });

  it("opens at the threshold of faults in a row, and not before", async () => {
    const { gate } = await make();
    for (let faults = 1; faults < limits.failureThreshold; faults++) await gate.report(fault());
    expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call" });
    await gate.report(fault());
    expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait", why: "breaker" });
    expect(await gate.status()).toMatchObject({ state: "open", faultsInRow: limits.failureThreshold });
  });

  it("starts to count anew after a success", async () => {
    const { gate } = await make();
    for (let faults = 1; faults < limits.failureThreshold; faults++) await gate.report(fault());
    await gate.report(healthy());
    for (let faults = 1; faults < limits.failureThreshold; faults++) await gate.report(fault());
    expect(await gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call" });
  });

  it("says when to try again, and lets one probe through then, not two", async () => {
    const world = await make();
    const { gate } = world;
    const retryAtMs = await broken(world);
    expect(retryAtMs).toBeGreaterThanOrEqual(world.nowMs() + limits.recoveryMs);
    await world.advance(retryAtMs - world.nowMs() - 1);
    expect(await gate.enter("early", { tenant: "", model })).toMatchObject({ kind: "wait" });
    await world.advance(1);
    expect(await gate.enter("first", { tenant: "", model })).toMatchObject({
      kind: "call",
      probe: { permit: "first" },
    });
    expect(await gate.enter("second", { tenant: "", model })).toMatchObject({ kind: "wait", why: "breaker" });
    expect(await gate.enter("first", { tenant: "", model })).toMatchObject({
      kind: "call",
      probe: { permit: "first" },
    });
    expect(await gate.status()).toMatchObject({ state: "half_open" });
  });

  it("closes after enough good probes", async () => {
    const world = await make();
    await recover(world, await broken(world));
    expect(await world.gate.status()).toMatchObject({ state: "closed" });
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call", probe: null });
  });

  it("stays open longer after a probe that failed", async () => {
    const world = await make();
    await world.advance((await broken(world)) - world.nowMs());
    await world.gate.enter("probe", { tenant: "", model });
    await world.gate.report(fault("probe"));
    const admission = await world.gate.enter("next", { tenant: "", model });
    if (admission.kind !== "wait") throw new Error("let through");
    expect(admission.retryAtMs - world.nowMs()).toBeGreaterThanOrEqual(limits.recoveryMs * 2);
  });

  it("gives a turn away that was not used, and that of a prober that died", async () => {
    const world = await make();
    await world.advance((await broken(world)) - world.nowMs());
    await world.gate.enter("unused", { tenant: "", model });
    await world.gate.report({
      permit: "unused",
      epoch: null,
      finding: { kind: "nothing" },
      durationMs: null,
    });
    expect(await world.gate.enter("dies", { tenant: "", model })).toMatchObject({ kind: "call" });
    await world.advance(limits.leaseMs - 1);
    expect(await world.gate.enter("next", { tenant: "", model })).toMatchObject({ kind: "wait" });
    await world.advance(1);
    expect(await world.gate.enter("next", { tenant: "", model })).toMatchObject({ kind: "call" });
  });

  it("pauses the one model that a 429 was about, until its time is over", async () => {
    const world = await make();
    await world.gate.report(rateLimited(5_000));
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({
      kind: "wait",
      why: "rate_limit",
    });
    expect(await world.gate.enter("p", { tenant: "", model: "model-two" })).toMatchObject({ kind: "call" });
    expect(await world.gate.status()).toMatchObject({ state: "closed", faultsInRow: 0 });
    await world.advance(5_000);
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call" });
  });

  it("pauses the queue, but no live call, while our credentials are refused", async () => {
    const world = await make();
    await world.gate.report(refused());
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call" });
    await world.enqueue(queueItem("a"), world.nowMs());
    expect(await world.gate.estimate("a")).toMatchObject({ why: "credentials", waitMs: null });
    expect(await world.sent()).toEqual([]);
    expect(await world.gate.status()).toMatchObject({ refused: "credentials_refused" });
    await world.advance(limits.recoveryMs);
    expect(await world.sent()).toEqual(["a"]);
    await world.gate.report(healthy());
    expect(await world.gate.status()).toMatchObject({ refused: null, retryAtMs: null });
  });

  it("gives a ticket its place with the answer, and says where it stands, once however often it is asked", async () => {
    const world = await make();
    const notBeforeMs = world.nowMs() + 30_000;
    const first = await world.admit(queueItem("a"), notBeforeMs);
    expect(first).toMatchObject({
      kind: "admitted",
      estimate: { position: 1, why: "backoff", waitMs: 30_000, opensAtMs: world.nowMs() },
    });
    expect(await world.admit(queueItem("a"), notBeforeMs)).toEqual(first);
    expect(await world.admit(queueItem("b"), notBeforeMs)).toMatchObject({ estimate: { position: 2 } });
    expect(await sizeOf(world)).toBe(2);
    expect(await world.gate.estimate("b")).toMatchObject({ position: 2, why: "backoff" });
    await world.advance(29_999);
    expect(await world.sent()).toEqual([]);
    await world.advance(1);
    expect(await world.sent()).toEqual(["a", "b"]);
  });

  it("is full from the high watermark until both loads are below the low one", async () => {
    const world = await make();
    const kindOf = async (asked: QueueItem) => (await world.admit(asked, world.nowMs())).kind;
    const big = (ticketId: string) => queueItem(ticketId, { sizeBytes: limits.maxBytes * 0.3 });
    for (const id of ["a", "b"]) expect(await kindOf(big(id))).toBe("admitted");
    expect(await kindOf(big("c"))).toBe("admitted");
    expect(await kindOf(queueItem("d", { sizeBytes: 1 }))).toBe("full");
    expect(await world.gate.status()).toMatchObject({ queue: { size: 3, accepting: false } });
    await world.remove("a");
    expect(await kindOf(queueItem("d", { sizeBytes: 1 }))).toBe("full");
    await world.remove("b");
    expect(await kindOf(queueItem("d", { sizeBytes: 1 }))).toBe("admitted");
  });

  it("refuses no ticket that is stored, also where its place was lost and the queue is full", async () => {
    const world = await make();
    expect(await world.admit(queueItem("b", { sizeBytes: limits.maxBytes }), world.nowMs())).toMatchObject({
      kind: "admitted",
    });
    await world.enqueue(queueItem("a"), world.nowMs());
    expect(await sizeOf(world)).toBe(2);
  });

  it("sends a ticket at once when there is a permit, and once", async () => {
    const world = await make();
    expect(await world.sent()).toEqual([]);
    await world.admit(queueItem("a"), world.nowMs());
    await world.enqueue(queueItem("a"), world.nowMs());
    expect(await world.sent()).toEqual(["a"]);
    await world.advance(1_000);
    expect(await world.sent()).toEqual([]);
  });

  it("sends again what nobody has claimed for 30 s", async () => {
    const world = await make();
    await world.enqueue(queueItem("a"), world.nowMs());
    await world.sent();
    await world.advance(29_999);
    expect(await world.sent()).toEqual([]);
    await world.advance(1);
    expect(await world.sent()).toEqual(["a"]);
  });

  it("sends as many as there are permits, by priority, then by age", async () => {
    const world = await make();
    const retryAtMs = await broken(world);
    const atMs = world.nowMs();
    const ids = ["old", "older", "urgent"];
    await world.enqueue(queueItem("old", { acceptedAtMs: atMs - 1 }), atMs);
    await world.enqueue(queueItem("older", { acceptedAtMs: atMs - 2 }), atMs);
    await world.enqueue(queueItem("urgent", { priority: 10, acceptedAtMs: atMs }), atMs);
    const estimates = await Promise.all(ids.map((id) => world.gate.estimate(id)));
    expect(estimates.map((estimate) => estimate?.position)).toEqual([3, 2, 1]);
    expect(estimates.map((estimate) => estimate?.why)).toEqual(["breaker", "breaker", "breaker"]);
    expect(await world.sent()).toEqual([]);

    await world.advance(retryAtMs - world.nowMs());
    expect(await world.sent()).toEqual(["urgent"]);
    expect(await runTicket(world, "urgent")).toMatchObject({ asProbe: true });
    expect(await world.sent()).toEqual(["older"]);
    expect(await runTicket(world, "older")).toMatchObject({ asProbe: true });
    expect(await world.sent()).toEqual(["old"]);
    expect(await runTicket(world, "old")).toMatchObject({ asProbe: false });
    expect(await sizeOf(world)).toBe(0);
  });

  it("never has more tickets in flight than there are permits", async () => {
    const world = await make();
    const ids = Array.from({ length: limits.concurrency + 2 }, (_, number) => `t${number}`);
    for (const [index, id] of ids.entries())
      await world.enqueue(queueItem(id, { acceptedAtMs: world.nowMs() - 100 + index }), world.nowMs());
    expect(await world.sent()).toEqual(ids.slice(0, limits.concurrency));
    await runTicket(world, "t0");
    expect(await world.sent()).toEqual([ids[limits.concurrency]]);
    expect(await world.gate.start(queueItem("t99"), starter(world, "t99"))).toMatchObject({
      kind: "wait",
      why: "turn",
    });
  });

  it("gives a ticket to one worker, who may ask again", async () => {
    const world = await make();
    await world.enqueue(queueItem("a"), world.nowMs());
    const begun = await world.gate.start(queueItem("a"), starter(world, "one"));
    expect(begun).toMatchObject({ kind: "call", asProbe: false });
    expect(await world.gate.start(queueItem("a"), starter(world, "one"))).toEqual(begun);
    expect(await world.gate.start(queueItem("a"), starter(world, "two"))).toMatchObject({ kind: "busy" });
    expect(await world.gate.estimate("a")).toBeNull();
  });

  it("lets a ticket go whose worker died, when its lease is over", async () => {
    const world = await make();
    await world.enqueue(queueItem("a"), world.nowMs());
    await world.sent();
    await world.gate.start(queueItem("a"), starter(world, "dies"));
    await world.advance(limits.leaseMs - 1);
    expect(await world.sent()).toEqual([]);
    await world.advance(1);
    expect(await world.sent()).toEqual(["a"]);
  });

  it("lets a ticket wait for its backoff, and then sends it by itself", async () => {
    const world = await make();
    await world.enqueue(queueItem("a"), world.nowMs());
    await world.gate.start(queueItem("a"), starter(world, "one"));
    await world.sent();
    const notBeforeMs = world.nowMs() + 4_000;
    await world.requeue(queueItem("a"), { notBeforeMs, suspect: false, permit: "one" });
    expect(await world.gate.estimate("a")).toMatchObject({ why: "backoff", waitMs: 4_000, position: 1 });
    expect(
      await world.gate.start(queueItem("a"), { permit: "x", notBeforeMs, suspect: false }),
    ).toMatchObject({
      kind: "wait",
      why: "backoff",
      retryAtMs: notBeforeMs,
    });
    await world.advance(3_999);
    expect(await world.sent()).toEqual([]);
    await world.advance(1);
    expect(await world.sent()).toEqual(["a"]);
  });

  it("leaves another's running call alone when a ticket is parked for an older one", async () => {
    const world = await make();
    await world.enqueue(queueItem("a"), world.nowMs());
    await world.gate.start(queueItem("a"), starter(world, "new"));
    await world.requeue(queueItem("a"), { notBeforeMs: world.nowMs(), suspect: false, permit: "old" });
    expect(await world.gate.start(queueItem("a"), starter(world, "other"))).toMatchObject({ kind: "busy" });
  });

  it("never sends two suspects at once", async () => {
    const world = await make();
    const requeueing = { notBeforeMs: world.nowMs(), suspect: true, permit: null };
    await world.requeue(queueItem("a"), requeueing);
    await world.requeue(queueItem("b"), requeueing);
    await world.enqueue(queueItem("c"), world.nowMs());
    expect((await world.sent()).toSorted()).toEqual(["a", "c"]);
    await world.gate.start(queueItem("a"), { permit: "one", notBeforeMs: world.nowMs(), suspect: true });
    await world.remove("a");
    expect(await world.sent()).toEqual(["b"]);
  });

  it("recovers through waiting tickets alone, and a probe that fails takes another the next time", async () => {
    const world = await make();
    await world.advance((await broken(world)) - world.nowMs());
    for (const id of ["a", "b"]) await world.enqueue(queueItem(id), world.nowMs());
    const [first] = await world.sent();
    if (first === undefined) throw new Error("nothing was sent");
    await world.gate.start(queueItem(first), starter(world, "one"));
    await world.gate.report(fault("one"));
    await world.requeue(queueItem(first), { notBeforeMs: world.nowMs(), suspect: false, permit: "one" });
    expect(await world.sent()).toEqual([]);
    await world.advance(limits.recoveryMs * 3);
    expect(await world.sent()).toEqual([first === "a" ? "b" : "a"]);
  });

  it("knows nothing of a ticket that it never saw, or that is released", async () => {
    const world = await make();
    expect(await world.gate.estimate("a")).toBeNull();
    await world.enqueue(queueItem("a"), world.nowMs());
    await world.remove("a");
    await world.remove("a");
    expect(await world.gate.estimate("a")).toBeNull();
    expect(await sizeOf(world)).toBe(0);
  });

  it("does not forget an open breaker or a hold in a restart", async () => {
    const world = await make();
    await world.gate.report(rateLimited(10 * minuteMs));
    const retryAtMs = await broken(world, "model-two");
    await world.restart();
    expect(await world.gate.enter("p", { tenant: "", model: "model-two" })).toMatchObject({
      kind: "wait",
      why: "breaker",
      retryAtMs,
    });
    await recover(world, retryAtMs, "model-two");
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({
      kind: "wait",
      why: "rate_limit",
    });
  });

  it("asks with refused credentials again at a start, for they may be new", async () => {
    const world = await make();
    await world.gate.report(refused());
    await world.restart();
    await world.enqueue(queueItem("a"), world.nowMs());
    expect(await world.sent()).toEqual(["a"]);
  });

  it("lets nobody call and sends no ticket while an operator has halted it, whatever time passes, and a restart", async () => {
    const world = await make();
    const { gate } = world;
    const running = queueItem("runs");
    await world.enqueue(running, world.nowMs());
    await world.sent();
    expect(await gate.start(running, starter(world, "permit"))).toMatchObject({ kind: "call" });
    await world.enqueue(queueItem("sent"), world.nowMs());
    expect(await world.sent()).toEqual(["sent"]);
    const atMs = world.nowMs();
    expect(await gate.order({ kind: "halt", by: "ops" })).toMatchObject({ halt: { by: "ops", atMs } });
    await world.enqueue(queueItem("waits"), world.nowMs());
    // It was sent just before, and is not called for any more.
    expect(await gate.start(queueItem("sent"), starter(world, "p"))).toMatchObject({
      kind: "wait",
      why: "paused",
    });
    // A call that is under way ends as it would.
    await gate.report({ ...healthy("permit"), epoch: 0 });
    await world.remove("runs");
    for (const passedMs of [0, 1_000, minuteMs, 2 * minuteMs]) {
      await world.advance(passedMs);
      expect(await world.sent()).toEqual([]);
      expect(await gate.enter("p", { tenant: "", model })).toEqual({
        kind: "wait",
        why: "paused",
        retryAtMs: world.nowMs() + minuteMs,
      });
      expect(await gate.estimate("waits")).toMatchObject({ why: "paused", waitMs: null });
    }
    await world.restart();
    for (const id of ["sent", "waits"]) await world.enqueue(queueItem(id), world.nowMs());
    expect(await world.gate.order({ kind: "halt", by: "another" })).toMatchObject({
      halt: { by: "ops", atMs },
    });
    expect(await world.gate.order({ kind: "ask_now" })).toMatchObject({ halt: { by: "ops", atMs } });
    expect(await world.sent()).toEqual([]);
    expect(await world.gate.status()).toMatchObject({ halt: { by: "ops", atMs }, queue: { size: 2 } });
    expect((await world.gate.order({ kind: "resume" })).halt).toBeUndefined();
    expect((await world.sent()).toSorted()).toEqual(["sent", "waits"]);
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call", probe: null });
    expect(await world.gate.order({ kind: "resume" })).not.toHaveProperty("halt");
  });

  it("keeps an open breaker open behind a halt", async () => {
    const world = await make();
    const retryAtMs = await broken(world);
    await world.gate.order({ kind: "halt", by: "ops" });
    await world.advance(retryAtMs - world.nowMs());
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait", why: "paused" });
    await world.gate.order({ kind: "resume" });
    await recover(world, world.nowMs());
  });

  it("asks at once what it would ask when its time has come, where an operator says so: one for all", async () => {
    const world = await make();
    const { gate } = world;
    await broken(world);
    await world.enqueue(queueItem("a"), world.nowMs() + 10 * minuteMs);
    await world.enqueue(queueItem("b"), world.nowMs() + 10 * minuteMs);
    expect(await world.sent()).toEqual([]);
    await gate.order({ kind: "ask_now" });
    const [probe, ...others] = await world.sent();
    expect(others).toEqual([]);
    if (probe === undefined) throw new Error("nothing was sent");
    // Its own backoff is over with it.
    const start = await gate.start(queueItem(probe), {
      permit: "one",
      notBeforeMs: world.nowMs() + 10 * minuteMs,
      suspect: false,
      sinceMs: world.nowMs(),
    });
    expect(start).toMatchObject({ kind: "call", asProbe: true });
    expect(await gate.enter("live", { tenant: "", model })).toMatchObject({ kind: "wait", why: "breaker" });
  });

  it("asks with refused credentials, and for a model that is held, at once where an operator says so", async () => {
    const world = await make();
    await world.gate.report(rateLimited(10 * minuteMs));
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "wait" });
    expect(await world.gate.order({ kind: "ask_now" })).toMatchObject({ held: [], retryAtMs: null });
    expect(await world.gate.enter("p", { tenant: "", model })).toMatchObject({ kind: "call" });
    await world.gate.report(refused());
    await world.enqueue(queueItem("a"), world.nowMs());
    expect(await world.sent()).toEqual([]);
    expect(await world.gate.order({ kind: "ask_now" })).toMatchObject({ refused: "credentials_refused" });
    expect(await world.sent()).toEqual(["a"]);
  });

  it("asks nothing where nothing is waited for", async () => {
    const world = await make();
    const before = await world.gate.status();
    expect(await world.gate.order({ kind: "ask_now" })).toEqual(before);
    expect(await world.sent()).toEqual([]);
  });

  /** @returns when a probe may go */
  async function broken(world: GateUnderTest, name = model): Promise<number> {
    for (let faults = 0; faults < limits.failureThreshold; faults++) await world.gate.report(fault());
    const admission = await world.gate.enter("after", { tenant: "", model: name });
    if (admission.kind !== "wait") throw new Error("the breaker did not open");
    return admission.retryAtMs;
  }

  async function recover(world: GateUnderTest, retryAtMs: number, name = model): Promise<void> {
    await world.advance(retryAtMs - world.nowMs());
    for (let probe = 0; probe < limits.successThreshold; probe++) {
      expect(await world.gate.enter(`probe-${probe}`, { tenant: "", model: name })).toMatchObject({
        kind: "call",
      });
      await world.gate.report(healthy(`probe-${probe}`));
    }
  }
}

/** A worker's whole step for a ticket, with a good end. */
async function runTicket(world: GateUnderTest, id: string) {
  const permit = `permit-of-${id}`;
  const start = await world.gate.start(queueItem(id), starter(world, permit));
  if (start.kind !== "call") throw new Error(`${id} may not start: ${start.kind}`);
  await world.gate.report({ ...healthy(permit), epoch: start.epoch });
  await world.remove(id);
  return start;
}

async function sizeOf(world: GateUnderTest): Promise<number> {
  return (await world.gate.status()).queue.size;
}

function queueItem(ticketId: string, changes: Partial<QueueItem> = {}): QueueItem {
  return {
    ticketId,
    priority: 0,
    acceptedAtMs: 1_000,
    sizeBytes: 100,
    model,
    tenant: "",
    comparison: "",
    ...changes,
  };
}

function starter(world: GateUnderTest, permit: string): Starter {
  return { permit, notBeforeMs: world.nowMs(), suspect: false };
}

function healthy(permit: string | null = null): CallReport {
  return { permit, epoch: null, finding: { kind: "healthy" }, durationMs: 100 };
}

function fault(permit: string | null = null): CallReport {
  return { permit, epoch: null, finding: { kind: "fault" }, durationMs: 100 };
}

function refused(): CallReport {
  return {
    permit: null,
    epoch: null,
    finding: { kind: "refused", why: "credentials_refused" },
    durationMs: 100,
  };
}

function rateLimited(holdMs: number): CallReport {
  return { permit: null, epoch: null, finding: { kind: "rate_limited", model, holdMs }, durationMs: 100 };
}
