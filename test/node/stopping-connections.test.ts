/** What happens to each kind of connection when the process is asked to end: real sockets, real signals. */
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
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
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly lane: Lane; readonly service: NodeService }> {
  const lane = fakeLane(upstreamUrl, `connections ${name}`);
  await lane.clear();
  const own = { OPENAI_API_KEY: "k", OPENAI_BASE_URL: lane.baseUrls.openai, ...env };
  return { lane, service: await startNodeService(own) };
}

interface Client {
  readonly socket: Socket;
  /** All that was answered so far. */
  readonly text: () => string;
  readonly closed: Promise<unknown>;
}

async function connected({ url }: NodeService): Promise<Client> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const pieces: string[] = [];
  socket.setEncoding("utf8").on("data", (piece: string) => pieces.push(piece));
  const closed = new Promise((resolve) => socket.on("close", resolve).on("error", () => {}));
  await once(socket, "connect");
  return { socket, text: () => pieces.join(""), closed };
}

const body = JSON.stringify(goodBody);
const head = [
  "POST /api/v1/comparison HTTP/1.1",
  "host: localhost",
  "content-type: application/json",
  `content-length: ${body.length}`,
  "",
  "",
].join("\r\n");

/** From the signal to the exit, and how late the machine was meanwhile. */
async function stopTimed(
  service: NodeService,
): Promise<{ readonly tookMs: number; readonly lateMs: number }> {
  const lateness = measureLateness();
  const fromMs = performance.now();
  service.kill("SIGTERM");
  expect(await service.ended).toEqual({ code: 0, signal: null });
  return { tookMs: performance.now() - fromMs, lateMs: lateness.mostMs() };
}

