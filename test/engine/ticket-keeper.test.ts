/** What a ticket does by itself, over a row in memory and a gate that answers or doesn't. */
import { describe, expect, it } from "vitest";
import type { GateNotice, Ticket } from "../../src/domain/ticket/ticket.ts";
import { draftOf } from "../contracts/tickets.ts";
import { policy } from "../stores/mirror/some-ticket.ts";
import { startMs, world } from "./ticket-world.ts";

const minuteMs = 60_000;
const spent = { calls: 1, costUsd: null };
const truncated = { kind: "failed", failure: { reason: "truncated" }, spent } as const;

describe("a ticket whose gate is a hop away", () => {
  it("tells what happened until the gate has answered, later and later, and at least each minute", async () => {
    const { keeper, state, told, until } = world();
    await keeper.create(draftOf());
    state.isAway = true;
    await keeper.remind();
    expect([told, state.alarmAtMs]).toEqual([["admit", "enqueue"], startMs + 1_000]);
    const moments: number[] = [];
    for (let times = 0; times < 9; times++) {
      moments.push(state.alarmAtMs - startMs);
      await until(state.alarmAtMs);
    }
    expect(moments).toEqual([1, 2, 4, 8, 16, 32, 64, 124, 184].map((seconds) => seconds * 1_000));
    state.isAway = false;
    const before = told.length;
    await until(startMs + 9 * minuteMs);
    expect(told.length).toBe(before + 1);
    expect(state.stored?.progress.gateHeard).toBe(1);
  });

  it("costs four writes and five alarms in its whole life, of which one rings, where all goes well", async () => {
    const { keeper, state, told, writes, until } = world();
    await keeper.create(draftOf());
    await keeper.load();
    await keeper.claim("p", false);
    await keeper.settle(1, truncated);
    await keeper.load();
    expect(writes).toHaveLength(4);
    expect(state.alarmsSet).toBe(5);
    await until(startMs + policy.retentionMs);
    expect([state.stored, state.rung, told.length]).toEqual([null, 1, 2]);
  });

  it("tells in another life what was not heard in the one before", async () => {
    const dies = world();
    await dies.keeper.create(draftOf());
    dies.state.isAway = true;
    await dies.keeper.remind();
    dies.state.isAway = false;
    dies.revive();
    await dies.until(startMs + 1_000);
    expect(dies.told).toEqual(["admit", "enqueue", "enqueue"]);
  });

  it("speaks up after ten minutes of silence, and each ten minutes, while it waits", async () => {
    const { keeper, told, until } = world();
    await keeper.create(draftOf());
    await until(startMs + 10 * minuteMs - 1);
    expect(told).toHaveLength(1);
    await until(startMs + 10 * minuteMs);
    expect(told).toHaveLength(2);
    await until(startMs + 30 * minuteMs);
    expect(told).toHaveLength(4);
  });

  it("has nothing to say by itself once it has ended, until it is forgotten", async () => {
    const { keeper, state, told, until } = world();
    await keeper.create(draftOf());
    await keeper.claim("p", false);
    expect(await keeper.settle(1, truncated)).toEqual({ kind: "stored" });
    expect(told).toEqual(["admit", "remove"]);
    expect(state.alarmAtMs).toBe(startMs + policy.retentionMs);
    await until(startMs + policy.retentionMs - 1);
    expect(state.stored?.state.status).toBe("failed");
    await until(startMs + policy.retentionMs);
    expect(state.stored).toBeNull();
    expect(told).toEqual(["admit", "remove"]);
  });

  it("tells two things in their order, though the second happened while the first was told", async () => {
    const heard: GateNotice["kind"][] = [];
    const answers: (() => void)[] = [];
    const { gate } = world();
    if (gate.kind !== "away") throw new Error(gate.kind);
    const { keeper } = world({
      gate: {
        ...gate,
        tell: (_: Ticket, { kind }: GateNotice) =>
          new Promise<void>((resolve) => answers.push(() => (heard.push(kind), resolve()))),
      },
    });
    await keeper.create(draftOf());
    const reminded = keeper.remind();
    await turn();
    await keeper.claim("p", false);
    const settled = keeper.settle(1, truncated);
    await turn();
    expect(answers).toHaveLength(1);
    answers[0]?.();
    await turn();
    answers[1]?.();
    await Promise.all([reminded, settled]);
    expect(heard).toEqual(["enqueue", "remove"]);
  });

  it("tells again what it is asked for, and knows whether there is a ticket", async () => {
    const { keeper, told } = world();
    expect(await keeper.remind()).toBe(false);
    await keeper.create(draftOf());
    expect(await keeper.remind()).toBe(true);
    expect(told).toEqual(["admit", "enqueue"]);
  });

  it("gives the claim of one that died back at the end of its lease, and ends what waits at its time", async () => {
    const { keeper, state, told, until } = world();
    await keeper.create(draftOf());
    await keeper.claim("p", false);
    await until(startMs + policy.leaseMs);
    expect(state.stored?.state.status).toBe("queued");
    expect(told).toEqual(["admit", "requeue"]);
    await until(startMs + policy.ttlMs);
    expect(state.stored?.state.status).toBe("expired");
  });
});

describe("a ticket whose gate is in the same process", () => {
  it("tells each change as it is made and no other, notes nothing, and needs no alarm for it", async () => {
    const heard: GateNotice["kind"][] = [];
    const { keeper, state, writes, until } = world({
      gate: {
        kind: "here",
        tell: (_, { kind }) => void heard.push(kind),
        admit: () => ({ kind: "admitted", estimate: null }),
        withdraw: () => {},
      },
    });
    await keeper.create(draftOf());
    expect(state.alarmAtMs).toBe(startMs + policy.ttlMs);
    await keeper.load();
    await keeper.claim("p", false);
    expect(state.alarmAtMs).toBe(startMs + policy.leaseMs);
    await keeper.giveBack(1);
    await until(startMs + policy.ttlMs);
    expect(heard).toEqual(["requeue", "remove"]);
    expect(writes.map((events) => events.length)).toEqual([1, 1, 1, 1]);
    expect(state.stored?.progress.gateHeard).toBe(0);
  });
});

describe("who follows a ticket", () => {
  it("is brought each change, but not what the gate has heard; and has an alarm where it asks for one", async () => {
    let brought = 0;
    let dueMs: number | null = null;
    const follower = {
      async bring() {
        brought++;
      },
      dueMs: () => dueMs,
    };
    const { keeper, state, until } = world({ follower });
    await keeper.create(draftOf());
    await keeper.remind();
    expect(brought).toBe(1);
    dueMs = startMs + 30_000;
    keeper.arm();
    expect(state.alarmAtMs).toBe(dueMs);
    dueMs = null;
    await until(startMs + 30_000);
    expect(brought).toBe(2);
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
