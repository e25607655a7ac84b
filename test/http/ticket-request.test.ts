/** A ticket holds its comparison as it was resolved: what is sent upstream for it is what an immediate call would have sent then. */
import { expect, it } from "vitest";
import { judgeSystemPrompt } from "../../src/domain/judging/prompt.ts";
import type { Ticket } from "../../src/domain/ticket/ticket.ts";
import { refused, verdict } from "../support/scripted-transport.ts";
import { testService } from "../support/service.ts";

const queued = { processing_mode: "queue" };
const choices = {
  model_override: [undefined, null, "gpt-6-luna", "gpt-6.2-sol", "house-model"],
  temperature_override: [undefined, 0, 2],
  system_prompt_override: [undefined, ".", "Judge in \u2028 French: é😀."],
  max_tokens_override: [undefined, 1],
  reasoning_effort: [undefined, "none", "high"],
};

/** Every combination of all choices. */
const combinations = Object.entries(choices).reduce<readonly Record<string, unknown>[]>(
  (before, [name, values]) =>
    before.flatMap((overrides) => values.map((value) => ({ ...overrides, [name]: value }))),
  [{}],
);

const essays = {
  user_prompt: "Compare {essay_b} with \r\n this.",
  essay_a: "{essay_b} \u0000 ключ",
  essay_b: "“b”",
};
const later = { OPENAI_DEFAULT_MODEL: "another-model", LLM_DEFAULT_MAX_TOKENS: "77" };

it.each([
  ["from the same process", {}],
  ["after a restart with another default model and other tokens", later],
])("is byte for byte the same request %s, whatever was overridden", async (name, env) => {
  const live = testService();
  const before = testService({ env: { QUEUE_CONCURRENCY: "1" } });
  expect(combinations.length).toBe(270);
  for (const llm_config_overrides of combinations) {
    expect((await live.compare({ ...essays, llm_config_overrides })).status).toBe(200);
    await before.compare({ ...essays, ...queued, llm_config_overrides });
  }
  expect(before.vendor.calls).toEqual([]);
  const working = name.startsWith("after") ? before.restarted({ env }) : before;
  await working.clock.advance(60_000);
  expect(working.vendor.calls).toHaveLength(combinations.length);
  expect(working.vendor.calls).toEqual(live.vendor.calls);
  expect(new Set(live.vendor.calls.map(({ body }) => body)).size).toBeGreaterThan(150);
});

it("is the same when it was asked live before, and at each further attempt", async () => {
  const down = refused(503);
  const live = testService();
  await live.compare(essays);
  const { compare, clock, vendor } = testService({ steps: [down, down, down, down, down], random: () => 0 });
  const answering = compare(essays);
  await clock.advance(60_000);
  expect((await answering).status).toBe(202);
  expect(vendor.calls.length).toBeGreaterThan(5);
  expect(new Set(vendor.calls.map(({ body }) => body))).toEqual(new Set([live.vendor.calls[0]?.body]));
});

it("keeps its provider when another one has become the default, and its result says what was asked", async () => {
  const before = testService();
  const id = String((await before.compare(queued)).body["queue_id"]);
  const env = { ...later, ANTHROPIC_API_KEY: "key", DEFAULT_LLM_PROVIDER: "anthropic" };
  const after = before.restarted({ env });
  await after.clock.advance(31_000);
  expect(after.vendor.calls.map(({ url }) => url)).toEqual(["https://api.openai.com/v1/responses"]);
  const { body } = await after.request(`/api/v1/results/${id}`);
  expect(body).toMatchObject({ provider: "openai", metadata: { requested_model: "gpt-6.1-terra" } });
});

it("is judged by the system prompt that was built in then", async () => {
  const { compare, stores, vendor, clock } = testService();
  const id = String((await compare(queued)).body["queue_id"]);
  const tickets = stores.stored as Map<string, Ticket>;
  const ticket = tickets.get(id);
  if (ticket?.state.status !== "queued") throw new Error("it does not wait");
  expect(ticket.state.texts.systemPrompt).toBe(judgeSystemPrompt);
  const texts = { ...ticket.state.texts, systemPrompt: "Of an older version." };
  tickets.set(id, { ...ticket, state: { ...ticket.state, texts } });
  await clock.advance(0);
  expect(JSON.parse(vendor.calls[0]?.body ?? "")["instructions"]).toBe("Of an older version.");
});

it("waits as for credentials when its provider is no longer configured, and is judged when it is again", async () => {
  const before = testService();
  const id = String((await before.compare(queued)).body["queue_id"]);
  const without = before.restarted({ env: { OPENAI_ENABLED: "false" } });
  await without.clock.advance(3_600_000);
  const { body } = await without.request(`/api/v1/status/${id}`);
  expect(body).toMatchObject({ status: "queued", retry_count: 0, error_type: "CONFIGURATION_ERROR" });
  expect(without.vendor.calls).toEqual([]);
  const again = without.restarted({ steps: [verdict()] });
  await again.clock.advance(900_000);
  const { body: judged } = await again.request(`/api/v1/results/${id}`);
  expect(judged).toMatchObject({ winner: "Essay A", metadata: { attempts: 1 } });
});
