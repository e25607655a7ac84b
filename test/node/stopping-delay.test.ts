/** `STOP_DELAY_SECONDS`: whoever sends requests is told by `/readyz` before the door closes, and has that time to look elsewhere. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, inject, it, vi } from "vitest";
import { fakeLane, type Lane } from "../../tools/fake-upstream/client.ts";
import { goodBody } from "../support/answers.ts";
import { measureLateness } from "../support/lateness.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";

vi.setConfig({ testTimeout: 180_000 });

const upstreamUrl = inject("fakeUpstreamUrl");

async function started(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly lane: Lane; readonly service: NodeService }> {
  const lane = fakeLane(upstreamUrl, `delay ${name}`);
  await lane.clear();
  const own = { OPENAI_API_KEY: "k", OPENAI_BASE_URL: lane.baseUrls.openai, ...env };
  return { lane, service: await startNodeService(own) };
}

const untilSaid = (service: NodeService, event: string) =>
  vi.waitUntil(() => service.logged(event).length > 0, { timeout: 60_000, interval: 5 });

const queued = { processing_mode: "queue" };

describe.concurrent("asked to end, with STOP_DELAY_SECONDS,", () => {
  it("/readyz says so, whoever comes meanwhile is served on a connection that is the last, and then the door closes", async () => {
    const { service } = await started("serves", { STOP_DELAY_SECONDS: "4" });
    expect((await service.request("/readyz")).status).toBe(200);
    service.kill("SIGTERM");
    await untilSaid(service, "stopping");
    const ready = await service.request("/readyz");
    expect([ready.status, ready.body["retry_after"]]).toEqual([503, 1]);
    expect((await service.request("/livez")).status).toBe(200);
    const judged = await service.compare();
    expect([judged.status, judged.headers.get("connection")]).toEqual([200, "close"]);
    const kept = await service.compare(queued);
    await vi.waitUntil(async () => (await service.request(String(kept.body["results_url"]))).status === 200, {
      timeout: 3_000,
    });
    expect(await service.ended).toEqual({ code: 0, signal: null });
    expect(service.logged().at(-1)).toMatchObject({ event: "stopped" });
    expect(Number(service.logged("stopped")[0]?.["duration_ms"])).toBeGreaterThanOrEqual(4_000);
    await expect(fetch(`${service.url}/livez`)).rejects.toThrow("fetch failed");
  });

  it("the limit of what is under way counts from when the door closes", async () => {
    const { lane, service } = await started("limit", { STOP_DELAY_SECONDS: "3" });
    await lane.script([{ fault: "stall", times: "forever" }]);
    const answering = service.compare();
    await lane.waitForRequest(1);
    const lateness = measureLateness();
    const fromMs = performance.now();
    service.kill("SIGTERM");
    expect(await service.ended).toEqual({ code: 0, signal: null });
    const tookMs = performance.now() - fromMs;
    expect(tookMs).toBeGreaterThan(23_000);
    expect(tookMs).toBeLessThan(24_000 + lateness.mostMs());
    expect((await answering).status).toBe(202);
  });

  it("further signals neither cut the delay short nor make it longer", async () => {
    const { service } = await started("again", { STOP_DELAY_SECONDS: "3" });
    const lateness = measureLateness();
    const fromMs = performance.now();
    for (const signal of ["SIGTERM", "SIGINT", "SIGTERM"] as const) {
      service.kill(signal);
      await pause(700);
      expect((await service.compare()).status).toBe(200);
    }
    expect(await service.ended).toEqual({ code: 0, signal: null });
    const tookMs = performance.now() - fromMs;
    expect(tookMs).toBeGreaterThan(3_000);
    expect(tookMs).toBeLessThan(4_500 + lateness.mostMs());
  });

  it("a client that keeps its connection is moved on while there is time, not cut at the end", async () => {
    const { service } = await started("kept", { STOP_DELAY_SECONDS: "3" });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const said: string[] = [];
    service.kill("SIGTERM");
    await untilSaid(service, "stopping");
    while (said.at(-1) !== "ECONNREFUSED") {
      said.push(await askKept(service.url, agent));
      await pause(50);
    }
    agent.destroy();
    expect(new Set(said)).toEqual(new Set(["200 close", "ECONNREFUSED"]));
    expect(await service.ended).toEqual({ code: 0, signal: null });
  });

  it("asked before it has begun to serve, it waits for nobody", async () => {
    const DATA_DIR = mkdtempSync(join(tmpdir(), "stopping-"));
    // It waits for a Redis that is away, for a second.
    const env = { DATA_DIR, PORT: "0", REDIS_URL: "redis://127.0.0.1:1", STOP_DELAY_SECONDS: "600" };
    const child = spawn(process.execPath, ["src/node/main.ts"], { env, stdio: "ignore" });
    const ended = once(child, "close");
    await vi.waitUntil(() => existsSync(join(DATA_DIR, "llm-provider-service.lock")), { timeout: 60_000 });
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });
});

/** Which backends were ready at the last look; asked every 200 ms, as a balancer does. */
function balancer() {
  const members = new Map<NodeService, boolean>();
  let turn = 0;
  const look = setInterval(() => {
    for (const service of members.keys()) {
      void fetch(`${service.url}/readyz`).then(
        ({ status }) => members.has(service) && members.set(service, status === 200),
        () => members.has(service) && members.set(service, false),
      );
    }
  }, 200);
  return {
    takeIn: (service: NodeService) => members.set(service, false),
    areReady: () => [...members.values()].every((isReady) => isReady),
    next(): string {
      const ready = [...members].filter(([, isReady]) => isReady).map(([{ url }]) => url);
      return ready[turn++ % ready.length] ?? "";
    },
    leave: (service: NodeService) => members.delete(service),
    end: () => clearInterval(look),
  };
}

it("a rolling restart behind a balancer that asks /readyz refuses nobody: no client has to try again", async () => {
  const env = { DEFAULT_LLM_PROVIDER: "mock", MOCK_LATENCY_MS: "150", STOP_DELAY_SECONDS: "4" };
  const { takeIn, leave, areReady, next, end } = balancer();
  const both = [await startNodeService(env), await startNodeService(env)];
  both.forEach(takeIn);
  const ready = () => vi.waitUntil(areReady, { timeout: 60_000 });
  await ready();

  // A connection for each request: a kept one would hide that the door is closed.
  const agent = new Agent();
  const asked: Promise<string>[] = [];
  const asking = setInterval(() => asked.push(askKept(next(), agent)), 25);
  for (const [index, old] of both.entries()) {
    old.kill("SIGTERM");
    expect(await old.ended).toEqual({ code: 0, signal: null });
    // Or nothing would have been shown.
    const lines = old.logged();
    const since = lines.findIndex(({ event }) => event === "stopping");
    expect(lines.slice(since).filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    leave(old);
    const fresh = await startNodeService(env);
    both[index] = fresh;
    takeIn(fresh);
    await ready();
  }
  clearInterval(asking);
  const said = await Promise.all(asked);
  end();
  agent.destroy();
  expect(said.map((each) => each.slice(0, 3)).filter((status) => status !== "200")).toEqual([]);
  expect(said.length).toBeGreaterThan(100);
  await Promise.all(both.map(async (service) => service.stop()));
});

/** @returns the status and what is said of the connection, or the code of what befell it. Nothing is tried a second time */
function askKept(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json" };
    httpRequest(`${url}/api/v1/comparison`, { method: "POST", agent, headers }, (answer) => {
      answer.resume().on("end", () => resolve(`${answer.statusCode} ${answer.headers.connection}`));
    })
      .on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)))
      .end(JSON.stringify(goodBody));
  });
}
