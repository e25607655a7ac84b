/** Models that are held, in `GET /api/v1/providers` and `GET /healthz`: who is told which name. */
import { expect, it } from "vitest";
import { refused, slow } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

/** A company behind OpenRouter refuses a model. */
const refusal = refused(403, {}, { code: 403, metadata: { provider_name: "Somebody", raw: "No." } });
const env = { API_KEYS, OPENROUTER_API_KEY: "k", LLM_MAX_RETRIES: "0" };
const asking = (model_override: string, processing_mode = "queue") => ({
  processing_mode,
  llm_config_overrides: { provider_override: "openrouter", model_override },
});

async function heldFor({ request }: TestService, tenant: "one" | "two") {
  const { body } = await request("/api/v1/providers", as(tenant));
  const rows = body["providers"] as readonly Record<string, unknown>[];
  const { models_held, others_held } = rows.find(({ name }) => name === "openrouter") ?? {};
  return [(models_held as readonly { readonly model: string }[]).map(({ model }) => model), others_held];
}

it("names a made-up model to the tenant whose ticket wants it, also while that ticket asks, and to nobody else", async () => {
  // The model's endpoints are looked up first.
  const service = testService({
    env,
    steps: ({ method }) => (method === "GET" ? { status: 404, text: "{}" } : slow(refusal, 1_000)),
  });
  await service.compare(asking("made-up/judge"), as("one"));
  await service.clock.advance(1_000);
  for (const passedMs of [0, 9_999, 1, 500]) {
    await service.clock.advance(passedMs);
    expect(await heldFor(service, "one")).toEqual([["made-up/judge"], 0]);
    expect(await heldFor(service, "two")).toEqual([[], 1]);
  }
  const health = await service.request("/healthz");
  expect(health.body["warnings"]).toContainEqual("Another model at openrouter waits by itself.");
  expect(health.text).not.toContain("made-up");
});

it("names one of the catalogue to everybody", async () => {
  const service = testService({ env, steps: () => refusal });
  await service.compare(asking("openai/gpt-6.1-terra", "immediate"), as("one"));
  expect(await heldFor(service, "two")).toEqual([["openai/gpt-6.1-terra"], 0]);
  expect((await service.request("/healthz")).text).toContain("openai/gpt-6.1-terra at openrouter is refused");
});
