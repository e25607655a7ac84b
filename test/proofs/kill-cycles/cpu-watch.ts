/**
 * Reads in the books of Linux how long the service ran and how long it waited for a CPU: of the first thread of each of its processes, which
 * does the work on both platforms. https://docs.kernel.org/scheduler/sched-stats.html, "/proc/<pid>/schedstat". Elsewhere it reads nothing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { spansOf, type CpuReading, type CpuSpan } from "./starvation.ts";

export interface CpuWatch {
  /** From now on. @param group the process group that is the service. @param process its number in the run */
  watch(process: number, group: number): void;
  /** Reads now: at the moments that the judge will ask about. */
  look(): void;
  /** Of all that were watched until now. */
  spans(): CpuSpan[];
  stop(): void;
}

const everyMs = 25;
/** A service starts more processes now and then. */
const membersEveryMs = 500;

interface Watched {
  readonly process: number;
  readonly pid: number;
  readonly readings: CpuReading[];
  isGone: boolean;
}

export function startCpuWatch(): CpuWatch {
  const all: Watched[] = [];
  const groups = new Map<number, number>();
  const timers = [setInterval(look, everyMs), setInterval(lookForMembers, membersEveryMs)];

  function look(): void {
    for (const watched of all) if (!watched.isGone) read(watched);
  }

  function lookForMembers(): void {
    if (groups.size === 0) return;
    for (const { pid, group } of processesNow()) {
      const process = groups.get(group);
      const isKnown = all.some((watched) => watched.pid === pid && !watched.isGone);
      if (process !== undefined && !isKnown) add(process, pid);
    }
  }

  function add(process: number, pid: number): void {
    const watched = { process, pid, readings: [], isGone: false };
    all.push(watched);
    read(watched);
  }

  return {
    watch(process, group) {
      for (const [old, of] of groups) if (of === process) groups.delete(old);
      groups.set(group, process);
      lookForMembers();
    },
    look,
    spans: () => all.flatMap(({ process, pid, readings }) => spansOf(process, pid, readings)),
    stop: () => timers.forEach(clearInterval),
  };
}

function read(watched: Watched): void {
  const { pid, readings } = watched;
  const thread = `/proc/${pid}/task/${pid}`;
  const sums = textOf(`${thread}/schedstat`)?.split(" ").map(Number);
  const state = /^\d+ \(.*\) (\S)/s.exec(textOf(`${thread}/stat`) ?? "")?.[1] ?? "Z";
  const [ranNs, waitedNs] = sums ?? [];
  watched.isGone = ranNs === undefined || waitedNs === undefined || state === "Z" || state === "X";
  if (ranNs === undefined || waitedNs === undefined || watched.isGone) return;
  const atMs = Date.now();
  // Two in one millisecond are one.
  if (readings.at(-1)?.atMs === atMs) readings.pop();
  readings.push({ atMs, ranMs: ranNs / 1e6, waitedMs: waitedNs / 1e6, isRunnable: state === "R" });
}

function processesNow(): { readonly pid: number; readonly group: number }[] {
  return listed("/proc").flatMap((name) => {
    const group = /^\d+ \(.*\) [^ZX] \d+ (\d+)/s.exec(textOf(`/proc/${name}/stat`) ?? "")?.[1];
    return group === undefined ? [] : [{ pid: Number(name), group: Number(group) }];
  });
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** `null`: it is not there, or no longer. */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
