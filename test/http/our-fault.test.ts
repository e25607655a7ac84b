/** What a client is told where the fault is ours: a provider that is not set up here, and bugs. */
import { describe, expect, it } from "vitest";
import { testService } from "../support/service.ts";

/** Nobody but the log may hear it. */
const canary = "canary-7f3a";

const ask = (provider: string, env = {}) =>
  testService({ env }).compare({ llm_config_overrides: { provider_override: provider } });

describe("a provider that can't be asked", () => {
  it.each([
    ["has no key", "anthropic", {}, "openai, mock"],
    ["is not enabled", "openai", { OPENAI_ENABLED: "false" }, "mock"],
    [
      "is the mock, not enabled",
      "mock",
      { MOCK_ENABLED: "false", ANTHROPIC_API_KEY: "k" },
      "anthropic, openai",
    ],
  ])("because it %s: 400, with those that can", async (_, provider, env, usable) => {
    const { status, body } = await ask(provider, env);
    expect(status).toBe(400);
    expect(body["error_type"]).toBe("CONFIGURATION_ERROR");
    expect(body["error"]).toContain(provider);
    expect(body["error"]).toContain(`usable: ${usable}`);
  });

  it("because none can", async () => {
    const { body } = await ask("openai", { OPENAI_ENABLED: "false", MOCK_ENABLED: "false" });
    expect(body["error"]).toContain("none is");
  });
});

describe("a bug of ours", () => {
  const thrown: readonly (readonly [string, unknown, string])[] = [
    ["an error", new TypeError(`${canary} in line\n    at ${canary} (file.ts:1:1)`), "TypeError"],
    ["an error with a cause", new Error(canary, { cause: new Error(canary) }), "Error"],
    ["a text", canary, "string"],
    ["nothing", undefined, "undefined"],
    ["null", null, "object"],
    ["an object", { message: canary, stack: `x\n    at ${canary}` }, "object"],
  ];
  it.each(thrown)("that throws %s is a 500 without any of its text", async (_, throws, name) => {
    const { compare, clock, logged, written } = testService({ steps: [{ throws }] });
    const answered = await compare();
    expect(answered.status).toBe(500);
    expect(answered.body).toEqual({
      error: expect.any(String),
      error_type: "INTERNAL_ERROR",
      correlation_id: answered.headers.get("x-correlation-id"),
    });
    expect(answered.text).not.toContain(canary);
    expect(written()).not.toContain(canary);
    expect(logged("unexpected_error")).toMatchObject([{ level: "error", error_name: name }]);
    expect(logged("request")).toMatchObject([{ level: "warn", status: 500, error_type: "INTERNAL_ERROR" }]);
    expect(clock.pending()).toBe(0);
  });

  it("is logged with where it happened", async () => {
    const { compare, logged } = testService({ steps: [{ throws: new Error(canary) }] });
    await compare();
    const [line] = logged("unexpected_error");
    expect(line?.["stack"]).toContainEqual(expect.stringMatching(/our-fault\.test\.ts:\d+:\d+/));
  });

  it("stays out of the answer of a provider's test too", async () => {
    const { request } = testService({ steps: [{ throws: new Error(canary) }] });
    const answered = await request("/api/v1/providers/openai/test", { method: "POST" });
    expect(answered.status).toBe(500);
    expect(answered.text).not.toContain(canary);
  });
});
