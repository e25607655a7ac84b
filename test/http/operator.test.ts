/** The operator's routes: who may use them, and what comes of them. */
import { describe, expect, it } from "vitest";
import { asOperator, byBasic, OPERATOR_KEYS } from "../support/operators.ts";
import { refused, verdict } from "../support/scripted-transport.ts";
import { testService, type ServiceOptions, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const env = { API_KEYS, OPERATOR_KEYS, MOCK_ENABLED: "true", LLM_MAX_RETRIES: "0" };
const service = (options: ServiceOptions = {}) =>
  testService({ ...options, env: { ...env, ...options.env } });
const queued = { processing_mode: "queue" };
const ops = asOperator("ops");
const post = asOperator("ops", { method: "POST" });
const pausing = "/api/v1/operator/providers/openai/pause";
const resuming = "/api/v1/operator/providers/openai/resume";
const probing = "/api/v1/operator/providers/openai/probe";

type Rows = readonly Record<string, unknown>[];

const ticketsIn = async (at: TestService, query = "") => {
  const { status, body } = await at.request(`/api/v1/operator/tickets${query}`, ops);
  return { status, rows: body["tickets"] as Rows, cursor: body["cursor"], complete: body["complete"] };
};

/** Nothing is worked on. */
async function keep(at: TestService, tenant: "one" | "two", changes = {}): Promise<string> {
  at.stores.away("gate.start");
  const { body } = await at.compare({ ...queued, ...changes }, as(tenant));
  await at.clock.advance(1_000);
  at.stores.away();
  return String(body["queue_id"]);
}

const statusOf = async (at: TestService, id: string, tenant: "one" | "two" = "one") =>
  (await at.request(`/api/v1/status/${id}`, as(tenant))).body;

describe("who may", () => {
  const looks = ["/api/v1/operator/tickets", "/api/v1/operator/actions"];
  const acts: readonly (readonly [string, string])[] = [
    ["DELETE", "/api/v1/operator/tickets/b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f"],
    ["POST", pausing],
    ["POST", resuming],
    ["POST", probing],
  ];

  it.each([...looks.map((path) => ["GET", path] as const), ...acts])(
    "%s %s is closed to tenants and strangers",
    async (method, path) => {
      const { request } = service();
      for (const init of [{}, as("one"), { headers: byBasic("ops", { authorization: "Basic b25lOng=" }) }]) {
        const { status, body, headers } = await request(path, { ...init, method });
        expect([status, body["error_type"]]).toEqual([401, "AUTHENTICATION_ERROR"]);
        // Or a browser would ask for a password.
        expect(headers.get("www-authenticate")).toBe("Bearer");
      }
    },
  );

  it.each(looks)("who may only look sees %s", async (path) => {
    expect((await service().request(path, asOperator("reader"))).status).toBe(200);
  });

  it.each(acts)("who may only look is told so by %s %s, and nothing is done", async (method, path) => {
    const at = service();
    const { status, body } = await at.request(path, asOperator("reader", { method }));
    expect([status, body["error"]]).toEqual([403, expect.stringContaining("may only look (!read)")]);
    expect((await at.request("/api/v1/operator/actions", ops)).body).toEqual({ actions: [] });
    expect(at.logged("operator_action")).toEqual([]);
  });

  it("ten keys that are tried in vain are logged in whatever minute", async () => {
    const at = service();
    const tries = async (count: number) => {
      for (let times = 0; times < count; times++)
        await at.request("/api/v1/operator/actions", { headers: { authorization: "Bearer lps_guessed" } });
      return at.logged("operator_refused").length;
    };
    expect(await tries(1)).toBe(1);
    await at.clock.advance(59_999);
    expect(await tries(20)).toBe(10);
    await at.clock.advance(1);
    expect(await tries(20)).toBe(11);
    await at.clock.advance(59_999);
    expect(await tries(20)).toBe(20);
  });

  it("what changes anything by Basic must come from the service's own page", async () => {
    const { request } = service();
    const sent = (headers: Record<string, string>) => request(pausing, { method: "POST", headers });
    expect((await sent(byBasic("ops"))).status).toBe(401);
    expect((await sent(byBasic("ops", { origin: "https://evil.example", host: "localhost" }))).status).toBe(
      401,
    );
    expect((await sent(byBasic("ops", { "sec-fetch-site": "cross-site" }))).status).toBe(401);
    expect((await sent(byBasic("ops", { "sec-fetch-site": "same-origin" }))).status).toBe(200);
    expect((await request("/api/v1/operator/actions", { headers: byBasic("ops") })).status).toBe(200);
  });

  it("with tenants' keys and none for operators nobody may, and without any keys this machine may", async () => {
    const closed = testService({ env: { API_KEYS } });
    expect((await closed.request("/api/v1/operator/tickets", as("one"))).status).toBe(401);
    const open = testService();
    expect((await open.request(pausing, { method: "POST" })).body).toMatchObject({ paused_by: "local" });
    const far = testService({ origin: "http://elsewhere.example" });
    expect((await far.request("/api/v1/operator/tickets")).status).toBe(401);
  });

  it("tells of keys that are tried, ten times a minute, and how many it did not tell of", async () => {
    const at = service();
    const tryKey = () =>
      at.request("/api/v1/operator/actions", { headers: { authorization: "Bearer lps_no" } });
    for (let tried = 0; tried < 25; tried++) await tryKey();
    // A browser asks first without a key.
    await at.request("/api/v1/operator/actions");
    expect(at.logged("operator_refused")).toHaveLength(10);
    await at.clock.advance(60_000);
    await tryKey();
    expect(at.logged("operator_refused")).toHaveLength(11);
    expect(at.logged("operator_refused").at(-1)).toMatchObject({
      level: "warn",
      route: "/api/v1/operator/actions",
      count: 15,
    });
    expect(at.written()).not.toContain("lps_");
  });
});

describe("GET /api/v1/operator/tickets", () => {
  it("shows all tenants' tickets as their statuses do, newest first, with whose each is", async () => {
    const at = service();
    const [a, b, c] = [await keep(at, "one"), await keep(at, "two"), await keep(at, "one")];
    const { rows, cursor, complete } = await ticketsIn(at);
    expect([cursor, complete]).toEqual([null, true]);
    expect(rows.map(({ queue_id, tenant }) => [queue_id, tenant])).toEqual([
      [c, "one"],
      [b, "two"],
      [a, "one"],
    ]);
    expect(rows[1]).toEqual({ tenant: "two", ...(await statusOf(at, b, "two")) });
  });

  it("filters by tenant, provider and status, and goes on with its cursor under the same filters alone", async () => {
    const at = service();
    const ids = [await keep(at, "one"), await keep(at, "one"), await keep(at, "two")];
    const ofMock = await keep(at, "one", { llm_config_overrides: { provider_override: "mock" } });
    await at.request(`/api/v1/tickets/${ids[0]}`, { ...as("one"), method: "DELETE" });
    const idsOf = async (query: string) => (await ticketsIn(at, query)).rows.map(({ queue_id }) => queue_id);
    expect(await idsOf("?tenant=two")).toEqual([ids[2]]);
    expect(await idsOf("?tenant=nobody")).toEqual([]);
    expect(await idsOf("?provider=mock")).toEqual([ofMock]);
    expect(await idsOf("?tenant=one&status=cancelled")).toEqual([ids[0]]);
    const first = await ticketsIn(at, "?limit=2");
    const rest = await ticketsIn(at, `?limit=2&cursor=${String(first.cursor)}`);
    expect([...first.rows, ...rest.rows].map(({ queue_id }) => queue_id)).toEqual([
      ofMock,
      ...ids.toReversed(),
    ]);
    for (const query of ["?tenant=one", "?provider=openai", "?tenant=*"])
      expect((await ticketsIn(at, `${query}&cursor=${String(first.cursor)}`)).status).toBe(400);
    // A tenant's own cursor leads nowhere here, nor an operator's there.
    const own = await at.request("/api/v1/tickets?limit=1", as("one"));
    expect((await ticketsIn(at, `?tenant=one&cursor=${String(own.body["cursor"])}`)).status).toBe(400);
    const back = await at.request(`/api/v1/tickets?cursor=${String(first.cursor)}`, as("one"));
    expect(back.status).toBe(400);
  });
});

describe("DELETE /api/v1/operator/tickets/…", () => {
  it("cancels anybody's ticket, who is told that an operator did; again it is the same", async () => {
    const at = service();
    const id = await keep(at, "two");
    const path = `/api/v1/operator/tickets/${id}`;
    for (const _ of [1, 2]) {
      const { status, body } = await at.request(path, asOperator("ops", { method: "DELETE" }));
      expect([status, body["status"], body["tenant"]]).toEqual([200, "cancelled", "two"]);
    }
    const result = await at.request(`/api/v1/results/${id}`, as("two"));
    expect([result.status, result.body["error_type"]]).toEqual([410, "REQUEST_CANCELLED"]);
    expect(result.body["error"]).toContain("by an operator of this service");
    expect(at.logged("ticket_ended")).toEqual([]);
    expect(at.logged("operator_action")[0]).toMatchObject({
      level: "info",
      operator: "ops",
      action: "cancel",
      provider: "openai",
      queue_id: id,
      tenant: "two",
    });
  });

  it("does not cancel what has ended otherwise, nor what is not there, and notes neither", async () => {
    const at = service({ steps: [verdict()] });
    const { body } = await at.compare(queued, as("one"));
    await at.clock.advance(1_000);
    const remove = (id: unknown) =>
      at.request(`/api/v1/operator/tickets/${String(id)}`, asOperator("ops", { method: "DELETE" }));
    expect((await remove(body["queue_id"])).status).toBe(409);
    expect((await remove("b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f")).status).toBe(404);
    expect((await remove("no-uuid")).status).toBe(400);
    expect((await at.request("/api/v1/operator/actions", ops)).body).toEqual({ actions: [] });
  });
});

it("an order that the store didn't answer is in the log with the operator's name, for it may be obeyed all the same", async () => {
  const at = service();
  const id = await keep(at, "two");
  at.stores.away("gate", "tickets");
  expect((await at.request(resuming, post)).status).toBe(503);
  const remove = asOperator("ops", { method: "DELETE" });
  expect((await at.request(`/api/v1/operator/tickets/${id}`, remove)).status).toBe(503);
  const unsure = { level: "warn", operator: "ops", reason: "unanswered" };
  expect(at.logged("operator_action")).toMatchObject([
    { ...unsure, action: "resume", provider: "openai" },
    { ...unsure, action: "cancel", queue_id: id },
  ]);
  at.stores.away();
  expect((await at.request("/api/v1/operator/actions", ops)).body).toEqual({ actions: [] });
});

it("what its owner had cancelled is shown so, and is not said to be an operator's doing", async () => {
  const at = service();
  const id = await keep(at, "two");
  expect((await at.request(`/api/v1/tickets/${id}`, { ...as("two"), method: "DELETE" })).status).toBe(200);
  const again = await at.request(`/api/v1/operator/tickets/${id}`, asOperator("ops", { method: "DELETE" }));
  expect([again.status, again.body["status"]]).toEqual([200, "cancelled"]);
  expect((await at.request("/api/v1/operator/actions", ops)).body).toEqual({ actions: [] });
  expect(at.logged("operator_action")).toEqual([]);
});

describe("a provider that is paused", () => {
  it("is called by nobody: live requests become tickets that wait, or are refused, as with an open breaker", async () => {
    const at = service({ steps: [verdict(), verdict(), verdict()] });
    const paused = await at.request(pausing, post);
    expect([paused.status, paused.body]).toMatchObject([
      200,
      { name: "openai", paused: true, available: false, paused_by: "ops", circuit_breaker_state: "closed" },
    ]);
    const kept = await at.compare({}, as("one"));
    expect([kept.status, kept.body["retry_after"]]).toEqual([202, 60]);
    expect(kept.body["message"]).toContain("openai is paused by an operator");
    const refused = await at.compare({ processing_mode: "immediate" }, as("two"));
    expect([refused.status, refused.body["error_type"]]).toEqual([503, "CIRCUIT_BREAKER_OPEN"]);
    await at.clock.advance(3_600_000);
    const id = String(kept.body["queue_id"]);
    expect(await statusOf(at, id)).toMatchObject({
      status: "queued",
      retry_count: 0,
      estimated_wait_minutes: null,
      error_type: "CIRCUIT_BREAKER_OPEN",
    });
    expect((await at.request(`/api/v1/results/${id}`, as("one"))).body["retry_after"]).toBe(60);
    expect(at.vendor.calls).toHaveLength(0);
    const resumed = await at.request(resuming, post);
    expect(resumed.body).toMatchObject({ paused: false, available: true, paused_by: null, paused_at: null });
    await at.clock.advance(1_000);
    expect(await statusOf(at, id)).toMatchObject({ status: "completed" });
    expect((await at.compare({}, as("one"))).status).toBe(200);
  });

  it("stays so over a restart, and is the first operator's however often it is paused", async () => {
    const at = service({ steps: [verdict()] });
    const first = (await at.request(pausing, post)).body["paused_at"];
    await at.clock.advance(5_000);
    const next = at.restarted({ env });
    expect((await next.request(pausing, post)).body).toMatchObject({ paused_by: "ops", paused_at: first });
    expect((await next.compare({}, as("one"))).status).toBe(202);
    expect(next.vendor.calls).toHaveLength(0);
  });

  it("is told to whoever asks how things are, without the operator's name", async () => {
    const at = service();
    await keep(at, "one");
    await at.request(pausing, post);
    const { body } = await at.request("/api/v1/providers", as("one"));
    const row = (body["providers"] as Rows).find(({ name }) => name === "openai");
    expect(row).toMatchObject({ paused: true, available: false });
    expect(row?.["retry_at"]).not.toBeNull();
    const metrics = await at.request("/metrics", asOperator("reader"));
    expect(metrics.text).toContain('llm_provider_paused{provider="openai"} 1');
    expect(metrics.text).toContain('llm_provider_paused{provider="mock"} 0');
    const health = await at.request("/healthz");
    expect(health.body["status"]).toBe("degraded");
    expect(JSON.stringify(health.body["warnings"])).toMatch(
      /openai is paused by an operator since .*: one ticket waits until it is resumed/,
    );
    expect(health.text + JSON.stringify(row)).not.toContain("ops");
  });

  it("is tried out by nobody, leaves all others alone, and expires what waits when its time is over", async () => {
    const at = service({ steps: [] });
    await at.request(pausing, post);
    const { body } = await at.compare({}, as("one"));
    const tried = await at.request("/api/v1/providers/openai/test", { ...as("one"), method: "POST" });
    expect([tried.status, tried.body["success"]]).toEqual([200, false]);
    expect(tried.body["message"]).toContain("openai is paused by an operator");
    const mock = { llm_config_overrides: { provider_override: "mock" } };
    expect((await at.compare(mock, as("one"))).status).toBe(200);
    await at.clock.advance(4 * 3_600_000);
    expect(await statusOf(at, String(body["queue_id"]))).toMatchObject({ status: "expired", retry_count: 0 });
    expect(at.vendor.calls).toHaveLength(0);
  });
});

describe("a probe", () => {
  it("of a provider whose breaker is open lets the next call out at once", async () => {
    const at = service({ steps: (_, index) => (index < 5 ? refused(503) : verdict()) });
    for (let calls = 0; calls < 5; calls++) await at.compare({ processing_mode: "immediate" }, as("one"));
    const open = await at.compare({ processing_mode: "immediate" }, as("one"));
    expect([open.status, open.body["error_type"]]).toEqual([503, "CIRCUIT_BREAKER_OPEN"]);
    const kept = String((await at.compare({}, as("one"))).body["queue_id"]);
    expect(at.vendor.calls).toHaveLength(5);
    await at.request(probing, post);
    await at.clock.advance(50);
    expect(at.vendor.calls.length).toBeGreaterThan(5);
    expect(await statusOf(at, kept)).toMatchObject({ status: "completed" });
  });

  it("of a healthy one asks nothing, and of a paused one changes nothing", async () => {
    const at = service();
    expect((await at.request(probing, post)).status).toBe(200);
    await at.request(pausing, post);
    await keep(at, "one");
    expect((await at.request(probing, post)).body).toMatchObject({ paused: true });
    await at.clock.advance(60_000);
    expect(at.vendor.calls).toHaveLength(0);
  });
});

it.each([pausing, resuming, probing])("%s knows no provider of another name", async (path) => {
  const { status, body } = await service().request(path.replace("openai", "nobody"), post);
  expect([status, body["error_type"]]).toEqual([404, "RESOURCE_NOT_FOUND"]);
});

it("what operators did is kept, the newest first, and done but not kept is 503", async () => {
  const at = service();
  const id = await keep(at, "two");
  await at.request(pausing, post);
  await at.clock.advance(1_000);
  await at.request(`/api/v1/operator/tickets/${id}`, asOperator("ops", { method: "DELETE" }));
  at.stores.away("actions.note");
  expect((await at.request(resuming, post)).status).toBe(503);
  at.stores.away();
  expect((await at.request(resuming, post)).status).toBe(200);
  const { body } = await at.request("/api/v1/operator/actions?limit=3", asOperator("reader"));
  const of = { operator: "ops", provider: "openai", queue_id: null, tenant: null };
  expect(body["actions"]).toMatchObject([
    { ...of, action: "resume" },
    { ...of, action: "cancel", queue_id: id, tenant: "two" },
    { ...of, action: "pause" },
  ]);
  expect(at.logged("operator_action").map(({ action }) => action)).toEqual([
    "pause",
    "cancel",
    "resume",
    "resume",
  ]);
});
