/** Random histories of a shared store that comes and goes, and of processes that die: what was promised with each 202 holds in all of them. */
import { env } from "node:process";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import type { Fate } from "../../support/failover/memory-primary.ts";
import {
  always,
  endsIn,
  failoverWorld,
  hasEnded,
  inTurn,
  policy,
  type Process,
  type World,
} from "../../support/failover/world.ts";

const processes = 2;
const moods = ["answers", "is silent", "is down", "has no room", "is chaos"] as const;

type Step =
  | { readonly kind: "keep"; readonly process: number }
  | { readonly kind: "mood"; readonly process: number; readonly mood: (typeof moods)[number] }
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "kill"; readonly process: number }
  | { readonly kind: "read" };

const process = fc.nat({ max: processes - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("keep" as const), process }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("mood" as const), process, mood: fc.constantFrom(...moods) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 20_000 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), process }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read" as const) }) },
);

/** A small generator of its own: what a shrunk history meets must not depend on what was cut from it before. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function fateOf(mood: (typeof moods)[number], random: () => number): (verb: string) => Fate {
  switch (mood) {
    case "answers":
      return always("answered");
    case "is silent":
      return always("unheard");
    case "is down":
      return always("not_connected");
    case "has no room":
      return (verb) => (verb === "create" || verb === "adopt" ? "refused" : "answered");
    case "is chaos": {
      const fates: readonly Fate[] = [
        "answered",
        "answered",
        "answered",
        "refused",
        "unheard",
        "unanswered",
        "late",
      ];
      return () => fates[Math.floor(random() * fates.length)] ?? "answered";
    }
  }
}

interface History {
  readonly world: World;
  readonly processes: Process[];
  /** Ids that were answered with a 202. */
  readonly kept: string[];
  /** The last end that was seen of each. */
  readonly seen: Map<string, string>;
}

/** @returns "away": 503 */
function awaited<T>(world: World, asking: Promise<T>): Promise<T | "away"> {
  const orAway = asking.catch((error: unknown) => {
    if (error instanceof StoreAway) return "away" as const;
    throw error;
  });
  return inTurn(world.clock, orAway);
}

async function readAll({ world, processes: all, kept, seen }: History): Promise<void> {
  for (const id of kept) {
    for (const process of all) {
      const status = await awaited(world, process.statusOf(id));
      if (status === "away") continue;
      expect(status, `${id} was promised`).not.toBe("none");
      const before = seen.get(id);
      if (before !== undefined) expect(status, `${id} had ended`).toBe(before);
      if (["completed", "failed", "expired"].includes(status)) seen.set(id, status);
    }
  }
}

async function live(steps: readonly Step[], seed: number): Promise<History> {
  const random = randomFrom(seed);
  const world = failoverWorld(random);
  world.judgeMs = 50 + Math.floor(random() * 8_000);
  world.latencyMs = () => 2 + Math.floor(random() * 40);
  world.fails = () => random() < 0.15;
  const history: History = { world, processes: [], kept: [], seen: new Map() };
  for (let n = 0; n < processes; n++) history.processes.push(await world.begin());
  let essays = 0;
  for (const step of steps) {
    switch (step.kind) {
      case "keep": {
        const { processes: all, kept } = history;
        const id = await awaited(
          world,
          all[step.process]?.keep(`essay-${++essays}`) ?? Promise.resolve(null),
        );
        if (id !== null && id !== "away") kept.push(id);
        break;
      }
      case "mood": {
        const one = history.processes[step.process];
        if (one) one.fate = fateOf(step.mood, random);
        break;
      }
      case "advance":
        await world.clock.advance(step.ms);
        break;
      case "kill": {
        const one = history.processes[step.process];
        if (!one) break;
        one.kill();
        history.processes[step.process] = await world.begin(one.file, one.fate);
        break;
      }
      case "read":
        await readAll(history);
        break;
    }
  }
  return history;
}

async function checkEnd(history: History): Promise<void> {
  const { world, processes: all, kept } = history;
  for (const one of all) one.fate = always("answered");
  await world.clock.advance(policy.ttlMs + 2 * policy.leaseMs);
  await readAll(history);
  const files = all.map(({ file }) => file);
  for (const one of all) expect(one.faults).toEqual([]);
  // All has moved.
  for (const { rows, spool, doubtful } of files)
    expect([rows.size, spool.size, doubtful.size]).toEqual([0, 0, 0]);
  const ends = endsIn(world.server.rows);
  for (const id of kept) {
    expect(hasEnded(world.server.rows.get(id)), `${id} has ended`).toBe(true);
    expect(ends.get(id), `${id} has one end`).toBe(1);
    const events = world.server.rows.get(id)?.events ?? [];
    expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1));
  }
  expect(new Set(kept).size).toBe(kept.length);
}

it("ends every ticket once, in one store, and loses none, whatever the shared store and the processes do", async () => {
  let histories = 0;
  const history = fc.array(step, { maxLength: 40, size: "max" });
  const property = fc.asyncProperty(history, fc.nat(), async (steps, seed) => {
    await checkEnd(await live(steps, seed));
    histories++;
  });
  const numRuns = Number(env["FAILOVER_RUNS"] ?? 60);
  await fc.assert(property, { numRuns });
  expect(histories).toBe(numRuns);
}, 600_000);
