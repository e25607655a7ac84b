/** A tenant's webhooks over the API: who is told, how they fare, what was told, once more, and a test. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AttemptEnd } from "../../src/domain/push/delivery.ts";
import { nodeHmac } from "../../src/node/push/hmac.ts";
import type { PostOutcome, PushRequest } from "../../src/push/post.ts";
import { receiversOf } from "../../src/push/receivers.ts";
import { createWebhooks } from "../../src/push/webhooks.ts";
import { post } from "../support/answers.ts";
import { manualClock } from "../support/clock.ts";
import { memoryDeliveries } from "../support/memory-deliveries.ts";
import { testService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const secret = `whsec_${btoa("s".repeat(32))}`;
const settings = {
  endpoints: [
    { tenant: "one", name: "main", url: "https://hooks.example.org/in?key=canary", secrets: [secret] },
    { tenant: "two", name: "main", url: "https://two.example.org:8443/", secrets: [secret] },
  ],
  prefixes: [{ tenant: "one", name: "app", url: "https://app.example.org/hooks", secrets: [secret] }],
  includeResult: false,
  allowPrivate: false,
  maxPending: 100,
};
const ticketIdOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

function by(tenant: "one" | "two", init: RequestInit): RequestInit {
  return { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), ...as(tenant).headers } };
}

async function worldFor() {
  const receivers = await receiversOf(settings, (text) => createHash("sha256").update(text).digest("hex"));
  const clock = manualClock();
  const store = memoryDeliveries(clock.nowMs, () => 0.5, 10);
  const sent: PushRequest[] = [];
  let answer: PostOutcome = { kind: "status", status: 204, retryAfterMs: null };
  const webhooks = createWebhooks({
    receivers,
    deliveriesOf: () => store,
    post: async (request) => {
      sent.push(request);
      return answer;
    },
    signing: { hmac: nodeHmac, version: "1.2.3" },
    clock,
    newId: () => "0000000a-b00c-4d0e-8f00-000000000001",
    tell: () => {},
  });
  const service = testService({ env: { API_KEYS }, webhooks });
  const ask = (path: string, tenant: "one" | "two" = "one", init: RequestInit = {}) =>
    service.request(`/api/v1/webhooks${path}`, by(tenant, init));
  return {
    service,
    ask,
    sent,
    clock,
    answers(next: PostOutcome) {
      answer = next;
    },
    test: (name: unknown, tenant: "one" | "two" = "one") => ask("/test", tenant, post({ name })),
    async enter(number: number, tenant = "one", callback?: { name: string; url: string }) {
      const ticketId = ticketIdOf(number);
      const endedAtMs = clock.nowMs();
      const event = { eventId: `evt_${ticketId}_3`, type: "ticket.completed", tenant, ticketId, endedAtMs };
      const about = { tenant, ...(callback && { callback }) };
      await store.enter({ ...event, forgetAtMs: endedAtMs + 86_400_000 }, receivers.endpointsOf(about), 100);
      await clock.advance(1_000);
    },
    async settle(end: AttemptEnd) {
      const [taken] = await store.take(receivers.known, 1, 60_000);
      if (taken === undefined) throw new Error("nothing is due");
      await store.settle(taken.delivery.id, taken.lease, end);
    },
  };
}

const good: AttemptEnd = { kind: "status", status: 200 };

describe("GET /api/v1/webhooks", () => {
  it("shows a tenant its own receivers, without their URLs", async () => {
    const { ask, enter, settle } = await worldFor();
    await enter(1);
    await settle(good);
    await enter(2);
    await settle({ kind: "status", status: 410 });
    const { status, body, text } = await ask("");
    expect(status).toBe(200);
    expect(body).toEqual({
      endpoints: [
        {
          name: "main",
          host: "hooks.example.org",
          kind: "endpoint",
          state: "off",
          failing_since: null,
          off_because: "gone",
          pending: 0,
          dropped: 0,
          last_delivered_at: "2026-11-22T12:00:01.000Z",
        },
        expect.objectContaining({ name: "app", kind: "callback", state: "ok", host: "app.example.org" }),
      ],
    });
    expect(text).not.toMatch(/canary|two\.example|whsec/);
    expect((await ask("", "two")).body["endpoints"]).toMatchObject([
      { name: "main", host: "two.example.org:8443" },
    ]);
  });

  it("is empty where nobody is told", async () => {
    const service = testService({ env: { API_KEYS } });
    const asked = (path: string, init: RequestInit = {}) =>
      service.request(`/api/v1/webhooks${path}`, by("one", init));
    expect((await asked("")).body).toEqual({ endpoints: [] });
    expect((await asked("/deliveries")).body).toEqual({ deliveries: [], cursor: null });
    expect((await asked("/test", post({ name: "main" }))).status).toBe(404);
    expect((await asked(`/deliveries/${ticketIdOf(1)}/redeliver`, { method: "POST" })).status).toBe(404);
    expect((await service.request("/api/v1/webhooks")).status).toBe(401);
  });
});

describe("POST /api/v1/webhooks/test", () => {
  it("sends what is signed and names the receiver, and says what came of it", async () => {
    const { test, sent, answers } = await worldFor();
    const { status, body } = await test("main");
    expect(status).toBe(200);
    expect(body).toEqual({
      name: "main",
      delivered: true,
      status: 204,
      error: null,
      response_time_ms: 0,
      event_id: "evt_test_0000000a-b00c-4d0e-8f00-000000000001",
    });
    expect(sent[0]).toMatchObject({
      url: settings.endpoints[0]?.url,
      headers: { "webhook-id": body["event_id"] },
    });
    expect(JSON.parse(sent[0]?.body ?? "")).toEqual({
      type: "webhook.test",
      timestamp: "2026-11-22T12:00:00.000Z",
      data: { endpoint: "main" },
    });
    answers({ kind: "status", status: 500, retryAfterMs: null });
    expect((await test("main")).body).toMatchObject({ delivered: false, status: 500, error: "status" });
    answers({ kind: "blocked" });
    expect((await test("app")).body).toMatchObject({ delivered: false, status: null, error: "blocked" });
  });

  it("turns a receiver on that was off, if it arrives, and not otherwise", async () => {
    const { test, ask, enter, settle, answers } = await worldFor();
    await enter(1);
    await settle({ kind: "status", status: 410 });
    answers({ kind: "timeout" });
    await test("main");
    const stateOf = async () => (await ask("")).body["endpoints"] as { state: string }[];
    expect((await stateOf())[0]?.state).toBe("off");
    answers({ kind: "status", status: 200, retryAfterMs: null });
    await test("main");
    expect((await stateOf())[0]?.state).toBe("ok");
  });

  it("is refused for another's receiver, for none, for the seventh within a minute, and never costs another's", async () => {
    const { test, clock, sent } = await worldFor();
    expect((await test("app", "two")).status).toBe(404);
    expect((await test(7)).status).toBe(400);
    for (let count = 0; count < 6; count++) expect((await test("main")).status).toBe(200);
    await clock.advance(20_000);
    const refused = await test("main");
    expect([refused.status, refused.body["error_type"], refused.headers.get("retry-after")]).toEqual([
      429,
      "RATE_LIMIT",
      "40",
    ]);
    expect((await test("main", "two")).status).toBe(200);
    await clock.advance(40_000);
    expect((await test("main")).status).toBe(200);
    expect(sent).toHaveLength(8);
  });
});

describe("GET /api/v1/webhooks/deliveries", () => {
  it("is the log, newest first, by receiver and state, and another tenant's is not in it", async () => {
    const { ask, enter, settle } = await worldFor();
    await enter(1);
    await settle(good);
    await enter(2);
    await settle({ kind: "refused" });
    await enter(3, "two");
    await enter(4, "one", { name: "app", url: "https://app.example.org/hooks/x" });
    const rows = async (query: string) => (await ask(`/deliveries${query}`)).body["deliveries"];
    expect(await rows("")).toMatchObject([
      { endpoint: "app", status: "pending", attempts: 0, last_status: null, last_error: null },
      {
        queue_id: ticketIdOf(2),
        event_id: `evt_${ticketIdOf(2)}_3`,
        type: "ticket.completed",
        endpoint: "main",
        status: "pending",
        attempts: 1,
        last_status: null,
        last_error: "refused",
        next_attempt_at: "2026-11-22T12:00:07.000Z",
        created_at: "2026-11-22T12:00:01.000Z",
      },
      { queue_id: ticketIdOf(1), status: "delivered", last_status: 200, next_attempt_at: null },
    ]);
    expect(await rows("?name=app")).toHaveLength(1);
    expect(await rows("?status=delivered")).toHaveLength(1);
    expect(await rows("?status=dropped")).toEqual([]);
    expect((await ask("/deliveries?status=due")).status).toBe(400);
    expect((await ask("/deliveries?name=a/b")).status).toBe(400);
  });

  it("goes on with its cursor, of the same filters alone", async () => {
    const { ask, enter } = await worldFor();
    for (const number of [1, 2, 3, 4, 5]) await enter(number);
    const seen: unknown[] = [];
    let cursor = "";
    do {
      const { body } = await ask(`/deliveries?limit=2${cursor}`);
      seen.push(...(body["deliveries"] as { queue_id: string }[]).map(({ queue_id }) => queue_id));
      cursor = body["cursor"] === null ? "" : `&cursor=${String(body["cursor"])}`;
      expect((await ask(`/deliveries?name=main${cursor}`)).status).toBe(cursor === "" ? 200 : 400);
    } while (cursor !== "");
    expect(seen).toEqual([5, 4, 3, 2, 1].map(ticketIdOf));
    for (const bad of ["x", "****", btoa("1 2 3")])
      expect((await ask(`/deliveries?cursor=${bad}`)).status).toBe(400);
  });
});

describe("POST …/redeliver", () => {
  it("tells the same event again, and only its own tenant can ask for it", async () => {
    const { ask, enter, settle, clock } = await worldFor();
    await enter(1);
    await settle(good);
    const [row] = (await ask("/deliveries")).body["deliveries"] as Record<string, unknown>[];
    const path = `/deliveries/${String(row?.["delivery_id"])}/redeliver`;
    const again = await ask(path, "one", { method: "POST" });
    expect([again.status, again.body]).toEqual([
      202,
      { ...row, status: "pending", next_attempt_at: new Date(clock.nowMs()).toISOString() },
    ]);
    expect((await ask(path, "two", { method: "POST" })).status).toBe(404);
    expect((await ask("/deliveries/17/redeliver", "one", { method: "POST" })).status).toBe(400);
    await clock.advance(86_400_000);
    const late = await ask(path, "one", { method: "POST" });
    expect([late.status, late.body["error_type"]]).toEqual([410, "REQUEST_EXPIRED"]);
  });
});

describe("GET /healthz", () => {
  it("says that receivers are off, failing or that something was dropped, and names nobody", async () => {
    const { service, enter, settle, clock } = await worldFor();
    const health = async () => (await service.request("/healthz")).body;
    expect(await health()).toMatchObject({ status: "healthy", warnings: [] });
    await enter(1);
    await settle({ kind: "status", status: 410 });
    for (const number of [2, 3, 4, 5, 6]) {
      await enter(number, "two");
      await settle({ kind: "tls" });
    }
    await enter(7, "one", { name: "app", url: "https://app.example.org/hooks/x" });
    await settle({ kind: "ticket_gone" });
    const { status, warnings } = await health();
    expect(status).toBe("degraded");
    expect(warnings).toEqual([
      expect.stringMatching(/^Of 3 receivers of webhooks 1 switched off/),
      expect.stringMatching(/^Of 3 receivers of webhooks 1 failing/),
      expect.stringMatching(/^Webhooks were dropped within the last day \(1 in all\)/),
    ]);
    expect(JSON.stringify(warnings)).not.toMatch(/main|app\b|example|one|two/);
    await clock.advance(86_400_000);
    expect((await health())["warnings"]).toHaveLength(2);
  });
});
