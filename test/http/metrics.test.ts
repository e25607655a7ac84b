/** `GET /metrics`: who may read it, and that it says what happened. */
import { describe, expect, it } from "vitest";
import { createHash } from "node:crypto";
import { testService, type ServiceOptions } from "../support/service.ts";
import { goodBody, post } from "../support/answers.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const keys = { tenant: "lps_tenant", operator: "lps_operator", reader: "lps_reader" };
const keyed = {
  API_KEYS: `maths:${sha256(keys.tenant)}`,
  OPERATOR_KEYS: `ops:${sha256(keys.operator)},grafana:${sha256(keys.reader)}!read`,
};
const basic = (pair: string) => ({ headers: { authorization: `Basic ${btoa(pair)}` } });
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

async function statusAt(options: ServiceOptions, init: RequestInit = {}) {
  const { status, headers, body } = await testService(options).request("/metrics", init);
  return { status, type: headers.get("content-type"), body };
}

describe("with operators' keys", () => {
  it.each([
    ["Bearer", bearer(keys.operator)],
    ["Bearer, in whatever case", { headers: { authorization: `bearer ${keys.operator}` } }],
    ["Basic, with the name that belongs to it", basic(`ops:${keys.operator}`)],
    ["a key that may only look", bearer(keys.reader)],
  ])("opens to %s", async (_, init) => {
    expect(await statusAt({ env: keyed }, init)).toMatchObject({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
    });
  });

  it.each([
    ["nobody", {}],
    ["a tenant's key", bearer(keys.tenant)],
    ["a tenant's key by Basic", basic(`maths:${keys.tenant}`)],
    ["a key under another operator's name", basic(`grafana:${keys.operator}`)],
    ["the hash of a key", bearer(sha256(keys.operator))],
    ["a key without a name", basic(`:${keys.operator}`)],
    ["what is no base64", { headers: { authorization: "Basic %%%" } }],
    ["another scheme", { headers: { authorization: `Digest ${keys.operator}` } }],
  ])("is closed to %s, and asks no browser for a password", async (_, init) => {
    const { request } = testService({ env: keyed });
    const { status, body, headers } = await request("/metrics", init);
    expect([status, body["error_type"]]).toEqual([401, "AUTHENTICATION_ERROR"]);
    expect(headers.get("www-authenticate")).toBe("Bearer");
  });

  it("no operator's key opens what is the tenants'", async () => {
    const { request } = testService({ env: keyed });
    expect((await request("/api/v1/providers", bearer(keys.operator))).status).toBe(401);
  });
});

it("without any keys it is this machine's own, and no other site's page reads it", async () => {
  expect(await statusAt({})).toMatchObject({ status: 200 });
  expect(await statusAt({ origin: "http://service.example" })).toMatchObject({ status: 401 });
  expect(await statusAt({}, { headers: { origin: "https://evil.example" } })).toMatchObject({ status: 401 });
});

it("with tenants' keys and none for operators it is nobody's, and says what is missing", async () => {
  for (const init of [{}, bearer(keys.tenant)]) {
    const { status, body } = await statusAt({ env: { API_KEYS: keyed.API_KEYS } }, init);
    expect([status, body["error"]]).toEqual([401, expect.stringContaining("OPERATOR_KEYS is not set")]);
  }
});

