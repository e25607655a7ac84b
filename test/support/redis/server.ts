/** A real redis-server for one test file: its own port, its own directory, gone with the process that started it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { redisClient } from "./client.ts";
import { guard } from "./guard.ts";
import { quietPort } from "./port.ts";
import { redisProgram } from "./program.ts";

export interface RedisOptions {
  /** Whether data outlives the process. True unless told. */
  readonly appendonly?: boolean;
  /** `always` unless told. */
  readonly appendfsync?: "always" | "everysec" | "no";
  /** As in redis.conf: `"2mb"`. No limit unless told. */
  readonly maxmemory?: string;
  readonly maxmemoryPolicy?: "noeviction" | "allkeys-lru" | "volatile-lru" | "allkeys-random";
  readonly requirepass?: string;
  /** As a node of a cluster, without the others. */
  readonly cluster?: boolean;
}

export interface RedisServer {
  /** With the password, where there is one. Stays the same over a restart. */
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now, or ran last. */
  pid(): number;
  /**
   * SIGKILL, and waits until it is gone. This is a crash of the process, not of the machine: what it had handed to the kernel comes back at
   * the next start, fsynced or not.
   */
  kill(): Promise<void>;
  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void>;
  /** SIGSTOP: the kernel goes on taking connections and bytes, and nobody answers. What came meanwhile is worked after `resume`. */
  pause(): void;
  resume(): void;
  /** The same port and directory, after a SIGKILL where it still ran. Resolves when the data is there again. */
  restart(): Promise<void>;
  /** All data of all databases, and the scripts. */
  flush(): Promise<void>;
  /** Ends it and removes its directory. */
  close(): Promise<void>;
}

/** `null`: there is no redis-server here. @throws {Error} as `startRedis` */
export async function redisServer(options: RedisOptions = {}): Promise<RedisServer | null> {
  return redisProgram() === null ? null : startRedis(options);
}

/** For tests that are skipped where there is none. @throws {Error} where there is none, or with its last words where it is not up in 10 s */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const program = redisProgram();
  if (program === null) throw new Error("There is no redis-server here.");
  for (let attempt = 1; ; attempt++) {
    try {
      return await serverAt(program, await quietPort(), options);
    } catch (error) {
      // Another test file may have taken the port in between.
      if (attempt === 3 || !String(error).includes("Address already in use")) throw error;
    }
  }
}

async function serverAt(program: string, port: number, options: RedisOptions): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "redis-"));
  const { watch, end: clear } = guard(folder);
  const password = options.requirepass === undefined ? "" : `:${encodeURIComponent(options.requirepass)}@`;
  const url = `redis://${password}127.0.0.1:${port}`;

  async function start(): Promise<ChildProcess> {
    const started = spawn(program, argumentsFor(folder, port, options), {
      stdio: ["ignore", "pipe", "pipe"],
    });
    watch(started);
    await untilItAnswers(started, url);
    return started;
  }

  let child = await start().catch(async (error: unknown) => {
    await clear();
    throw error;
  });

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!isRunning(child)) return;
    const gone = once(child, "exit");
    child.kill(signal);
    // A stopped process hears only SIGKILL.
    child.kill("SIGCONT");
    await gone;
    watch(null);
  }

  return {
    url,
    port,
    pid: () => child.pid ?? 0,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async restart() {
      await end("SIGKILL");
      child = await start();
    },
    async flush() {
      const client = redisClient(url);
      await client.command("FLUSHALL");
      await client.command("SCRIPT", "FLUSH");
      client.close();
    },
    async close() {
      await end("SIGKILL");
      await clear();
    },
  };
}

function argumentsFor(folder: string, port: number, options: RedisOptions): string[] {
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    dir: folder,
    // No snapshots: the append-only file is the one thing that can bring data back.
    save: "",
    appendonly: options.appendonly === false ? "no" : "yes",
    appendfsync: options.appendfsync ?? "always",
    ...(options.maxmemory === undefined ? {} : { maxmemory: options.maxmemory }),
    ...(options.maxmemoryPolicy === undefined ? {} : { "maxmemory-policy": options.maxmemoryPolicy }),
    ...(options.requirepass === undefined ? {} : { requirepass: options.requirepass }),
    ...(options.cluster === true ? { "cluster-enabled": "yes" } : {}),
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/** When this very process answers, and not somebody else on its port. @throws {Error} with its last words, where it ended or 10 s passed */
async function untilItAnswers(child: ChildProcess, url: string): Promise<void> {
  const lastWords = tail(child);
  const closed = new Promise((resolve) => child.once("close", resolve));
  const deadline = performance.now() + 10_000;
  while (!(await answers(url, child.pid ?? 0))) {
    if (!isRunning(child) || performance.now() > deadline) {
      child.kill("SIGKILL");
      await closed;
      throw new Error(`redis-server did not come up:\n${lastWords()}`);
    }
    await pause(5);
  }
}

async function answers(url: string, pid: number): Promise<boolean> {
  const client = redisClient(url);
  // Whoever else took the port might say nothing at all.
  const patience = setTimeout(client.close, 1_000);
  try {
    // An error as long as it reads its file.
    await client.command("PING");
    return String(await client.command("INFO", "server")).includes(`process_id:${pid}\r\n`);
  } catch {
    return false;
  } finally {
    clearTimeout(patience);
    client.close();
  }
}

const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

function tail(child: ChildProcess): () => string {
  let text = "";
  child.once("error", (error) => (text += error.message));
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (chunk: string) => (text = (text + chunk).slice(-2000)));
  return () => text;
}
