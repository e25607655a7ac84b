/** The service as a process: how it starts, serves and stops. */
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { runNodeService, startNodeService, type NodeService } from "../support/node-service.ts";
import { sendRaw } from "../support/raw-http.ts";
import { goodBody, post } from "../support/answers.ts";
import { peakBytes } from "../support/one-byte-chunks.ts";

// A process needs a second of a busy machine to start.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const upstreamUrl = inject("fakeUpstreamUrl");
const lane = fakeLane(upstreamUrl, "node-service");
const vendors = ["anthropic", "openai", "google", "openrouter"] as const;

let service: NodeService;
beforeAll(async () => {
  await lane.clear();
  service = await startNodeService({
    ...Object.fromEntries(
      vendors.flatMap((vendor) => [
        [`${vendor.toUpperCase()}_API_KEY`, `key-of-${vendor}`],
        [`${vendor.toUpperCase()}_BASE_URL`, lane.baseUrls[vendor]],
      ]),
    ),
    DEFAULT_LLM_PROVIDER: "mock",
    LLM_MAX_RETRIES: "0",
  });
});
afterAll(() => service.stop());

const withProvider = (provider_override: string) => ({ llm_config_overrides: { provider_override } });
const comparisonHead = (...headers: string[]) => [
  "POST /api/v1/comparison HTTP/1.1",
  "host: localhost",
  "content-type: application/json",
  ...headers,
];

/** Metadata of one level more than there are lists in one another. */
const nested = (lists: number) => {
  const metadata = `{"k":${"[".repeat(lists)}${"]".repeat(lists)}}`;
  const body = JSON.stringify(goodBody).replace(/\}$/, `,"metadata":${metadata}}`);
  return service.request("/api/v1/comparison", post(body));
};

describe("once started", () => {
  it("has said where it listens, in one line of JSON", () => {
    const [first] = service.logged();
    expect(first).toMatchObject({ level: "info", event: "started", platform: "node", url: service.url });
    expect(service.logged("started")).toHaveLength(1);
    expect(service.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it("judges with the mock, asked by a plain fetch", async () => {
    const response = await fetch(`${service.url}/api/v1/comparison`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(goodBody),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      winner: expect.stringMatching(/^Essay [AB]$/),
      provider: "mock",
      model: "mock-judge-1",
      cost_estimate: 0,
    });
  });

  it.each(vendors)("judges with %s, through its real adapter", async (vendor) => {
    const { status, body } = await service.compare(withProvider(vendor));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      winner: "Essay A",
      confidence: 4.2,
      provider: vendor,
      token_usage: { prompt_tokens: expect.any(Number) },
      cost_estimate: expect.any(Number),
      metadata: { attempts: 1, dropped_parameters: [] },
    });
    const calls = (await lane.requests("judgement")).filter((call) => call.vendor === vendor);
    expect(calls).toMatchObject([{ outcome: "answered" }]);
    expect(calls[0]?.bodyText).toContain(goodBody.essay_a);
  });

  it("serves every open route", async () => {
    for (const path of ["/", "/healthz", "/livez", "/readyz", "/openapi.json", "/docs"]) {
      expect((await service.request(path)).status).toBe(200);
    }
  });

  it("echoes metadata of 100 levels, and refuses what is deeper by its depth", async () => {
    const answers = await Promise.all([98, 99, 100, 8_000, 700_000].map(nested));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 400, 400]);
    for (const { body } of answers.slice(2))
      expect(body["issues"]).toEqual([{ path: "metadata", message: "must be at most 100 levels deep" }]);
  });

  it("refuses by its path what no vendor could be sent", async () => {
    const { status, body } = await service.compare({
      essay_a: "\ud800",
      llm_config_overrides: { provider_override: "google", model_override: "\ud83d" },
    });
    expect([status, (body["issues"] as { path: string }[]).map(({ path }) => path)]).toEqual([
      400,
      ["llm_config_overrides.model_override", "essay_a", "llm_config_overrides.model_override"],
    ]);
  });
});