const refused = /^HTTP\/1\.1 503 (.|\r\n)*connection: close\r\n\r\n\{.*"SERVICE_UNAVAILABLE"/;
const unfinished: readonly (readonly [name: string, sent: string, answer: RegExp])[] = [
  ["that never says anything", "", /^$/],
  ["stuck in the head of its request", head.slice(0, 40), refused],
  ["stuck in the body of its request", head + body.slice(0, 40), refused],
];

describe.concurrent("asked to end,", () => {
  it.each(unfinished)("a connection %s holds nothing up", async (name, sent, answer) => {
    const { service } = await started(name);
    const client = await connected(service);
    client.socket.write(sent);
    await pause(100);
    const { tookMs, lateMs } = await stopTimed(service);
    expect(tookMs).toBeLessThan(3_000 + lateMs);
    await client.closed;
    expect(client.text()).toMatch(answer);
  });

  it("a request that trickles in holds it up for a second at most where nothing else is under way", async () => {
    const { service } = await started("trickle");
    const client = await connected(service);
    client.socket.write(head);
    const trickle = setInterval(() => client.socket.write(" "), 50);
    await pause(100);
    const { tookMs, lateMs } = await stopTimed(service);
    clearInterval(trickle);
    expect(tookMs).toBeLessThan(5_000 + lateMs);
  });

  it("a request whose body is on its way is served", async () => {
    const { service } = await started("on its way");
    const client = await connected(service);
    const blanks = 1_000;
    client.socket.write(head.replace(`${body.length}`, `${body.length + blanks}`));
    let sent = 0;
    const some = () => {
      client.socket.write(" ");
      sent++;
    };
    const trickle = setInterval(some, 20);
    service.kill("SIGTERM");
    await vi.waitUntil(() => service.logged("stopping").length > 0, { timeout: 60_000, interval: 5 });
    clearInterval(trickle);
    client.socket.write(" ".repeat(blanks - sent) + body);
    await client.closed;
    expect(client.text()).toMatch(/^HTTP\/1\.1 200 (.|\r\n)*Connection: close\r\n/);
    expect(await service.ended).toEqual({ code: 0, signal: null });
  });

  it("unfinished requests have time as long as whole ones are under way, and whole ones are answered", async () => {
    const { lane, service } = await started("beside a whole one");
    await lane.script([{ fault: "delay", delayMs: 4_000 }]);
    const [whole, stuck, spare] = [
      await connected(service),
      await connected(service),
      await connected(service),
    ];
    whole.socket.write(head + body);
    await lane.waitForRequest(1);
    stuck.socket.write(head + body.slice(0, 40));
    await pause(100);
    service.kill("SIGTERM");
    await spare.closed;
    await pause(300);
    expect([whole.text(), stuck.text()]).toEqual(["", ""]);
    stuck.socket.write(body.slice(40));
    await Promise.all([whole.closed, stuck.closed]);
    for (const { text } of [whole, stuck])
      expect(text()).toMatch(/^HTTP\/1\.1 200 (.|\r\n)*Connection: close\r\n/);
    expect(await service.ended).toEqual({ code: 0, signal: null });
  });

  it("a client that keeps its connections is told in an answer that each ends, and never cut", async () => {
    const { service } = await started("kept alive", { DEFAULT_LLM_PROVIDER: "mock" });
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const said: string[] = [];
    let isOver = false;
    const ask = () =>
      new Promise<string>((resolve) => {
        const headers = { "content-type": "application/json" };
        httpRequest(`${service.url}/api/v1/comparison`, { method: "POST", agent, headers }, (answer) => {
          answer.resume().on("end", () => resolve(`${answer.statusCode} ${answer.headers.connection}`));
        })
          .on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)))
          .end(body);
      });
    const clients = [1, 2, 3, 4].map(async () => {
      while (!isOver) {
        said.push(await ask());
        isOver ||= said.at(-1) === "ECONNREFUSED";
        await pause(20);
      }
    });
    await vi.waitUntil(() => said.length > 20, { timeout: 60_000 });
    service.kill("SIGTERM");
    await Promise.all(clients);
    agent.destroy();
    expect(new Set(said)).toEqual(new Set(["200 keep-alive", "200 close", "ECONNREFUSED"]));
    expect(said.filter((each) => each === "200 close")).toHaveLength(4);
    expect(await service.ended).toEqual({ code: 0, signal: null });
  });

  it("a request with a key goes on to its end without its client, who has the judgement after the restart", async () => {
    const DATA_DIR = mkdtempSync(join(tmpdir(), "stopping-"));
    const { lane, service } = await started("keyed", { DATA_DIR });
    await lane.script([{ fault: "delay", delayMs: 2_000, times: "forever" }]);
    const headers = { "content-type": "application/json", "idempotency-key": "once" };
    const init = { method: "POST", headers, body };
    const client = new AbortController();
    const asked = service.request("/api/v1/comparison", { ...init, signal: client.signal });
    await lane.waitForRequest(1);
    client.abort();
    await expect(asked).rejects.toThrow("aborted");
    await pause(200);
    service.kill("SIGTERM");
    expect(await service.ended).toEqual({ code: 0, signal: null });

    const own = { OPENAI_API_KEY: "k", OPENAI_BASE_URL: lane.baseUrls.openai, DATA_DIR };
    const next = await startNodeService(own);
    expect((await next.request("/api/v1/comparison", init)).status).toBe(200);
    expect(await lane.requests("judgement")).toHaveLength(1);
    await next.stop();
  });

  it.each(["queue_if_unavailable", "immediate"])(
    "a call that does not end (%s) is ended after 20 s, and the process within 21",
    async (processing_mode) => {
      const { lane, service } = await started(`stalled ${processing_mode}`);
      await lane.script([{ fault: "stall", times: "forever" }]);
      const kept = await service.compare({ processing_mode: "queue" });
      const answering = service.compare({ processing_mode });
      await lane.waitForRequest(2);
      const { tookMs, lateMs } = await stopTimed(service);
      expect(tookMs).toBeGreaterThan(20_000);
      expect(tookMs).toBeLessThan(21_000 + lateMs);
      const { status, headers } = await answering;
      expect([status, headers.get("connection")]).toEqual([
        processing_mode === "immediate" ? 503 : 202,
        "close",
      ]);
      expect(kept.status).toBe(202);
      expect(service.logged().at(-1)).toMatchObject({ event: "stopped" });
    },
  );

  it("a request's own time limit bounds the end where it is less", async () => {
    const { lane, service } = await started("limit", { LLM_REQUEST_TIMEOUT_SECONDS: "1" });
    await lane.script([{ fault: "stall", times: "forever" }]);
    const answering = service.compare();
    await lane.waitForRequest(1);
    const { tookMs, lateMs } = await stopTimed(service);
    expect(tookMs).toBeLessThan(2_000 + lateMs);
    expect((await answering).status).toBe(202);
  });
});
