/** The log, where whoever reads it dies, has no room or stands still: real pipes, sockets, terminals and a real full disk. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { goodBody, post } from "../support/answers.ts";
import { measureLateness } from "../support/lateness.ts";
import { freePort } from "../proofs/bench/processes.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Far from any that is not hung: a process may take long to start beside others. */
const patient = { timeout: 60_000 };

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<unknown>;
}

const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** @param stdout as `spawn` has it. The service's log can't be read, so it is asked whether it serves */
async function served(stdout: number | "pipe", command: readonly string[] = []): Promise<Running> {
  const port = await freePort();
  const DATA_DIR = mkdtempSync(join(tmpdir(), "log-output-"));
  const service = [process.execPath, "src/node/main.ts"];
  // `script` takes a command as one text.
  const [file = "", ...args] = command.length > 0 ? [...command, `exec ${service.join(" ")}`] : service;
  const child = spawn(file, args, {
    env: { PATH: process.env["PATH"] ?? "", DATA_DIR, PORT: String(port) },
    stdio: ["ignore", stdout, "inherit"],
  });
  children.add(child);
  const ended = once(child, "close");
  const url = `http://127.0.0.1:${port}`;
  await vi.waitUntil(
    () =>
      fetch(`${url}/healthz`).then(
        () => true,
        () => false,
      ),
    { ...patient, interval: 50 },
  );
  return { child, url, ended };
}

const judge = ({ url }: Running) =>
  fetch(`${url}/api/v1/comparison`, post(goodBody)).then(async (answer) => {
    await answer.arrayBuffer();
    return answer.status;
  });

/** Two lines of the log each, some 300 bytes a line. */
async function judgeMany(running: Running, times: number): Promise<void> {
  for (let done = 0; done < times; done += 50) {
    const statuses = await Promise.all(Array.from({ length: 50 }, () => judge(running)));
    expect(new Set(statuses)).toEqual(new Set([200]));
  }
}

async function warningsOf({ url }: Running): Promise<readonly string[]> {
  return ((await (await fetch(`${url}/healthz`)).json()) as { warnings: string[] }).warnings;
}

async function untilWarned(running: Running, word: string): Promise<void> {
  await vi.waitUntil(async () => (await warningsOf(running)).join().includes(word), patient);
}

/** Asks it to stop. @returns how long that took, without how late the machine was */
async function stopped({ child, ended }: Running, pid = child.pid ?? 0): Promise<number> {
  const lateness = measureLateness();
  const fromMs = performance.now();
  process.kill(pid, "SIGTERM");
  expect(await ended).toEqual([0, null]);
  return performance.now() - fromMs - lateness.mostMs();
}

/** Lines that are no whole JSON, and how many lines the others say were dropped. */
function readLog(text: string) {
  const lines = text.split("\n").filter((line) => line !== "");
  const parsed = lines.map((line) => JSON.parse(line) as { event: string; count?: number });
  const dropped = parsed.filter(({ event }) => event === "log_lines_dropped");
  return { lines: parsed, dropped: dropped.reduce((sum, { count = 0 }) => sum + count, 0) };
}

/** What a log can be written to, with a reader that reads when it is told to. */
interface Reader {
  readonly fd: number | "pipe";
  /** Everything from now on. */
  read(running: Running): () => string;
  die(running: Running): void;
}

/** Node's own word "pipe" makes a pair of sockets, as a supervisor's journal has them. */
function socketPair(): Reader {
  return {
    fd: "pipe",
    read: ({ child }) => gathered(child.stdout),
    die: ({ child }) => void child.stdout?.destroy(),
  };
}

/** As a shell makes it between two programs. */
function realPipe(): Reader {
  const path = join(mkdtempSync(join(tmpdir(), "log-output-")), "pipe");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_WRONLY);
  return {
    fd,
    read() {
      closeSync(fd);
      return gathered(new Socket({ fd: reader, readable: true, writable: false }));
    },
    die() {
      closeSync(fd);
      closeSync(reader);
    },
  };
}

