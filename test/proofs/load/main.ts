/**
 * `npm run load:targets`: what the service on one core does for its clients, by the load test that operators have (`tools/load`), over a vendor
 * that takes 100 ms. Vendor and load test share the other core. Prints Markdown.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fakeLane } from "../../../tools/fake-upstream/client.ts";
import type { Summary } from "../../../tools/load/summary.ts";
import { authorization, ourNode } from "../bench/candidates.ts";
import { startUpstream } from "../bench/measure.ts";
import { freePort, othersCore, run, serviceCore, startServer, type CommandAt } from "../bench/processes.ts";
import { cpuNanoseconds } from "../bench/usage.ts";

const latencyMs = 100;
/** The target: p95 under this, with no error and no ticket. */
const mostP95Ms = 500;
const rates = [50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000, 1_200, 1_400];
const root = join(import.meta.dirname, "../../..");

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, svg: { type: "string" } },
});
const seconds = Number(values.seconds);
const folder = mkdtempSync(join(tmpdir(), "load-targets-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

console.log(
  [
    `${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model.trim()}, ${cpus().length} cores; Node ${process.versions.node}; load of the machine before: ${(loadavg()[0] ?? 0).toFixed(1)}.`,
    `The service alone on core ${serviceCore}; vendor (${latencyMs} ms) and load test on core ${othersCore}. Windows of ${seconds} s after 3 s of warm-up. Production settings; logging is on.`,
    "",
    ...(await highestRate()),
    "",
    ...(await eachVendor()),
    "",
    ...(await queueThroughput()),
  ].join("\n"),
);
process.exit(0);

async function highestRate(): Promise<string[]> {
  const upstream = await startUpstream();
  await fetch(`${upstream.origin}/__latency/${latencyMs}`);
  const lines = [
    "### One vendor, until p95 is 500 ms or anything but judgements comes back",
    "",
    "| a second | p50 | p95 | p99 | p99.9 | max | of the core | sent late, p99 | |",
    "|---|---|---|---|---|---|---|---|---|",
  ];
  const { load, stop } = await service(ourNode(upstream.origin, folder));
  let calls = 0;
  for (const rate of rates) {
    const { summary, busyShare } = await load(["--rate", String(rate)]);
    const [figures] = summary.providers;
    const all = figures?.all.latency;
    if (figures === undefined || !all) break;
    calls += summary.requests - 1;
    const isKept = figures.judged.count === figures.all.count && all.p95Ms < mostP95Ms;
    const cells = [all.p50Ms, all.p95Ms, all.p99Ms, all.p999Ms, all.maxMs].map((ms) => ms.toFixed(0));
    const verdict = isKept ? "kept" : `missed: ${figures.kept.count} tickets, ${figures.failed.count} failed`;
    lines.push(
      `| ${rate} | ${cells.join(" | ")} | ${(busyShare * 100).toFixed(0)} % | ${(summary.late?.p99Ms ?? 0).toFixed(1)} | ${verdict} |`,
    );
    if (!isKept) break;
  }
  const { connections } = (await (await fetch(`${upstream.origin}/__count`)).json()) as {
    connections: number;
  };
  stop();
  upstream.stop();
  return [...lines, "", `Connections to the vendor: ${connections} for ${calls} calls.`];
}

async function eachVendor(): Promise<string[]> {
  const upstream = await startVendors();
  const lines = [
    "### Each of the four vendors, 25 a second each, all at once",
    "",
    "| | judged | p50 | p95 | p99 | max |",
    "|---|---|---|---|---|---|",
  ];
  const { load, stop } = await service(ourNode(upstream.url, folder, upstream.settings));
  const { summary } = await load(["--rate", "100", "--providers", "anthropic,openai,google,openrouter"]);
  for (const { provider, all, judged } of summary.providers) {
    const { p50Ms = 0, p95Ms = 0, p99Ms = 0, maxMs = 0 } = all.latency ?? {};
    const cells = [p50Ms, p95Ms, p99Ms, maxMs].map((ms) => ms.toFixed(0));
    lines.push(`| ${provider} | ${judged.count} of ${all.count} | ${cells.join(" | ")} |`);
  }
  const calls = summary.requests - 1;
  const connections = await upstream.connections();
  stop();
  upstream.stop();
  return [...lines, "", `Connections to the four: ${connections} for ${calls} calls.`];
}

/** As many as the queue takes at once by default; then they drain. */
async function queueThroughput(): Promise<string[]> {
  const lines = ["### The queue: comparisons that all become tickets", ""];
  for (const [words, more] of [
    ["by default (8 at once)", {}],
    ["with QUEUE_CONCURRENCY=64", { QUEUE_CONCURRENCY: "64" }],
  ] as const) {
    const upstream = await startUpstream();
    await fetch(`${upstream.origin}/__latency/${latencyMs}`);
    const { load, stop } = await service(ourNode(upstream.origin, folder, more));
    const { summary } = await load(["--rate", String(700 / seconds), "--mode", "queue"], 0);
    const [figures] = summary.providers;
    const { kept, tickets } = figures ?? {};
    lines.push(
      `- ${words}: ${tickets?.kept ?? 0} kept (p95 ${kept?.latency?.p95Ms.toFixed(0) ?? "–"} ms), ${tickets?.judged ?? 0} judged, ` +
        `${tickets?.judgedPerSecond?.toFixed(1) ?? "–"} a second; the longest waited ${((tickets?.waited?.maxMs ?? 0) / 1_000).toFixed(1)} s.`,
    );
    stop();
    upstream.stop();
  }
  return lines;
}

async function service(command: CommandAt) {
  const port = await freePort();
  const { origin, pid, stop } = await startServer(command(port), port, serviceCore);
  return {
    stop,
    /** @returns what the load test says, and how much of its core the service used meanwhile */
    async load(flags: readonly string[], warmUpSeconds = 3) {
      const json = join(folder, "figures.json");
      const picture = values.svg === undefined ? [] : ["--svg", values.svg];
      const args = [
        "tools/load/main.ts",
        "--url",
        origin,
        "--seconds",
        String(seconds),
        "--warm-up",
        String(warmUpSeconds),
        "--errors",
        "100",
        "--json",
        json,
        ...picture,
        ...flags,
      ];
      const env = { LOAD_API_KEY: authorization.replace("Bearer ", "") };
      const fromMs = performance.now();
      const before = cpuNanoseconds(pid);
      await run({ file: process.execPath, args, env, cwd: root }, othersCore, 600);
      const busyShare = (cpuNanoseconds(pid) - before) / 1e6 / (performance.now() - fromMs);
      return { summary: JSON.parse(readFileSync(json, "utf8")) as Summary, busyShare };
    },
  };
}

/** The fake upstream with all its strictness, and the settings that point the service at it. */
async function startVendors() {
  const port = await freePort();
  const args = [join(root, "tools/fake-upstream/cli.ts"), "--port", String(port)];
  const { origin, stop } = await startServer({ file: process.execPath, args }, port, othersCore);
  const lane = fakeLane(origin, "dev");
  await lane.script([{ fault: "delay", delayMs: latencyMs, times: "forever" }]);
  const settings = Object.fromEntries(
    Object.entries(lane.baseUrls).flatMap(([vendor, url]) => [
      [`${vendor.toUpperCase()}_BASE_URL`, url],
      [`${vendor.toUpperCase()}_API_KEY`, "fake"],
    ]),
  );
  return {
    url: origin,
    stop,
    settings,
    async connections() {
      const said = (await (await fetch(origin)).json()) as { connections: number };
      return said.connections;
    },
  };
}
