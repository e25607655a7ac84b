/** `GET /api/v1/events`: a tenant's tickets that have ended, behind a cursor. */
import { describe, expect, it } from "vitest";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const queued = { processing_mode: "queue" };
const openaiDown = { env: { API_KEYS, MOCK_ENABLED: "true" } };

interface Told {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function ask({ request }: TestService, query = "", init: RequestInit = {}) {
  const answer = await request(`/api/v1/events${query}`, init);
  const { events = [], cursor, more } = answer.body as { events?: Told[]; cursor?: string; more?: boolean };
  return { ...answer, events, cursor: String(cursor), more };
}

const idsOf = ({ events }: { readonly events: readonly Told[] }) =>
  events.map(({ data }) => data["queue_id"]);

/** Some that end one after the other. @returns their ids */
async function end(service: TestService, count: number, changes = {}, init: RequestInit = {}) {
  const ids: unknown[] = [];
  for (let number = 1; number <= count; number++) {
    service.stores.away("gate.start");
    const { body } = await service.compare({ ...queued, ...changes }, init);
    service.stores.away();
    await service.request(`/api/v1/tickets/${String(body["queue_id"])}`, { ...init, method: "DELETE" });
    ids.push(body["queue_id"]);
    await service.clock.advance(1_000);
  }
  return ids;
}

it("tells how each ended, as all who are told are told, with a cursor to go on from", async () => {
  const service = testService();
  const { body } = await service.compare({ ...queued, metadata: { pair: 17 } });
  await service.clock.advance(1_000);
  const id = String(body["queue_id"]);
  const first = await ask(service);
  expect([first.status, first.more]).toEqual([200, false]);
  expect(first.events).toMatchObject([
    {
      id: `evt_${id}_3`,
      type: "ticket.completed",
      data: { queue_id: id, status: "completed", metadata: { pair: 17 }, results_url: body["results_url"] },
    },
  ]);
  expect(first.headers.get("cache-control")).toBe("no-store");
  const [cancelled] = await end(service, 1);
  expect(idsOf(await ask(service, `?after=${first.cursor}`))).toEqual([cancelled]);
});

it("always has a cursor, and goes on from it page by page, each end once", async () => {
  const service = testService();
  const nothing = await ask(service);
  expect([nothing.events, nothing.more]).toEqual([[], false]);
  const ids = await end(service, 5);
  let page = await ask(service, `?after=${nothing.cursor}&limit=2`);
  const seen = [idsOf(page)];
  while (page.more) {
    page = await ask(service, `?after=${page.cursor}&limit=2`);
    seen.push(idsOf(page));
  }
  expect(seen).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
  expect(await ask(service, `?after=${page.cursor}`)).toMatchObject({
    events: [],
    cursor: page.cursor,
    more: false,
  });
});

it("refuses a cursor behind which not all is kept any more, and says the oldest to go on from", async () => {
  const service = testService();
  const before = (await ask(service)).cursor;
  await end(service, 2);
  await service.clock.advance(86_400_000 - 1_500);
  const [kept] = await end(service, 1);
  await service.clock.advance(1_000);
  const { status, body } = await ask(service, `?after=${before}`);
  expect([status, body["error_type"]]).toEqual([410, "CURSOR_EXPIRED"]);
  expect(body["error"]).toMatch(/oldest/);
  const oldest = await ask(service, `?after=${String(body["details"])}`);
  expect(idsOf(oldest)).toEqual([kept]);
  expect(idsOf(await ask(service))).toEqual([kept]);
});

it("refuses a cursor of what has not happened yet", async () => {
  const [service, other] = [testService(), testService()];
  await end(other, 3);
  const { cursor } = await ask(other);
  expect((await ask(service, `?after=${cursor}`)).body).toMatchObject({ error_type: "CURSOR_EXPIRED" });
});

it("is never another tenant's, and nobody's without a key", async () => {
  const service = testService(openaiDown);
  const [one] = await end(service, 1, {}, as("one"));
  expect(idsOf(await ask(service, "", as("one")))).toEqual([one]);
  expect((await ask(service, "", as("two"))).events).toEqual([]);
  expect((await ask(service)).status).toBe(401);
});

it("is 503 while its store is away", async () => {
  const service = testService();
  service.stores.away("feed");
  const { status, body, headers } = await ask(service);
  expect([status, body["error_type"]]).toEqual([503, "SERVICE_UNAVAILABLE"]);
  expect(headers.get("retry-after")).toBe("5");
});

describe("what it can't read of its address", () => {
  it.each([
    ["?after=nonsense", "after: is none of this service's"],
    ["?after=", "after: is none of this service's"],
    // 1 -1, 1 01, 2 1, 1 1.5, 1 and twenty digits
    ["?after=MSAtMQ", "after: is none of this service's"],
    ["?after=MSAwMQ", "after: is none of this service's"],
    ["?after=MiAx", "after: is none of this service's"],
    ["?after=MSAxLjU", "after: is none of this service's"],
    ["?after=MSAxMjM0NTY3ODkwMTIzNDU2Nzg5MA", "after: is none of this service's"],
    ["?limit=0", /limit/],
    ["?limit=101", /limit/],
    ["?wait=31", /wait/],
    ["?wait=-1", /wait/],
    ["?wait=1.5", /wait/],
    ["?limit=1&limit=2", "limit: is given more than once"],
  ])("%s is 400", async (query, says) => {
    const { status, body } = await ask(testService(), query);
    expect([status, body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
    expect(body["details"]).toMatch(says);
  });
});

it("takes another method for none of its own", async () => {
  const service = testService();
  const { status, headers } = await service.request("/api/v1/events", { method: "POST" });
  expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});