function gathered(stream: Readable | null): () => string {
  const pieces: string[] = [];
  stream?.setEncoding("utf8").on("data", (piece: string) => pieces.push(piece));
  return () => pieces.join("");
}

const kinds = [
  ["pipe", realPipe],
  ["socket", socketPair],
] as const;

describe.concurrent.each(kinds)("the reader of the log, behind a %s,", (_, open) => {
  it("dies: the service goes on, says so in its health, and stops with 0", async () => {
    const reader = open();
    const running = await served(reader.fd);
    reader.die(running);
    await judgeMany(running, 100);
    await untilWarned(running, "EPIPE");
    expect(await stopped(running)).toBeLessThan(5_000);
  });

  it("stands still: lines are dropped, and none is cut; when it reads on it is told how many", async () => {
    const reader = open();
    const running = await served(reader.fd);
    await judgeMany(running, 2_500);
    expect((await warningsOf(running)).join()).toMatch(
      /can't be written to standard output: \d+ of its lines/,
    );

    const text = reader.read(running);
    await vi.waitUntil(() => text().includes("log_lines_dropped"), patient);
    expect(await warningsOf(running)).toEqual([]);
    expect(await stopped(running)).toBeLessThan(5_000);
    const { lines, dropped } = readLog(text());
    const told = lines.filter(({ event }) => event === "request" || event === "attempt").length;
    expect(dropped).toBeGreaterThan(100);
    expect(told + dropped).toBe(2 * 2_500);
    expect(text().length).toBeLessThan(1_300_000);
    expect(lines.at(-1)).toMatchObject({ event: "stopped" });
  });

  it("stands still to the end: it stops with 0 all the same, and gives it a second", async () => {
    const reader = open();
    const running = await served(reader.fd);
    await judgeMany(running, 500);
    expect(await stopped(running)).toBeLessThan(5_000);
  });
});

describe("the log on a disk", () => {
  const disk = mkdtempSync(join(tmpdir(), "log-output-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).status === 0;
  afterAll(() => void (mounted && spawnSync("umount", ["--lazy", disk])));

  it.skipIf(!mounted)(
    "that is full from the start: the service starts and goes on; where there is room again, so does the log",
    async () => {
      const filler = join(disk, "filler");
      writeFileSync(filler, Buffer.alloc(60_000));
      expect(() => writeFileSync(join(disk, "rest"), Buffer.alloc(60_000))).toThrow("ENOSPC");
      const log = join(disk, "log");
      const running = await served(openSync(log, "a"));
      await judgeMany(running, 50);
      await untilWarned(running, "ENOSPC");
      unlinkSync(filler);
      await vi.waitUntil(async () => (await warningsOf(running)).length === 0, patient);
      expect(await stopped(running)).toBeLessThan(5_000);
      const { lines, dropped } = readLog(readFileSync(log, "utf8"));
      expect(
        lines.map(({ event }) => event).filter((event) => event !== "attempt" && event !== "request"),
      ).toEqual(["started", "stopping", "stopped"]);
      expect([lines.length, dropped]).toEqual([103, 0]);
    },
  );
});

it.skipIf(spawnSync("script", ["--version"]).status !== 0)(
  "a terminal that is halted (Ctrl-S) holds no stop up",
  async () => {
    const running = await served("pipe", ["script", "--quiet", "--return", "/dev/null", "--command"]);
    const terminal = running.child.pid ?? 0;
    const service = Number(execFileSync("pgrep", ["-P", String(terminal)], { encoding: "utf8" }));
    process.kill(terminal, "SIGSTOP");
    await judgeMany(running, 500);
    const fromMs = performance.now();
    process.kill(service, "SIGTERM");
    await vi.waitUntil(() => readFileSync(`/proc/${service}/stat`, "utf8").includes(") Z "), patient);
    expect(performance.now() - fromMs).toBeLessThan(10_000);
    process.kill(terminal, "SIGCONT");
    expect(await running.ended).toEqual([0, null]);
  },
);
