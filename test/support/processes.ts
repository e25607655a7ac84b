/** The service as a process that can be killed, on either platform, on a data folder that outlives it. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, startServer, type Command, type CommandAt } from "../proofs/bench/processes.ts";

export type PlatformName = "node" | "workerd";

export interface Home {
  /** Holds data, log and whatever else the service writes. Made where it is missing. */
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Of the service's code, with its packages installed; this one unless told. */
  readonly checkout?: string;
}

export interface ServiceProcess {
  readonly origin: string;
  /** Of the process group: all that it has started. */
  readonly group: number;
  /** From its start to its first answer. */
  readonly startedInMs: number;
  /** SIGKILL at once for it and all that it started; resolves when none of them is left. @throws {Error} where it had ended by itself */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL where that is not enough in 10 s. */
  stop(): Promise<void>;
}

/** The folder below a home in which each platform keeps its data. */
export const dataFolder = "data";
/** Beside it: what the service writes to its standard output. */
export const logFile = "service.log";
const root = join(import.meta.dirname, "../..");

/** Far more than the end of a killed process takes on a busy machine. */
const killedMs = 30_000;

/** Only loopback addresses, a fresh port at each start. @throws {Error} with its last words, where it does not answer within 2 minutes */
export async function startService(platform: PlatformName, home: Home): Promise<ServiceProcess> {
  mkdirSync(home.folder, { recursive: true });
  const port = await freePort();
  const startedAtMs = performance.now();
  const { origin, pid, stop, ended } = await startServer(
    logged(commands[platform](home, port), home),
    port,
    null,
  );
  return {
    origin,
    group: pid,
    startedInMs: performance.now() - startedAtMs,
    async kill() {
      stop();
      if ((await ended) !== "SIGKILL") throw new Error(`The service ended by itself:\n${lastLines(home)}`);
      if (!(await isGone(pid, killedMs))) throw new Error("The service outlived its kill.");
    },
    async stop() {
      if (await isAlive(pid)) process.kill(pid, "SIGTERM");
      if (await isGone(pid, 10_000)) return;
      stop();
      await isGone(pid, 5_000);
    },
  };
}

/** Starts the service without a log file, in a home whose folder is there. */
export function commandAt(platform: PlatformName, home: Home): CommandAt {
  return (port) => commands[platform](home, port);
}

/** What the service wrote last, for a person who asks why it failed. */
function lastLines({ folder }: Home): string {
  return readFileSync(join(folder, logFile), "utf8").split("\n").slice(-15).join("\n");
}

const commands: Readonly<Record<PlatformName, (home: Home, port: number) => Command>> = {
  node: ({ folder, settings, checkout = root }, port) => ({
    file: process.execPath,
    args: [join(checkout, "src/node/main.ts")],
    env: { ...settings, DATA_DIR: join(folder, dataFolder), HOST: "127.0.0.1", PORT: String(port) },
    cwd: folder,
  }),
  workerd: ({ folder, settings, checkout = root }, port) => {
    // In place of a developer's own .dev.vars.
    const noVariables = join(folder, "no.env");
    writeFileSync(noVariables, "");
    const flags = {
      config: join(checkout, "wrangler.toml"),
      "env-file": noVariables,
      "persist-to": join(folder, dataFolder),
      ip: "127.0.0.1",
      port: String(port),
      // Any free one: two runs may go side by side.
      "inspector-port": "0",
    };
    return {
      file: join(checkout, "node_modules/.bin/wrangler"),
      args: [
        "dev",
        ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
        ...Object.entries(settings).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
      ],
      // Nothing of it speaks to anybody outside.
      env: {
        CI: "1",
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_HIDE_BANNER: "true",
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
        WRANGLER_LOG_PATH: folder,
        HOME: folder,
      },
      cwd: folder,
    };
  },
};

/** Standard output goes to the log of this home; `exec` leaves the process its own. */
function logged({ file, args, ...rest }: Command, { folder }: Home): Command {
  const redirected = ["-c", 'exec "$@" >>"$0"', join(folder, logFile), file, ...args];
  return { ...rest, file: "/bin/sh", args: redirected };
}

async function isGone(group: number, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (await isAlive(group)) {
    if (performance.now() > deadline) return false;
    await pause(10);
  }
  return true;
}

/** Asked of the process table: to a signal a dead process that nobody has waited for yet looks alive. */
async function isAlive(group: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pgid=,stat="]);
  return stdout.split("\n").some((line) => {
    const [pgid, state = "Z"] = line.trim().split(/\s+/);
    return pgid === String(group) && !state.startsWith("Z");
  });
}
