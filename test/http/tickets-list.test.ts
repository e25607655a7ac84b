/** `GET /api/v1/tickets`: a tenant's own tickets, newest first. */
import { describe, expect, it } from "vitest";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const queued = { processing_mode: "queue" };
const openaiDown = { env: { API_KEYS, MOCK_ENABLED: "true" } };

type Rows = readonly Record<string, unknown>[];

async function list({ request }: TestService, query = "", init: RequestInit = {}) {
  const answer = await request(`/api/v1/tickets${query}`, init);
  return { ...answer, tickets: answer.body["tickets"] as Rows, cursor: answer.body["cursor"] };
}

const idsOf = (rows: Rows) => rows.map(({ queue_id }) => queue_id);

/** Some that wait, a second apart. @returns their ids, the newest first */
async function keep(service: TestService, count: number, changes = {}, init: RequestInit = {}) {
  const ids: unknown[] = [];
  for (let number = 1; number <= count; number++) {
    service.stores.away("gate.start");
    ids.unshift((await service.compare({ ...queued, ...changes }, init)).body["queue_id"]);
    await service.clock.advance(1_000);
  }
  service.stores.away();
  return ids;
}

it("shows each as its status does, newest first, with where it stands in the queue", async () => {
  const service = testService({ env: { QUEUE_CONCURRENCY: "1" } });
  const ids = await keep(service, 3, { metadata: { pair: 17 } });
  const { status, tickets, cursor, body } = await list(service);
  expect([status, cursor, body["complete"]]).toEqual([200, null, true]);
  expect(idsOf(tickets)).toEqual(ids);
  for (const ticket of tickets)
    expect(ticket).toEqual((await service.request(`/api/v1/status/${String(ticket["queue_id"])}`)).body);
  expect(tickets.map(({ position_in_queue }) => position_in_queue)).toEqual([3, 2, 1]);
});

it("is empty where there is none, and never another's", async () => {
  const service = testService(openaiDown);
  await keep(service, 1, {}, as("one"));
  expect((await list(service, "", as("two"))).body).toEqual({ tickets: [], cursor: null, complete: true });
  expect((await list(service, "", as("one"))).tickets).toHaveLength(1);
  expect((await list(service)).status).toBe(401);
});

it("goes on with its cursor, each ticket once", async () => {
  const service = testService();
  const ids = await keep(service, 5);
  const first = await list(service, "?limit=2");
  const second = await list(service, `?limit=2&cursor=${String(first.cursor)}`);
  const third = await list(service, `?limit=2&cursor=${String(second.cursor)}`);
  expect([first, second, third].flatMap(({ tickets }) => idsOf(tickets))).toEqual(ids);
  expect(third.cursor).toBeNull();
});

describe("filters", () => {
  it("by status and by provider", async () => {
    const service = testService(openaiDown);
    const ofOne = as("one");
    const [waits, cancelled] = await keep(service, 2, {}, ofOne);
    const [ofMock] = await keep(service, 1, { llm_config_overrides: { provider_override: "mock" } }, ofOne);
    await service.request(`/api/v1/tickets/${String(cancelled)}`, { ...ofOne, method: "DELETE" });
    const ids = async (query: string) => idsOf((await list(service, query, ofOne)).tickets);
    expect(await ids("?status=cancelled")).toEqual([cancelled]);
    expect(await ids("?provider=mock")).toEqual([ofMock]);
    expect(await ids("?provider=openai&status=queued")).toEqual([waits]);
    expect(await ids("?status=failed")).toEqual([]);
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=ten", "limit"],
    ["limit=2&limit=3", "limit"],
    ["status=done", "status"],
    ["provider=someone", "provider"],
    ["cursor=nonsense", "cursor"],
    [`cursor=${"x".repeat(501)}`, "cursor"],
  ])("that can't be read are 400: %s", async (query, path) => {
    const { status, body } = await list(testService(), `?${query}`);
    expect([status, body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
    expect(body["issues"]).toMatchObject([{ path }]);
  });

  it("are named as given twice where one stands twice", async () => {
    const { body } = await list(testService(), "?limit=2&limit=3&status=queued&status=failed");
    expect(body["issues"]).toMatchObject([
      { path: "status", message: "is given more than once" },
      { path: "limit", message: "is given more than once" },
    ]);
  });

  it("belong to a cursor: with others it is 400, and says so", async () => {
    const service = testService();
    await keep(service, 2);
    const { cursor } = await list(service, "?limit=1&provider=openai");
    for (const query of ["", "&provider=mock", "&provider=openai&status=queued"]) {
      const { status, body } = await list(service, `?limit=1&cursor=${String(cursor)}${query}`);
      expect([status, body["details"]]).toEqual([400, "cursor: belongs to other filters"]);
    }
    expect((await list(service, `?limit=1&provider=openai&cursor=${String(cursor)}`)).status).toBe(200);
  });
});

it("is 503 where nothing can be said, and without estimates where a gate is away", async () => {
  const service = testService();
  await keep(service, 1);
  service.stores.away("gate.estimate");
  expect((await list(service)).tickets).toMatchObject([{ status: "queued", position_in_queue: null }]);
  service.stores.away("tickets.list");
  expect((await list(service)).status).toBe(503);
});
