/**
 * A gate and its tickets together, as an adapter runs them, through random outages, deaths and silences. Every step is checked; then the
 * provider is well again, and every ticket must end.
 */
// What is expected of a step depends on the step.
/* oxlint-disable vitest/no-conditional-expect */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Failure } from "../../../src/domain/failure.ts";
import { findingOf } from "../../../src/domain/gate/call-report.ts";
import {
  noticeOf,
  isEnded,
  queueItemOf,
  ticketDueMs,
  type Ticket,
} from "../../../src/domain/ticket/ticket.ts";
import {
  acceptTicket,
  claim,
  claimantDied,
  elapse,
  gateHeard,
  giveBack,
  settle,
} from "../../../src/domain/ticket/moves.ts";
import { look, lookIfDue, type GateOwner } from "../../../src/engine/gate-owner.ts";
import { about, gateWorld, policy, result, texts } from "../durable-builders.ts";

const models = ["m", "n"];
const failures: (Failure | null)[] = [
  null,
  { reason: "timeout" },
  { reason: "unavailable", status: 529, retryAfterMs: 2_000 },
  { reason: "rate_limited", retryAfterMs: null },
  { reason: "rate_limited", retryAfterMs: 3_000 },
  { reason: "credentials_refused", status: 401 },
  { reason: "credentials_refused", status: 403, scope: "model" },
  { reason: "unreadable", why: "no_verdict" },
  { reason: "truncated" },
];
const tenants = ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"];

