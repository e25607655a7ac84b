/** A real process whose wall clock is set, back and forward, while it waits for something: `support/movable-wall-clock.ts` says how. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";
import { hasRedis } from "../support/redis/program.ts";
import { startRedis } from "../support/redis/server.ts";
import { directoryForTest } from "../support/sqlite-store.ts";

const upstreamUrl = inject("fakeUpstreamUrl");
const hourMs = 3_600_000;
/** What is waited for lasts five seconds; the rest is for a busy machine, and still far from an hour. */
const patienceMs = 60_000;
const preload = resolve("test/support/movable-wall-clock.ts");
const main = resolve("src/node/main.ts");

async function world(
  name: string,
  store: "sqlite" | "redis",
  settings: Readonly<Record<string, string>> = {},
) {
  const lane = fakeLane(upstreamUrl, name);
  await lane.clear();
  const directory = directoryForTest();
  const file = join(directory, "ahead-ms");
  const redis = store === "redis" ? await startRedis() : null;
  if (redis !== null) onTestFinished(() => redis.close());
  const env = {
    DATA_DIR: directory,
    WALL_CLOCK_FILE: file,
    ANTHROPIC_API_KEY: "k",
    ANTHROPIC_BASE_URL: lane.baseUrls.anthropic,
    OPENAI_API_KEY: "k",
    OPENAI_BASE_URL: lane.baseUrls.openai,
    GOOGLE_API_KEY: "k",
    GOOGLE_BASE_URL: lane.baseUrls.google,
    OPENROUTER_API_KEY: "k",
    OPENROUTER_BASE_URL: lane.baseUrls.openrouter,
    LLM_MAX_RETRIES: "0",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "3",
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "5",
    ...(redis === null ? {} : { REDIS_URL: redis.url }),
    ...settings,
  };
  const moveTo = (aheadMs: number) => writeFileSync(file, `${aheadMs}`);
  moveTo(0);
  return {
    lane,
    async start(): Promise<NodeService> {
      const service = await startNodeService(env, { command: [process.execPath, "--import", preload, main] });
      onTestFinished(() => service.kill("SIGKILL"));
      return service;
    },
    /** Of the next process, and of one that runs. */
    setClock(aheadMs: number, running?: NodeService): void {
      moveTo(aheadMs);
      running?.kill("SIGUSR2");
    },
  };
}

const of = (provider_override: string, processing_mode = "queue") => ({
  processing_mode,
  llm_config_overrides: { provider_override },
});

async function untilJudged(service: NodeService, url: unknown): Promise<string> {
  const endsMs = performance.now() + patienceMs;
  for (;;) {
    const { body } = await service.request(String(url));
    if (body["status"] === "completed" || performance.now() > endsMs) return String(body["status"]);
    await new Promise((later) => setTimeout(later, 100));
  }
}

/** Four tickets that wait: for an open breaker, a limit of 5 s, credentials, a backoff. */
async function fourThatWait(
  service: NodeService,
  lane: Awaited<ReturnType<typeof world>>["lane"],
): Promise<ReadonlyMap<string, unknown>> {
  await lane.script([
    { fault: "serverError", vendor: "anthropic", times: 3 },
    { fault: "rateLimited", vendor: "openai", retryAfter: 5 },
    { fault: "credentialsRefused", vendor: "google" },
    { fault: "serverError", vendor: "openrouter" },
  ]);
  for (let n = 0; n < 3; n++) await service.compare(of("anthropic", "immediate"));
  const tickets = new Map<string, unknown>();
  for (const provider of ["anthropic", "openai", "google", "openrouter"]) {
    const { status, body } = await service.compare(of(provider));
    expect(status).toBe(202);
    tickets.set(provider, body["status_url"]);
  }
  // Each of the other three has had its call.
  await lane.waitForRequest(6, "judgement");
  await new Promise((later) => setTimeout(later, 300));
  return tickets;
}

const allJudged = {
  anthropic: "completed",
  openai: "completed",
  google: "completed",
  openrouter: "completed",
};
const ends = async (service: NodeService, tickets: ReadonlyMap<string, unknown>) =>
  Object.fromEntries(
    await Promise.all(
      [...tickets].map(async ([provider, url]) => [provider, await untilJudged(service, url)] as const),
    ),
  );

describe.each(["sqlite", "redis"] as const)(
  "on %s, where tickets wait for a breaker, a limit, credentials, a backoff",
  (store) => {
    const canRun = store === "sqlite" || hasRedis("a clock that is set beside Redis");

    it.skipIf(!canRun)(
      "a clock that is set back by an hour holds none of them up",
      { timeout: 120_000 },
      async () => {
        const { lane, start, setClock } = await world(`clock-back-${store}`, store);
        const service = await start();
        const tickets = await fourThatWait(service, lane);
        setClock(-hourMs, service);
        expect(await ends(service, tickets)).toEqual(allJudged);
      },
    );

    it.skipIf(!canRun)("nor over a restart", { timeout: 120_000 }, async () => {
      const { lane, start, setClock } = await world(`clock-back-restart-${store}`, store);
      const first = await start();
      const tickets = await fourThatWait(first, lane);
      first.kill("SIGKILL");
      await first.ended;
      setClock(-hourMs);
      const second = await start();
      expect(await ends(second, tickets)).toEqual(allJudged);
    });

    it.skipIf(!canRun)("nor one that was an hour ahead, and is put right", { timeout: 120_000 }, async () => {
      const { lane, start, setClock } = await world(`clock-ahead-${store}`, store);
      setClock(hourMs);
      const service = await start();
      const tickets = await fourThatWait(service, lane);
      setClock(0, service);
      expect(await ends(service, tickets)).toEqual(allJudged);
    });
  },
);

it.skipIf(!hasRedis("a host whose clock is wrong"))(
  "beside Redis a host whose clock is 60 s ahead judges its tickets at once, though they live for 36 s",
  { timeout: 120_000 },
  async () => {
    const { start, setClock } = await world("clock-of-host", "redis", { QUEUE_REQUEST_TTL_HOURS: "0.01" });
    setClock(60_000);
    const service = await start();
    const { body } = await service.compare(of("openai"));
    // What its client is told is of the store's clock.
    const leftMs = Date.parse(String(body["expires_at"])) - Date.now();
    expect(leftMs).toBeGreaterThan(20_000);
    expect(leftMs).toBeLessThan(40_000);
    expect(await untilJudged(service, body["status_url"])).toBe("completed");
  },
);

it("tells how long a call took, whatever the wall's clock did meanwhile", { timeout: 120_000 }, async () => {
  const { lane, start, setClock } = await world("clock-in-call", "sqlite");
  const service = await start();
  for (const aheadMs of [hourMs, -hourMs]) {
    await lane.rescript([{ delayMs: 1_000 }]);
    const before = (await lane.requests("judgement")).length;
    const answer = service.compare(of("openai", "immediate"));
    await lane.waitForRequest(before + 1, "judgement");
    setClock(aheadMs, service);
    const { status, body } = await answer;
    expect(status).toBe(200);
    expect(body["response_time_ms"]).toBeGreaterThanOrEqual(990);
    expect(body["response_time_ms"]).toBeLessThan(20_000);
  }
});
