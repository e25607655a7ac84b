/** The section about tickets: how fast they are kept, beside the least that keeping them can cost. */
import { mkdtempSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Verdict } from "./budgets.ts";
import {
  authorization,
  ourNode,
  ourWorker,
  type Contender,
  type Platform,
  type Request,
} from "./candidates.ts";
import type { LoadResult } from "./load.ts";
import { control, measure, type Sample, type Setting } from "./measure.ts";
import { wants, type Options } from "./options.ts";
import { ticketBody } from "./payload.ts";
import { run, serviceCore, type CommandAt, type Running } from "./processes.ts";
import { figure, noiseLine, shown, table, trustedSamples } from "./report.ts";
import { buildWorker, wranglerConfig } from "./workerd.ts";

/** Queues that never fill up, and a breaker that lets a probe through every second. */
export const roomySettings = {
  QUEUE_MAX_SIZE: "1000000",
  QUEUE_MAX_MEMORY_MB: "100000",
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "1",
  CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "1",
};

/** Ours beside bare, tickets a second. */
const atLeast: Readonly<Record<Platform, number>> = { node: 0.4, workerd: 0.3 };

/** workerd confirms every object's disk on its one thread: more connections would only wait longer. */
const settings: Readonly<Record<Platform, Setting>> = {
  node: { connections: 64, latencyMs: 0 },
  workerd: { connections: 16, latencyMs: 0 },
};
/** Of a timed window: on workerd an answer can take half a second on a busy machine. */
const leastSeconds = 2;
/** What runs for each ticket takes longer to be compiled and for its heap to find its size: after two seconds both still take a fifth of the CPU. */
const leastWarmUpSeconds = 8;

interface Keeper extends Contender {
  readonly platform: Platform;
  readonly kind: "ours" | "bare";
  readonly measure: () => Promise<LoadResult>;
}

/** @returns the table as Markdown, and what it says of the budgets */
export async function benchDurable(
  options: Options,
  upstream: Running,
  folder: string,
): Promise<{ readonly report: string; readonly verdicts: readonly Verdict[] }> {
  const platforms = wants<Platform>(options.only, ["node", "workerd"]);
  const keepers = (
    await Promise.all(platforms.map((name) => prepare[name](options, upstream, join(folder, `keep-${name}`))))
  ).flat();
  const samples: Sample[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const keeper of round % 2 === 1 ? keepers : keepers.toReversed()) {
      samples.push({
        round,
        setting: settings[keeper.platform],
        candidate: keeper,
        result: await keeper.measure(),
      });
      console.error(`round ${round} of ${options.rounds}: ${keeper.name}`);
    }
  }
  const trusted = trustedSamples(samples);
  return {
    report: [noiseLine(samples), "", keepTable(trusted, keepers)].join("\n"),
    verdicts: platforms.map((platform) => verdictOn(platform, trusted, keepers)),
  };
}

type Prepare = (options: Options, upstream: Running, folder: string) => Promise<readonly Keeper[]>;

const prepare: Readonly<Record<Platform, Prepare>> = {
  async node(options, upstream, folder) {
    await mkdir(folder);
    return [
      {
        platform: "node",
        kind: "ours",
        name: "**this service**, Node: 202",
        measure: () =>
          keepRate("node", ourNode(upstream.origin, folder, roomySettings), ticketRequest, options, upstream),
      },
      {
        platform: "node",
        kind: "bare",
        name: "bare SQLite, 32 rows a commit",
        async measure() {
          const file = join(import.meta.dirname, "bare/node-group-commit.ts");
          const seconds = Math.max(options.seconds, leastSeconds);
          const args = [file, mkdtempSync(join(folder, "bare-")), String(seconds)];
          const command = { file: process.execPath, args };
          return JSON.parse(await run(command, serviceCore, seconds + 30)) as LoadResult;
        },
      },
    ];
  },

  async workerd(options, upstream, folder) {
    const ours = await ourWorker(upstream.origin, join(folder, "ours"), roomySettings);
    const config = await wranglerConfig(
      folder,
      "insert",
      join(import.meta.dirname, "bare/worker-insert.js"),
      {
        durable_objects: { bindings: [{ name: "ROWS", class_name: "Row" }] },
        migrations: [{ tag: "v1", new_sqlite_classes: ["Row"] }],
      },
    );
    const bare = await buildWorker(config, join(folder, "bare"), {});
    return [
      {
        platform: "workerd",
        kind: "ours",
        name: "**this service**, workerd: 202",
        measure: () => keepRate("workerd", ours, ticketRequest, options, upstream),
      },
      {
        platform: "workerd",
        kind: "bare",
        name: "bare insert and alarm, an object each",
        measure: () => keepRate("workerd", bare, { ...ticketRequest, expects: "kept" }, options, upstream),
      },
    ];
  },
};

/** Has a comparison kept. */
export const ticketRequest: Request = {
  path: "/api/v1/comparison",
  headers: { authorization },
  body: ticketBody,
  expects: "ticket",
};

/** The provider is down meanwhile: its breaker opens, and what is kept stays. */
async function keepRate(
  platform: Platform,
  command: CommandAt,
  request: Request,
  timing: Options,
  upstream: Running,
): Promise<LoadResult> {
  await control(upstream, "/__status/503");
  try {
    const [measured] = await measure(
      command,
      request,
      [settings[platform]],
      {
        seconds: Math.max(timing.seconds, leastSeconds),
        warmUpSeconds: Math.max(timing.warmUpSeconds, leastWarmUpSeconds),
      },
      upstream,
    );
    if (measured === undefined) throw new Error("nothing was measured");
    return measured.result;
  } finally {
    await control(upstream, "/__status/200");
  }
}

function keepTable(samples: readonly Sample[], keepers: readonly Keeper[]): string {
  const lines = keepers.map((candidate) => {
    const cell = (read: (result: LoadResult) => number | null, digits: number) =>
      shown(
        figure(samples, { candidate, setting: settings[candidate.platform] }, ({ result }) => read(result)),
        digits,
      );
    return [
      candidate.name,
      cell((result) => result.requestsPerSecond, 0),
      cell((result) => result.cpuMicrosecondsPerRequest, 0),
      cell((result) => result.p50Ms, 1),
      cell((result) => result.p99Ms, 1),
      cell((result) => result.residentMegabytes, 0),
    ];
  });
  const header = ["", "kept/s", "CPU µs each", "p50 ms", "p99 ms", "resident MB"];
  return `### Comparisons kept (${settings.node.connections} connections on Node, ${settings.workerd.connections} on workerd)\n\n${table([header, ...lines])}\n`;
}

function verdictOn(platform: Platform, samples: readonly Sample[], keepers: readonly Keeper[]): Verdict {
  const rateOf = (kind: Keeper["kind"]): number | null => {
    const candidate = keepers.find((one) => one.platform === platform && one.kind === kind);
    if (candidate === undefined) return null;
    return (
      figure(samples, { candidate, setting: settings[platform] }, ({ result }) => result.requestsPerSecond)
        ?.median ?? null
    );
  };
  const ours = rateOf("ours");
  const bare = rateOf("bare");
  const ratio = ours === null || bare === null ? null : ours / bare;
  const limit = atLeast[platform];
  return {
    what: `${platform}: kept/s, this service ÷ bare`,
    ratio,
    limit: `≥ ${limit.toFixed(2)}`,
    kept: ratio === null || ratio >= limit,
  };
}
