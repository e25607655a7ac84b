/** Every route beside the comparison: what it answers, whole. */
import { describe, expect, it } from "vitest";
import { version } from "../../src/version.ts";
import { refused, said } from "../support/scripted-transport.ts";
import { openaiKey, testService } from "../support/service.ts";

const names = ["anthropic", "openai", "google", "openrouter", "mock"];
const post = { method: "POST" };

describe("the modes of a comparison", () => {
  it.each([undefined, null, "immediate", "queue_if_unavailable"])("%s is judged at once", async (mode) => {
    expect((await testService().compare({ processing_mode: mode })).status).toBe(200);
  });

  it("queue is 503 while there is no queue, and calls nobody", async () => {
    const { compare, vendor } = testService();
    const { status, body } = await compare({ processing_mode: "queue" });
    expect([status, body["error_type"]]).toEqual([503, "SERVICE_UNAVAILABLE"]);
    expect(vendor.calls).toEqual([]);
  });
});

describe.each(["status", "results"])("/api/v1/%s", (route) => {
  it("knows no ticket", async () => {
    for (const id of ["b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f", "B9F5A1DE-5F02-4B6E-8F6A-2A9A0D4CBB2F"]) {
      const { status, body } = await testService().request(`/api/v1/${route}/${id}`);
      expect([status, body["error_type"]]).toEqual([404, "RESOURCE_NOT_FOUND"]);
    }
  });

  it.each(["1", "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2", "b9f5a1de5f024b6e8f6a2a9a0d4cbb2f", "%00", "{id}"])(
    "refuses %s, which is no UUID",
    async (id) => {
      const { status, body } = await testService().request(`/api/v1/${route}/${id}`);
      expect([status, body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
      expect(body["issues"]).toEqual([{ path: "queue_id", message: expect.any(String) }]);
    },
  );
});

const row = (
  name: string,
  enabled: boolean,
  configured: boolean,
  default_model: unknown = expect.any(String),
) => ({
  name,
  enabled,
  configured,
  available: enabled && configured,
  circuit_breaker_state: null,
  default_model,
  last_success: null,
  last_failure: null,
  failure_count: null,
  average_response_time_ms: null,
  retry_at: null,
  queue: null,
});

describe("/api/v1/providers", () => {
  it("lists all five, with what is known of each and nothing that nobody measured", async () => {
    const { request } = testService({
      env: {
        ANTHROPIC_ENABLED: "false",
        GOOGLE_API_KEY: "g",
        GOOGLE_ENABLED: "false",
        OPENAI_DEFAULT_MODEL: "house",
      },
    });
    const { body } = await request("/api/v1/providers");
    expect(body).toEqual({
      providers: [
        row("anthropic", false, false),
        row("openai", true, true, "house"),
        row("google", false, true),
        row("openrouter", true, false),
        row("mock", true, true, "mock-judge-1"),
      ],
      default_provider: "openai",
      total_requests_today: null,
      total_cost_today: null,
    });
  });
});

describe("a provider's test", () => {
  it("succeeds with a judgement by the provider's default model", async () => {
    const { request, vendor, logged } = testService();
    const { status, body } = await request("/api/v1/providers/openai/test", post);
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      provider: "openai",
      message: "gpt-6-luna-2026-09-22 gave a judgement.",
      response_time_ms: 0,
    });
    expect(vendor.calls).toHaveLength(1);
    expect(logged("request")).toMatchObject([
      { route: "/api/v1/providers/:provider/test", provider: "openai" },
    ]);
  });

  it.each([
    ["is refused", refused(401, {}, { message: `canary ${openaiKey}` }), "refused the credentials"],
    ["is refused as a request", refused(400, {}, { message: "canary" }), "can never succeed"],
    ["is not judged", said("canary"), "not with a judgement"],
  ])("is a 200 too when it %s, without the vendor's words", async (_, step, message) => {
    const { request } = testService({ steps: [step, step] });
    const { status, body, text } = await request("/api/v1/providers/openai/test", post);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      success: false,
      provider: "openai",
      message: expect.stringContaining(message),
    });
    expect(text).not.toMatch(/canary/);
  });

  it("measures the whole test, retries included", async () => {
    const { request, clock } = testService({ steps: [refused(503, { "retry-after": "3" })] });
    const answering = request("/api/v1/providers/openai/test", post);
    await clock.advance(3_000);
    expect((await answering).body).toMatchObject({ success: true, response_time_ms: 3_000 });
  });

  it("is a 200 where the provider can't be asked, and calls nobody", async () => {
    const { request, vendor } = testService();
    const { status, body } = await request("/api/v1/providers/google/test", post);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      success: false,
      provider: "google",
      message: expect.stringContaining("openai"),
    });
    expect(vendor.calls).toEqual([]);
  });

  it("needs no body, and ignores one", async () => {
    const { request } = testService();
    const { status } = await request("/api/v1/providers/mock/test", { ...post, body: "{" });
    expect(status).toBe(200);
  });

  it.each(["nobody", "OPENAI", "__proto__", "constructor", "%20mock"])("is 400 for %s", async (name) => {
    const { status, body } = await testService().request(`/api/v1/providers/${name}/test`, post);
    expect([status, body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
    expect(body["issues"]).toEqual([{ path: "provider", message: expect.any(String) }]);
  });
});

