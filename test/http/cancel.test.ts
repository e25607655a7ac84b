/** `DELETE /api/v1/tickets/…`: an owner cancels what it no longer wants. */
import { describe, expect, it } from "vitest";
import { slow, verdict } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const queued = { processing_mode: "queue" };
const key = { headers: { "idempotency-key": "key-1" } };

const keep = async ({ compare }: TestService, changes = {}, init = {}) =>
  String((await compare({ ...queued, ...changes }, init)).body["queue_id"]);
const cancel = ({ request }: TestService, id: string, init: RequestInit = {}) =>
  request(`/api/v1/tickets/${id}`, { ...init, method: "DELETE" });
const status = async ({ request }: TestService, id: string) => (await request(`/api/v1/status/${id}`)).body;

it("ends a ticket that waits: 200 with its status, and the same again", async () => {
  const service = testService();
  const id = await keep(service, { metadata: { pair: 17 } });
  const first = await cancel(service, id);
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({
    queue_id: id,
    status: "cancelled",
    position_in_queue: null,
    metadata: { pair: 17 },
    result_available: false,
    error_type: "REQUEST_CANCELLED",
    error_message: "The comparison was cancelled by its owner.",
  });
  expect((await cancel(service, id)).text).toBe(first.text);
  expect(await status(service, id)).toEqual(first.body);
  await service.clock.advance(60_000);
  expect(service.vendor.calls).toHaveLength(0);
});

it("leaves no result: 410, and not a second longer readable than others that have ended", async () => {
  const service = testService();
  const id = await keep(service);
  await cancel(service, id);
  const result = await service.request(`/api/v1/results/${id}`);
  expect([result.status, result.body["error_type"]]).toEqual([410, "REQUEST_CANCELLED"]);
  await service.clock.advance(24 * 3_600_000);
  expect((await service.request(`/api/v1/results/${id}`)).status).toBe(404);
  expect((await cancel(service, id)).status).toBe(404);
});

it("ends one that is being called for: the verdict is thrown away, the call is paid for", async () => {
  const service = testService({ steps: [slow(verdict(), 5_000)] });
  const id = await keep(service);
  await service.clock.advance(1_000);
  expect(await status(service, id)).toMatchObject({ status: "processing" });
  expect((await cancel(service, id)).body).toMatchObject({ status: "cancelled" });
  await service.clock.advance(10_000);
  expect(await status(service, id)).toMatchObject({ status: "cancelled" });
  expect(service.vendor.calls).toHaveLength(1);
  const { body } = await service.request("/api/v1/providers");
  expect(body["total_requests_today"]).toBe(1);
  expect(body["providers"]).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: "openai", queue: expect.objectContaining({ size: 0 }) }),
    ]),
  );
});

it("is 409 for one that has ended otherwise", async () => {
  const service = testService();
  const id = await keep(service);
  await service.clock.advance(5_000);
  expect(await status(service, id)).toMatchObject({ status: "completed" });
  const { status: code, body } = await cancel(service, id);
  expect([code, body["error_type"]]).toEqual([409, "REQUEST_ENDED"]);
  expect(await status(service, id)).toMatchObject({ status: "completed" });
});

it("is 404 for another's, and does nothing to it", async () => {
  const service = testService({ env: { API_KEYS } });
  const { body } = await service.compare(queued, as("one"));
  const id = String(body["queue_id"]);
  expect((await cancel(service, id, as("two"))).status).toBe(404);
  expect((await cancel(service, id)).status).toBe(401);
  const seen = await service.request(`/api/v1/status/${id}`, as("one"));
  expect(seen.body["status"]).not.toBe("cancelled");
  expect((await cancel(service, crypto.randomUUID(), as("one"))).status).toBe(404);
  expect((await cancel(service, "no-uuid", as("one"))).status).toBe(400);
});

it.each(["tickets.load", "tickets.cancel"])(
  "is 503 where its store can't be reached, at %s",
  async (verb) => {
    const service = testService();
    const id = await keep(service);
    service.stores.away(verb);
    const { status: code, headers } = await cancel(service, id);
    expect([code, headers.get("retry-after")]).toEqual([503, "5"]);
  },
);

describe("a key whose ticket was cancelled", () => {
  it("is free: the same request is a new one", async () => {
    const service = testService();
    const id = await keep(service, {}, key);
    await cancel(service, id);
    const again = await service.compare(queued, key);
    expect(again.status).toBe(202);
    expect(again.body["queue_id"]).not.toBe(id);
    // The new ticket is the key's from now on.
    expect((await service.compare(queued, key)).body["queue_id"]).toBe(again.body["queue_id"]);
  });

  it("is free for another comparison, too", async () => {
    const service = testService();
    const id = await keep(service, {}, key);
    expect((await service.compare({ ...queued, priority: 1 }, key)).status).toBe(422);
    await cancel(service, id);
    expect((await service.compare({ ...queued, priority: 1 }, key)).status).toBe(202);
  });

  it("is free though the request that had it died before it could note its ticket", async () => {
    const service = testService();
    service.kill("keys.end");
    void service.compare(queued, key);
    await service.clock.advance(0);
    const [id = ""] = service.stores.stored.keys();
    const next = service.restarted();
    expect((await cancel(next, id)).status).toBe(200);
    await next.clock.advance(80_000);
    const again = await next.compare(queued, key);
    expect(again.status).toBe(202);
    expect(again.body["queue_id"]).not.toBe(id);
  });
});
