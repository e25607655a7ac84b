/** The front against the real gate in memory, both by clocks of their own; between them a line that can be slow, or dead. */
import { newGate, type GateState, type GateLimits } from "../../../src/domain/gate/gate.ts";
import type { QueueItem } from "../../../src/domain/gate/places.ts";
import type { AdmissionGuard } from "../../../src/engine/front/admission.ts";
import type { Finding, CallReport } from "../../../src/domain/gate/call-report.ts";
import { createGateFront, type GateFrontParts, type RemoteGate } from "../../../src/engine/front/front.ts";
import { createGateKeeper } from "../../../src/engine/gate-keeper.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import { lifeOf } from "../../stores/mirror/some-ticket.ts";
import { manualClock } from "../../support/clock.ts";

export const limits: GateLimits = {
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
  retentionMs: 86_400_000,
};
export const model = "model-one";

export function world() {
  const clock = manualClock();
  let state: GateState = newGate;
  const keeper = createGateKeeper({
    places: memoryPlaces(),
    limits,
    readState: () => state,
    writeState: (changed) => void (state = changed),
    atomically: (work) => work(),
    nowMs: clock.nowMs,
    random: () => 0,
  });
  const line = { delayMs: 0, replyDelayMs: 0, isDead: false, loseReplies: false };
  const asked: { verb: "enter" | "exchange" | "admit"; callReports: readonly CallReport[]; id: string }[] =
    [];

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
    enter(permit, whose) {
      asked.push({ verb: "enter", callReports: [], id: permit });
      return over(() => keeper.enter(permit, whose));
    },
    exchange(id, callReports) {
      asked.push({ verb: "exchange", callReports, id });
      return over(() => keeper.exchange(id, callReports));
    },
    estimate: (id) => over(() => keeper.estimate(id)),
    status: () => over(() => keeper.status()),
    order: (order) => over(() => keeper.order(order)),
  };
  let ids = 0;
  const front = (instead: Partial<RemoteGate> = {}, parts: Partial<GateFrontParts> = {}) =>
    createGateFront({
      remote: { ...remote, ...instead },
      clock,
      newId: () => `batch-${++ids}`,
      later: (work) => void work,
      ...parts,
    });
  const [ticket] = lifeOf(0);
  /** As a ticket's object does, which takes so long beside its gate. */
  async function askToAdmit(item: QueueItem, besideMs: number) {
    asked.push({ verb: "admit", callReports: [], id: item.ticketId });
    if (besideMs > 0) await new Promise<void>((resolve) => void clock.after(besideMs, resolve));
    const askedAtMs = clock.nowMs();
    const admitted = await over(() => keeper.admit(item, 0));
    const gateMs = clock.nowMs() - askedAtMs;
    if (admitted.kind === "full") return { created: admitted, gateMs };
    return { created: { kind: "kept", ticket, estimate: admitted.estimate } as const, gateMs };
  }
  return {
    clock,
    line,
    keeper,
    front,
    /** Makes a ticket, behind a front. @returns false: the queue is full */
    async create(gate: AdmissionGuard, ticketId: string, besideMs = 0, tenant = ""): Promise<boolean> {
      const item = {
        ticketId,
        priority: 0,
        acceptedAtMs: 1,
        sizeBytes: 1,
        model,
        tenant,
        comparison: "",
      };
      return (await gate.admit(tenant, () => askToAdmit(item, besideMs))).kind === "kept";
    },
    /** What was asked of the gate since this was last called. */
    hops: () => asked.splice(0),
  };
}

/** Waits for an answer and moves time as far as it takes. */
export async function inTime<T>(
  clock: ReturnType<typeof manualClock>,
  work: Promise<T>,
  ms = 10_000,
): Promise<T> {
  const state = { isOver: false };
  void work.finally(() => (state.isOver = true));
  await clock.advance(0);
  for (let passed = 0; !state.isOver && passed < ms; passed += 50) await clock.advance(50);
  return work;
}

export function outcome(
  kind: "healthy" | "fault" | "nothing",
  permit: string | null = null,
  epoch = 0,
): CallReport {
  const finding: Finding = { kind };
  return { permit, epoch, finding, durationMs: 100 };
}

export async function open(w: ReturnType<typeof world>, gate = w.front()) {
  await gate.enter("p", { tenant: "", model });
  for (let faults = 0; faults < limits.failureThreshold; faults++) await gate.report(outcome("fault"));
  w.hops();
  return gate;
}
