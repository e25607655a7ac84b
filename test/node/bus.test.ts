/** The bus of whole processes: a real sink over HTTP, real stores, and deaths. */
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, type TestContext } from "vitest";
import { eventSink, storiesIn, type EventSink } from "../support/event-sink.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";
import { until } from "../support/redis/pair.ts";
import { hasRedis } from "../support/redis/program.ts";
import { startRedis } from "../support/redis/server.ts";
import { directoryForTest } from "../support/sqlite-store.ts";

const limitMs = 120_000;
const wholeStory = "queued processing completed";

type Ending = Pick<TestContext, "onTestFinished">;

async function sinkFor({ onTestFinished }: Ending): Promise<EventSink> {
  const sink = await eventSink();
  onTestFinished(() => sink.close());
  return sink;
}

async function start(
  { onTestFinished }: Ending,
  env: Readonly<Record<string, string>>,
): Promise<NodeService> {
  const service = await startNodeService({ MOCK_LATENCY_MS: "20", ENVIRONMENT: "test", ...env });
  onTestFinished(async () => {
    service.kill("SIGKILL");
    await service.ended;
  });
  return service;
}

async function queue(service: NodeService, count: number): Promise<readonly string[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const { status, body } = await service.compare({
        processing_mode: "queue",
        essay_a: `canary essay ${at}`,
        metadata: { pupil: "canary metadata" },
      });
      expect(status).toBe(202);
      return String(body["queue_id"]);
    }),
  );
}

/** Every one of them, and none else. */
const untilTold = (sink: EventSink, ids: readonly string[], limitSeconds = 40) =>
  until(
    async () => Object.fromEntries(storiesIn(sink.events)),
    (stories) => ids.every((id) => stories[id] === wholeStory),
    limitSeconds,
  );

/** Whatever happened to them on the way. */
const untilEnded = (sink: EventSink, ids: readonly string[], limitSeconds: number) =>
  until(
    async () => Object.fromEntries(storiesIn(sink.events)),
    (stories) => ids.every((id) => stories[id]?.endsWith(" completed") === true),
    limitSeconds,
  );

describe.concurrent("over SQLite", { timeout: limitMs }, () => {
  it("every transition of every ticket arrives once and in its order, and no text", async (context) => {
    const sink = await sinkFor(context);
    const service = await start(context, { EVENTS_URL: sink.url, EVENTS_TOKEN: "a-token-for-the-sink" });
    const ids = await queue(service, 20);
    const stories = await untilTold(sink, ids);
    expect(Object.keys(stories).toSorted()).toEqual(ids.toSorted());
    expect(sink.events).toHaveLength(60);
    for (const { text, headers } of sink.events) {
      expect(text).not.toContain("canary");
      expect(headers).toMatchObject({
        "content-type": "application/cloudevents+json; charset=utf-8",
        authorization: "Bearer a-token-for-the-sink",
      });
    }
  });

  it("what the sink did not take while it was away arrives, over kills of the service", async (context) => {
    const sink = await sinkFor(context);
    sink.answer(503);
    const env = { EVENTS_URL: sink.url, DATA_DIR: directoryForTest() };
    let service = await start(context, env);
    const ids = [...(await queue(service, 5))];
    for (let kill = 0; kill < 3; kill++) {
      service.kill("SIGKILL");
      await service.ended;
      service = await start(context, env);
      ids.push(...(await queue(service, 5)));
      if (kill === 1) sink.answer(204);
    }
    const stories = await untilEnded(sink, ids, 40);
    expect(Object.keys(stories).toSorted()).toEqual(ids.toSorted());
  });

  it("a sink that hangs costs tickets nothing: they are kept, judged, and the process ends in time", async (context) => {
    const sink = await sinkFor(context);
    sink.answer("hang");
    const service = await start(context, { EVENTS_URL: sink.url });
    const ids = await queue(service, 10);
    for (const id of ids)
      await until(
        () => service.request(`/api/v1/results/${id}`),
        ({ status }) => status === 200,
      );
    await until(
      async () => sink.asked(),
      (asked) => asked > 0,
    );
    const startedAtMs = performance.now();
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });

  it("says that the bus fails once in the log, and in its health, with no address and no secret", async (context) => {
    const sink = await sinkFor(context);
    sink.answer(500);
    const secretUrl = `${sink.url}/canary-path?key=canary-query`;
    const service = await start(context, { EVENTS_URL: secretUrl, EVENTS_TOKEN: "canary-token" });
    await queue(service, 2);
    await until(
      async () => sink.asked(),
      (asked) => asked > 2,
    );
    const { body } = await service.request("/healthz");
    expect(body["status"]).toBe("healthy");
    expect(String(body["warnings"])).toMatch(
      /The bus \(http\) has not taken what it was sent since .* \(HTTP 500\): 6 events wait/,
    );
    expect(JSON.stringify(body)).not.toContain("canary");
    expect(service.logged("bus_failing")).toMatchObject([
      { level: "error", bus: "http", failure_code: "HTTP 500" },
    ]);
    expect(service.stdout()).not.toContain("canary");
    sink.answer(204);
    await until(
      async () => service.logged("bus_back").length,
      (count) => count === 1,
    );
  });
});

describe.skipIf(!hasRedis("the bus over Redis")).concurrent("over Redis", { timeout: limitMs }, () => {
  it("every transition arrives, whichever process was at it, and another goes on for one that dies", async (context) => {
    const redis = await startRedis();
    context.onTestFinished(redis.close);
    const sink = await sinkFor(context);
    sink.answer(503);
    const env = { EVENTS_URL: sink.url, REDIS_URL: redis.url };
    const dying = await start(context, env);
    const ids = [...(await queue(dying, 5))];
    // It sends: the other finds it at that.
    await until(
      async () => sink.asked(),
      (asked) => asked > 0,
    );
    const heir = await start(context, env);
    ids.push(...(await queue(heir, 5)));
    await pause(2_000);
    expect(heir.logged("bus_failing")).toEqual([]);
    dying.kill("SIGKILL");
    await dying.ended;
    sink.answer(204);
    ids.push(...(await queue(heir, 5)));
    await untilEnded(sink, ids, 60);
    for (const { text } of sink.events) expect(text).not.toContain("canary");
  });

  it("tickets that were kept while Redis was away are told with their whole history, when they are there", async (context) => {
    const redis = await startRedis();
    context.onTestFinished(redis.close);
    const sink = await sinkFor(context);
    const service = await start(context, { EVENTS_URL: sink.url, REDIS_URL: redis.url });
    const before = await queue(service, 3);
    await untilTold(sink, before);
    await redis.kill();
    await until(
      () => service.request("/healthz"),
      ({ body }) => JSON.stringify(body["dependencies"]).includes('"down"'),
    );
    const { length } = sink.events;
    const meanwhile = await queue(service, 5);
    await pause(500);
    expect(sink.events).toHaveLength(length);
    await redis.restart();
    const stories = await untilTold(sink, [...before, ...meanwhile], 60);
    expect(Object.keys(stories).toSorted()).toEqual([...before, ...meanwhile].toSorted());
  });
});
