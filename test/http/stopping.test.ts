/** A process that must end soon: nobody waits for it in vain, and nothing that was promised is lost. */
import { describe, expect, it } from "vitest";
import { refused, said, slow, type Step } from "../support/scripted-transport.ts";
import { testService } from "../support/service.ts";

const keyed = { headers: { "idempotency-key": "key-1" } };
const waits =
  "This service is about to end or to start anew. The comparison is kept and will be judged in its turn.";

describe("a live call", () => {
  it.each([
    ["without a key", {}],
    ["with a key", keyed],
  ])("becomes a ticket where its mode allows, which the next process judges: %s", async (_, init) => {
    const service = testService({ steps: ["stall"] });
    const answering = service.compare({}, init);
    await service.clock.advance(1_000);
    service.stop();
    const { status, body } = await answering;
    expect([status, body["status"], body["message"]]).toEqual([202, "queued", waits]);
    expect(service.vendor.signals[0]?.reason).toBe("stopping");
    const id = String(body["queue_id"]);
    const next = service.restarted();
    expect((await next.request(body["status_url"] as string)).body).toMatchObject({
      status: "queued",
      retry_count: 0,
      // Nothing failed.
      error_type: null,
      error_message: null,
    });
    const again = init === keyed ? (await next.compare({}, init)).body["queue_id"] : id;
    expect(again).toBe(id);
    await next.clock.advance(31_000);
    const judged = await next.request(`/api/v1/results/${id}`);
    expect([judged.status, next.vendor.calls.length]).toEqual([200, 1]);
    expect(next.stores.stored.size).toBe(1);
  });

  it.each([
    ["without a key", {}],
    ["with a key, which is free then", keyed],
  ])("is 503 in immediate mode, %s", async (_, init) => {
    const service = testService({ steps: ["stall"] });
    const answering = service.compare({ processing_mode: "immediate" }, init);
    await service.clock.advance(1_000);
    service.stop();
    const { status, body } = await answering;
    expect([status, body["error_type"], body["retry_after"]]).toEqual([503, "SERVICE_UNAVAILABLE", 1]);
    expect([service.stores.stored.size, service.stores.storedKeys.size]).toEqual([0, 0]);
  });

  it("says nothing about the provider's health", async () => {
    const service = testService({ env: { CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1" }, steps: ["stall"] });
    const answering = service.compare();
    await service.clock.advance(1_000);
    service.stop();
    await answering;
    const { body } = await service.request("/api/v1/providers");
    expect(body["providers"]).toContainEqual(
      expect.objectContaining({ name: "openai", failure_count: 0, circuit_breaker_state: "closed" }),
    );
  });

  it("becomes one at once in the wait between two calls, and makes no other call", async () => {
    const service = testService({ steps: [refused(503, { "retry-after": "20" })] });
    const answering = service.compare();
    await service.clock.advance(1_000);
    service.stop();
    expect((await answering).status).toBe(202);
    expect(service.vendor.calls).toHaveLength(1);
  });

  it.each([
    ["422", refused(400), 422],
    ["502", refused(401), 502],
  ] satisfies [string, Step, number][])(
    "that was answered as it stopped is told the answer: %s",
    async (_, step, status) => {
      const service = testService({
        steps: (() => {
          service.stop();
          return step;
        }) as () => Step,
      });
      expect((await service.compare()).status).toBe(status);
      expect(service.stores.stored.size).toBe(0);
    },
  );

  it("whose answer was no judgement becomes a ticket: its one more ask could not be made", async () => {
    const service = testService({
      steps: (() => {
        service.stop();
        return said("tie");
      }) as () => Step,
    });
    expect((await service.compare()).status).toBe(202);
    expect(service.vendor.calls).toHaveLength(1);
  });
});

it("keeps what comes while it stops, and calls nobody", async () => {
  const service = testService();
  service.stop();
  expect((await service.compare()).status).toBe(202);
  expect((await service.compare({ processing_mode: "immediate" })).status).toBe(503);
  expect(service.vendor.calls).toEqual([]);
});

it("gives a ticket's claim back unharmed, and the next process judges it as its first attempt", async () => {
  const service = testService({ steps: ["stall"] });
  const id = String((await service.compare({ processing_mode: "queue" })).body["queue_id"]);
  await service.clock.advance(1_000);
  expect(service.stores.stored.get(id)?.state.status).toBe("processing");
  service.kill("gate.start");
  service.stop();
  await service.clock.advance(0);
  expect(service.stores.stored.get(id)).toMatchObject({
    state: { status: "queued", lastFailure: null },
    progress: { attempts: 0, failedAttempts: 0, suspect: false, deaths: 0 },
  });
  const next = service.restarted({
    steps: [slow(refused(503), 1), slow(refused(503), 1), slow(refused(503), 1)],
  });
  await next.clock.advance(60_000);
  expect(next.stores.stored.get(id)).toMatchObject({
    state: { status: "completed" },
    progress: { attempts: 1, failedAttempts: 3 },
  });
});

it("gives a ticket back whose answer was no judgement: its one more ask could not be made", async () => {
  const service = testService({
    steps: () => {
      service.kill("gate.start");
      service.stop();
      return said("tie");
    },
  });
  const id = String((await service.compare({ processing_mode: "queue" })).body["queue_id"]);
  await service.clock.advance(0);
  expect(service.vendor.calls).toHaveLength(1);
  expect(service.stores.stored.get(id)).toMatchObject({
    state: { status: "queued", lastFailure: null },
    progress: { attempts: 0, failedAttempts: 0 },
  });
  expect((await service.restarted().request(`/api/v1/status/${id}`)).body["retry_count"]).toBe(0);
});
