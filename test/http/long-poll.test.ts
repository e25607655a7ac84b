/** A status and a result that wait for the ticket's end: `?wait=S`, `Prefer: wait=S`. */
import { describe, expect, it } from "vitest";
import { refused, slow, verdict } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const queued = { processing_mode: "queue" };
/** Its ticket ends after 10 s. */
const tenSeconds = { steps: [slow(verdict(), 10_000)] };
/** Its breaker opens with the first fault: a ticket waits then, and is not called for. */
const breaking = {
  env: {
    LLM_MAX_RETRIES: "0",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1",
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "60",
  },
  steps: [refused(503)],
};
const idOf = ({ body }: { readonly body: Record<string, unknown> }) => String(body["queue_id"]);

/** What is asked, and whether it is answered yet. */
function asked(service: TestService, path: string, init: RequestInit = {}) {
  let answeredAfterMs: number | null = null;
  const sinceMs = service.clock.monotonicMs();
  const answer = service.request(path, init).finally(() => {
    answeredAfterMs = service.clock.monotonicMs() - sinceMs;
  });
  return { answer, afterMs: () => answeredAfterMs };
}

describe.each(["status", "results"])("%s", (which) => {
  const pathOf = (id: string, query = "") => `/api/v1/${which}/${id}${query}`;

  it("is answered when the ticket ends, and not before", async () => {
    const service = testService(tenSeconds);
    const id = idOf(await service.compare(queued));
    const waiting = asked(service, pathOf(id, "?wait=30"));
    await service.clock.advance(9_999);
    expect(waiting.afterMs()).toBe(null);
    await service.clock.advance(1);
    expect(waiting.afterMs()).toBe(10_000);
    const { status, body, headers } = await waiting.answer;
    expect([status, body["status"] ?? body["winner"]]).toEqual([
      200,
      which === "status" ? "completed" : "Essay A",
    ]);
    expect(headers.get("preference-applied")).toBe(null);
  });

  it("is answered when its time is over, as without", async () => {
    const service = testService(tenSeconds);
    const id = idOf(await service.compare(queued));
    const waiting = asked(service, pathOf(id, "?wait=7"));
    await service.clock.advance(10_000);
    expect(waiting.afterMs()).toBe(7_000);
    expect([(await waiting.answer).status, (await waiting.answer).body["status"]]).toEqual([
      which === "status" ? 200 : 202,
      "processing",
    ]);
  });

  it.each([
    ["wait=10", "wait=10", 10_000],
    ["respond-async, wait=3", "wait=3", 3_000],
    ['return=minimal; foo="bar", Wait = "4"', "wait=4", 4_000],
    ["wait=3600", "wait=30", 10_000],
  ])("waits as its caller prefers, and says so: %s", async (prefer, applied, afterMs) => {
    const service = testService(tenSeconds);
    const id = idOf(await service.compare(queued));
    const waiting = asked(service, pathOf(id), { headers: { prefer } });
    await service.clock.advance(10_000);
    expect(waiting.afterMs()).toBe(afterMs);
    expect((await waiting.answer).headers.get("preference-applied")).toBe(applied);
  });

  it.each(["wait=x", "wait=-1", "respond-async", "wait", "awaiting=3"])(
    "does not wait for a preference that can't be read: %s",
    async (prefer) => {
      const service = testService(tenSeconds);
      const id = idOf(await service.compare(queued));
      const { headers } = await service.request(pathOf(id), { headers: { prefer } });
      expect(headers.get("preference-applied")).toBe(null);
    },
  );

  it("goes by its address where that and the preference differ", async () => {
    const service = testService(tenSeconds);
    const id = idOf(await service.compare(queued));
    const { headers } = await service.request(pathOf(id, "?wait=0"), { headers: { prefer: "wait=5" } });
    expect(headers.get("preference-applied")).toBe(null);
  });

  it.each(["31", "-1", "1.5", "soon", "5&wait=5"])("refuses %s seconds", async (wait) => {
    const service = testService(tenSeconds);
    const id = idOf(await service.compare(queued));
    const { status, body } = await service.request(pathOf(id, `?wait=${wait}`));
    expect([status, body["issues"]]).toEqual([400, [expect.objectContaining({ path: "wait" })]]);
  });

  it("does not wait for a ticket that is not the caller's, or is none", async () => {
    const service = testService({ ...tenSeconds, env: { API_KEYS } });
    const id = idOf(await service.compare(queued, as("one")));
    expect((await service.request(pathOf(id, "?wait=30"), as("two"))).status).toBe(404);
    const none = "00000000-0000-4000-8000-000000000000";
    expect((await service.request(pathOf(none, "?wait=30"), as("two"))).status).toBe(404);
  });

  it("is answered at once as without when the process is asked to end, and waits for nothing then", async () => {
    const service = testService(breaking);
    await service.compare({ processing_mode: "immediate" });
    const id = idOf(await service.compare(queued));
    await service.clock.advance(1_000);
    const waiting = asked(service, pathOf(id, "?wait=30"));
    await service.clock.advance(1_000);
    expect(waiting.afterMs()).toBe(null);
    service.stop();
    await service.clock.advance(0);
    expect(waiting.afterMs()).toBe(1_000);
    const after = asked(service, pathOf(id), { headers: { prefer: "wait=30" } });
    await service.clock.advance(0);
    expect(after.afterMs()).toBe(0);
    expect((await after.answer).headers.get("preference-applied")).toBe(null);
  });

  it("is answered as it was where the store goes away meanwhile", async () => {
    const service = testService(tenSeconds);
    const id = idOf(await service.compare(queued));
    const waiting = asked(service, pathOf(id, "?wait=5"));
    await service.clock.advance(1_000);
    service.stores.away("tickets.load");
    await service.clock.advance(4_000);
    expect(waiting.afterMs()).toBe(5_000);
    expect((await waiting.answer).status).toBe(which === "status" ? 200 : 202);
  });

  it("gives its place back: of a tenant 200 wait at once, and the next is answered at once", async () => {
    const service = testService(tenSeconds);
    const id = idOf(await service.compare(queued));
    const waiting = Array.from({ length: 201 }, () => asked(service, pathOf(id, "?wait=5")));
    await service.clock.advance(0);
    expect(waiting.filter(({ afterMs }) => afterMs() === 0)).toHaveLength(1);
    await service.clock.advance(5_000);
    expect(waiting.filter(({ afterMs }) => afterMs() === 5_000)).toHaveLength(200);
    const again = asked(service, pathOf(id, "?wait=5"));
    await service.clock.advance(0);
    expect(again.afterMs()).toBe(null);
  });

  it("gives its place back when its caller goes away", async () => {
    const service = testService({ steps: ["stall"] });
    const id = idOf(await service.compare(queued));
    const callers = Array.from({ length: 200 }, () => {
      const controller = new AbortController();
      return { controller, ...asked(service, pathOf(id, "?wait=30"), { signal: controller.signal }) };
    });
    await service.clock.advance(1_000);
    callers[0]?.controller.abort();
    const next = asked(service, pathOf(id, "?wait=30"));
    await service.clock.advance(0);
    expect(next.afterMs()).toBe(null);
    await service.clock.advance(30_000);
    await Promise.all([...callers, next].map(({ answer }) => answer));
  });
});

it("a problem that has waited says what preference it met", async () => {
  const service = testService({ steps: ["stall"] });
  const id = idOf(await service.compare(queued));
  const waiting = asked(service, `/api/v1/results/${id}`, { headers: { prefer: "wait=9" } });
  await service.clock.advance(1_000);
  await service.request(`/api/v1/tickets/${id}`, { method: "DELETE" });
  const { status, headers } = await waiting.answer;
  expect([status, headers.get("preference-applied"), waiting.afterMs()]).toEqual([410, "wait=9", 1_000]);
});
