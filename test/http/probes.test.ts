/** `/livez` and `/readyz`: who lives is not started anew in vain, who can't take comparisons in is sent none. */
import { describe, expect, it } from "vitest";
import { refused } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";

const probed = async ({ request }: TestService) => [
  (await request("/livez")).status,
  (await request("/readyz")).status,
];
const queued = { processing_mode: "queue" };

it("say no more than that", async () => {
  const { request } = testService();
  expect((await request("/livez")).body).toEqual({ status: "alive" });
  expect((await request("/readyz")).body).toEqual({ status: "ready" });
});

describe("who lives is ready", () => {
  it("while a breaker is open and credentials are refused", async () => {
    const env = { LLM_MAX_RETRIES: "0", CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1" };
    const service = testService({ env, steps: [refused(500)], random: () => 0 });
    await service.compare({ processing_mode: "immediate" });
    expect((await service.request("/healthz")).body["status"]).toBe("degraded");
    expect(await probed(service)).toEqual([200, 200]);

    const unpaid = testService({ steps: () => refused(401) });
    await unpaid.compare(queued);
    await unpaid.clock.advance(0);
    expect((await unpaid.request("/healthz")).body["status"]).toBe("degraded");
    expect(await probed(unpaid)).toEqual([200, 200]);
  });

  it("while a queue is full", async () => {
    const service = testService({ env: { QUEUE_MAX_SIZE: "1" }, steps: () => "stall" });
    await service.compare(queued);
    expect((await service.compare(queued)).body["error_type"]).toBe("QUEUE_FULL");
    expect(await probed(service)).toEqual([200, 200]);
  });

  it("while a store is down that tickets can do without, or a gate", async () => {
    const service = testService();
    service.stores.away("spare", "gate");
    expect(await probed(service)).toEqual([200, 200]);
  });
});

describe("who lives is not ready", () => {
  it("while a store is down without which nothing can be kept, and says which", async () => {
    const service = testService();
    service.stores.away("tickets");
    expect(await probed(service)).toEqual([200, 503]);
    const { body } = await service.request("/readyz");
    expect(body).toMatchObject({ error_type: "SERVICE_UNAVAILABLE", retry_after: 1 });
    expect(body["error"]).toContain("memory");
    service.stores.away();
    expect(await probed(service)).toEqual([200, 200]);
  });

  it("from when it was asked to end", async () => {
    const service = testService();
    service.stop();
    expect(await probed(service)).toEqual([200, 503]);
  });
});

it("fill the log only when someone debugs, whatever they answer", async () => {
  const service = testService();
  await probed(service);
  service.stop();
  await probed(service);
  expect(service.logged("request").map(({ level, status }) => [level, status])).toEqual([
    ["debug", 200],
    ["debug", 200],
    ["debug", 200],
    ["debug", 503],
  ]);
});