describe("at the door", () => {
  const ask = (text: string, headers = {}) => service.request("/api/v1/comparison", post(text, { headers }));
  const bodyWith = (more: string) => `${JSON.stringify(goodBody).slice(0, -1)},${more}}`;

  it("metadata comes back as it was written", async () => {
    const written = '{ "id":1234567890123456789, "10":[1.0,1E2], "9":"\\u0041" }';
    const { status, text } = await ask(bodyWith(`"metadata":${written}`));
    expect(status).toBe(200);
    expect(text).toContain(`,${written.slice(1, -1)}}`);
    expect((await ask(bodyWith('"metadata":{"a":1,"a":1}'))).status).toBe(400);
    expect((await ask(bodyWith('"metadata":{"a":{"__proto__":1}}'))).status).toBe(400);
  });

  it("metadata of a ticket comes back as it was written, in its status and its result", async () => {
    const written = '{ "id":1234567890123456789, "10":[1.0,1E2] }';
    const kept = await ask(bodyWith(`"processing_mode":"queue","metadata":${written}`));
    const { text } = await service.request(String(kept.body["status_url"]));
    expect(text).toContain(`"metadata":${written}}`);
    await vi.waitUntil(
      async () => (await service.request(String(kept.body["results_url"]))).status === 200,
      30_000,
    );
    expect((await service.request(String(kept.body["results_url"]))).text).toContain(`,${written.slice(1)}}`);
  });

  it("a field that would have chosen the judge is refused, others that nobody reads are named", async () => {
    const { status, body } = await ask(bodyWith('"llm_config_overrides":{"provider":"openai"}'));
    expect([status, body["details"]]).toEqual([
      400,
      "llm_config_overrides.provider: is no field here: provider_override is the nearest",
    ]);
    const named = await ask(bodyWith('"llm_config_overrides":{"service_type":"x"},"essayA":1'));
    expect(named.body).toMatchObject({
      metadata: { ignored_fields: ["essayA", "llm_config_overrides.service_type"] },
    });
  });

  it("a body that is no JSON is told where", async () => {
    const { status, body } = await ask('{\n "essay_a": "canary",\n}');
    expect([status, body["error"]]).toEqual([
      400,
      "The body is not JSON: it goes wrong in line 3, column 1.",
    ]);
  });

  it("one Idempotency-Key in two headers is one, and the order of names in metadata is none", async () => {
    const body = bodyWith('"metadata":{"a":1,"b":2}');
    const key = "idempotency-key: twice";
    const head = comparisonHead(key, key, `content-length: ${body.length}`, "connection: close");
    const { text } = await sendRaw(service.url, head, [body]);
    const first = { status: Number(text.split(" ")[1]), text: text.split("\r\n\r\n")[1] };
    const again = await ask(bodyWith('"metadata":{"b":2,"a":1}'), { "idempotency-key": "twice" });
    expect([first.status, again.text]).toEqual([200, first.text]);
    const other = await ask(bodyWith('"metadata":{"b":2.0,"a":1}'), { "idempotency-key": "twice" });
    expect(other.status).toBe(422);
  });

  it("what reads no body takes none of a form", async () => {
    const test = (init: RequestInit) =>
      service.request("/api/v1/providers/mock/test", { method: "POST", ...init });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect((await test({ body: "a=1", headers })).status).toBe(415);
    expect((await test({})).status).toBe(200);
  });
});

describe("a client that hangs up", () => {
  it("takes the vendor's call with it", async () => {
    const before = (await lane.requests()).length;
    await lane.script([{ fault: "stall", vendor: "openai" }]);
    const client = new AbortController();
    const answering = service.compare(withProvider("openai"), { signal: client.signal });
    await lane.waitForRequest(before + 1);
    client.abort();
    await expect(answering).rejects.toThrow("aborted");
    expect(await lane.waitForAbort(1)).toMatchObject({ length: before + 1 });
    const { correlation_id } = await logLine(service, { event: "attempt", failure: "hung_up" });
    expect(await logLine(service, { event: "request", correlation_id })).toMatchObject({ status: 499 });
  });

  it("in mid-body leaves nothing behind but a line in the log", async () => {
    const head = comparisonHead("content-length: 1000");
    const { text } = await sendRaw(service.url, head, ['{"essay'], "hang_up");
    expect(text).toBe("");
    await logLine(service, { event: "request", status: 499, provider: undefined });
    expect(service.stderr()).toBe("");
  });
});

const padded = (bytes: number) => JSON.stringify(goodBody).padEnd(bytes);
const streamed = (text: string) =>
  ({ ...post(""), body: new Blob([text]).stream(), duplex: "half" }) as RequestInit;

