/** Seeds on all cores. */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Report } from "./simulate.ts";

export interface Errand {
  readonly seeds: readonly number[];
  /** The deliberate bug to plant; `null`: none. */
  readonly bug: string | null;
}

/** @returns a report for each seed, in no order. Leaving the loop early ends the work. */
export async function* runSeeds(seeds: readonly number[], bug: string | null): AsyncGenerator<Report> {
  const count = Math.min(availableParallelism(), seeds.length);
  const reports: Report[] = [];
  let wake: (() => void) | null = null;
  let running = count;
  let fault: unknown = null;
  const workers = Array.from({ length: count }, (_, at) => {
    const errand: Errand = { bug, seeds: seeds.filter((_seed, index) => index % count === at) };
    const worker = new Worker(fileURLToPath(new URL("./seed-worker.ts", import.meta.url).href), {
      workerData: errand,
    });
    worker.on("message", (report: Report) => {
      reports.push(report);
      wake?.();
    });
    worker.on("error", (error) => {
      fault = error;
      wake?.();
    });
    worker.on("exit", () => {
      running--;
      wake?.();
    });
    return worker;
  });
  try {
    for (;;) {
      yield* reports.splice(0);
      if (fault !== null) throw fault;
      if (running === 0 && reports.length === 0) return;
      if (reports.length === 0) await new Promise<void>((resolve) => void (wake = resolve));
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
