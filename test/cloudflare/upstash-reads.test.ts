/** What status and results answer while a ticket's object can't be reached. */
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { UpstashFault } from "../support/redis/upstash-faults.ts";
import { ticketsOf } from "./objects.ts";
import { hasUpstash, newWorker, until, upstashWorlds, withoutTickets } from "./upstash-world.ts";

let freshUpstash: Awaited<ReturnType<typeof upstashWorlds>>;
beforeAll(async () => {
  if (hasUpstash) freshUpstash = await upstashWorlds();
});

describe.skipIf(!hasUpstash)("while a ticket's object can't be reached", () => {
  /** A ticket whose copy shows this, and a Worker that can't reach its object. */
  async function copied(status: "queued" | "processing" | "completed" | "failed" | "expired") {
    const s = await freshUpstash();
    const id = await s.ticket();
    const tickets = ticketsOf();
    if (status === "expired") await s.advance(720_000);
    else if (status !== "queued") await tickets.claim(id, "permit", false);
    if (status === "completed") await tickets.settle(id, 1, judged);
    if (status === "failed") await tickets.settle(id, 1, refused);
    await until(async () => (await s.copy(id))?.state.status === status);
    const before = {
      status: await s.worker.ask(`/api/v1/status/${id}`),
      results: await s.worker.ask(`/api/v1/results/${id}`),
    };
    await s.upstash.asked();
    const blind = await newWorker(withoutTickets());
    return {
      ...s,
      id,
      before,
      status: (key?: string) => blind.ask(`/api/v1/status/${id}`, {}, key),
      results: (key?: string) => blind.ask(`/api/v1/results/${id}`, {}, key),
      blind,
    };
  }

  it.each([
    ["completed", 200],
    ["failed", 502],
    ["expired", 410],
  ] as const)("one that has %s is answered as ever", async (state, code) => {
    const s = await copied(state);
    const status = await s.status();
    expect([status.status, status.body]).toEqual([200, s.before.status.body]);
    expect(status.body["status"]).toBe(state);
    const results = await s.results();
    expect(results.status).toBe(code);
    expect(plain(results.body)).toEqual(plain(s.before.results.body));
    // One read for each, and nothing else.
    expect(await s.upstash.asked()).toEqual(["HGET", "HGET"]);
  });

  it.each(["queued", "processing"] as const)(
    "one that is %s is shown with the time of its copy, and without a place in the queue",
    async (state) => {
      const s = await copied(state);
      expect(s.before.status.body["position_in_queue"]).toBe(state === "queued" ? 1 : null);
      const { status, body } = await s.status();
      expect(status).toBe(200);
      expect(body).toEqual({
        ...s.before.status.body,
        position_in_queue: null,
        estimated_wait_minutes: null,
      });
      expect(body["updated_at"]).toBe(new Date(s.nowMs()).toISOString());
      const results = await s.results();
      expect([results.status, results.body["status"]]).toEqual([202, state]);
    },
  );

  it("what the copy has is shown though the ticket is further: Upstash may be behind", async () => {
    const s = await copied("queued");
    await s.upstash.freeze();
    await ticketsOf().claim(s.id, "permit", false);
    await until(async () => (await s.copy(s.id))?.state.status === "processing");
    expect((await s.status()).body["status"]).toBe("queued");
  });

  it("another tenant gets 404 as ever", async () => {
    const s = await copied("completed");
    expect((await s.status("key-two")).status).toBe(404);
    expect((await s.results("key-two")).status).toBe(404);
    expect((await s.status("key-one")).status).toBe(200);
  });

  it("one of which there is no copy is 503, for it may exist", async () => {
    const s = await copied("completed");
    for (const route of ["status", "results"]) {
      const { status, body } = await s.blind.ask(`/api/v1/${route}/${crypto.randomUUID()}`);
      expect([status, body["error_type"]]).toEqual([503, "SERVICE_UNAVAILABLE"]);
    }
  });

  it("one that is forgotten by now has no copy", async () => {
    const s = await copied("completed");
    s.tick(86_399_999);
    expect((await s.status()).status).toBe(200);
    s.tick(1);
    expect((await s.status()).status).toBe(503);
  });

  const faults: readonly UpstashFault[] = [
    { kind: "hang" },
    { kind: "slow", delayMs: 2_000 },
    { kind: "html" },
    { kind: "rateLimited" },
    { kind: "unauthorized" },
    { kind: "dropBefore" },
    { kind: "dropAfter" },
  ];
  it.each(faults)("a copy that Upstash does not give in its time is 503: $kind", async (fault) => {
    const s = await copied("completed");
    await s.upstash.fail(fault);
    s.budgets.mockClear();
    expect((await s.status()).status).toBe(503);
    // Once, for its budget.
    expect(await s.upstash.asked()).toEqual(["HGET"]);
    expect(s.budgets.mock.calls).toEqual([[300]]);
    await s.upstash.heal();
    expect((await s.status()).status).toBe(200);
  });

  it("no worker takes a copy for a ticket", async () => {
    const s = await copied("queued");
    const message = { body: s.id, attempts: 1, ack: vi.fn<() => void>(), retry: vi.fn<() => void>() };
    const batch = { queue: "llm-provider-service-tickets", messages: [message] };
    await s.blind.queue(batch as never, withoutTickets());
    expect(message.retry).toHaveBeenCalledOnce();
    expect(await s.upstash.asked()).toEqual([]);
  });
});

describe.skipIf(!hasUpstash)("while all objects can be reached", () => {
  it("nothing is asked of Upstash for a 200, for a status, or for an id that nobody knows", async () => {
    const s = await freshUpstash();
    await s.upstash.fail({ kind: "hang" });
    expect((await s.worker.submit("immediate")).status).toBe(200);
    expect((await s.worker.ask(`/api/v1/status/${crypto.randomUUID()}`)).status).toBe(404);
    expect(await s.upstash.asked()).toEqual([]);
  });

  it("a Worker is ready without Upstash, and does not ask it", async () => {
    const s = await freshUpstash();
    await s.upstash.fail({ kind: "hang" });
    expect((await s.worker.ask("/readyz")).status).toBe(200);
    expect(await s.upstash.asked()).toEqual([]);
  });

  it("health tells of Upstash, and is degraded without it", async () => {
    const s = await freshUpstash();
    const well = await s.worker.ask("/healthz");
    expect(well.body).toMatchObject({ status: "healthy", dependencies: { upstash: { status: "up" } } });
    await s.upstash.fail({ kind: "unauthorized" });
    const ill = await s.worker.ask("/healthz");
    expect(ill.status).toBe(200);
    expect(ill.body).toMatchObject({
      status: "degraded",
      dependencies: { upstash: { status: "down", error: "wrong_credentials" } },
    });
    expect(await s.upstash.asked()).toEqual(["SET", "SET"]);
  });
});

const spent = { calls: 1, costUsd: 0.01 };

const judged = {
  kind: "judged",
  result: {
    judgement: { winner: "Essay B", justification: "It argues.", confidence: 4.2, normalizations: ["x"] },
    model: "mock-judge-1",
    usage: null,
    durationMs: 800,
  },
  spent,
} as const;

const refused = {
  kind: "failed",
  failure: { reason: "request_refused", status: 400, vendorSays: "no such model" },
  spent,
} as const;

/** Each error has the correlation id of its own request. */
function plain(body: Readonly<Record<string, unknown>>): unknown {
  return "error" in body ? { ...body, correlation_id: null } : body;
}