describe("a body past the limit", () => {
  const piece = "x".repeat(65_536);
  const mebibyte = 1_048_576;
  function* hundredMegabytes(wrap: (piece: string) => string = (piece) => piece) {
    for (let sent = 0; sent < 100 * mebibyte; sent += piece.length) yield wrap(piece);
  }
  it.each([
    ["announced", comparisonHead(`content-length: ${100 * mebibyte}`), hundredMegabytes()],
    [
      "not announced",
      comparisonHead("transfer-encoding: chunked"),
      hundredMegabytes((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`),
    ],
  ])("of 100 MB, %s, is 413 without being read whole, and the connection ends", async (_, head, pieces) => {
    const before = peakBytes(service.pid);
    const { text, bytesSent } = await sendRaw(service.url, head, pieces);
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toContain("PAYLOAD_TOO_LARGE");
    expect(bytesSent).toBeLessThan(50 * mebibyte);
    expect(peakBytes(service.pid) - before).toBeLessThan(30 * mebibyte);
  });

  it("reaches a common client as 413 too", async () => {
    for (let time = 0; time < 5; time++) {
      const { status } = await service.request("/api/v1/comparison", post("x".repeat(4 * mebibyte)));
      expect(status).toBe(413);
    }
  });

  it("is measured to the byte, announced or not", async () => {
    for (const [bytes, status] of [
      [1.5 * mebibyte, 200],
      [1.5 * mebibyte + 1, 413],
    ] as const) {
      expect((await service.request("/api/v1/comparison", post(padded(bytes)))).status).toBe(status);
      expect((await service.request("/api/v1/comparison", streamed(padded(bytes)))).status).toBe(status);
    }
  });
});

it("reads a body in chunks, cut anywhere", async () => {
  const bytes = new TextEncoder().encode(JSON.stringify({ ...goodBody, metadata: { text: "é漢😀" } }));
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const init = { ...post(""), body, duplex: "half" } as RequestInit;
  const answered = await service.request("/api/v1/comparison", init);
  expect(answered.body).toMatchObject({ winner: expect.any(String), metadata: { text: "é漢😀" } });
});

it.each([
  ["a lone byte", [0xff]],
  ["half a character", [0xc3]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
])("answers 400 to a body with %s that is no UTF-8", async (_, bytes) => {
  const text = new TextEncoder().encode('{"essay_a":"');
  const body = Uint8Array.from([...text, ...bytes, ...new TextEncoder().encode('"}')]);
  const answered = await service.request("/api/v1/comparison", { ...post(""), body });
  expect([answered.status, answered.body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
  expect(answered.body["error"]).toContain("UTF-8");
});

it.each([
  "GET http://[ HTTP/1.1\r\nhost: x",
  "GET / HTTP/1.1\r\nhost: a b",
  "nonsense",
  "GET //x HTTP/1.1\r\nhost: ",
])("survives a request that is none: %j", async (head) => {
  const { text } = await sendRaw(service.url, [`${head}`, "connection: close"], []);
  expect(text).not.toMatch(/^HTTP\/1\.1 5|Error|    at /);
  expect((await service.request("/healthz")).status).toBe(200);
});

describe.concurrent("does not start", () => {
  it("with wrong settings: it lists all of them, without a secret, and exits with 1", async () => {
    const { code, stdout, stderr } = await runNodeService({
      PORT: "port",
      API_KEYS: "canary-key-itself",
      OPENAI_API_KEY: "canary with blanks",
      OPENAI_BASE_URL: "https://user:canary@host",
      LLM_MAX_RETRIES: "-1",
      RECORD_LLM_RESPONSES: "maybe",
      ENVIRONMENT: "staging",
    });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    const named = stderr.split("\n").map((line) => line.split(":")[0]);
    expect(named.slice(1, -1).toSorted()).toEqual([
      "API_KEYS",
      "ENVIRONMENT",
      "LLM_MAX_RETRIES",
      "OPENAI_API_KEY",
      "OPENAI_BASE_URL",
      "PORT",
      "RECORD_LLM_RESPONSES",
    ]);
    expect(stderr).not.toMatch(/canary|    at /);
  });

  it("in production without keys, nor with recording", async () => {
    const { code, stderr } = await runNodeService({
      ENVIRONMENT: "production",
      RECORD_LLM_RESPONSES: "true",
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^API_KEYS: /m);
    expect(stderr).toMatch(/^RECORD_LLM_RESPONSES: /m);
  });

  it("where the port is taken: it says so in a line, and exits with 1", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await runNodeService({ PORT: String(port) });
    other.close();
    expect(code).toBe(1);
    expect(stderr).toBe(`Cannot listen on 127.0.0.1:${port} (EADDRINUSE).\n`);
  });
});

it.concurrent.each(["SIGTERM", "SIGINT"] as const)(
  "at %s it answers what is in flight, takes nothing new, and exits with 0 as soon as that is done",
  async (signal) => {
    const own = fakeLane(upstreamUrl, `node-stop-${signal}`);
    await own.clear();
    await own.script([{ fault: "delay", delayMs: 500 }]);
    const stopping = await startNodeService({ OPENAI_API_KEY: "k", OPENAI_BASE_URL: own.baseUrls.openai });
    // A connection that idles without end, as a load balancer keeps them.
    const idle = await idleConnection(stopping.url);
    const answering = stopping.compare();
    await own.waitForRequest(1);
    stopping.kill(signal);
    await logLine(stopping, { event: "stopping", signal });
    await expect(newConnection(stopping.url)).rejects.toThrow("ECONNREFUSED");
    expect((await answering).status).toBe(200);
    expect(await stopping.ended).toEqual({ code: 0, signal: null });
    expect(stopping.logged().at(-1)).toMatchObject({ event: "stopped", signal });
    // Not only when the time for what is in flight is up, which is what the idle connection could hold up.
    expect(stopping.logged().at(-1)?.["duration_ms"]).toBeLessThan(20_000);
    idle.destroy();
    expect(stopping.stderr()).toBe("");
  },
);

/** A connection that has had its answer, and that the client never closes. */
async function idleConnection(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "data");
  return socket;
}

/** A connection of its own. @throws {Error} where it is refused */
async function newConnection(url: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
}

/** The log is written behind the answer, so its line may come after it. */
async function logLine(
  service: NodeService,
  wanted: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  return await new Promise((found) => {
    const look = () => {
      const line = service
        .logged()
        .find((line) => Object.entries(wanted).every(([name, value]) => line[name] === value));
      if (line) found(line);
      else setImmediate(look);
    };
    look();
  });
}
