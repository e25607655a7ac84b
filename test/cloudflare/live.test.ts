/** Listening to a ticket inside workerd: its object keeps the sockets, and sleeps meanwhile. */
import { createExecutionContext, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ticketSockets } from "../../src/cloudflare/objects/ticket-sockets.ts";
import type { TicketObject } from "../../src/cloudflare/objects/ticket-object.ts";
import type { Ticket } from "../../src/domain/ticket/ticket.ts";
import worker from "../../src/cloudflare/worker.ts";
import { goodBody, post } from "../support/answers.ts";
import { as, API_KEYS } from "../support/tenants.ts";
import { env, freshWorld } from "./objects.ts";

Object.assign(env, { ENVIRONMENT: "test", API_KEYS, LOG_LEVEL: "error", QUEUE_REQUEST_TTL_HOURS: "4" });

let world: Awaited<ReturnType<typeof freshWorld>>;
beforeEach(async () => {
  world = await freshWorld();
});

const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request<unknown, IncomingRequestCfProperties>(
    `http://localhost${path}`,
    init as RequestInit<never>,
  );
  return worker.fetch(request, env as never, createExecutionContext());
}

/** One that waits: nothing brings it to a worker. */
async function ticket(metadata: object = {}): Promise<string> {
  const body = { ...goodBody, metadata, processing_mode: "queue" };
  const answer = await ask("/api/v1/comparison", post(body, as("one")));
  return ((await answer.json()) as { queue_id: string }).queue_id;
}

const cancel = (id: string) => ask(`/api/v1/tickets/${id}`, { method: "DELETE", ...as("one") });
const pathOf = (id: string) => `/api/v1/status/${id}/events`;
const objectOf = (id: string) =>
  env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(id)) as DurableObjectStub<TicketObject>;

interface Told {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

function heardOn(socket: WebSocket) {
  const messages: Told[] = [];
  const texts: string[] = [];
  socket.addEventListener("message", ({ data }) => {
    texts.push(String(data));
    if (String(data).startsWith("{")) messages.push(JSON.parse(String(data)) as Told);
  });
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener("close", ({ code }) => resolve(code)),
  );
  socket.accept();
  return { messages, texts, closed };
}

/** A tenant's socket to its ticket. */
async function socketTo(id: string, query = "") {
  const answer = await ask(pathOf(id) + query, as("one", upgrade));
  if (answer.webSocket === null) throw new Error(`no socket: ${answer.status}`);
  return { status: answer.status, socket: answer.webSocket, ...heardOn(answer.webSocket) };
}

const typesOf = (messages: readonly Told[]) => messages.map(({ type }) => type);

