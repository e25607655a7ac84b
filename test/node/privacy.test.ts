/** Canaries in everything that is secret or private, through every kind of request: none comes out where it must not. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { post, type Answered } from "../support/answers.ts";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import type { Step } from "../../tools/fake-upstream/script.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";
import { sentryReceiver, type SentryReceiver } from "../support/sentry-receiver.ts";

const canary = "canary";
const clientKey = `lps_${canary}-client-key`;
const vendors = ["anthropic", "openai", "google", "openrouter"] as const;
const lane = fakeLane(inject("fakeUpstreamUrl"), "privacy");

const body = {
  user_prompt: `${canary}-prompt {essay_a}`,
  essay_a: `${canary}-essay-a`,
  essay_b: `${canary}-essay-b`,
  user_id: `${canary}-user`,
  metadata: { note: `${canary}-metadata` },
};

let service: NodeService;
let sentry: SentryReceiver;
const answers: { readonly what: string; readonly answered: Answered }[] = [];

beforeAll(async () => {
  await lane.clear();
  sentry = await sentryReceiver(inject("fakeUpstreamUrl"), "privacy-sentry");
  service = await startNodeService({
    ...Object.fromEntries(
      vendors.flatMap((vendor) => [
        [`${vendor.toUpperCase()}_API_KEY`, `${canary}-key-${vendor}`],
        [`${vendor.toUpperCase()}_BASE_URL`, lane.baseUrls[vendor]],
      ]),
    ),
    API_KEYS: `tenant:${createHash("sha256").update(clientKey).digest("hex")}`,
    LOG_LEVEL: "debug",
    LLM_MAX_RETRIES: "0",
    LLM_REQUEST_TIMEOUT_SECONDS: "0.3",
    // Every call is made: where the breaker is open, as its probe.
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "0.01",
    CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "0.01",
    SENTRY_DSN: sentry.dsn,
  });
  await everyKindOfRequest();
  await service.stop();
}, 150_000);
afterAll(() => service.kill("SIGKILL"));

const message = `${canary}-vendor ${canary}-key-openai ${canary}-essay-a`;
const troubles: readonly (Step & { readonly fault: string })[] = [
  ...(
    [
      "rateLimited",
      "creditExhausted",
      "dailyQuotaExhausted",
      "paymentRequired",
      "credentialsRefused",
      "forbidden",
    ] as const
  ).map((fault) => ({ fault, message })),
  ...(["modelNotFound", "contextTooLong", "serverError", "unavailable", "overloaded"] as const).map(
    (fault) => ({ fault, message }),
  ),
  { fault: "status", status: 418, message },
  { fault: "status", status: 400, message },
  { fault: "errorIn200" },
  { fault: "refusal" },
  { fault: "safety" },
  { fault: "truncatedAnswer" },
  { fault: "emptyAnswer" },
  { fault: "none", text: `${canary}-judge` } as Step & { fault: string },
  { fault: "raw", body: { [`${canary}-key`]: `${canary}-value` } },
  { fault: "stall" },
  { fault: "stallBody" },
  { fault: "cut" },
  { fault: "cutBody" },
  { fault: "truncated" },
  { fault: "empty" },
  { fault: "html" },
  { fault: "redirect", location: `http://127.0.0.1:9/${canary}-location` },
];

async function everyKindOfRequest() {
  const key = { authorization: `Bearer ${clientKey}` };
  const ask = async (what: string, path: string, init: RequestInit = {}) => {
    const headers = { ...(init.headers as Record<string, string>), ...key };
    answers.push({ what, answered: await service.request(path, { ...init, headers }) });
  };
  const compare = (what: string, changes: object) =>
    ask(what, "/api/v1/comparison", post({ ...body, ...changes }));

  for (const provider_override of [...vendors, "mock"]) {
    const llm_config_overrides = { provider_override, system_prompt_override: `${canary}-system` };
    await compare(`good ${provider_override}`, { llm_config_overrides });
  }
  for (const [number, step] of troubles.entries()) {
    await lane.clear();
    await lane.script([{ ...step, times: "forever" } as Step]);
    await Promise.all(
      vendors.map((vendor) =>
        compare(`${step.fault} ${vendor}`, {
          processing_mode: "immediate",
          // A model of its own: a 429 holds the one that it was about.
          llm_config_overrides: { provider_override: vendor, model_override: `house/judge-${number}` },
        }),
      ),
    );
  }
  await lane.clear();
  await lane.script([{ fault: "credentialsRefused", message, times: "forever" }]);
  for (const vendor of vendors)
    await ask(`test ${vendor}`, `/api/v1/providers/${vendor}/test`, { method: "POST" });

  await compare("invalid", { essay_a: { text: `${canary}-essay-a` }, priority: `${canary}-priority` });
  await compare("unknown provider", { llm_config_overrides: { provider_override: `${canary}-provider` } });
  await compare("queue", { processing_mode: "queue" });
  await lane.script([{ fault: "serverError", message, times: "forever" }]);
  await compare("kept", { llm_config_overrides: { provider_override: "openai" } });
  await ask("no json", "/api/v1/comparison", post(`{"essay_a":"${canary}-essay-a",`));
  await ask("no json at its start", "/api/v1/comparison", post(`${canary}-essay-a`));
  await ask("too large", "/api/v1/comparison", post(`"${canary}${"x".repeat(1_600_000)}"`));
  await ask("other type", "/api/v1/comparison", { ...post(body), headers: { "content-type": "text/plain" } });
  await ask("no such path", `/${canary}-path?${canary}-query`);
  await ask("no such ticket", `/api/v1/status/${canary}-ticket`);
  await ask("no such provider", `/api/v1/models?provider=${canary}-provider`);
  const stranger = { headers: { authorization: `Bearer ${canary}-stranger` } };
  answers.push({ what: "stranger", answered: await service.request("/api/v1/models", stranger) });
}

describe("no canary", () => {
  it("is in the log or among the errors of the process", () => {
    expect(service.stdout()).not.toContain(canary);
    expect(service.stderr()).toBe("");
    expect(service.logged("attempt").length).toBeGreaterThan(100);
  });

  it("is in any answer, but for what a caller gets back and a vendor's words about the request", () => {
    const echoed = { metadata: expect.objectContaining(body.metadata), details: undefined };
    const vendorsWords = { metadata: undefined, details: expect.not.stringContaining(`${canary}-key`) };
    const told = answers.filter(({ answered }) => answered.text.includes(canary));
    for (const { what, answered } of told) {
      const { metadata, details, ...rest } = answered.body;
      const expected = answered.status === 200 ? echoed : vendorsWords;
      expect([what, { metadata, details }]).toEqual([what, expected]);
      expect([what, JSON.stringify(rest)]).toEqual([what, expect.not.stringContaining(canary)]);
      expect([200, 422]).toContain(answered.status);
    }
    const headers = answers.flatMap(({ answered }) => [...answered.headers].flat());
    expect(headers.join()).not.toContain(canary);
  });

  it("is in what Sentry is told", async () => {
    const envelopes = await sentry.envelopes(1);
    expect(envelopes.length).toBeGreaterThan(4);
    expect(envelopes.join()).not.toContain(canary);
  });
});

it("all of that was really asked: every kind of failure is among the answers", () => {
  const types = new Set(answers.map(({ answered }) => answered.body["error_type"] ?? answered.status));
  // So many faults may hold their model, or not: that depends on what is answered beside them.
  types.delete("CIRCUIT_BREAKER_OPEN");
  expect([...types].map(String).toSorted()).toEqual([
    "200",
    "202",
    "AUTHENTICATION_ERROR",
    "CONNECTION_ERROR",
    "CONTENT_REFUSED",
    "INVALID_API_KEY",
    "INVALID_REQUEST",
    "INVALID_RESPONSE",
    "PAYLOAD_TOO_LARGE",
    "QUOTA_EXCEEDED",
    "RATE_LIMIT",
    "RESOURCE_NOT_FOUND",
    "RESPONSE_TRUNCATED",
    "SERVICE_UNAVAILABLE",
    "TIMEOUT",
    "UNSUPPORTED_MEDIA_TYPE",
    "VALIDATION_ERROR",
  ]);
  expect(
    answers.filter(({ what }) => what.startsWith("good")).map(({ answered }) => answered.status),
  ).toEqual(Array(5).fill(200));
});
