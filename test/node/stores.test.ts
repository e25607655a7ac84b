/** Which stores a process has, and what it says of them. */
import { expect, it, onTestFinished } from "vitest";
import { endedEventJson } from "../../src/http/notices.ts";
import { openSqlite } from "../../src/node/sqlite/store.ts";
import { markedAtMs } from "../../src/stores/failover/marked-id.ts";
import { manualClock } from "../support/clock.ts";
import { config, directoryForTest } from "../support/sqlite-store.ts";
import { startNodeService } from "../support/node-service.ts";

/** Nothing listens there. */
const noRedis = "redis://127.0.0.1:1";

async function start(env: Readonly<Record<string, string>>) {
  const service = await startNodeService(env);
  onTestFinished(() => service.kill("SIGKILL"));
  return service;
}

/** Data in which a judgement waits for Redis. */
async function dataWithSpool(): Promise<string> {
  const dataDir = directoryForTest();
  const opened = await openSqlite({
    settings: { ...config, dataDir },
    clock: manualClock(),
    random: () => 0.5,
    newId: () => crypto.randomUUID(),
    endedEvent: endedEventJson,
    onFault: (error) => {
      throw error;
    },
    tell: () => {},
  });
  if (!opened.ok) throw new Error(opened.error);
  const spent = { calls: 1, costUsd: null };
  const outcome = { kind: "failed", failure: { reason: "timeout" }, spent } as const;
  await opened.value.notes.spool({ id: crypto.randomUUID(), fence: 1, outcome, atMs: 0 });
  await opened.value.close();
  return dataDir;
}

it(
  "is SQLite alone without REDIS_URL, and warns of what only Redis could be told",
  { timeout: 90_000 },
  async () => {
    const clean = await start({ DATA_DIR: directoryForTest() });
    const health = await clean.request("/healthz");
    expect(health.body).toMatchObject({
      status: "healthy",
      queue_stats: { queue_type: "sqlite" },
      warnings: [],
    });
    expect(Object.keys(health.body["dependencies"] as object)).toEqual(["sqlite"]);

    const left = await start({ DATA_DIR: await dataWithSpool() });
    const warnings = [expect.stringContaining("only Redis can be told") as string];
    expect((await left.request("/healthz")).body).toMatchObject({ warnings });
    expect(left.logged("started")).toMatchObject([{ warnings }]);
  },
);

it("starts while Redis is away: degraded, and a whole service", { timeout: 90_000 }, async () => {
  const service = await start({ REDIS_URL: noRedis, DATA_DIR: directoryForTest() });
  expect((await service.request("/healthz")).body).toMatchObject({
    status: "degraded",
    dependencies: { redis: { status: "down", error: "refused" }, sqlite: { status: "up" } },
    queue_stats: { queue_type: "redis" },
  });
  expect(service.logged("store_away")).toHaveLength(1);
  const llm_config_overrides = { provider_override: "mock" };
  expect((await service.compare({ llm_config_overrides })).status).toBe(200);
  const kept = await service.compare({ llm_config_overrides, processing_mode: "queue" });
  expect(kept.status).toBe(202);
  expect(markedAtMs(String(kept.body["queue_id"]))).not.toBeNull();
  expect((await service.request(String(kept.body["status_url"]))).status).toBe(200);
  const unknown = await service.request(`/api/v1/status/${crypto.randomUUID()}`);
  expect([unknown.status, unknown.body["error_type"]]).toEqual([503, "SERVICE_UNAVAILABLE"]);
  const keyed = await service.compare({ llm_config_overrides }, { headers: { "idempotency-key": "key-1" } });
  expect(keyed.status).toBe(503);
  const providers = await service.request("/api/v1/providers");
  expect(providers.body).toMatchObject({ total_requests_today: null, total_cost_today: null });
  expect(await service.stop()).toMatchObject({ code: 0 });
});
