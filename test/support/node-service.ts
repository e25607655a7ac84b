/** The service as an operator runs it: `node src/node/main.ts` in a process of its own, spoken to over HTTP. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { checked, goodBody, post, type Answered } from "./answers.ts";

const main = resolve("src/node/main.ts");
/** Where Node keeps what it has compiled (`global-setup.ts`). */
const { NODE_COMPILE_CACHE } = process.env;
const compiled = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface NodeService {
  readonly url: string;
  readonly pid: number;
  /** All that was written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The lines of the log, of one event where it is named. */
  readonly logged: (event?: string) => Record<string, unknown>[];
  /** Every answer is held against the OpenAPI document. */
  readonly request: (path: string, init?: RequestInit) => Promise<Answered>;
  readonly compare: (changes?: object, init?: RequestInit) => Promise<Answered>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly type: (text: string) => void;
  readonly ended: Promise<Ended>;
  /** SIGTERM, and waits for the end. */
  readonly stop: () => Promise<Ended>;
}

export interface ProcessOptions {
  readonly cwd?: string;
  /** In place of `node src/node/main.ts`: a program and its arguments. What it prints besides lines of the log is passed over. */
  readonly command?: readonly [file: string, ...args: string[]];
  /** In a process group of its own, whose id is `pid`. */
  readonly detached?: boolean;
  /** What the program is told on standard input, by `type`. */
  readonly hasInput?: boolean;
}

/** Settings are those given and none of this process; the port is any free one, the data are in a new directory. @throws {Error} where it ends before it listens */
export async function startNodeService(
  env: Readonly<Record<string, string>>,
  options: ProcessOptions = {},
): Promise<NodeService> {
  const { child, stdout, stderr, ended } = run({ PORT: "0", ...env }, options);
  const url = await new Promise<string>((found, failed) => {
    child.stdout?.on("data", () => {
      const line = stdout()
        .split("\n")
        .find((line) => line.includes('"event":"started"'));
      if (line?.trim().endsWith("}") === true) found(String((JSON.parse(line) as { url: unknown }).url));
    });
    void ended.then(({ code }) =>
      failed(new Error(`The service ended with ${code}: ${stderr()}${stdout()}`)),
    );
  });
  const request = async (path: string, init: RequestInit = {}) => {
    const isKeyed = new Headers(init.headers).has("idempotency-key");
    return checked(init.method ?? "GET", path, await fetch(url + path, init), isKeyed);
  };
  return {
    url,
    pid: child.pid ?? 0,
    stdout,
    stderr,
    logged: (event) =>
      stdout()
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line.startsWith("{") && line.endsWith("}"))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => event === undefined || line["event"] === event),
    request,
    compare: (changes = {}, init = {}) =>
      request("/api/v1/comparison", post({ ...goodBody, ...changes }, init)),
    kill: (signal) => void child.kill(signal),
    type: (text) => void child.stdin?.write(text),
    ended,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** Runs the service with settings with which it should not start. */
export async function runNodeService(
  env: Readonly<Record<string, string>>,
  options: ProcessOptions = {},
): Promise<Ended & { stdout: string; stderr: string }> {
  const { stdout, stderr, ended } = run(env, options);
  const end = await ended;
  return { ...end, stdout: stdout(), stderr: stderr() };
}

function run(env: Readonly<Record<string, string>>, options: ProcessOptions) {
  const { cwd, command = [process.execPath, main], detached = false, hasInput = false } = options;
  const [file, ...args] = command;
  const child: ChildProcess = spawn(file, args, {
    env: { DATA_DIR: mkdtempSync(join(tmpdir(), "node-service-")), ...compiled, ...env },
    stdio: [hasInput ? "pipe" : "ignore", "pipe", "pipe"],
    detached,
    ...(cwd !== undefined && { cwd }),
  });
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal }) as Ended);
  return { child, ended, stdout: gathered(child.stdout), stderr: gathered(child.stderr) };
}

function gathered(stream: ChildProcess["stdout"]): () => string {
  const chunks: string[] = [];
  stream?.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  return () => chunks.join("");
}