/** Samples by name and labels. */
async function metricsOf({ request }: ReturnType<typeof testService>) {
  const { text } = await request("/metrics");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

it("begins at 0 what an alert must see the first of: a bug that a client meets, an expired ticket", async () => {
  expect(await metricsOf(testService({ env: { MOCK_ENABLED: "true" } }))).toMatchObject({
    'llm_provider_comparisons_total{provider="mock",mode="immediate",result="refused",error_type="INTERNAL_ERROR"}': 0,
    'llm_provider_tickets_total{provider="mock",event="expired"}': 0,
  });
});

describe("says what clients saw:", () => {
  it("a judgement, an unreadable answer that was asked for once more, a refusal and a ticket", async () => {
    const service = testService({ env: { MOCK_ENABLED: "true" } });
    const { compare } = service;
    const mock = { llm_config_overrides: { provider_override: "mock", model_override: "made-up" } };
    expect((await compare(mock)).status).toBe(200);
    expect((await compare({ essay_a: "" })).status).toBe(400);
    expect((await compare({ ...mock, processing_mode: "queue" })).status).toBe(202);
    const key = { headers: { "idempotency-key": "one" } };
    const init = {
      ...post({ ...goodBody, ...mock }),
      headers: { "content-type": "application/json", ...key.headers },
    };
    for (let times = 0; times < 2; times++)
      expect((await service.request("/api/v1/comparison", init)).status).toBe(200);

    expect(await metricsOf(service)).toMatchObject({
      'llm_provider_comparisons_total{provider="mock",mode="queue_if_unavailable",result="judged",error_type="none"}': 3,
      'llm_provider_comparisons_total{provider="none",mode="none",result="refused",error_type="VALIDATION_ERROR"}': 1,
      'llm_provider_comparisons_total{provider="mock",mode="queue",result="kept",error_type="none"}': 1,
      'llm_provider_http_requests_total{route="/api/v1/comparison",method="POST",status="200"}': 3,
      'llm_provider_http_requests_total{route="/api/v1/comparison",method="POST",status="202"}': 1,
      'llm_provider_idempotent_requests_total{outcome="first"}': 1,
      'llm_provider_idempotent_requests_total{outcome="replayed"}': 1,
      'llm_provider_attempts_total{provider="mock",model="other",lane="live",outcome="judged"}': 2,
      'llm_provider_tickets_total{provider="mock",event="accepted"}': 1,
      'llm_provider_tenant_requests_total{tenant="local"}': 4,
      'llm_provider_queue_depth{provider="mock"}': 1,
      'llm_provider_circuit_breaker_state{provider="mock",state="closed"}': 1,
      'llm_provider_circuit_breaker_state{provider="mock",state="open"}': 0,
      'llm_provider_gate_up{provider="openai"}': 1,
    });
  });

  it("a bug that a client met, as a comparison of the mode that it was asked in", async () => {
    const service = testService({ steps: [{ throws: new TypeError("a bug of ours") }] });
    expect((await service.compare({ processing_mode: "immediate" })).status).toBe(500);
    expect(await metricsOf(service)).toMatchObject({
      'llm_provider_comparisons_total{provider="openai",mode="immediate",result="refused",error_type="INTERNAL_ERROR"}': 1,
    });
  });

  it("a breaker that opened, and who was turned away by it", async () => {
    const down = { status: 503, text: JSON.stringify({ error: { message: "down" } }) };
    const service = testService({
      env: { LLM_MAX_RETRIES: "0" },
      steps: Array.from({ length: 5 }, () => down),
    });
    for (let times = 0; times < 5; times++) await service.compare({ processing_mode: "immediate" });
    expect((await service.compare({ processing_mode: "immediate" })).body["error_type"]).toBe(
      "CIRCUIT_BREAKER_OPEN",
    );
    expect((await service.compare()).status).toBe(202);
    expect(await metricsOf(service)).toMatchObject({
      'llm_provider_circuit_breaker_state{provider="openai",state="open"}': 1,
      'llm_provider_circuit_breaker_openings_total{provider="openai"}': 1,
      'llm_provider_faults_in_a_row{provider="openai"}': 5,
      'llm_provider_upstream_responses_total{provider="openai",status="503"}': 5,
      'llm_provider_turned_away_total{provider="openai",why="breaker"}': 2,
      'llm_provider_queue_accepting{provider="openai"}': 1,
    });
    expect(service.logged("ticket_kept")).toMatchObject([
      { level: "info", provider: "openai", reason: "breaker" },
    ]);
  });
});
