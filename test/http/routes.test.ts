/** Every route beside the comparison: what it answers, whole. */
import { describe, expect, it } from "vitest";
import { refused, said, slow } from "../support/scripted-transport.ts";
import { openaiKey, testService } from "../support/service.ts";

const names = ["anthropic", "openai", "google", "openrouter", "mock"];
const post = { method: "POST" };

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

  it("is one attempt, past retries and queue, and measures the whole of it", async () => {
    const { request, clock, vendor, stores } = testService({ steps: [slow(refused(503), 3_000)] });
    const answering = request("/api/v1/providers/openai/test", post);
    await clock.advance(60_000);
    expect((await answering).body).toMatchObject({ success: false, response_time_ms: 3_000 });
    expect(vendor.calls).toHaveLength(1);
    expect(stores.stored.size).toBe(0);
  });

  it("has the one more ask of an attempt", async () => {
    const { request, vendor } = testService({ steps: [said("no judgement")] });
    const { body } = await request("/api/v1/providers/openai/test", post);
    expect(body).toMatchObject({ success: true });
    expect(vendor.calls).toHaveLength(2);
  });

  it("goes past an open breaker, and moves it neither way", async () => {
    const { request, compare, vendor } = testService({
      env: { CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1", LLM_MAX_RETRIES: "0" },
      steps: [refused(500), refused(500)],
    });
    const test = () => request("/api/v1/providers/openai/test", post);
    const state = async () => {
      const rows = (await request("/api/v1/providers")).body["providers"] as { name: string }[];
      return rows.find(({ name }) => name === "openai");
    };
    await compare({ processing_mode: "immediate" });
    const before = await state();
    expect(before).toMatchObject({ circuit_breaker_state: "open", failure_count: 1 });
    expect((await test()).body).toMatchObject({ success: false });
    expect((await test()).body).toMatchObject({ success: true });
    expect(vendor.calls).toHaveLength(3);
    expect(await state()).toEqual(before);
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

  it.each([
    ["none", {}],
    ["an empty one of any type", { body: "", headers: { "content-type": "text/plain" } }],
    ["an empty object", { body: "{}", headers: { "content-type": "application/json" } }],
    ["any JSON", { body: "[1]", headers: { "content-type": "application/json; charset=utf-8" } }],
  ])("takes a body that says nothing: %s", async (_, init) => {
    const { status } = await testService().request("/api/v1/providers/mock/test", { ...post, ...init });
    expect(status).toBe(200);
  });

  it.each([
    [415, "of another type", { body: "{}", headers: { "content-type": "text/plain" } }],
    [415, "of a form", { body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } }],
    [415, "of no type", { body: new Uint8Array([123, 125]) }],
    [
      415,
      "that is compressed",
      { body: "x", headers: { "content-type": "application/json", "content-encoding": "gzip" } },
    ],
    [400, "that is no JSON", { body: "{", headers: { "content-type": "application/json" } }],
    [413, "past the limit", { body: " ".repeat(101), headers: { "content-type": "application/json" } }],
  ])("is %i with any other body, and asks nobody: one %s", async (expected, _, init) => {
    const { request, vendor } = testService({ env: { MAX_BODY_BYTES: "100" } });
    const { status } = await request("/api/v1/providers/openai/test", { ...post, ...init });
    expect(status).toBe(expected);
    expect(vendor.calls).toEqual([]);
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
