/** Any command to a gate, with little to choose from: so that commands meet one another. */
import * as fc from "fast-check";
import type { Whose } from "../../../src/domain/gate/breaker.ts";
import type { GateLimits } from "../../../src/domain/gate/gate.ts";
import type { Requeueing, Start, Starter } from "../../../src/domain/gate/queue.ts";
import type { WaitEstimate, GateStatus } from "../../../src/domain/gate/view.ts";
import type { Finding, CallReport } from "../../../src/domain/gate/call-report.ts";
import type { QueueItem } from "../../../src/domain/gate/places.ts";

export const stepLimits: GateLimits = {
  failureThreshold: 3,
  successThreshold: 2,
  recoveryMs: 10_000,
  maxOpenMs: 60_000,
  maxSize: 7,
  maxBytes: 1_000,
  highWatermark: 0.8,
  lowWatermark: 0.5,
  concurrency: 4,
  leaseMs: 75_000,
  retentionMs: 60_000,
};

/** Also what Lua can't read. */
const model = fc.constantFrom("m", "n", 'ü"\\\ud800\u0000 \u{1f600}', "");
/** As a gate is told of a model: a usual name, or a hash. */
const modelKey = fc.constantFrom("m", "n", "#0123456789abcdef");
const ticketId = fc.nat(7).map((number) => `t${number}`);
/** A ticket's id has the turn until its worker comes. */
const permit = fc.oneof(
  fc.nat(3).map((number) => `p${number}`),
  ticketId,
);
const tenant = fc.constantFrom("", "0123456789abcdef", "fedcba9876543210");
const comparison = fc.constantFrom("", "00000000000000aa", "00000000000000bb", "00000000000000cc");
const queueItem: fc.Arbitrary<QueueItem> = fc.record({
  ticketId,
  priority: fc.nat(10),
  acceptedAtMs: fc.constantFrom(0, 1_700_000_000_000, 1_700_000_000_001, 9_999_999_999_999),
  sizeBytes: fc.constantFrom(0, 5, 50, 600),
  model,
  tenant,
  comparison,
});
const fewest = (ticketId: string): QueueItem => ({
  ticketId,
  priority: 0,
  acceptedAtMs: 0,
  sizeBytes: 5,
  model: "m",
  tenant: "",
  comparison: "",
});
const healthy: Finding = { kind: "healthy", judged: true };
const unjudged: Finding = { kind: "healthy", judged: false };
const fault: Finding = { kind: "fault" };
const finding: fc.Arbitrary<Finding> = fc.oneof(
  fc.constantFrom<Finding>(healthy, unjudged, fault, { kind: "nothing" }),
  fc.constantFrom(healthy, fault),
  fc.record({
    kind: fc.constant("refused" as const),
    why: fc.constantFrom("credentials_refused" as const, "quota_exhausted" as const),
  }),
  fc.record({
    kind: fc.constant("refused" as const),
    why: fc.constant("credentials_refused" as const),
    model: modelKey,
  }),
  fc.record({
    kind: fc.constant("rate_limited" as const),
    model: modelKey,
    holdMs: fc.constantFrom(null, 0, 1_234.5, 30_000, 10_000_000),
  }),
);
const agoMs = fc.constantFrom(0, 1, 50, 70_000, 100_000);
const call = fc.record(
  {
    comparison: fc.constantFrom("00000000000000aa", "00000000000000bb", "00000000000000cc"),
    tenant,
    model: modelKey,
    beganAgoMs: agoMs,
    beforeAgoMs: agoMs,
    ticket: fc.record({ unreadableAgoMs: fc.option(agoMs), thrownAgoMs: fc.option(agoMs) }),
  },
  { requiredKeys: ["comparison", "tenant", "model", "beganAgoMs", "beforeAgoMs"] },
);
const outcome: fc.Arbitrary<CallReport> = fc.record(
  {
    permit: fc.option(permit),
    epoch: fc.constantFrom(null, null, 0, 1, 2),
    finding,
    durationMs: fc.constantFrom(null, 0, 1, 800, 333.3),
    call,
    unlessServed: fc.constant(true as const),
  },
  { requiredKeys: ["permit", "epoch", "finding", "durationMs"] },
);
const faulty: CallReport = { permit: null, epoch: null, finding: fault, durationMs: 5 };
const reportId = fc.nat(3_000).map(String);
/** From now. */
const inMs = fc.constantFrom(-1_000, 0, 1, 10_000);
const suspect = fc.constantFrom(false, false, true);

