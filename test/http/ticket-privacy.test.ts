/** What of a ticket is stored: its texts only until it ends, and nobody's keys at all. */
import { describe, expect, it } from "vitest";
import { goodBody, post } from "../support/answers.ts";
import { refused, said, verdict, type Step } from "../support/scripted-transport.ts";
import { openaiKey, testService, type TestService } from "../support/service.ts";

const canary = "canary-7f3a";
const secret = {
  user_prompt: `${canary}-prompt {essay_a}`,
  essay_a: `${canary}-essay-a`,
  essay_b: `${canary}-essay-b`,
  llm_config_overrides: { system_prompt_override: `${canary}-system` },
};
const key = { headers: { "idempotency-key": `${canary}-key` } };
const queued = { processing_mode: "queue" };
const everything = ({ stores }: TestService) =>
  JSON.stringify([[...stores.stored.entries()], [...stores.storedKeys.entries()]]);
const hourMs = 3_600_000;

describe.each([
  ["completed", verdict(), 0],
  ["failed", refused(400), 0],
  ["failed after two answers without a judgement", said("tie"), hourMs],
  ["expired", refused(401), 4 * hourMs],
] satisfies [string, Step, number][])("when a ticket is %s", (_, step, ms) => {
  it.each([
    ["without a key", {}],
    ["with a key", key],
  ])("no store holds its texts any more, %s", async (_, init) => {
    const service = testService({ env: { CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1000" }, steps: () => step });
    await service.compare({ ...secret, ...queued }, init);
    for (const text of ["prompt", "essay-a", "essay-b", "system"]) {
      expect(everything(service)).toContain(`${canary}-${text}`);
    }
    await service.clock.advance(ms);
    expect(service.stores.stored.size).toBe(1);
    expect(everything(service)).toMatch(/"status":"(completed|failed|expired)"/);
    expect(everything(service)).not.toContain(canary);
    expect(service.written()).not.toContain(canary);
  });
});

it("keeps no text of a keyed judgement, nor the key itself", async () => {
  const service = testService();
  await service.compare(secret, key);
  expect(service.stores.storedKeys.size).toBe(1);
  expect(everything(service)).not.toContain(canary);
});

it("masks a vendor's words before they are stored", async () => {
  const message = `${"w".repeat(990)} ${openaiKey} sk-proj-abcdef12`;
  const service = testService({ steps: [refused(400, {}, { message })] });
  await service.compare(queued);
  await service.clock.advance(0);
  expect(everything(service)).toContain('"reason":"request_refused"');
  expect(everything(service)).not.toMatch(/sk-(?!$)/);
});

it("says nothing of a ticket's texts in its answers", async () => {
  const service = testService({ steps: () => refused(400, {}, { message: "no" }) });
  const kept = await service.compare({ ...secret, ...queued });
  const id = String(kept.body["queue_id"]);
  const answers = [kept];
  for (const ms of [0, 1]) {
    for (const route of ["status", "results"]) answers.push(await service.request(`/api/v1/${route}/${id}`));
    await service.clock.advance(ms);
  }
  expect(answers.map(({ text }) => text).join()).not.toContain(canary);
});

describe("a client that hangs up leaves no ticket", () => {
  it.each([
    ["during the call", ["stall"], {}, 100],
    ["in the wait for the next one", [refused(503, { "retry-after": "20" })], {}, 100],
    [
      "while it is looked up what the model takes",
      ["stall"],
      { ...queued, llm_config_overrides: { provider_override: "openrouter", model_override: "a/b" } },
      100,
    ],
  ] satisfies [string, Step[], object, number][])("%s", async (_, steps, changes, ms) => {
    const { app, clock, stores } = testService({ env: { OPENROUTER_API_KEY: "k" }, steps });
    const client = new AbortController();
    const body = { ...goodBody, ...changes };
    const answering = app.request("/api/v1/comparison", post(body, { signal: client.signal }));
    await clock.advance(ms);
    client.abort();
    await clock.advance(60_000);
    await answering;
    expect(stores.stored.size).toBe(0);
  });
});
