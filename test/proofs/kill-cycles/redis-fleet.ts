/** The processes of a run with Redis: each has data, port and key of its own, and is killed and started again by its number. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataFolder, startService, type ServiceProcess } from "../../support/processes.ts";
import type { Origins } from "./clients.ts";
import type { Kill } from "./evidence.ts";
import { rowsIn } from "./redis-remains.ts";
import type { Upstream } from "./upstream.ts";

export const processes = [0, 1, 2] as const;

export interface Fleet {
  origins(): Origins;
  /** @param settings beside those of all of them */
  start(process: number, settings?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILL. @throws {Error} where it had ended by itself */
  kill(process: number): Promise<void>;
  /** SIGTERM for all. */
  stop(): Promise<void>;
  dataOf(process: number): string;
  /** Lines of its log, of these events. */
  logged(process: number, events: readonly string[]): Record<string, unknown>[];
  /** Those of processes that are up again. The same array at each call. */
  readonly kills: readonly Kill[];
  readonly startsMs: readonly number[];
  /** Outcomes that lay in the file of a process when it was killed. */
  spooledAtDeath(): number;
}

/** @param onChange hears where the processes are now */
export function openFleet(
  folder: string,
  settings: Readonly<Record<string, string>>,
  cpu: Upstream["cpu"],
  onChange: (origins: Origins) => void,
): Fleet {
  const running: (ServiceProcess | undefined)[] = processes.map(() => undefined);
  const downSinceMs = new Map<number, number>();
  const kills: Kill[] = [];
  const startsMs: number[] = [];
  let spooled = 0;
  const folderOf = (process: number) => join(folder, `process-${process}`);
  const dataOf = (process: number) => join(folderOf(process), dataFolder);
  const origins = () => running.map((service) => service?.origin);

  return {
    origins,
    kills,
    startsMs,
    dataOf,
    spooledAtDeath: () => spooled,
    async start(process, own = {}) {
      const atMs = downSinceMs.get(process);
      if (atMs !== undefined) kills.push({ process, atMs, untilMs: Date.now() });
      downSinceMs.delete(process);
      // The upstream knows by the key who has called.
      const all = { ...settings, OPENAI_API_KEY: `fake-${process}`, ...own };
      const service = await startService("node", { folder: folderOf(process), settings: all });
      running[process] = service;
      cpu.watch(process, service.group);
      startsMs.push(service.startedInMs);
      onChange(origins());
    },
    async kill(process) {
      const service = running[process];
      if (service === undefined) throw new Error(`process ${process} is not running`);
      await cpu.look();
      downSinceMs.set(process, Date.now());
      await service.kill();
      // Not before, or it would die at rest.
      running[process] = undefined;
      onChange(origins());
      spooled += spooledIn(dataOf(process));
    },
    async stop() {
      await Promise.all(running.map((service) => service?.stop()));
    },
    logged: (process, events) =>
      readFileSync(join(folderOf(process), "service.log"), "utf8")
        .split("\n")
        .filter((line) => events.some((event) => line.includes(`"event":"${event}"`)))
        .flatMap(parsed),
  };
}

/** In a copy: a look at the file itself would bring its log into it, which is the service's own first work. */
function spooledIn(data: string): number {
  const copy = mkdtempSync(join(tmpdir(), "kill-cycles-copy-"));
  try {
    cpSync(data, copy, { recursive: true });
    return rowsIn(copy, "spool");
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** A kill may cut the last line. */
function parsed(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}
