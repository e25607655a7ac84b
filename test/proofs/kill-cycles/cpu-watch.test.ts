/** The books of the system are read right: of real processes. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { pinned } from "../bench/processes.ts";
import { startCpuWatch } from "./cpu-watch.ts";
import { starvedIn } from "./starvation.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** They end by themselves, whatever becomes of this test. */
const busy = ["-e", "for (const end = Date.now() + 10_000; Date.now() < end; );"];
const core = "0";

function started(args: readonly string[], ...before: readonly string[]): number {
  const [file = process.execPath, ...rest] = [...before, process.execPath, ...args];
  const child = spawn(file, rest, { stdio: "ignore", detached: true });
  children.push(child);
  return child.pid ?? 0;
}

it.skipIf(!existsSync("/proc/self/schedstat") || !pinned)(
  "a process that shares its core with three others was starved; one that sleeps was not, nor is one that is gone looked at again",
  async () => {
    const watch = startCpuWatch();
    const pinnedTo = ["taskset", "-c", core] as const;
    const starving = started(busy, ...pinnedTo);
    for (let others = 0; others < 3; others++) started(busy, ...pinnedTo);
    const sleeping = started(["-e", "setTimeout(() => {}, 10_000)"]);
    watch.watch(0, starving);
    watch.watch(1, sleeping);
    // Until both have begun what they are for.
    await pause(1_000);
    const fromMs = Date.now();
    watch.look();
    await pause(1_000);
    watch.look();
    const toMs = Date.now();
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, "exit")));
    watch.look();
    const spans = watch.spans();
    watch.stop();
    const isStarved = starvedIn(spans);
    expect(isStarved(0, fromMs, toMs)).toBe(true);
    expect(isStarved(1, fromMs, toMs)).toBe(false);
    expect(spans.filter(({ fromMs }) => fromMs > toMs + 100)).toEqual([]);
    for (const { fromMs, toMs, ranMs, waitedMs } of spans) {
      expect(ranMs).toBeGreaterThanOrEqual(0);
      expect(waitedMs).toBeGreaterThanOrEqual(0);
      expect(waitedMs).toBeLessThanOrEqual(toMs - fromMs);
    }
  },
);