interface Model {
  readonly provider: string;
  readonly id: string;
  readonly default: boolean;
}
const modelsOf = (body: Record<string, unknown>) => body["models"] as Model[];

describe("/api/v1/models", () => {
  it("lists every provider's, with one default each", async () => {
    const { body } = await testService().request("/api/v1/models");
    expect(new Set(modelsOf(body).map(({ provider }) => provider))).toEqual(new Set(names));
    const defaults = modelsOf(body).filter((model) => model.default);
    expect(defaults.map(({ provider }) => provider).toSorted()).toEqual(names.toSorted());
  });

  it.each(names)("lists those of %s alone", async (provider) => {
    const { request } = testService();
    const all = modelsOf((await request("/api/v1/models")).body);
    const { body } = await request(`/api/v1/models?provider=${provider}`);
    expect(modelsOf(body)).toEqual(all.filter((model) => model.provider === provider));
    expect(modelsOf(body)).not.toEqual([]);
  });

  it("has the operator's own default model, of which nothing is known", async () => {
    const { request } = testService({ env: { OPENAI_DEFAULT_MODEL: "house" } });
    const { body } = await request("/api/v1/models?provider=openai");
    expect(modelsOf(body).filter((model) => model.default)).toEqual([
      {
        provider: "openai",
        id: "house",
        parameters: ["max_tokens"],
        structured_output: "json_schema",
        prices: null,
        deprecated_on: null,
        default: true,
      },
    ]);
  });

  it.each(["nobody", "", "OpenAI", "openai&provider=mock", "openai,mock"])(
    "is 400 for provider=%s",
    async (query) => {
      const { status, body } = await testService().request(`/api/v1/models?provider=${query}`);
      expect([status, body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
      expect(body["issues"]).toEqual([{ path: "provider", message: expect.any(String) }]);
    },
  );

  it("ignores other parameters", async () => {
    expect((await testService().request("/api/v1/models?other=1")).status).toBe(200);
  });
});

const standing = (enabled: boolean, configured: boolean) => ({
  enabled,
  configured,
  circuit_breaker_state: null,
});

describe("/healthz", () => {
  it("tells what the service is, and nothing secret", async () => {
    const { request } = testService({ env: { OPENAI_ENABLED: "false", ENVIRONMENT: "test" } });
    const { status, body, text } = await request("/healthz");
    expect(status).toBe(200);
    expect(body).toEqual({
      service: "llm-provider-service",
      status: "healthy",
      version,
      platform: "node",
      environment: "test",
      dependencies: {},
      queue_stats: null,
      providers: {
        anthropic: standing(true, false),
        openai: standing(false, true),
        google: standing(true, false),
        openrouter: standing(true, false),
        mock: standing(true, true),
      },
      warnings: [],
    });
    expect(text).not.toContain(openaiKey);
  });

  it("repeats the warnings about the settings", async () => {
    const { body } = await testService({ env: { LLM_MAX_RETRYS: "1" } }).request("/healthz");
    expect(body["warnings"]).toEqual([expect.stringContaining("LLM_MAX_RETRYS")]);
  });

  it("fills the log only when someone debugs", async () => {
    const { request, logged } = testService();
    await request("/healthz");
    expect(logged("request")).toMatchObject([{ level: "debug" }]);
  });
});

describe("/docs", () => {
  it("is one page with every route, that loads and runs nothing", async () => {
    const { request } = testService();
    const { text, headers } = await request("/docs");
    expect(headers.get("content-type")).toBe("text/html; charset=UTF-8");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(text).not.toMatch(/<script|<link|<img|src=|url\(|@import|\bon\w+=/i);
    const { body } = await request("/openapi.json");
    for (const path of Object.keys(body["paths"] as object)) expect(text).toContain(path);
  });
});