const step = fc.record({
  act: fc.constantFrom(
    "submit",
    "submit",
    "work",
    "work",
    "work",
    "end",
    "end",
    "die",
    "stop",
    "live",
    "restart",
    "lose",
  ),
  pick: fc.nat(50),
  failure: fc.constantFrom(...failures, ...failures.slice(0, 3)),
  priority: fc.nat(2),
  sizeBytes: fc.constantFrom(5, 50, 300),
  /** Does the ticket reach the gate with its notice? */
  heard: fc.constantFrom(true, true, true, false),
  forMs: fc.constantFrom(0, 0, 10, 1_000, 10_000, 30_000, 75_000),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const seen = new Set<string>();

function createWorld() {
  const gate = gateWorld();
  const { keeper, world, places, limits } = gate;
  const lasting = { ...policy, ttlMs: 2_000_000 };
  const tickets = new Map<string, Ticket>();
  const inbox: string[] = [];
  const calls: { id: string; permit: string; fence: number; epoch: number }[] = [];
  let count = 0;
  let alarmAtMs: number | null = null;

  function store(ticket: Ticket): void {
    tickets.set(ticket.about.id, JSON.parse(JSON.stringify(ticket)) as Ticket);
  }
  function giveNotice(id: string): void {
    const ticket = tickets.get(id);
    const notice = ticket && noticeOf(ticket);
    if (!ticket || !notice) return;
    if (notice.kind === "enqueue") keeper.enqueue(queueItemOf(ticket), notice.notBeforeMs);
    if (notice.kind === "requeue") keeper.requeue(queueItemOf(ticket), notice);
    if (notice.kind === "remove") keeper.remove(id);
    store(gateHeard(ticket, notice.event));
  }
  /** The tickets' alarms: time passes for them, and notices are repeated. */
  function tick(): void {
    for (const ticket of tickets.values()) {
      if (ticketDueMs(ticket) <= world.nowMs) store(elapse(ticket, world.nowMs, lasting).ticket);
    }
    for (const id of tickets.keys()) giveNotice(id);
  }
  /** The gate's alarm. */
  function wake(): void {
    alarmAtMs = null;
    look(keeper, owner);
    lookIfDue(keeper, owner);
  }
  const owner: GateOwner = {
    send: (ids) => void inbox.push(...ids),
    askAfter(ids) {
      for (const id of ids) {
        const ticket = tickets.get(id);
        if (!ticket) keeper.remove(id);
        else if (ticket.state.status === "queued")
          keeper.enqueue(queueItemOf(ticket), ticket.state.notBeforeMs);
        else if (isEnded(ticket.state)) keeper.remove(id);
      }
    },
    setAlarm(atMs) {
      // Or it would wake for ever without doing anything.
      expect(atMs).toBeGreaterThan(world.nowMs);
      alarmAtMs = atMs;
    },
  };
  function submit({ priority, sizeBytes, pick, heard }: Step): void {
    const id = `t${count++}`;
    const model = models[pick % 2] ?? "m";
    const keys = { tenant: tenants[pick % 3] ?? "cccccccccccccccc", model };
    const asked = { ...about, id, priority, sizeBytes, model, keys, promptSha256: `${pick % 5}`.repeat(16) };
    const before = places.load();
    const lines = places.lines(null);
    const own = lines.find(({ tenant }) => tenant === keys.tenant)?.size ?? 0;
    const holders = lines.length + (own === 0 ? 1 : 0);
    const wasAccepting = gate.gate().accepting;
    const { ticket } = acceptTicket(asked, texts, { calls: 0, costUsd: null }, null, 0, world.nowMs, lasting);
    const admitted = keeper.admit(queueItemOf(ticket), world.nowMs);
    // Whoever holds a share of them waits for the low watermark.
    if (!wasAccepting && before.size >= 6 && own * holders >= before.size) expect(admitted.kind).toBe("full");
    if (admitted.kind === "full") return;
    store(ticket);
    if (heard) giveNotice(id);
  }
  function work(): void {
    const id = inbox.shift();
    const found = id === undefined ? undefined : tickets.get(id);
    if (id === undefined || !found) return;
    const ticket = elapse(found, world.nowMs, lasting).ticket;
    store(ticket);
    giveNotice(id);
    if (ticket.state.status !== "queued") return;
    const permit = `c${count++}`;
    const { notBeforeMs } = ticket.state;
    const { suspect, updatedAtMs: sinceMs } = ticket.progress;
    const state = keeper.status();
    const { breaker } = gate.gate();
    const isDivided = breaker.state !== "closed" && breaker.others !== undefined;
    const start = keeper.start(queueItemOf(ticket), { permit, notBeforeMs, suspect, sinceMs });
    if (start.kind !== "call") return;
    expect(state.state === "open" && (start.asProbe || !isDivided)).toBe(false);
    if (state.state === "half_open" && !isDivided) expect(start.asProbe).toBe(true);
    const claimed = claim(ticket, permit, start.asProbe, world.nowMs, lasting, start.early);
    store(claimed.ticket);
    if (claimed.reply.kind === "claimed")
      calls.push({ id, permit, fence: claimed.reply.fence, epoch: start.epoch });
    else keeper.exchange(permit, [{ permit, epoch: null, finding: { kind: "nothing" }, durationMs: null }]);
  }
  function end(failure: Failure | null, pick: number, heard: boolean): void {
    const [call] = calls.splice(pick % Math.max(1, calls.length), 1);
    const ticket = call && tickets.get(call.id);
    if (!call || !ticket) return;
    const finding = findingOf(failure, ticket.about.model, 0);
    const { progress } = ticket;
    const since = (atMs: number | undefined) => (atMs === undefined ? null : world.nowMs - atMs);
    const { ticketId: _, ...item } = queueItemOf(ticket);
    const facts = {
      comparison: item.comparison,
      tenant: item.tenant,
      model: item.model,
      beganAgoMs: since(progress.calledAtMs) ?? 0,
      beforeAgoMs: since(progress.calledBeforeMs) ?? 0,
      ticket: {
        unreadableAgoMs: since(progress.unreadableAtMs),
        thrownAgoMs: since(progress.thrownAtMs),
      },
    };
    const reason = failure === null ? {} : { reason: failure.reason };
    const { permit, epoch } = call;
    const told = { permit, epoch, finding, durationMs: 500, call: facts, ...reason };
    const others = heard ? (keeper.exchange(call.permit, [told]).others ?? null) : null;
    const spent = { calls: 1, costUsd: null };
    const outcome = failure
      ? ({ kind: "failed", failure, spent, others } as const)
      : ({ kind: "judged", result, spent } as const);
    store(settle(ticket, call.fence, outcome, world.nowMs, lasting, 0.5).ticket);
    if (heard) giveNotice(call.id);
  }
  function act(one: Step): void {
    switch (one.act) {
      case "submit":
        return submit(one);
      case "work":
        return work();
      case "end":
        return end(one.failure, one.pick, one.heard);
      case "die":
        return void calls.splice(one.pick % Math.max(1, calls.length), 1);
      case "stop": {
        const [call] = calls.splice(one.pick % Math.max(1, calls.length), 1);
        const ticket = call && tickets.get(call.id);
        if (call && ticket) store(giveBack(ticket, call.fence, world.nowMs, lasting).ticket);
        return;
      }
      case "live": {
        const { admission } = keeper.enter(`live${count++}`, { tenant: "", model: "m" });
        if (admission.kind !== "call" || !one.heard) return;
        const finding = findingOf(one.failure, "m", 0);
        const permit = admission.probe?.permit ?? null;
        return void keeper.exchange(`r${count++}`, [
          { permit, epoch: admission.epoch, finding, durationMs: 9 },
        ]);
      }
      case "restart":
        keeper.started(true);
        for (const { id, fence } of calls.splice(0)) {
          const ticket = tickets.get(id);
          if (ticket) store(claimantDied(ticket, fence, false, world.nowMs, lasting).ticket);
        }
        return void inbox.splice(0);
      case "lose":
        return void inbox.shift();
    }
  }
  function check(): void {
    const { inFlight, suspectsInFlight, size, bytes } = places.load();
    expect(inFlight).toBeLessThanOrEqual(limits.concurrency);
    expect(suspectsInFlight).toBeLessThanOrEqual(1);
    // Reserved ones alone would stay below; those whose hold lapsed before they were enqueued come on top, as promised.
    expect(size).toBeLessThanOrEqual(Math.max(tickets.size, limits.maxSize));
    expect(bytes).toBeGreaterThanOrEqual(0);
    const { breaker } = gate.gate();
    seen.add(breaker.state);
    if (gate.gate().credentials !== null) seen.add("refused");
    if (gate.gate().ramp !== null) seen.add("ramp");
    for (const { why = "" } of gate.gate().holds) seen.add(why);
    if (gate.gate().paces.length > 0) seen.add("pace");
    // What a gate stores stays small.
    expect(JSON.stringify(gate.gate()).length).toBeLessThan(8_192);
    if (suspectsInFlight > 0) seen.add("suspect");
    if (!gate.gate().accepting) seen.add("full");
  }
  const alarmAt = () => alarmAtMs;
  return { act, tick, wake, check, work, end, calls, inbox, tickets, places, alarmAt, world };
}

it("never exceeds its limits, never wakes in vain, and lets every ticket end once the provider is well", () => {
  let completed = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const { act, tick, wake, check, work, end, calls, inbox, tickets, places, alarmAt, world } =
        createWorld();
      for (const one of steps) {
        world.nowMs += one.forMs;
        act(one);
        check();
        if (one.heard) tick();
        wake();
        check();
      }
      // Well again. Whoever was calling is gone.
      calls.splice(0);
      const isOver = () => [...tickets.values()].every(({ state }) => isEnded(state));
      for (let round = 0; round < 2_000 && !(isOver() && places.load().size === 0); round++) {
        tick();
        wake();
        if (inbox.length > 0) {
          while (inbox.length > 0) work();
          while (calls.length > 0) end(null, 0, true);
          continue;
        }
        const due = [...tickets.values()].filter(({ state }) => !isEnded(state)).map(ticketDueMs);
        const next = [alarmAt(), ...due].filter((atMs) => atMs !== null);
        world.nowMs = Math.max(world.nowMs, Math.min(...next));
      }
      expect(isOver()).toBe(true);
      expect(places.load()).toMatchObject({ size: 0, bytes: 0, inFlight: 0 });
      completed += [...tickets.values()].filter(({ state }) => state.status === "completed").length;
    }),
    { numRuns: 120, seed: 20_261_130 },
  );
  // The histories went where it hurts.
  expect(completed).toBeGreaterThan(400);
  expect([...seen]).toEqual(
    expect.arrayContaining([
      "closed",
      "full",
      "half_open",
      "open",
      "pace",
      "ramp",
      "rate_limit",
      "refused",
      "suspect",
    ]),
  );
}, 150_000);
