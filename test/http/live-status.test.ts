/** What happens to a ticket, as it happens: Server-Sent Events of its status. */
import { describe, expect, it } from "vitest";
import { goodBody, post } from "../support/answers.ts";
import { refused, slow, verdict } from "../support/scripted-transport.ts";
import { testService, type ServiceOptions, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const queued = { processing_mode: "queue" };
const tenSeconds = { steps: [slow(verdict(), 10_000)] };
const idOf = ({ body }: { readonly body: Record<string, unknown> }) => String(body["queue_id"]);
const pathOf = (id: string, query = "") => `/api/v1/status/${id}/events${query}`;

interface Frame {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A reader of the stream: what has come so far, and whether it has ended. */
async function listening(service: TestService, path: string, init: RequestInit = {}) {
  const response = await service.app.request(`http://localhost${path}`, init);
  let text = "";
  let hasEnded = false;
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const reading = (async () => {
    for (;;) {
      const read = await reader?.read();
      if (read === undefined || read.done) break;
      text += read.value;
    }
    hasEnded = true;
  })();
  return {
    response,
    reading,
    text: () => text,
    hasEnded: () => hasEnded,
    hangUp: () => reader?.cancel(),
    frames: () => framesIn(text),
  };
}

/** As the standard reads them. */
function framesIn(text: string): readonly Frame[] {
  return text.split("\n\n").flatMap((block) => {
    const fields = (name: string) =>
      block
        .split("\n")
        .flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []));
    const [id = ""] = fields("id");
    const [event = ""] = fields("event");
    return event === "" ? [] : [{ id, event, data: JSON.parse(fields("data").join("\n")) as Frame["data"] }];
  });
}

async function oneTicket(options: ServiceOptions = tenSeconds) {
  const service = testService(options);
  const id = idOf(await service.compare(queued));
  return { service, id };
}

it("tells what is stored, then each event as it happens, and ends with the ticket", async () => {
  const { service, id } = await oneTicket();
  const stream = await listening(service, pathOf(id));
  await service.clock.advance(0);
  expect(stream.frames().map(({ id, event }) => [id, event])).toEqual([
    ["1", "ticket.queued"],
    ["2", "ticket.processing"],
  ]);
  await service.clock.advance(9_999);
  expect([stream.frames().length, stream.hasEnded()]).toEqual([2, false]);
  await service.clock.advance(1);
  expect(stream.frames()[2]).toMatchObject({
    id: "3",
    event: "ticket.completed",
    data: {
      event_type: "QUEUE_REQUEST_COMPLETED",
      queue_id: id,
      event_number: 3,
      status: "completed",
      provider: "openai",
      attempts: 1,
      error_type: null,
      error_message: null,
      results_url: `/api/v1/results/${id}`,
      result: null,
    },
  });
  expect([stream.frames().length, stream.hasEnded()]).toEqual([3, true]);
});

