/** The end of the process, by real signals to real processes: whoever starts it and however it is asked, nothing that was taken is lost. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, describe, expect, inject, it, vi } from "vitest";
import { fakeLane, type Lane } from "../../tools/fake-upstream/client.ts";
import { startNodeService, type NodeService, type ProcessOptions } from "../support/node-service.ts";

vi.setConfig({ testTimeout: 180_000 });

const upstreamUrl = inject("fakeUpstreamUrl");

async function started(
  name: string,
  options: ProcessOptions = {},
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly lane: Lane; readonly service: NodeService }> {
  const lane = fakeLane(upstreamUrl, `stopping ${name}`);
  await lane.clear();
  const own = { OPENAI_API_KEY: "k", OPENAI_BASE_URL: lane.baseUrls.openai, ...env };
  return { lane, service: await startNodeService(own, options) };
}

/** What npm and shells need of an environment, and no settings. */
const surroundings = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/tmp" };

const npm = (shell: string): ProcessOptions => ({
  command: ["npm", "start", `--script-shell=${shell}`],
  detached: true,
});

/** To what was started alone, as supervisors send them. */
const toIt =
  (signal: NodeJS.Signals, ...more: NodeJS.Signals[]) =>
  async ({ kill }: NodeService) => {
    for (const each of [signal, ...more]) {
      kill(each);
      await pause(50);
    }
  };

/** To all of its process group, as terminals and some supervisors send them. */
const toGroup =
  (signal: NodeJS.Signals, ...more: NodeJS.Signals[]) =>
  async ({ pid }: NodeService) => {
    for (const each of [signal, ...more]) {
      process.kill(-pid, each);
      await pause(50);
    }
  };

/** Of all processes that stem from one, the one that runs the service. */
function nodeBelow(pid: number): number {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => statOf(name).parent === pid);
  for (const child of children) {
    if (commandOf(Number(child)).includes("src/node/main.ts")) return Number(child);
    const below = nodeBelow(Number(child));
    if (below !== 0) return below;
  }
  return 0;
}

function statOf(pid: string): { readonly parent: number } {
  try {
    return { parent: Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1]) };
  } catch {
    return { parent: 0 };
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** A namespace of processes, in which the program is the first one. */
const firstProcess = ["unshare", "--pid", "--fork", "--kill-child", "--"] as const;
const mayUnshare = spawnSync("unshare", ["--pid", "--fork", "true"]).status === 0;
const hasTerminal = spawnSync("script", ["--version"]).status === 0;

const toFirstProcess =
  (...signals: NodeJS.Signals[]) =>
  async ({ pid }: NodeService) => {
    for (const each of signals) {
      execFileSync("kill", [
        `-${each.slice(3)}`,
        execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" }).trim(),
      ]);
      await pause(50);
    }
  };

type Way = readonly [name: string, options: ProcessOptions, ask: (service: NodeService) => Promise<void>];

const ways: readonly Way[] = [
  ["SIGTERM to Node", {}, toIt("SIGTERM")],
  ["SIGHUP to Node, as of a terminal that was closed,", {}, toIt("SIGHUP")],
  ["SIGINT and SIGTERM to Node, thrice", {}, toIt("SIGINT", "SIGTERM", "SIGINT")],
  ...["/bin/dash", "/bin/bash"].flatMap((shell): Way[] => [
    [`SIGTERM to npm under ${shell}`, npm(shell), toIt("SIGTERM")],
    [`SIGTERM to npm under ${shell}, twice`, npm(shell), toIt("SIGTERM", "SIGTERM")],
    [`SIGINT to npm's process group under ${shell}, twice`, npm(shell), toGroup("SIGINT", "SIGINT")],
  ]),
  ["SIGTERM to npm's process group", npm("/bin/sh"), toGroup("SIGTERM")],
  ...(hasTerminal
    ? ["/bin/dash", "/bin/bash"].map((shell): Way => [
        `Ctrl-C in a terminal, twice, under ${shell}`,
        {
          command: [
            "script",
            "--quiet",
            "--return",
            "--command",
            `exec npm start --script-shell=${shell}`,
            "/dev/null",
          ],
          hasInput: true,
        },
        async ({ type }) => {
          type("\u0003");
          await pause(50);
          type("\u0003");
        },
      ])
    : []),
  ...(mayUnshare
    ? ([
        [
          "SIGTERM to Node as the first process of a container",
          { command: [...firstProcess, process.execPath, "src/node/main.ts"] },
          toFirstProcess("SIGTERM"),
        ],
        [
          "SIGTERM, twice, to npm as the first process of a container",
          { command: [...firstProcess, "npm", "start"] },
          toFirstProcess("SIGTERM", "SIGTERM"),
        ],
      ] as const)
    : []),
];

/** What a test that fails has left behind. */
const seen = new Set<number>();
afterAll(() => {
  for (const pid of [...seen].filter((pid) => commandOf(pid).includes("src/node/main.ts"))) {
    process.kill(pid, "SIGKILL");
  }
});

describe.concurrent("asked to end while a call is under way,", () => {
  it.each(ways)(
    "by %s: it answers the call, says that it stopped, and leaves with 0 and nothing behind",
    async (name, options, ask) => {
      const { lane, service } = await started(name, options, surroundings);
      await lane.script([{ fault: "delay", delayMs: 3_000 }]);
      const answering = service.compare();
      await lane.waitForRequest(1);
      const node = nodeBelow(service.pid) || service.pid;
      seen.add(node);
      await ask(service);
      const { status, headers } = await answering;
      expect([status, headers.get("connection")]).toEqual([200, "close"]);
      expect(await service.ended).toEqual({ code: 0, signal: null });
      expect(service.logged().at(-1)).toMatchObject({
        event: "stopped",
        signal: expect.stringMatching(/^SIG(TERM|INT|HUP)$/),
      });
      expect(() => process.kill(node, 0)).toThrow("ESRCH");
      await expect(fetch(`${service.url}/healthz`)).rejects.toThrow("fetch failed");
    },
  );
});

it("asked to end before it has begun to serve, it does not begin, and leaves with 0", async () => {
  const DATA_DIR = mkdtempSync(join(tmpdir(), "stopping-"));
  // It waits for a Redis that is away, for a second.
  const env = { DATA_DIR, PORT: "0", REDIS_URL: "redis://127.0.0.1:1" };
  const child = spawn(process.execPath, ["src/node/main.ts"], { env, stdio: ["ignore", "pipe", "inherit"] });
  let written = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    written += piece;
  });
  const ended = once(child, "close");
  await vi.waitUntil(() => existsSync(join(DATA_DIR, "llm-provider-service.lock")), { timeout: 60_000 });
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  expect(written).toContain('"event":"stopped"');
  expect(written).not.toContain('"event":"started"');
});
