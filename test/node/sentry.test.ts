/** What Sentry is told of: faults of ours, once each, and nothing that anybody wrote. */
import { expect, inject, it, vi } from "vitest";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { startNodeService } from "../support/node-service.ts";
import { refused } from "../support/scripted-transport.ts";
import { sentryReceiver } from "../support/sentry-receiver.ts";
import { testService } from "../support/service.ts";

// A process needs a second of a busy machine to start.
vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

const upstreamUrl = inject("fakeUpstreamUrl");
const canaries = {
  user_prompt: "canary-prompt?",
  essay_a: "canary-essay-a",
  essay_b: "canary-essay-b",
  user_id: "canary-user",
  metadata: { canary: "canary-metadata" },
  llm_config_overrides: { system_prompt_override: "canary-system" },
};

it("is told once of a bug: where it happened, and never the text that was thrown", async () => {
  const sentry = await sentryReceiver(upstreamUrl, "sentry-bug");
  const finishing: Promise<unknown>[] = [];
  const { compare } = testService({
    env: { SENTRY_DSN: sentry.dsn, ENVIRONMENT: "test" },
    steps: [{ throws: new RangeError("canary-thrown\n    at canary (canary.ts:1:1)") }],
    platform: { finishLater: (_, work) => void finishing.push(work) },
  });
  const { body, status } = await compare(canaries);
  expect(status).toBe(500);
  expect(finishing).not.toEqual([]);
  await Promise.all(finishing);
  const envelopes = await sentry.envelopes(1);
  expect(envelopes).toHaveLength(1);
  const event = eventIn(envelopes[0]);
  expect(event).toMatchObject({
    environment: "test",
    tags: {
      error_type: "INTERNAL_ERROR",
      correlation_id: body["correlation_id"],
      route: "/api/v1/comparison",
      provider: "openai",
      tenant: "local",
      platform: "node",
    },
  });
  expect(JSON.stringify(event["exception"])).toMatch(/RangeError.*sentry\.test\.ts/);
  expect(envelopes.join()).not.toContain("canary");
});

it("is told of what is thrown without being an error", async () => {
  const sentry = await sentryReceiver(upstreamUrl, "sentry-no-error");
  const { compare } = testService({ env: { SENTRY_DSN: sentry.dsn }, steps: [{ throws: "canary-thrown" }] });
  expect((await compare(canaries)).status).toBe(500);
  const envelopes = await sentry.envelopes(1);
  expect(envelopes.join()).not.toContain("canary");
});

it("is told of credentials that were refused, and of nothing that is not ours to mend", async () => {
  const sentry = await sentryReceiver(upstreamUrl, "sentry-process");
  const lane = fakeLane(upstreamUrl, "sentry-vendor");
  await lane.clear();
  const service = await startNodeService({
    OPENAI_API_KEY: "canary-key",
    OPENAI_BASE_URL: lane.baseUrls.openai,
    LLM_MAX_RETRIES: "0",
    SENTRY_DSN: sentry.dsn,
  });
  await lane.script([
    { fault: "unavailable", message: "canary-vendor" },
    { fault: "contextTooLong", message: "canary-vendor" },
    { fault: "refusal" },
    { fault: "credentialsRefused", message: "canary-vendor" },
  ]);
  const now = { ...canaries, processing_mode: "immediate" };
  const statuses = [];
  for (let time = 0; time < 3; time++) statuses.push((await service.compare(now)).status);
  statuses.push((await service.compare({ ...canaries, essay_a: "" })).status);
  statuses.push((await service.request("/canary")).status);
  const { status, body } = await service.compare(now);
  expect([...statuses, status]).toEqual([503, 422, 502, 400, 404, 502]);
  expect(body["error_type"]).toBe("INVALID_API_KEY");
  const envelopes = await sentry.envelopes(1);
  await service.stop();
  expect(await sentry.envelopes(1)).toHaveLength(1);
  expect(eventIn(envelopes[0])).toMatchObject({
    message: "INVALID_API_KEY",
    tags: { correlation_id: body["correlation_id"], provider: "openai" },
  });
  expect(envelopes.join()).not.toContain("canary");
});

it("may be away: the answer is the same, and nothing else fails", async () => {
  const rejected: unknown[] = [];
  const { compare, written } = testService({
    env: { SENTRY_DSN: "http://public@127.0.0.1:9/42", LLM_MAX_RETRIES: "0" },
    steps: [refused(401)],
    platform: { finishLater: (_, work) => void work.catch((error: unknown) => rejected.push(error)) },
  });
  const { body } = await compare();
  expect(body["error_type"]).toBe("INVALID_API_KEY");
  expect(written()).not.toContain("public");
});

/** An envelope is lines of JSON: its head, then a head and a body for each item. */
function eventIn(envelope: string | undefined): Record<string, unknown> {
  return JSON.parse(envelope?.split("\n")[2] ?? "") as Record<string, unknown>;
}
