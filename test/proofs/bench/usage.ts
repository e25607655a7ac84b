/** What a process and all its children have used, from `/proc`. */
import { readdirSync, readFileSync } from "node:fs";

/**
 * CPU time of a process and its descendants, in nanoseconds: user and system time of every living thread. The scheduler's own counter
 * (`schedstat`) is the quantity that `utime + stime` rounds to 10 ms; at 1 connection a window uses little more than that.
 */
export function cpuNanoseconds(pid: number): number {
  let sum = 0;
  for (const thread of threadsOfTree(pid)) sum += Number(read(`${thread}/schedstat`).split(" ", 1)[0] ?? 0);
  return sum;
}

/** Resident memory of a process and its descendants, in bytes. */
export function residentBytes(pid: number): number {
  let pages = 0;
  for (const member of tree(pid)) pages += Number(read(`/proc/${member}/statm`).split(" ")[1] ?? 0);
  return pages * 4096;
}

/** Time that all cores together spent working (not idle, not waiting for a disk), in nanoseconds since boot; a hypervisor's steal counts. */
export function machineBusyNanoseconds(): number {
  const fields = read("/proc/stat").split("\n", 1)[0]?.trim().split(/\s+/).slice(1).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return (user + nice + system + irq + softirq + steal) * 1e7;
}

function tree(pid: number): number[] {
  const children = taskFolders(pid).flatMap((thread) =>
    read(`${thread}/children`).split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => tree(Number(child)))];
}

function threadsOfTree(pid: number): string[] {
  return tree(pid).flatMap(taskFolders);
}

function taskFolders(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`);
  } catch {
    return [];
  }
}

/** Empty where the file is gone: a thread may end between the listing and the reading. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
