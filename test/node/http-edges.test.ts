/** What lies at the edges of HTTP on Node: old and odd clients are served, and what is refused below the routes is refused as the routes do it. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createHttpServer } from "../../src/node/http/server.ts";
import { linesTo } from "../../src/telemetry/lines.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { goodBody } from "../support/answers.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";
import { sendRaw } from "../support/raw-http.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let service: NodeService;
beforeAll(async () => {
  service = await startNodeService({});
});
afterAll(() => service.stop());

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

function parsed(text: string): Raw {
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [start = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const [name = "", ...rest] = line.split(": ");
    return [name.toLowerCase(), rest.join(": ")];
  });
  return {
    status: Number(start.split(" ")[1]),
    headers: Object.fromEntries(headers),
    body: JSON.parse(body) as Record<string, unknown>,
  };
}

const raw = async (head: readonly string[], pieces: readonly string[] = []) =>
  parsed((await sendRaw(service.url, head, pieces)).text);

/** As every answer of the routes. */
function expectRefusal({ status, headers, body }: Raw, wanted: number, type: string): void {
  expect([status, body["error_type"], headers["connection"]?.toLowerCase()]).toEqual([wanted, type, "close"]);
  expect(headers["content-type"]).toMatch(/^application\/json/);
  expect(headers["cache-control"]).toBe("no-store");
  expect(body["correlation_id"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(headers["x-correlation-id"]).toBe(body["correlation_id"]);
  expect(body["error"]).toMatch(/^[A-Z].*\.$/);
}

const body = JSON.stringify(goodBody);
const posted = ["content-type: application/json", `content-length: ${body.length}`, "connection: close"];

describe("is served:", () => {
  it.each([
    ["HTTP/1.0 without a Host, as HAProxy looks whether it lives", ["GET /healthz HTTP/1.0"]],
    ["HTTP/1.0 with a Host", ["GET /healthz HTTP/1.0", "host: localhost"]],
    ["an empty Host", ["GET /healthz HTTP/1.1", "host: ", "connection: close"]],
    ["a Host with a colon and no port", ["GET /healthz HTTP/1.1", "host: localhost:", "connection: close"]],
    [
      "a whole URL, as proxies send it",
      ["GET http://localhost/healthz HTTP/1.1", "host: localhost", "connection: close"],
    ],
    ["a Host in capitals", ["GET /healthz HTTP/1.1", "host: LocalHost:8080", "connection: close"]],
    ["a Host that is an IPv6 address", ["GET /healthz HTTP/1.1", "host: [::1]:8080", "connection: close"]],
  ])("%s", async (_, head) => {
    const { status, body } = await raw(head);
    expect([status, body["status"]]).toEqual([200, "healthy"]);
  });

  it.each([
    ["HTTP/1.0 without a Host", ["POST /api/v1/comparison HTTP/1.0", ...posted]],
    ["an empty Host", ["POST /api/v1/comparison HTTP/1.1", "host: ", ...posted]],
    ["a Host with a colon and no port", ["POST /api/v1/comparison HTTP/1.1", "host: 127.0.0.1:", ...posted]],
  ])("a comparison by %s, which counts as this machine's own", async (_, head) => {
    expect((await raw(head, [body])).status).toBe(200);
  });
});

describe("is refused with 401, no keys being set:", () => {
  it.each([
    ["another name that leads here", ["host: elsewhere.example"]],
    ["another name that leads here, with a port", ["host: elsewhere.example:8080"]],
    ["a page of another site", ["host: localhost", "sec-fetch-site: cross-site"]],
    ["a page of another host", ["host: localhost", "origin: https://elsewhere.example"]],
  ])("%s", async (_, headers) => {
    for (const path of ["comparison", "providers/mock/test"]) {
      const { status, body: answer } = await raw(
        [`POST /api/v1/${path} HTTP/1.1`, ...headers, ...posted],
        [body],
      );
      expect([status, answer["error_type"]]).toEqual([401, "AUTHENTICATION_ERROR"]);
    }
  });
});

describe("is refused as JSON, with a correlation id that the log has too, and the connection ends:", () => {
  it.each([
    ["what is no HTTP", ["nonsense"], 400, "VALIDATION_ERROR"],
    [
      "a header that is none",
      ["GET /healthz HTTP/1.1", "host: localhost", "no colon"],
      400,
      "VALIDATION_ERROR",
    ],
    ["HTTP/1.1 without a Host", ["GET /healthz HTTP/1.1"], 400, "VALIDATION_ERROR"],
    ["two Hosts", ["GET /healthz HTTP/1.1", "host: localhost", "Host: 127.0.0.1"], 400, "VALIDATION_ERROR"],
    [
      "headers of 20 KB",
      ["GET /healthz HTTP/1.1", "host: localhost", `x: ${"y".repeat(20_000)}`],
      431,
      "PAYLOAD_TOO_LARGE",
    ],
    [
      "an expectation",
      ["POST /api/v1/comparison HTTP/1.1", "host: localhost", "expect: a miracle", "content-length: 0"],
      417,
      "VALIDATION_ERROR",
    ],
    [
      "a tunnel",
      ["CONNECT elsewhere.example:443 HTTP/1.1", "host: elsewhere.example:443"],
      405,
      "METHOD_NOT_ALLOWED",
    ],
    [
      "a body with two lengths",
      [
        "POST /api/v1/comparison HTTP/1.1",
        "host: localhost",
        "content-length: 1",
        "transfer-encoding: chunked",
      ],
      400,
      "VALIDATION_ERROR",
    ],
  ])("%s", async (_, head, status, type) => {
    const refused = await raw(head);
    expectRefusal(refused, status, type);
    expect(refused.body).toHaveProperty("correlation_id");
    const correlation_id = refused.body["correlation_id"];
    await vi.waitUntil(
      () =>
        service
          .logged("request")
          .some((line) => line["correlation_id"] === correlation_id && line["status"] === status),
      { timeout: 60_000 },
    );
  });

  it("extensions of chunks, of 20 KB", async () => {
    const head = [
      "POST /api/v1/comparison HTTP/1.1",
      "host: localhost",
      "content-type: application/json",
      "transfer-encoding: chunked",
    ];
    const refused = await raw(head, [`1;${"x".repeat(20_000)}\r\n{\r\n`]);
    expectRefusal(refused, 413, "PAYLOAD_TOO_LARGE");
    expect(refused.status).toBe(413);
  });

  it("a method that no route takes, which leaves the connection as it is", async () => {
    const { status, body: answer } = await raw([
      "TRACE /healthz HTTP/1.1",
      "host: localhost",
      "connection: close",
    ]);
    expect([status, answer["error_type"]]).toEqual([405, "METHOD_NOT_ALLOWED"]);
  });
});

describe("a request that is too slow is 408, as JSON, and the connection ends:", () => {
  const lines: string[] = [];
  const { server } = createHttpServer({
    fetch: ({ url }: Request) =>
      url.endsWith("/slow-answer")
        ? new Promise<Response>((resolve) => setTimeout(() => resolve(new Response("{}")), 1_000))
        : new Promise<Response>(() => {}),
    tell: linesTo(createLog("info", (line) => lines.push(line), Date.now)),
    // Those of the service in small.
    limits: {
      headersTimeout: 200,
      requestTimeout: 400,
      keepAliveTimeout: 1_000,
      connectionsCheckingInterval: 20,
    },
  });
  let url = "";
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  });
  afterAll(() => server.close());

  it.each([
    ["in its head", "POST /api/v1/comparison HTTP/1.1\r\nhost: loc"],
    [
      "in its body",
      ["POST /api/v1/comparison HTTP/1.1", "host: localhost", "content-length: 100", "", "{"].join("\r\n"),
    ],
  ])("%s", async (_, sent) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(sent);
    let text = "";
    for await (const piece of socket.setEncoding("utf8")) text += String(piece);
    const refused = parsed(text);
    expectRefusal(refused, 408, "TIMEOUT");
    expect(lines.join()).toContain(String(refused.body["correlation_id"]));
  });

  it("but not one whose answer is", async () => {
    const { text } = await sendRaw(
      url,
      ["GET /slow-answer HTTP/1.1", "host: localhost", "connection: close"],
      [],
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });
});

it("a kept connection outlasts the minute after which balancers close theirs", async () => {
  const { headers } = await service.request("/healthz");
  expect([headers.get("connection"), headers.get("keep-alive")]).toEqual(["keep-alive", "timeout=75"]);
});
