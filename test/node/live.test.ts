/** Waiting, streams and WebSockets of a real process over real sockets: `ws` and `eventsource` as clients. */
import { once } from "node:events";
import { connect } from "node:net";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { API_KEYS, as } from "../support/tenants.ts";
import { asOperator, OPERATOR_KEYS } from "../support/operators.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const queued = { processing_mode: "queue", llm_config_overrides: { provider_override: "mock" } };
const one = as("one");
const key = one.headers.authorization;

let service: NodeService;
beforeAll(async () => {
  service = await startNodeService({
    API_KEYS,
    OPERATOR_KEYS,
    MOCK_LATENCY_MS: "700",
  });
});
afterAll(async () => {
  await service.stop();
});

async function ticket(of: NodeService = service): Promise<string> {
  const { body } = await of.compare(queued, one);
  return String(body["queue_id"]);
}

const pathOf = (id: string) => `/api/v1/status/${id}/events`;

interface Told {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** All that a WebSocket is told, and how it ends. */
function socketTo(of: NodeService, path: string, options: WebSocket.ClientOptions = one) {
  const socket = new WebSocket(of.url.replace("http", "ws") + path, options);
  const messages: Told[] = [];
  socket.on("message", (data: Buffer) => messages.push(JSON.parse(data.toString("utf8")) as Told));
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  const opened = new Promise<void>((resolve, reject) => {
    socket.on("open", resolve).on("error", reject);
  });
  opened.catch(() => {});
  return { socket, messages, opened, closed };
}

/** Who listens now, as the process says. */
async function listeners(of: NodeService = service): Promise<Record<string, number>> {
  const text = await (await fetch(`${of.url}/metrics`, asOperator("reader"))).text();
  const found = [...text.matchAll(/^llm_provider_listeners\{kind="(\w+)"\} (\d+)$/gm)];
  return Object.fromEntries(found.map(([, kind, count]) => [kind, Number(count)]));
}

describe("a ticket's events", () => {
  it("are told alike by an EventSource, which stops then, and by a WebSocket, which is closed as done", async () => {
    const id = await ticket();
    const over = socketTo(service, pathOf(id));
    const source = new EventSource(service.url + pathOf(id), {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...one.headers } }),
    });
    const told: Told[] = [];
    let errors = 0;
    const stopped = new Promise<void>((resolve) => {
      for (const type of ["queued", "processing", "completed"])
        source.addEventListener(`ticket.${type}`, (event) => {
          told.push({
            id: event.lastEventId,
            type: event.type,
            data: JSON.parse(event.data as string) as Told["data"],
          });
        });
      // The stream ends; it comes again after 2 s, and is told that there is nothing more.
      source.addEventListener("error", () => ++errors && source.readyState === 2 && resolve());
    });
    expect(await over.closed).toBe(1000);
    await stopped;
    expect(told.map(({ id, type }) => [id, type])).toEqual([
      ["1", "ticket.queued"],
      ["2", "ticket.processing"],
      ["3", "ticket.completed"],
    ]);
    expect(errors).toBe(2);
    expect(over.messages.map(({ data }) => data)).toEqual(told.map(({ data }) => data));
    expect(over.messages.map(({ id, type }) => [id, type])).toEqual(
      told.map(({ type }, at) => [`evt_${id}_${at + 1}`, type]),
    );
    expect(await listeners()).toEqual({ wait: 0, stream: 0, socket: 0 });
  });

  it("end a wait for the result", async () => {
    const id = await ticket();
    const { status, body } = await service.request(`/api/v1/results/${id}?wait=30`, one);
    expect([status, body["queue_id"]]).toEqual([200, id]);
  });

  it("go on for a WebSocket behind the event that it names", async () => {
    const id = await ticket();
    const { closed, messages } = socketTo(service, `${pathOf(id)}?after=2`);
    expect(await closed).toBe(1000);
    expect(messages.map(({ type }) => type)).toEqual(["ticket.completed"]);
  });
});

