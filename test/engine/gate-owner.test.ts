/** When a gate's owner looks, and what follows. */
// What is expected of a step depends on the step.
/* oxlint-disable vitest/no-conditional-expect */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { look, lookIfDue } from "../../src/engine/gate-owner.ts";
import { gateWorld, queueItem } from "../domain/durable-builders.ts";
import type { Finding } from "../../src/domain/gate/call-report.ts";
import { askGate, gateStep, stepLimits } from "../support/redis/gate-steps.ts";

function owned() {
  const gate = gateWorld(stepLimits);
  const done = { sent: [] as string[], asked: [] as string[], alarms: [] as number[] };
  return {
    ...gate,
    done,
    owner: {
      send: (ids: readonly string[]) => void done.sent.push(...ids),
      askAfter: (ids: readonly string[]) => void done.asked.push(...ids),
      setAlarm: (atMs: number) => void done.alarms.push(atMs),
    },
  };
}

it("sends what may go, asks after who is silent, and sets the alarm for what comes next", () => {
  const { keeper, owner, done, world, keep } = owned();
  for (const id of ["a", "b", "c", "d", "e"]) keep(id);
  look(keeper, owner);
  expect(done).toEqual({ sent: ["a", "b", "c", "d"], asked: [], alarms: [30_000] });
  for (const id of ["a", "b", "c", "d"])
    keeper.start(queueItem(id), { permit: `p${id}`, notBeforeMs: 0, suspect: false });
  world.nowMs = 30_000;
  look(keeper, owner);
  expect(done).toEqual({ sent: ["a", "b", "c", "d"], asked: [], alarms: [30_000, 75_000] });
});

it("finds out about a ticket that is gone, though its place is sent again and again", () => {
  const { keeper, owner, done, world, keep } = owned();
  keep("gone");
  for (let atMs = 0; atMs <= 300_000; atMs += 30_000) {
    world.nowMs = atMs;
    look(keeper, owner);
  }
  expect(done.asked).toEqual(["gone"]);
});

it("looks in vain neither after a full queue's no, nor when a ticket that was sent is called for, nor after good news", () => {
  const { keeper, owner, keep, limits } = owned();
  keep("a");
  look(keeper, owner);
  const notDue = () => expect(keeper.isDue()).toBe(false);
  notDue();
  expect(keeper.admit(queueItem("b", { sizeBytes: limits.maxBytes }), 0)).toEqual({ kind: "full" });
  notDue();
  keeper.start(queueItem("a"), { permit: "p", notBeforeMs: 0, suspect: false });
  notDue();
  keeper.exchange("r", [{ permit: "p", epoch: 0, finding: { kind: "healthy" }, durationMs: 5 }]);
  notDue();
  keeper.estimate("b");
  keeper.status();
  notDue();
  keeper.remove("a");
  expect(keeper.isDue()).toBe(true);
});

it("sets the alarm for the end of a ramp that nobody has climbed", () => {
  const { keeper, owner, done, world, keep, tell } = owned();
  const finding = { kind: "rate_limited", model: "m", holdMs: 1_000 } as const;
  tell({ permit: null, epoch: null, finding, durationMs: null });
  keep("a");
  keep("b");
  world.nowMs = 890_000;
  look(keeper, owner);
  expect(done).toMatchObject({ sent: ["a"], alarms: [901_000] });
});

it("looks again when our account was refused and let in again in one exchange, for whoever waited for later", () => {
  const { keeper, owner, done, world } = owned();
  keeper.admit(queueItem("a"), 10_000);
  look(keeper, owner);
  world.nowMs = 1;
  const { saves } = world;
  const told = { permit: null, epoch: null, durationMs: null };
  keeper.exchange("r", [
    { ...told, finding: { kind: "refused", why: "credentials_refused" } },
    // One lets it in, the others are the whole ramp.
    ...Array.from({ length: 5 }, () => ({ ...told, finding: { kind: "healthy" } as const })),
  ]);
  expect(world.saves).toBe(saves);
  lookIfDue(keeper, owner);
  expect(done.sent).toEqual(["a"]);
});

it("looks again when an answer brings the next start of a pace nearer", () => {
  const { keeper, owner, done, keep, tell } = owned();
  const answered = (tenant: string, comparison: string, finding: Finding) => {
    const ticket = { unreadableAgoMs: null, thrownAgoMs: null };
    const call = { comparison, tenant, model: "m", beganAgoMs: 0, beforeAgoMs: 10, ticket };
    tell({ permit: null, epoch: null, finding, durationMs: null, call });
  };
  answered("another", "another's", { kind: "healthy", judged: true });
  answered("", "one", { kind: "rate_limited", model: "m", holdMs: 8_000 });
  keep("a");
  look(keeper, owner);
  answered("", "two", { kind: "healthy", judged: true });
  expect(keeper.isDue()).toBe(true);
  look(keeper, owner);
  expect(done).toMatchObject({ sent: [], alarms: [1_000, 900] });
});

it("misses nothing by not looking: whatever was asked, and whenever, a look that isn't due finds nothing to do", () => {
  let idle = 0;
  fc.assert(
    fc.property(fc.array(gateStep, { minLength: 1, maxLength: 60, size: "max" }), (steps) => {
      const { keeper, owner, world, done } = owned();
      const alarmAtMs = () => done.alarms.at(-1) ?? Infinity;
      const askable = { ...keeper, started: () => keeper.started(false), dispatch: () => {} };
      for (const { command, random, forMs } of steps) {
        world.nowMs = Math.max(world.nowMs, world.nowMs + forMs);
        world.random = random;
        void askGate(askable, command, world.nowMs);
        if (keeper.isDue()) lookIfDue(keeper, owner);
        else {
          const { send, silent, wakeAtMs } = keeper.look();
          expect({ send, silent }).toEqual({ send: [], silent: [] });
          // Nor is the alarm too late.
          if (wakeAtMs !== null) expect(wakeAtMs).toBeGreaterThanOrEqual(alarmAtMs());
          idle++;
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(idle).toBeGreaterThan(1_000);
});