describe("a WebSocket", () => {
  it("is told what is stored, then what happens, and closed as done; to who comes then nothing more is told", async () => {
    const id = await ticket({ pair: 17 });
    const { status, messages, closed } = await socketTo(id);
    expect(status).toBe(101);
    await vi.waitFor(() => expect(typesOf(messages)).toEqual(["ticket.queued"]));
    await cancel(id);
    expect(await closed).toBe(1000);
    expect(messages.map((message) => message.id)).toEqual([`evt_${id}_1`, `evt_${id}_2`]);
    expect(messages[1]).toMatchObject({
      type: "ticket.cancelled",
      data: { event_number: 2, cancelled_by: "owner", metadata: { pair: 17 } },
    });
    expect((await ask(`${pathOf(id)}?after=2`, as("one", upgrade))).status).toBe(204);
    const late = await socketTo(id, "?after=1");
    expect(await late.closed).toBe(1000);
    expect(typesOf(late.messages)).toEqual(["ticket.cancelled"]);
  });

  it("lives on while its object sleeps: one that is born anew tells it what is behind what it was told before", async () => {
    const id = await ticket();
    const { messages, closed, socket, texts } = await socketTo(id);
    await vi.waitFor(() => expect(messages).toHaveLength(1));
    const stub = objectOf(id);
    await runInDurableObject(stub, (object) => Object.assign(object, { life: 1 }));
    await evictDurableObject(stub);
    socket.send("ping");
    await vi.waitFor(() => expect(texts.at(-1)).toBe("pong"));
    expect(await runInDurableObject(stub, (object) => "life" in object)).toBe(false);
    await evictDurableObject(stub);
    await cancel(id);
    expect(await closed).toBe(1000);
    expect(typesOf(messages)).toEqual(["ticket.queued", "ticket.cancelled"]);
  });

  it("is closed after 15 minutes, unfinished, by the object's alarm", async () => {
    const id = await ticket();
    const { closed } = await socketTo(id);
    let code: number | null = null;
    void closed.then((closedBy) => (code = closedBy));
    await world.advance(15 * 60_000 - 1);
    expect(code).toBe(null);
    // An alarm that is set for the very present rings a moment later.
    await world.advance(10);
    expect(await closed).toBe(1001);
    const again = await socketTo(id, "?after=1");
    expect(again.status).toBe(101);
    await cancel(id);
    expect(await again.closed).toBe(1000);
  });

  it.each<[string, number, (id: string) => string, Record<string, string>]>([
    ["without a key", 401, pathOf, upgrade],
    ["with a wrong key", 401, pathOf, { ...upgrade, authorization: "Bearer lps_wrong" }],
    ["of another tenant", 404, pathOf, as("two", upgrade).headers],
    ["to no ticket", 404, () => pathOf(crypto.randomUUID()), as("one", upgrade).headers],
    ["to no id", 400, () => pathOf("17"), as("one", upgrade).headers],
    ["behind no event", 400, (id) => `${pathOf(id)}?after=x`, as("one", upgrade).headers],
    ["of another version", 400, pathOf, as("one", { ...upgrade, "sec-websocket-version": "8" }).headers],
  ])("%s is refused before its upgrade, as JSON: %i", async (_, status, pathFor, headers) => {
    const id = await ticket();
    const answer = await ask(pathFor(id), { headers });
    expect([answer.status, answer.webSocket ?? null]).toEqual([status, null]);
    expect(await answer.json()).toHaveProperty("error_type");
    expect(await socketsOf(id)).toBe(0);
  });

  it("finds no room where a ticket has 100", async () => {
    const id = await ticket();
    const first = await socketTo(id);
    for (let at = 1; at < 100; at++) await socketTo(id);
    expect((await ask(pathOf(id), as("one", upgrade))).status).toBe(503);
    first.socket.close(1000);
    await vi.waitFor(async () => expect((await ask(pathOf(id), as("one", upgrade))).status).toBe(101));
  });

  it("that is not read is cut off before much is held for it", async () => {
    const id = await ticket();
    const aTicket = (await runInDurableObject(objectOf(id), (object) => object.load())) as Ticket;
    const closed: number[] = [];
    let told = 0;
    const socket = {
      bufferedAmount: 0,
      readyState: WebSocket.OPEN,
      send: () => {
        told++;
        socket.bufferedAmount += 100_000;
      },
      close: (code: number) => closed.push(code),
      deserializeAttachment: () => ({ told: 0, untilMs: Infinity }),
      serializeAttachment() {},
    };
    const sockets = ticketSockets(
      {
        acceptWebSocket() {},
        setWebSocketAutoResponse() {},
        getWebSockets: (kind?: string) => (kind === "worker" ? [] : [socket as unknown as WebSocket]),
      },
      () => [1, 2, 3, 4, 5].map((number) => ({ number, atMs: 0, kind: "accepted" })),
      () => 0,
    );
    sockets.tell(aTicket);
    expect([told, closed]).toEqual([3, [1013]]);
  });
});

/** Read to its end. */
const streamed = async (answer: Response) => {
  const text = await answer.text();
  return [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
};

describe("a stream, and a wait, that a Worker holds", () => {
  it("hear what happens though the object slept meanwhile", async () => {
    const id = await ticket();
    const stream = await ask(pathOf(id), as("one"));
    const waiting = ask(`/api/v1/status/${id}?wait=30`, as("one"));
    await vi.waitFor(async () => expect(await socketsOf(id)).toBe(2));
    await runInDurableObject(objectOf(id), (object) => Object.assign(object, { life: 1 }));
    await evictDurableObject(objectOf(id));
    await cancel(id);
    expect(await streamed(stream)).toEqual(["ticket.queued", "ticket.cancelled"]);
    expect(await (await waiting).json()).toMatchObject({ status: "cancelled" });
    expect(await runInDurableObject(objectOf(id), (object) => "life" in object)).toBe(false);
  });

  it("look again where their socket is lost, and nothing is lost with it", async () => {
    const id = await ticket();
    const stream = await ask(pathOf(id), as("one"));
    const waiting = ask(`/api/v1/status/${id}?wait=30`, as("one"));
    await vi.waitFor(async () => expect(await socketsOf(id)).toBe(2));
    await evictDurableObject(objectOf(id), { webSockets: "close" });
    await vi.waitFor(async () => expect(await socketsOf(id)).toBe(2), { timeout: 10_000 });
    await cancel(id);
    expect(await streamed(stream)).toEqual(["ticket.queued", "ticket.cancelled"]);
    expect((await waiting).status).toBe(200);
  });

  it("leave no socket behind: a wait that is over, a reader that is gone", async () => {
    const id = await ticket();
    const stream = await ask(pathOf(id), as("one"));
    await vi.waitFor(async () => expect(await socketsOf(id)).toBe(1));
    expect((await ask(`/api/v1/results/${id}?wait=1`, as("one"))).status).toBe(202);
    await stream.body?.cancel();
    await vi.waitFor(async () => expect(await socketsOf(id)).toBe(0));
  });
});

function socketsOf(id: string): Promise<number> {
  return runInDurableObject(
    objectOf(id),
    (_, ctx) => ctx.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN).length,
  );
}