it("gives their places back when clients vanish", async () => {
  const of = await startNodeService({
    API_KEYS,
    OPERATOR_KEYS,
    MOCK_LATENCY_MS: "40000",
  });
  const id = await ticket(of);
  const sockets = Array.from({ length: 5 }, () => socketTo(of, pathOf(id)));
  await Promise.all(sockets.map(({ opened }) => opened));
  const controller = new AbortController();
  const { signal } = controller;
  const streams = Array.from({ length: 5 }, () => fetch(of.url + pathOf(id), { ...one, signal }));
  await Promise.all(streams);
  const waits = Array.from({ length: 5 }, () =>
    fetch(`${of.url}/api/v1/status/${id}?wait=30`, { ...one, signal }).catch(() => {}),
  );
  await vi.waitFor(async () => expect(await listeners(of)).toEqual({ wait: 5, stream: 5, socket: 5 }));
  for (const { socket } of sockets) socket.terminate();
  controller.abort();
  await vi.waitFor(async () => expect(await listeners(of)).toEqual({ wait: 0, stream: 0, socket: 0 }));
  await Promise.all(waits);
  expect(of.stderr()).toBe("");
  of.kill("SIGKILL");
});

const upgrade = [
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];
const asGet = ["connection: close"];

/** One request as its bytes, and the answer's status, headers and body. */
async function sent(of: NodeService, path: string, lines: readonly string[], version = "1.1") {
  const socket = connect(Number(new URL(of.url).port), "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  socket.write([`GET ${path} HTTP/${version}`, ...lines, "", ""].join("\r\n"));
  await once(socket, "close");
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const parsed = body === "" ? {} : (JSON.parse(body) as Record<string, unknown>);
  const { correlation_id: _, ...said } = parsed;
  const headers = head
    .split("\r\n")
    .slice(1)
    .map((line) => line.split(":")[0]?.toLowerCase());
  return { status: Number(head.split(" ")[1]), said, headers };
}

const noTicket = "00000000-0000-4000-8000-000000000000";
const host = "host: localhost";
const mine = `authorization: ${key}`;

describe("an upgrade is refused as any request for the status is:", () => {
  it.each<[string, number, (id: string) => string, readonly string[]]>([
    ["no key", 401, pathOf, [host]],
    ["a wrong key", 401, pathOf, [host, "authorization: Bearer lps_wrong"]],
    ["a key in the address", 401, (id) => `${pathOf(id)}?key=${encodeURIComponent(key)}`, [host]],
    ["another scheme", 401, pathOf, [host, "authorization: Basic b25lOmtleQ=="]],
    ["another tenant's ticket", 404, pathOf, [host, `authorization: ${as("two").headers.authorization}`]],
    ["no such ticket", 404, () => pathOf(noTicket), [host, mine]],
    ["no id", 400, () => pathOf("17"), [host, mine]],
    ["no number of an event", 400, (id) => `${pathOf(id)}?after=x`, [host, mine]],
    ["a last event that is none", 400, pathOf, [host, mine, "last-event-id: evt"]],
    ["two hosts", 400, pathOf, [host, "host: example.org", mine]],
    ["no host", 400, pathOf, [mine]],
  ])("%s is %i", async (_, status, pathFor, lines) => {
    const id = await ticket();
    const asked = await sent(service, pathFor(id), [...lines, ...asGet]);
    const upgraded = await sent(service, pathFor(id), [...lines, ...upgrade]);
    expect(asked.status).toBe(status);
    expect(asked.said["error_type"]).toEqual(expect.any(String));
    expect({ ...upgraded, headers: upgraded.headers.toSorted() }).toEqual({
      ...asked,
      headers: asked.headers.toSorted(),
    });
  });

  it.each<[string, readonly string[]]>([
    ["a host that is not this machine's", ["host: attacker.example"]],
    ["a browser's word for another site", [host, "sec-fetch-site: cross-site"]],
    ["another origin", [host, "origin: https://attacker.example"]],
    ["an opaque origin", [host, "origin: null"]],
  ])("where there are no keys, %s is 401", async (_, lines) => {
    const open = await startNodeService({ MOCK_LATENCY_MS: "200" });
    const { body } = await open.compare(queued);
    const path = pathOf(String(body["queue_id"]));
    const asked = await sent(open, path, [...lines, ...asGet]);
    const upgraded = await sent(open, path, [...lines, ...upgrade]);
    expect([asked.status, upgraded.status]).toEqual([401, 401]);
    expect(upgraded.said).toEqual(asked.said);
    // A page of this machine's own may.
    const { closed, opened } = socketTo(open, path, { origin: "http://127.0.0.1:3000" });
    await opened;
    expect(await closed).toBe(1000);
    await open.stop();
  });

  it("what is over is 204", async () => {
    const id = await ticket();
    await service.request(`/api/v1/results/${id}?wait=30`, one);
    const upgraded = await sent(service, `${pathOf(id)}?after=3`, [host, mine, ...upgrade]);
    expect([upgraded.status, upgraded.said]).toEqual([204, {}]);
  });

  it("no room for one more is 503", async () => {
    const slow = await startNodeService({ API_KEYS, MOCK_LATENCY_MS: "40000" });
    const id = await ticket(slow);
    const all = Array.from({ length: 200 }, () => socketTo(slow, pathOf(id)));
    await Promise.all(all.map(({ opened }) => opened));
    const asked = await sent(slow, pathOf(id), [host, mine, ...asGet]);
    const upgraded = await sent(slow, pathOf(id), [host, mine, ...upgrade]);
    expect([asked.status, asked.said["error_type"], asked.said["retry_after"]]).toEqual([
      503,
      "SERVICE_UNAVAILABLE",
      30,
    ]);
    expect([upgraded.status, upgraded.said]).toEqual([503, asked.said]);
    for (const { socket } of all) socket.terminate();
    slow.kill("SIGKILL");
  });
});

describe("an upgrade", () => {
  it.each<[string, readonly string[]]>([
    ["of another version", [...upgrade.slice(0, 2), "sec-websocket-version: 8", ...upgrade.slice(3)]],
    ["without a key of its own", upgrade.slice(0, 3)],
    ["with a key that is none", [...upgrade.slice(0, 3), "sec-websocket-key: abc"]],
  ])("%s is 400 and says which version is spoken", async (_, lines) => {
    const { status, said, headers } = await sent(service, pathOf(await ticket()), [host, mine, ...lines]);
    expect([status, said["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
    expect(headers).toContain("sec-websocket-version");
  });

  it.each(["websocket", "h2c"])("to %s elsewhere is passed over, and the request answered", async (to) => {
    const lines = [host, "connection: Upgrade, close", `upgrade: ${to}`];
    expect((await sent(service, "/livez", lines)).status).toBe(200);
  });

  it("behind a request that is not answered yet is passed over, and the process lives", async () => {
    const id = await ticket();
    const first = ["GET /api/v1/status/x HTTP/1.1", host, "", ""].join("\r\n");
    const second = [`GET ${pathOf(id)} HTTP/1.1`, host, mine, ...upgrade, "", ""].join("\r\n");
    const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    socket.on("error", () => {});
    socket.write(first + second);
    await vi.waitFor(() => expect(text).toContain("event: ticket.completed"), 10_000);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401", "HTTP/1.1 200"]);
    socket.destroy();
    expect((await sent(service, "/livez", [host, ...asGet])).status).toBe(200);
    expect(service.stderr()).toBe("");
  });

  it.each<[string, string, readonly string[]]>([
    ["that is not the connection's", "", upgrade.slice(1)],
    ["with the whole address", "http://localhost", upgrade],
  ])("%s is passed over: events come as a stream", async (_, origin, lines) => {
    const id = await ticket();
    const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    socket.write([`GET ${origin}${pathOf(id)} HTTP/1.1`, host, mine, ...lines, "", ""].join("\r\n"));
    await vi.waitFor(() => expect(text).toContain("event: ticket.completed"), 10_000);
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it("is one line of the log, with its status, and no key", async () => {
    const id = await ticket();
    const { closed } = socketTo(service, pathOf(id));
    await closed;
    const lines = service.logged("request").filter((line) => String(line["route"]).endsWith("/events"));
    expect(lines.at(-1)).toMatchObject({ status: 101, method: "GET", tenant: "one", queue_id: id });
    expect(service.stdout()).not.toContain(key.slice("Bearer ".length));
    expect(service.stderr()).toBe("");
  });

  it("takes no more than a little from its client", async () => {
    const of = await startNodeService({ API_KEYS, MOCK_LATENCY_MS: "40000" });
    const { socket, opened, closed } = socketTo(of, pathOf(await ticket(of)));
    await opened;
    socket.send("x".repeat(4_097));
    expect(await closed).toBe(1009);
    of.kill("SIGKILL");
  });
});

it("when the process is asked to end, a WebSocket hears so, a stream ends, and a wait is answered", async () => {
  const of = await startNodeService({ API_KEYS, MOCK_LATENCY_MS: "1500" });
  const id = await ticket(of);
  const { opened, closed } = socketTo(of, pathOf(id));
  await opened;
  const stream = await fetch(of.url + pathOf(id), one);
  const waiting = fetch(`${of.url}/api/v1/results/${id}?wait=30`, one);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const ended = of.stop();
  expect(await closed).toBe(1012);
  expect(await stream.text()).toContain("event: ticket.processing");
  expect((await waiting).status).toBe(202);
  expect(await ended).toEqual({ code: 0, signal: null });
});
