/** `npm run load` against the service as an operator runs it, over vendors whose latency is known. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { fakeLane, type Lane } from "../../tools/fake-upstream/client.ts";
import { realClock } from "../../tools/load/clock.ts";
import { readOptions } from "../../tools/load/options.ts";
import { run, type Run } from "../../tools/load/run.ts";
import { connectTo } from "../../tools/load/service.ts";
import type { ProviderFigures, Summary } from "../../tools/load/summary.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";

vi.setConfig({ testTimeout: 120_000 });

const upstreamUrl = inject("fakeUpstreamUrl");
const key = "lps_canary_load";

async function started(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly lane: Lane; readonly service: NodeService }> {
  const lane = fakeLane(upstreamUrl, `load ${name}`);
  await lane.clear();
  const service = await startNodeService({
    OPENAI_API_KEY: "k",
    OPENAI_BASE_URL: lane.baseUrls.openai,
    GOOGLE_API_KEY: "k",
    GOOGLE_BASE_URL: lane.baseUrls.google,
    API_KEYS: `load:${createHash("sha256").update(key).digest("hex")}`,
    ...env,
  });
  onTestFinished(async () => {
    service.kill("SIGCONT");
    service.kill("SIGKILL");
    await service.ended;
  });
  return { lane, service };
}

interface Said {
  readonly code: number | null;
  readonly text: string;
  readonly figures: Summary | null;
  readonly folder: string;
}

/** The tool as a process of its own, with the key in its environment. */
async function load(url: string, flags: string, env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const folder = mkdtempSync(join(tmpdir(), "load-"));
  const json = join(folder, "figures.json");
  const args = ["tools/load/main.ts", "--url", url, "--json", json, ...flags.split(" ").filter(Boolean)];
  const child = spawn(process.execPath, args, { env: { LOAD_API_KEY: key, ...env } });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const [code] = (await once(child, "close")) as [number | null];
  const figures = existsSync(json) ? (JSON.parse(readFileSync(json, "utf8")) as Summary) : null;
  expect(text + JSON.stringify(figures)).not.toContain("canary");
  return { code, text, figures, folder };
}

describe("a load test", () => {
  it("tells each vendor's own latency, from a key of its own, and keeps connections", async () => {
    const { lane, service } = await started("latencies");
    await lane.script([
      { fault: "delay", delayMs: 200, vendor: "openai", times: "forever" },
      { fault: "delay", delayMs: 600, vendor: "google", times: "forever" },
    ]);
    const flags = "--rate 10 --seconds 4 --warm-up 1 --providers openai,google --p50 60000";
    const { code, text, figures } = await load(service.url, flags);
    const [google, openai] = figures?.providers ?? [];
    expect([code, google?.provider, google?.judged.count, openai?.judged.count]).toEqual([
      0,
      "google",
      20,
      20,
    ]);
    const p50Of = (its: ProviderFigures | undefined) => its?.all.latency?.p50Ms ?? Number.NaN;
    expect(p50Of(openai)).toBeGreaterThanOrEqual(200);
    expect(p50Of(google)).toBeGreaterThanOrEqual(600);
    // However slow this machine is, it is so with both.
    expect(p50Of(openai)).toBeLessThan(p50Of(google));
    expect(text).toContain("kept    google: p50");
    expect(figures?.requests).toBe(51);
    expect(figures?.opened).toBeLessThan(25);
    expect(await lane.requests("judgement")).toHaveLength(50);
  });

  it("exits with 1 where a limit is missed, and draws it", async () => {
    const { service } = await started("limits", { DEFAULT_LLM_PROVIDER: "mock", MOCK_LATENCY_MS: "120" });
    const svg = join(mkdtempSync(join(tmpdir(), "load-")), "latency.svg");
    const { code, text } = await load(service.url, `--rate 10 --seconds 1 --p95 100 --svg ${svg}`);
    expect([code, text]).toEqual([1, expect.stringContaining("MISSED  mock: p95")]);
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg [^]*mock[^]*<\/svg>\n$/);
  });

  it("follows tickets to their end, and tells how long they waited and how fast the queue was", async () => {
    const env = { DEFAULT_LLM_PROVIDER: "mock", MOCK_LATENCY_MS: "100", QUEUE_CONCURRENCY: "2" };
    const { service } = await started("tickets", env);
    const { code, figures } = await load(service.url, "--rate 20 --seconds 2 --mode queue");
    const [mock] = figures?.providers ?? [];
    expect([code, mock?.kept.count, mock?.ticketsPercent]).toEqual([0, 40, 100]);
    expect(mock?.tickets).toMatchObject({ kept: 40, judged: 40, failed: 0, unended: 0 });
    expect(mock?.tickets.waited?.p50Ms).toBeGreaterThanOrEqual(100);
    // Two at once, of 100 ms each.
    expect(mock?.tickets.judgedPerSecond).toBeLessThan(21);
    expect(mock?.tickets.judgedPerSecond).toBeGreaterThan(2);
  });

  it("counts a ticket that had not ended in time as an error, and one that nobody followed as none", async () => {
    const { lane, service } = await started("unended");
    await lane.script([{ fault: "stall", times: "forever" }]);
    const unended = await load(service.url, "--rate 4 --seconds 1 --mode queue --follow 1");
    expect([unended.code, unended.figures?.errors]).toEqual([
      1,
      [{ what: "a ticket that had not ended", count: 4 }],
    ]);
    const notFollowed = await load(service.url, "--rate 4 --seconds 1 --mode queue --follow 0");
    expect([notFollowed.code, notFollowed.figures?.errors]).toEqual([0, []]);
    const missed = await load(service.url, "--rate 4 --seconds 1 --mode queue --follow 0 --tickets 99");
    expect([missed.code, missed.text]).toEqual([
      1,
      expect.stringContaining("MISSED  openai: tickets 100.0 %"),
    ]);
  });

  it("tells errors by their kind, and how many of them are too many", async () => {
    const { lane, service } = await started("errors", {
      LLM_MAX_RETRIES: "0",
      CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1000",
    });
    await lane.script([
      { fault: "unavailable", times: 2 },
      { fault: "contextTooLong", times: 1 },
    ]);
    const some = await load(service.url, "--rate 10 --seconds 1 --mode immediate --errors 29");
    expect([some.code, some.figures?.errors]).toEqual([
      1,
      [
        { what: "503 SERVICE_UNAVAILABLE", count: 2 },
        { what: "422 INVALID_REQUEST", count: 1 },
      ],
    ]);
    await lane.rescript([{ fault: "unavailable", times: 3 }]);
    expect((await load(service.url, "--rate 10 --seconds 1 --mode immediate --errors 30")).code).toBe(0);
  });

  it("gives an answer up after its time, and counts that as long as it was waited for", async () => {
    const { lane, service } = await started("time");
    await lane.script([{ fault: "stall", times: "forever" }]);
    const { code, figures } = await load(service.url, "--rate 5 --seconds 1 --timeout 1.5");
    expect([code, figures?.errors]).toEqual([1, [{ what: "no answer in time", count: 5 }]]);
    expect(figures?.providers[0]?.all.latency?.p50Ms).toBeGreaterThanOrEqual(1_499);
  });

  it("by Ctrl-C ends early, and says what there is", async () => {
    const { service } = await started("early", { DEFAULT_LLM_PROVIDER: "mock" });
    const args = ["tools/load/main.ts", "--url", service.url, "--rate", "20", "--seconds", "600"];
    const child = spawn(process.execPath, args, { env: { LOAD_API_KEY: key } });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    await once(child.stderr, "data");
    await pause(1_500);
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([130, null]);
    expect(text).toMatch(/^mock +\d+ +100\.0 %/m);
  });
});