it("is sent so that no proxy keeps it, and says when to come again", async () => {
  const { service, id } = await oneTicket();
  const { response, text, hangUp } = await listening(service, pathOf(id));
  await service.clock.advance(0);
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toEqual({
    "content-type": "text/event-stream; charset=UTF-8",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
    "x-correlation-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(text().startsWith("retry: 2000\n\n")).toBe(true);
  await hangUp();
});

describe("who comes again", () => {
  it.each([
    ["?after=1", {}],
    ["", { "last-event-id": "1" }],
    // As a browser does: its address stays the first one.
    ["?after=0", { "last-event-id": "1" }],
  ])("is told only what is behind its last event: %s %j", async (query, headers) => {
    const { service, id } = await oneTicket();
    await service.clock.advance(10_000);
    const stream = await listening(service, pathOf(id, query), { headers });
    await stream.reading;
    expect(stream.frames().map((frame) => frame.id)).toEqual(["2", "3"]);
  });

  it("after the end is told that there is nothing more, and an EventSource does not come again", async () => {
    const { service, id } = await oneTicket();
    await service.clock.advance(10_000);
    for (const after of [3, 4]) {
      const { status, text, headers } = await service.request(pathOf(id, `?after=${after}`));
      expect([status, text, headers.get("content-type")]).toEqual([204, "", null]);
    }
  });
});

it.each([
  ["?after=-1", {}, "after"],
  ["?after=x", {}, "after"],
  ["?after=1.5", {}, "after"],
  ["", { "last-event-id": "evt_1" }, "last-event-id"],
])("refuses what is no number of an event: %s %j", async (query, headers, path) => {
  const { service, id } = await oneTicket();
  const { status, body } = await service.request(pathOf(id, query), { headers });
  expect([status, body["issues"]]).toEqual([400, [expect.objectContaining({ path })]]);
});

it("is for the ticket's tenant alone: to another there is no such ticket", async () => {
  const service = testService({ ...tenSeconds, env: { API_KEYS } });
  const id = idOf(await service.compare(queued, as("one")));
  expect((await service.request(pathOf(id), as("two"))).status).toBe(404);
  expect((await service.request(pathOf(id))).status).toBe(401);
  const stream = await listening(service, pathOf(id), as("one"));
  expect(stream.response.status).toBe(200);
  await service.clock.advance(10_000);
  await stream.reading;
});

it("tells nothing of a vendor's words, and no text", async () => {
  const says = { message: "You asked: Canary of a prompt" };
  const { service, id } = await oneTicket({ steps: [refused(400, {}, says)] });
  const stream = await listening(service, pathOf(id));
  await service.clock.advance(0);
  await stream.reading;
  expect(stream.frames().at(-1)?.data).toMatchObject({
    status: "failed",
    error_type: "INVALID_REQUEST",
    error_message: "openai says that this request can never succeed.",
  });
  expect(stream.text()).not.toMatch(/Canary|Cats sleep|Dogs bark/);
});

it("echoes metadata as it was written: its line breaks begin no field of the stream", async () => {
  const service = testService(tenSeconds);
  const metadata = '{"a":1,\nid: 9,\r\n\r\rdata: "b"}'.replaceAll(/(id|data): /g, '"$1": ');
  const body = `${JSON.stringify({ ...goodBody, ...queued }).slice(0, -1)},"metadata":${metadata}}`;
  const id = idOf(await service.request("/api/v1/comparison", post(body)));
  const stream = await listening(service, pathOf(id));
  await service.clock.advance(10_000);
  await stream.reading;
  expect(stream.frames().map((frame) => [frame.id, frame.data["metadata"]])).toEqual(
    ["1", "2", "3"].map((number) => [number, { a: 1, id: 9, data: "b" }]),
  );
});

it("shows every 15 s that it is there, by a comment that is no event", async () => {
  const { service, id } = await oneTicket({ steps: [slow(verdict(), 40_000)] });
  const stream = await listening(service, pathOf(id));
  await service.clock.advance(0);
  const { length } = stream.text();
  await service.clock.advance(14_999);
  expect(stream.text().slice(length)).toBe("");
  await service.clock.advance(1);
  expect(stream.text().slice(length)).toBe(":\n\n");
  await service.clock.advance(15_000);
  expect(stream.text().slice(length)).toBe(":\n\n:\n\n");
  await stream.hangUp();
});

/** Its breaker is open for long: a ticket waits. */
const waiting = {
  env: {
    LLM_MAX_RETRIES: "0",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1",
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "900",
    CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "900",
  },
  steps: () => refused(503),
};

async function waitingTicket(changes: ServiceOptions = {}) {
  const env = { ...waiting.env, ...changes.env };
  const service = testService({ ...waiting, ...changes, env });
  const key = changes.env === undefined ? {} : as("one");
  await service.compare({ processing_mode: "immediate" }, key);
  return { service, id: idOf(await service.compare(queued, key)) };
}

it("ends after 15 minutes, unfinished: who comes again goes on", async () => {
  const { service, id } = await waitingTicket();
  const stream = await listening(service, pathOf(id));
  await service.clock.advance(15 * 60_000 - 1);
  expect(stream.hasEnded()).toBe(false);
  await service.clock.advance(1);
  expect(stream.hasEnded()).toBe(true);
  const again = await listening(service, pathOf(id), { headers: { "last-event-id": "1" } });
  expect(again.response.status).toBe(200);
  await again.hangUp();
});

it("ends at once when the process is asked to end, and none begins then", async () => {
  const { service, id } = await waitingTicket();
  const stream = await listening(service, pathOf(id));
  await service.clock.advance(1_000);
  service.stop();
  await service.clock.advance(0);
  expect(stream.hasEnded()).toBe(true);
  const { status, body } = await service.request(pathOf(id));
  expect([status, body["error_type"], body["retry_after"]]).toEqual([503, "SERVICE_UNAVAILABLE", 1]);
});

it("a tenant has 200 at once and another still has its own; who goes away gives its place back", async () => {
  const { service, id } = await waitingTicket({ env: { API_KEYS } });
  const streams = [];
  for (let n = 0; n < 200; n++) streams.push(await listening(service, pathOf(id), as("one")));
  expect(streams.every(({ response }) => response.status === 200)).toBe(true);
  const { status, body } = await service.request(pathOf(id), as("one"));
  expect([status, body["error_type"], body["retry_after"]]).toEqual([503, "SERVICE_UNAVAILABLE", 30]);
  const theirs = idOf(await service.compare(queued, as("two")));
  const other = await listening(service, pathOf(theirs), as("two"));
  expect(other.response.status).toBe(200);
  await streams[0]?.hangUp();
  const next = await listening(service, pathOf(id), as("one"));
  expect(next.response.status).toBe(200);
  for (const stream of [...streams, other, next]) await stream.hangUp();
  await service.clock.advance(0);
  expect(service.listening()).toEqual({ wait: 0, stream: 0, socket: 0 });
});

it("takes no place for a HEAD, which has no body", async () => {
  const { service, id } = await waitingTicket();
  const { status, headers } = await service.app.request(`http://localhost${pathOf(id)}`, { method: "HEAD" });
  expect([status, headers.get("content-type")]).toEqual([200, "text/event-stream; charset=UTF-8"]);
  expect(service.listening()).toEqual({ wait: 0, stream: 0, socket: 0 });
});

it("goes on over a store that is away for a while", async () => {
  const { service, id } = await oneTicket({ steps: [slow(verdict(), 20_000)] });
  const stream = await listening(service, pathOf(id));
  await service.clock.advance(1_000);
  service.stores.away("tickets.events");
  await service.clock.advance(20_000);
  expect([stream.frames().length, stream.hasEnded()]).toEqual([2, false]);
  service.stores.away();
  await service.clock.advance(15_000);
  expect([stream.frames().length, stream.hasEnded()]).toEqual([3, true]);
});

it("a reader that reads nothing is cut off before much is held for it", async () => {
  const big = { text: "x".repeat(16_000) };
  const service = testService({ steps: () => slow(refused(503), 1), env: { QUEUE_REQUEST_TTL_HOURS: "24" } });
  const id = idOf(await service.compare({ ...queued, metadata: big }));
  const response = await service.app.request(`http://localhost${pathOf(id)}`);
  await service.clock.advance(60_000);
  // Each of its events has the metadata.
  for (let minutes = 0; service.listening().stream > 0 && minutes < 14; minutes++)
    await service.clock.advance(60_000);
  const events = (await service.stores.tickets.events(id)).length;
  expect([service.listening().stream, events > 16]).toEqual([0, true]);
  await expect(response.text()).rejects.toThrow("too slow");
});
