/** Keyed requests when clients go, processes die and stores are away: never two calls for one, never two tickets. */
import { describe, expect, it } from "vitest";
import { goodBody, post } from "../support/answers.ts";
import { refused, slow, verdict } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";

const headers = { "idempotency-key": "key-1" };
const keyed = { headers };
const queued = { processing_mode: "queue" };
/** A live request's 60 s, and the margin to store what came of it. */
const leaseMs = 65_000;
const once = { LLM_MAX_RETRIES: "0" };

const reserved = ({ stores }: TestService) => [...stores.storedKeys.values()].map(({ queueId }) => queueId);
const busy = async ({ compare }: TestService, changes = {}) => {
  const { status, body } = await compare(changes, keyed);
  return [status, body["error_type"], body["retry_after"]];
};

it("goes on when its client hangs up: the judgement is there when it asks again", async () => {
  const { app, compare, clock, vendor } = testService({ steps: [slow(verdict(), 5_000)] });
  const client = new AbortController();
  const answering = app.request("/api/v1/comparison", post(goodBody, { ...keyed, signal: client.signal }));
  await clock.advance(1_000);
  client.abort();
  await clock.advance(1_000);
  expect(vendor.signals[0]?.aborted).toBe(false);
  await clock.advance(3_000);
  await answering;
  expect((await compare({}, keyed)).body).toMatchObject({ winner: "Essay A", response_time_ms: 5_000 });
  expect(vendor.calls).toHaveLength(1);
});

it("leaves a ticket when its client hangs up and the provider fails: the same when it asks again", async () => {
  const { app, compare, clock, stores } = testService({ env: once, steps: () => slow(refused(503), 1_000) });
  const client = new AbortController();
  const answering = app.request("/api/v1/comparison", post(goodBody, { ...keyed, signal: client.signal }));
  await clock.advance(500);
  client.abort();
  await clock.advance(600);
  await answering;
  const [id] = stores.stored.keys();
  expect((await compare({}, keyed)).body["queue_id"]).toBe(id);
  expect(stores.stored.size).toBe(1);
});

describe("whose process died", () => {
  it("in mid-call: 409 until its lease ends, to the millisecond; then it is done, under the same id", async () => {
    const service = testService({ steps: ["stall"] });
    void service.compare({}, keyed);
    await service.clock.advance(10_000);
    const [id] = reserved(service);
    const next = service.restarted({ env: once, steps: () => refused(503) });
    await next.clock.advance(leaseMs - 10_001);
    expect(await busy(next)).toEqual([409, "IDEMPOTENCY_CONFLICT", 1]);
    await next.clock.advance(1);
    const { status, body } = await next.compare({}, keyed);
    expect([status, body["queue_id"]]).toEqual([202, id]);
    expect(next.stores.stored.size).toBe(1);
  });

  it("after it had kept the ticket, and before it could say so: that ticket, and no call", async () => {
    const service = testService({ env: { ...once, QUEUE_CONCURRENCY: "1" }, steps: [refused(503)] });
    service.kill("keys.end");
    void service.compare({}, keyed);
    await service.clock.advance(0);
    const [id] = service.stores.stored.keys();
    expect(id).toBe(reserved(service)[0]);
    const next = service.restarted({ env: once });
    // The ticket itself was judged in the meantime.
    await next.clock.advance(leaseMs);
    const calls = next.vendor.calls.length;
    const { status, body } = await next.compare({}, keyed);
    expect([status, body["queue_id"], body["status"]]).toEqual([202, id, "completed"]);
    expect((await next.compare({}, keyed)).body["queue_id"]).toBe(id);
    expect([next.stores.stored.size, next.vendor.calls.length]).toEqual([1, calls]);
  });

  it("with the judgement in its hands: asked again after the lease it is judged anew, once", async () => {
    const service = testService();
    service.kill("keys.end");
    void service.compare({}, keyed);
    await service.clock.advance(leaseMs);
    const next = service.restarted();
    const first = await next.compare({}, keyed);
    expect(first.status).toBe(200);
    expect((await next.compare({}, keyed)).text).toBe(first.text);
    expect(next.vendor.calls).toHaveLength(1);
  });

  it("never twice: of two that come after the lease one is busy", async () => {
    const service = testService({ steps: ["stall"] });
    void service.compare({}, keyed);
    await service.clock.advance(0);
    const next = service.restarted({ steps: [slow(verdict(), 100)] });
    await next.clock.advance(leaseMs);
    const both = [next.compare({}, keyed), next.compare({}, keyed)];
    await next.clock.advance(100);
    const statuses = (await Promise.all(both)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 409]);
    expect(next.vendor.calls).toHaveLength(1);
  });
});

describe("whose store is away", () => {
  it("is 503 before anything is called or kept", async () => {
    const service = testService();
    service.stores.away("keys");
    for (const changes of [{}, queued, { processing_mode: "immediate" }]) {
      expect(await busy(service, changes)).toEqual([503, "SERVICE_UNAVAILABLE", 5]);
    }
    expect([service.vendor.calls.length, service.stores.stored.size]).toEqual([0, 0]);
    service.stores.away();
    expect((await service.compare({}, keyed)).status).toBe(200);
  });

  it("is 503 while its ticket can't be looked at, and that ticket again afterwards", async () => {
    const service = testService();
    const id = (await service.compare(queued, keyed)).body["queue_id"];
    service.stores.away("tickets");
    expect(await busy(service, queued)).toEqual([503, "SERVICE_UNAVAILABLE", 5]);
    service.stores.away();
    expect((await service.compare(queued, keyed)).body["queue_id"]).toBe(id);
  });

  it("keeps its id where nobody knows whether the ticket was stored: one ticket in the end", async () => {
    const service = testService();
    service.stores.away("tickets.create");
    expect((await service.compare(queued, keyed)).status).toBe(503);
    const [id] = reserved(service);
    service.stores.away();
    expect(await busy(service, queued)).toEqual([409, "IDEMPOTENCY_CONFLICT", 5]);
    await service.clock.advance(leaseMs);
    expect((await service.compare(queued, keyed)).body["queue_id"]).toBe(id);
    expect(service.stores.stored.size).toBe(1);
  });

  it("answers the ticket that is stored already, and finds it again when its lease is over", async () => {
    const service = testService({ env: once, steps: [refused(503)] });
    service.stores.away("keys.end");
    const first = await service.compare({}, keyed);
    expect(first.status).toBe(202);
    service.stores.away();
    expect(await busy(service)).toEqual([409, "IDEMPOTENCY_CONFLICT", 5]);
    await service.clock.advance(leaseMs);
    expect((await service.compare({}, keyed)).body["queue_id"]).toBe(first.body["queue_id"]);
  });

  it("answers the refusal, though the key can't be freed before its lease ends", async () => {
    const service = testService({ steps: [refused(400)] });
    service.stores.away("keys.end");
    expect((await service.compare({}, keyed)).status).toBe(422);
    service.stores.away();
    await service.clock.advance(leaseMs);
    expect((await service.compare({}, keyed)).status).toBe(200);
  });

  it("gives no judgement that it could not store: the same key must never bring two", async () => {
    const service = testService();
    service.stores.away("keys.end");
    expect(await busy(service)).toEqual([503, "SERVICE_UNAVAILABLE", 5]);
    service.stores.away();
    await service.clock.advance(leaseMs);
    expect((await service.compare({}, keyed)).status).toBe(200);
    expect(service.vendor.calls).toHaveLength(2);
  });
});