describe("a service that stands still for a second", () => {
  const arrivals = 160;
  /** So many come in that second, each with its own wait for the rest of it. */
  const caught = 40;

  async function throughAStall(name: string, connections: number): Promise<Run> {
    const { service } = await started(name, { DEFAULT_LLM_PROVIDER: "mock" });
    const asked = readOptions(
      [
        "--url",
        service.url,
        "--rate",
        String(caught),
        "--seconds",
        "4",
        "--connections",
        String(connections),
      ],
      { LOAD_API_KEY: key },
    );
    if (asked.kind !== "run") throw new Error("not a run");
    const http = connectTo(asked.options);
    // Its first requests are slow by themselves.
    for (let request = 0; request < 20; request++) await http.ask("GET", "/api/v1/providers", 10_000);
    const ran = run(asked.options, ["mock"], http, realClock, new AbortController().signal);
    await pause(1_500);
    service.kill("SIGSTOP");
    await pause(1_000);
    service.kill("SIGCONT");
    return ran.finally(() => http.close());
  }

  it.each([
    ["over as many connections as it takes", 1_000],
    ["over a single one, behind which the others wait", 1],
  ])("is seen by everybody who came meanwhile, %s", async (name, connections) => {
    const { arrivals: all } = await throughAStall(name, connections);
    expect(all).toHaveLength(arrivals);
    const slow = all.filter(({ latencyMs }) => latencyMs > 250);
    // Three quarters of them waited for more than a quarter of that second. Who waits for an answer before he sends the next sees one.
    expect(slow.length).toBeGreaterThanOrEqual(caught * 0.7);
    const sorted = all.map(({ latencyMs }) => latencyMs).toSorted((a, b) => b - a);
    expect(sorted[1]).toBeGreaterThan(900);
  });
});

describe("what can't begin is said in a sentence, with exit code 2", () => {
  it("where nothing answers, or something else", async () => {
    const nobody = await load("http://127.0.0.1:1", "--rate 1 --seconds 1");
    expect([nobody.code, nobody.text]).toEqual([2, "Nothing answers at --url (ECONNREFUSED).\n"]);
    const other = createServer((_, answer) => answer.end("<html>"));
    onTestFinished(() => void other.close());
    await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const said = await load(url, "--rate 1 --seconds 1");
    expect([said.code, said.text]).toEqual([2, "At --url something else answers (status 200).\n"]);
  });

  it("where the key is unknown, a provider can't be asked, or there is no directory for the picture", async () => {
    const { service } = await started("begin");
    const unknown = await load(service.url, "--rate 1 --seconds 1", { LOAD_API_KEY: "lps_canary_other" });
    expect([unknown.code, unknown.text]).toEqual([
      2,
      "The service asks for a key that it knows: --key says how.\n",
    ]);
    const unusable = await load(service.url, "--rate 1 --seconds 1 --providers openai,anthropic");
    expect([unusable.code, unusable.text]).toEqual([
      2,
      "The service can't ask anthropic (usable: openai, google, mock).\n",
    ]);
    const nowhere = await load(service.url, "--rate 1 --seconds 1 --svg /nowhere/latency.svg");
    expect([nowhere.code, nowhere.text]).toEqual([2, "There is no directory for /nowhere/latency.svg.\n"]);
  });

  it("where a flag is wrong, with the help", async () => {
    const { code, text } = await load("http://127.0.0.1:1", "--rate fast --seconds 1");
    expect([code, text]).toEqual([2, expect.stringContaining("--rate takes a plain number")]);
    expect(text).toContain("Limits, for each provider");
  });
});
