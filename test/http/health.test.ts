/** `/healthz`: what the service is, and when it says that something is wrong. */
import { describe, expect, it } from "vitest";
import { version } from "../../src/version.ts";
import { refused } from "../support/scripted-transport.ts";
import { openaiKey, testService, type TestService } from "../support/service.ts";

const standing = (enabled: boolean, configured: boolean) => ({
  enabled,
  configured,
  circuit_breaker_state: "closed",
});
const health = async ({ request }: TestService) => {
  const { status, body } = await request("/healthz");
  return [status, body["status"]];
};
const queued = { processing_mode: "queue" };
const now = { processing_mode: "immediate" };

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
    dependencies: { memory: { status: "up" }, spare: { status: "up", latency_ms: 1.5 } },
    queue_stats: { queue_size: 0, queue_type: "memory", oldest_age_seconds: null },
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

it("tells the commit and the deployment where they are known", async () => {
  const { request } = testService({ env: { GIT_COMMIT: "1d5575b" }, deployment: "v7" });
  expect((await request("/healthz")).body).toMatchObject({ version, commit: "1d5575b", deployment: "v7" });
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

it("shows how many tickets wait at all providers together, and for how long the oldest has", async () => {
  const env = { MOCK_LATENCY_MS: "50000" };
  const { compare, clock, request } = testService({ env, steps: () => "stall" });
  await compare({ ...queued, llm_config_overrides: { provider_override: "mock" } });
  await clock.advance(2_500);
  await compare(queued);
  await compare(queued);
  await clock.advance(1_499);
  const stats = async () => (await request("/healthz")).body["queue_stats"];
  expect(await stats()).toEqual({ queue_size: 3, queue_type: "memory", oldest_age_seconds: 3 });
  await clock.advance(1);
  expect(await stats()).toMatchObject({ oldest_age_seconds: 4 });
});

describe("degraded", () => {
  it("is a breaker that is open, and no longer one that is half-open", async () => {
    const env = { LLM_MAX_RETRIES: "0", CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1" };
    const service = testService({ env, steps: [refused(500)], random: () => 0 });
    await service.compare(now);
    expect(await health(service)).toEqual([200, "degraded"]);
    expect((await service.request("/healthz")).body["providers"]).toMatchObject({
      openai: { circuit_breaker_state: "open" },
      mock: { circuit_breaker_state: "closed" },
    });
    await service.clock.advance(9_999);
    expect(await health(service)).toEqual([200, "degraded"]);
    await service.clock.advance(1);
    expect(await health(service)).toEqual([200, "healthy"]);
  });

  it("is a store that tickets can do without, and which is down", async () => {
    const service = testService();
    service.stores.away("spare");
    expect(await health(service)).toEqual([200, "degraded"]);
    expect((await service.request("/healthz")).body["dependencies"]).toEqual({
      memory: { status: "up" },
      spare: { status: "down", error: "other" },
    });
  });

  it("is a gate that can't be reached", async () => {
    const service = testService();
    service.stores.away("gate");
    expect(await health(service)).toEqual([200, "degraded"]);
    expect((await service.request("/healthz")).body["providers"]).toMatchObject({
      openai: { circuit_breaker_state: null },
    });
    service.stores.away();
    expect(await health(service)).toEqual([200, "healthy"]);
  });

  it("is a ticket that has waited for more than ten minutes behind a closed breaker", async () => {
    const service = testService({ steps: () => refused(429) });
    await service.compare(queued);
    await service.clock.advance(600_000);
    expect(await health(service)).toEqual([200, "healthy"]);
    await service.clock.advance(1);
    expect(await health(service)).toEqual([200, "degraded"]);
  });

  it("is refused credentials, and says in words what waits for them", async () => {
    const service = testService({ steps: () => refused(401) });
    await service.compare(queued);
    await service.clock.advance(0);
    const { body } = await service.request("/healthz");
    expect(body).toMatchObject({
      status: "degraded",
      warnings: expect.arrayContaining([
        expect.stringMatching(
          /^Our credentials are refused at openai: one ticket waits\. It is asked again at 2026/,
        ),
      ]),
    });
  });

  it("is not for that where the breaker is half-open, and a recovery under way", async () => {
    const env = {
      LLM_MAX_RETRIES: "0",
      CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1",
      CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "900",
      CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "900",
    };
    const service = testService({ env, steps: (_, index) => (index === 0 ? refused(500) : "stall") });
    await service.compare();
    await service.clock.advance(900_000);
    expect(service.vendor.calls).toHaveLength(2);
    expect(await health(service)).toEqual([200, "healthy"]);
  });
});

it("is unhealthy, and 503, where the store that tickets need is down", async () => {
  const service = testService();
  service.stores.away("tickets");
  const { status, body } = await service.request("/healthz");
  expect([status, body["status"]]).toEqual([503, "unhealthy"]);
  expect(body["dependencies"]).toMatchObject({ memory: { status: "down" } });
});
