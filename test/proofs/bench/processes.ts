/** Child processes: each pinned to its core, none left behind. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** All that the process sees, beside `PATH` and `NODE_ENV=production`. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** The command that serves on a port of 127.0.0.1. */
export type CommandAt = (port: number) => Command;

export interface Running {
  /** Of the process, and of the group of all that it has started. */
  readonly pid: number;
  readonly origin: string;
  readonly stop: () => void;
  /** By which signal it has ended; `null`: by itself. */
  readonly ended: Promise<NodeJS.Signals | null>;
}

/** The service has a core for itself: what it costs must not depend on how hard the others work. */
export const serviceCore = 0;
export const othersCore = 1;

/** Whether processes can be held to a core here: needs `taskset` and both cores. */
export const pinned = canPin();

const children = new Set<ChildProcess>();
process.on("exit", () => children.forEach(kill));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

/**
 * Starts a server and waits until it answers anything at all on its port; rejects with its last words if it ends or 2 minutes pass, which are
 * far more than any start takes on a busy machine.
 *
 * @param state `null`: any
 */
export async function startServer(command: Command, port: number, state: number | null): Promise<Running> {
  const child = start(command, state, "ignore");
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("exit", (_, signal) => resolve(signal)),
  );
  const lastWords = tail(child);
  const origin = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + 120_000;
  while (!(await answers(origin))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      kill(child);
      throw new Error(`${shown(command)} did not come up:\n${lastWords()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { pid: child.pid ?? 0, origin, stop: () => kill(child), ended };
}

/** Runs a command to its end and gives its standard output; rejects with its last words where it fails or takes longer. */
export function run(command: Command, state: number | null, limitSeconds: number): Promise<string> {
  const child = start(command, state, "pipe");
  const lastWords = tail(child);
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    const timer = setTimeout(() => kill(child), limitSeconds * 1000);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new Error(`${shown(command)} failed:\n${output.slice(-2000)}${lastWords()}`));
    });
  });
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Holds a process that somebody else has started to a core, where that can be done here. */
export function pin(pid: number, state: number): void {
  if (pinned) execFileSync("taskset", ["-acp", String(state), String(pid)], { stdio: "ignore" });
}

function start(command: Command, state: number | null, stdout: "ignore" | "pipe"): ChildProcess {
  const pinning = pinned && state !== null ? ["taskset", "-c", String(state)] : [];
  const [file = "", ...args] = [...pinning, command.file, ...command.args];
  const child = spawn(file, args, {
    stdio: ["ignore", stdout, "pipe"],
    env: { PATH: process.env["PATH"], NODE_ENV: "production", ...command.env },
    cwd: command.cwd,
    // A group of its own, so that a kill reaches what it started as well.
    detached: true,
  });
  children.add(child);
  child.on("error", () => children.delete(child));
  child.on("exit", () => children.delete(child));
  return child;
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined || !children.has(child)) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended by itself in this moment.
  }
}

function tail(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (text = (text + chunk).slice(-2000)));
  return () => text;
}

async function answers(origin: string): Promise<boolean> {
  try {
    await (await fetch(origin, { signal: AbortSignal.timeout(1000) })).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function shown(command: Command): string {
  return [command.file, ...command.args].join(" ").slice(0, 200);
}

function canPin(): boolean {
  if (availableParallelism() < 2) return false;
  try {
    execFileSync("taskset", ["-c", `${serviceCore},${othersCore}`, "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
