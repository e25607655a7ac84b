/** Real processes that are killed. */
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { directoryForTest } from "../support/sqlite-store.ts";
import { runNodeService, startNodeService } from "../support/node-service.ts";

const upstreamUrl = inject("fakeUpstreamUrl");

async function start(env: Readonly<Record<string, string>>) {
  const service = await startNodeService(env);
  onTestFinished(() => service.kill("SIGKILL"));
  return service;
}

async function openAi(name: string, env: Readonly<Record<string, string>> = {}) {
  const lane = fakeLane(upstreamUrl, name);
  await lane.clear();
  return {
    lane,
    env: { DATA_DIR: directoryForTest(), OPENAI_API_KEY: "k", OPENAI_BASE_URL: lane.baseUrls.openai, ...env },
  };
}

// Processes take their time to start where others work beside them.
describe("a Node process", { timeout: 120_000 }, () => {
  it("killed in mid-call leaves a ticket that its successor brings to its one result", async () => {
    const { lane, env } = await openAi("killed-in-mid-call");
    await lane.script([{ fault: "stall" }]);
    const first = await start(env);
    const accepted = await first.compare({ processing_mode: "queue" });
    expect(accepted.status).toBe(202);
    await lane.waitForRequest();
    first.kill("SIGKILL");
    await first.ended;

    const second = await start(env);
    const result = await vi.waitUntil(
      async () => {
        const answer = await fetch(second.url + String(accepted.body["results_url"]));
        return answer.status === 200 && answer;
      },
      { timeout: 60_000, interval: 50 },
    );
    expect(await result.json()).toMatchObject({ queue_id: accepted.body["queue_id"], provider: "openai" });
    const [asked, again, ...more] = await lane.requests();
    expect(again?.bodyText).toBe(asked?.bodyText);
    expect(more).toEqual([]);
  });

  it("killed while it accepts has lost no ticket that it promised to keep", async () => {
    const env = {
      DATA_DIR: directoryForTest(),
      MOCK_LATENCY_MS: "600000",
      LLM_REQUEST_TIMEOUT_SECONDS: "800",
    };
    const first = await start(env);
    const promised: string[] = [];
    const asking = Array.from({ length: 60 }, async () => {
      const { status, body } = await first.compare({ processing_mode: "queue" });
      expect(status).toBe(202);
      if (promised.push(String(body["status_url"])) === 25) first.kill("SIGKILL");
    });
    await Promise.allSettled(asking);
    await first.ended;
    expect(promised.length).toBeGreaterThanOrEqual(25);

    const second = await start(env);
    const states = await Promise.all(promised.map((url) => fetch(second.url + url)));
    expect(states.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it("does not forget an open breaker when it is killed", async () => {
    const { lane, env } = await openAi("killed-with-open-breaker", {
      CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1",
      LLM_MAX_RETRIES: "0",
    });
    await lane.script([{ fault: "serverError", times: "forever" }]);
    const first = await start(env);
    expect((await first.compare({ processing_mode: "immediate" })).status).toBe(503);
    first.kill("SIGKILL");
    await first.ended;

    const second = await start(env);
    const answer = await second.compare({ processing_mode: "immediate" });
    expect(answer).toMatchObject({ status: 503, body: { error_type: "CIRCUIT_BREAKER_OPEN" } });
    expect(await lane.requests()).toHaveLength(1);
  });

  it("does not start beside another on the same data, and says why", async () => {
    const env = { DATA_DIR: directoryForTest(), PORT: "0" };
    await start(env);
    expect(await runNodeService(env)).toMatchObject({
      code: 1,
      stdout: "",
      stderr: `The data in ${env.DATA_DIR} can't be used. Another process has it: each needs a DATA_DIR of its own.\n`,
    });
  });

  it("says on its health page that the data are well", async () => {
    const service = await start({ DATA_DIR: directoryForTest() });
    expect((await service.request("/healthz")).body).toMatchObject({
      status: "healthy",
      dependencies: { sqlite: { status: "up" } },
      queue_stats: { queue_size: 0, queue_type: "sqlite" },
    });
  });
});