const command = fc.oneof(
  fc.record({ verb: fc.constant("enter" as const), permit, whose: fc.record({ tenant, model }) }),
  fc.record({
    verb: fc.constant("exchange" as const),
    reportId: fc.oneof(fc.constantFrom("again", "once more"), reportId),
    callReports: fc.oneof(
      fc.array(outcome, { maxLength: 5 }),
      fc.array(outcome, { minLength: 20, maxLength: 30 }),
      fc.constant([faulty, faulty, faulty]),
    ),
  }),
  fc.record({
    verb: fc.constant("exchange" as const),
    reportId,
    callReports: permit.map((permit): CallReport[] => [
      { permit, epoch: null, finding: healthy, durationMs: null },
    ]),
  }),
  fc.record({ verb: fc.constant("admit" as const), item: queueItem, inMs }),
  fc.record({ verb: fc.constant("confirm" as const), item: queueItem, inMs }),
  fc.record({
    verb: fc.constant("park" as const),
    item: queueItem,
    inMs,
    suspect,
    permit: fc.option(permit),
  }),
  fc.record({ verb: fc.constant("start" as const), item: queueItem, inMs, suspect, permit }),
  // The same two again and again.
  fc.record({
    verb: fc.constant("start" as const),
    item: fc.constantFrom<QueueItem>(fewest("t0"), fewest("t1")),
    inMs: fc.constant(0),
    suspect,
    permit,
  }),
  fc.record({ verb: fc.constant("release" as const), ticketId, keptBytes: fc.constantFrom(0, 0, 40) }),
  fc.record({ verb: fc.constant("outlook" as const), ticketId }),
  fc.record({ verb: fc.constantFrom("overview" as const, "started" as const, "dispatch" as const) }),
  fc.record({ verb: fc.constant("dispatch" as const) }),
);

export const gateStep = fc.record({
  command,
  random: fc.constantFrom(0, 0.5, 0.123456789, 0.999999),
  /** The clock can be set back. */
  forMs: fc.constantFrom(0, 0, 0, 1, 999, 1_000, 10_000, 30_000, 75_000, 900_000, -3_000),
});

export type GateStep = typeof gateStep extends fc.Arbitrary<infer T> ? T : never;

/** What both gates can be asked. */
export interface Askable {
  enter(permit: string, whose: Whose): unknown;
  exchange(reportId: string, callReports: readonly CallReport[]): unknown;
  admit(item: QueueItem, notBeforeMs: number): unknown;
  enqueue(item: QueueItem, notBeforeMs: number): unknown;
  requeue(item: QueueItem, requeueing: Requeueing): unknown;
  start(item: QueueItem, starter: Starter): Start | Promise<Start>;
  remove(ticketId: string, keptBytes: number): unknown;
  estimate(ticketId: string): WaitEstimate | null | Promise<WaitEstimate | null>;
  status(): GateStatus | Promise<GateStatus>;
  started(): unknown;
  dispatch(): unknown;
}

export function askGate(gate: Askable, command: GateStep["command"], nowMs: number): unknown {
  switch (command.verb) {
    case "enter":
      return gate.enter(command.permit, command.whose);
    case "exchange":
      return gate.exchange(command.reportId, command.callReports);
    case "admit":
      return gate.admit(command.item, nowMs + command.inMs);
    case "confirm":
      return gate.enqueue(command.item, nowMs + command.inMs);
    case "park": {
      const { item, inMs, suspect, permit } = command;
      return gate.requeue(item, { notBeforeMs: nowMs + inMs, suspect, permit });
    }
    case "start": {
      const { item, inMs, suspect, permit } = command;
      return gate.start(item, { permit, notBeforeMs: nowMs + inMs, suspect });
    }
    case "release":
      return gate.remove(command.ticketId, command.keptBytes);
    case "outlook":
      return gate.estimate(command.ticketId);
    case "overview":
      return gate.status();
    case "started":
      return gate.started();
    case "dispatch":
      return gate.dispatch();
  }
}
