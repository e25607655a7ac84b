/** Spans as a collector gets them from the service as it is run: what is in them, which are kept, and that nobody pays for a collector that is away. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, inject, it, onTestFinished } from "vitest";
import { fakeLane, type Lane } from "../../tools/fake-upstream/client.ts";
import { startNodeService, type NodeService } from "../support/node-service.ts";
import { otlpReceiver, type OtlpReceiver, type ReceivedSpan } from "../support/otlp-receiver.ts";

const upstreamUrl = inject("fakeUpstreamUrl");
const key = "lps_canary-key-of-maths";
const API_KEYS = `maths:${createHash("sha256").update(key).digest("hex")}`;
const authorization = `Bearer ${key}`;
const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const traceparent = `00-${caller.traceId}-${caller.spanId}-01`;
const unsampled = `00-${caller.traceId}-${caller.spanId}-00`;

interface World {
  readonly collector: OtlpReceiver;
  readonly lane: Lane;
  readonly service: NodeService;
}

/** No trace is sampled that nobody asks for, unless `env` says otherwise. */
async function world(name: string, env: Readonly<Record<string, string>> = {}): Promise<World> {
  const collector = await otlpReceiver();
  const lane = fakeLane(upstreamUrl, `tracing-${name}`);
  await lane.clear();
  const service = await startNodeService({
    API_KEYS,
    OPENAI_API_KEY: "sk-canary-vendor-key",
    OPENAI_BASE_URL: lane.baseUrls.openai,
    DEFAULT_LLM_PROVIDER: "openai",
    LLM_MAX_RETRIES: "0",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER_ARG: "0",
    ...env,
  });
  onTestFinished(async () => {
    service.kill("SIGKILL");
    await collector.goAway();
  });
  return { collector, lane, service };
}

const as = (headers: Readonly<Record<string, string>>) => ({ headers: { authorization, ...headers } });
const named = (spans: readonly ReceivedSpan[], name: string | RegExp) =>
  spans.filter((span) => (typeof name === "string" ? span.name === name : name.test(span.name)));
const has =
  (name: string | RegExp, count = 1) =>
  (spans: readonly ReceivedSpan[]) =>
    named(spans, name).length >= count;
const request = "POST /api/v1/comparison";

it("of a judgement: the request in its caller's trace, and in it the call, with what conventions ask for", async () => {
  const { collector, service } = await world("judged", {
    OTEL_SERVICE_NAME: "judges",
    OTEL_EXPORTER_OTLP_HEADERS: "x-scope=school, authorization=Basic%20canary-collector",
  });
  const answer = await service.compare(
    { llm_config_overrides: { model_override: "gpt-6-luna", max_tokens_override: 900 } },
    as({ traceparent, tracestate: "vendor=opaque" }),
  );
  expect([answer.status, answer.body["trace_id"]]).toEqual([200, caller.traceId]);
  const spans = await collector.until(has(request));
  expect(spans).toHaveLength(2);
  const [server] = named(spans, request);
  const [call] = named(spans, "chat gpt-6-luna");
  expect(server).toMatchObject({
    traceId: caller.traceId,
    parentSpanId: caller.spanId,
    traceState: "vendor=opaque",
    kind: 2,
    status: { code: 0 },
    links: [],
    flags: 0x301,
    resource: { "service.name": "judges", "service.version": expect.any(String) },
    schemaUrl: "https://opentelemetry.io/schemas/gen-ai/0.1.0",
    attributes: {
      "http.request.method": "POST",
      "http.route": "/api/v1/comparison",
      "http.response.status_code": 200,
      "llm_provider.result": "judged",
      "llm_provider.tenant": "maths",
      "llm_provider.correlation_id": answer.body["correlation_id"],
    },
  });
  expect(call).toMatchObject({
    traceId: caller.traceId,
    parentSpanId: server?.spanId,
    kind: 3,
    status: { code: 0 },
    flags: 0x101,
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-6-luna",
      "gen_ai.request.max_tokens": 900,
      "gen_ai.output.type": "json",
      "gen_ai.response.model": answer.body["model"],
      "gen_ai.usage.input_tokens": expect.any(Number),
      "gen_ai.usage.output_tokens": expect.any(Number),
      "http.response.status_code": 200,
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(upstreamUrl).port),
      "llm_provider.lane": "live",
    },
  });
  expect(BigInt(server?.startTimeUnixNano ?? 0)).toBeLessThanOrEqual(BigInt(call?.startTimeUnixNano ?? 0));
  expect(BigInt(call?.endTimeUnixNano ?? 0)).toBeLessThanOrEqual(BigInt(server?.endTimeUnixNano ?? 0));
  expect(Math.abs(Number(BigInt(server?.endTimeUnixNano ?? 0) / 1_000_000n) - Date.now())).toBeLessThan(
    10_000,
  );
  expect(collector.headers()[0]).toMatchObject({
    "x-scope": "school",
    authorization: "Basic canary-collector",
  });
});

it("of a ticket: what kept it in its caller's trace, and each attempt in one of its own, linked to that", async () => {
  const { collector, lane, service } = await world("ticket");
  await lane.script([{ fault: "unavailable" }]);
  const kept = await service.compare({}, as({ traceparent }));
  expect(kept.status).toBe(202);
  const spans = await collector.until(has("process tickets"));
  const [server] = named(spans, request);
  const [publish] = named(spans, "publish tickets");
  const [work] = named(spans, "process tickets");
  expect(server).toMatchObject({ traceId: caller.traceId, attributes: { "llm_provider.result": "kept" } });
  expect(publish).toMatchObject({
    traceId: caller.traceId,
    parentSpanId: server?.spanId,
    kind: 4,
    attributes: { "messaging.message.id": kept.body["queue_id"], "messaging.operation.type": "send" },
  });
  expect(work).toMatchObject({
    kind: 5,
    links: [{ traceId: caller.traceId, spanId: publish?.spanId }],
    attributes: {
      "messaging.message.id": kept.body["queue_id"],
      "messaging.operation.type": "process",
      "llm_provider.outcome": "judged",
      "llm_provider.correlation_id": kept.body["correlation_id"],
    },
  });
  expect(work).not.toHaveProperty("parentSpanId");
  expect(work?.traceId).not.toBe(caller.traceId);
  const calls = named(spans, /^chat /);
  expect(calls.map(({ parentSpanId, status }) => [parentSpanId, status.code])).toEqual([
    [server?.spanId, 2],
    [work?.spanId, 0],
  ]);
  expect(calls[1]?.attributes).toMatchObject({
    "llm_provider.lane": "ticket",
    "llm_provider.queue_id": kept.body["queue_id"],
  });
  const result = await service.request(`/api/v1/results/${String(kept.body["queue_id"])}`, as({}));
  expect([result.status, result.body["trace_id"]]).toEqual([200, caller.traceId]);
});

it("of nobody who does not want it, but for what an operator will look for", async () => {
  const { collector, lane, service } = await world("kept-all-the-same");
  expect((await service.compare({}, as({ traceparent: unsampled }))).status).toBe(200);
  expect((await service.compare({}, as({}))).status).toBe(200);
  // Another process' word, and no key behind it.
  expect((await service.compare({}, { headers: { traceparent } })).status).toBe(401);
  await lane.script([{ fault: "unavailable" }]);
  const failed = await service.compare({ processing_mode: "immediate" }, as({ traceparent: unsampled }));
  expect(failed.status).toBe(503);
  await lane.script([{ fault: "unavailable" }]);
  const kept = await service.compare({}, as({ traceparent: unsampled }));
  expect(kept.status).toBe(202);
  await service.stop();
  const spans = collector.spans();
  // Of the one that was kept as a ticket, its vendor's fault counts for the breaker.
  expect(named(spans, request).map(({ attributes: all }) => all["http.response.status_code"])).toEqual([
    503, 202,
  ]);
  expect(named(spans, request)[0]).toMatchObject({
    status: { code: 2 },
    flags: 0x301,
    attributes: {
      "error.type": "SERVICE_UNAVAILABLE",
      "llm_provider.correlation_id": failed.body["correlation_id"],
    },
  });
  expect(named(spans, /^chat /)[0]).toMatchObject({
    status: { code: 2 },
    attributes: { "error.type": "unavailable", "http.response.status_code": 503 },
  });
});

it("of a ticket that failed or whose time was over, whoever wants it", async () => {
  const { collector, lane, service } = await world("failed", {
    QUEUE_REQUEST_TTL_HOURS: "0.0005",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1",
  });
  await lane.script([{ fault: "contextTooLong" }]);
  const refused = await service.compare({ processing_mode: "queue" }, as({ traceparent: unsampled }));
  const spans = await collector.until(has("ticket failed"));
  expect(named(spans, "process tickets")).toMatchObject([
    { status: { code: 2 }, attributes: { "messaging.message.id": refused.body["queue_id"] } },
  ]);
  expect(named(spans, "ticket failed")).toMatchObject([
    {
      status: { code: 2 },
      links: [{ traceId: caller.traceId }],
      attributes: { "error.type": "request_refused", "llm_provider.queue_id": refused.body["queue_id"] },
    },
  ]);
  await lane.script([{ fault: "unavailable", times: 100 }]);
  const expired = await service.compare({}, as({ traceparent: unsampled }));
  expect(expired.status).toBe(202);
  expect(named(await collector.until(has("ticket expired")), "ticket expired")).toMatchObject([
    { attributes: { "llm_provider.queue_id": expired.body["queue_id"] } },
  ]);
});

it("is in every line of the log about a comparison and its ticket, also where the trace begins here", async () => {
  const { collector, lane, service } = await world("lines", { OTEL_TRACES_SAMPLER_ARG: "1" });
  await lane.script([{ fault: "unavailable" }]);
  const { status, body } = await service.compare({}, as({}));
  expect(status).toBe(202);
  const spans = await collector.until(has("process tickets"));
  await service.stop();
  const lines = service.logged().filter((line) => line["correlation_id"] === body["correlation_id"]);
  expect(lines.map(({ event }) => event)).toEqual([
    "attempt",
    "ticket_kept",
    "request",
    "attempt",
    "ticket_ended",
  ]);
  const [server] = named(spans, request);
  expect(new Set(lines.map((line) => line["trace_id"]))).toEqual(new Set([server?.traceId]));
  expect(new Set(lines.slice(1).map((line) => line["queue_id"]))).toEqual(new Set([body["queue_id"]]));
});

it("at most fifty traces a second because a caller says so", async () => {
  const { collector, service } = await world("many");
  const beganMs = performance.now();
  const statuses = await Promise.all(
    Array.from({ length: 200 }, () => service.request("/api/v1/providers", as({ traceparent }))),
  );
  const seconds = Math.ceil((performance.now() - beganMs) / 1000) + 1;
  expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([200]));
  await service.stop();
  const { length } = collector.spans();
  expect(length).toBeGreaterThanOrEqual(50);
  expect(length).toBeLessThanOrEqual(50 * seconds);
});

it("costs no request anything while the collector is away, drops what it can't keep, says so, and goes on", async () => {
  const { collector, service } = await world("away", {
    OTEL_TRACES_SAMPLER_ARG: "1",
    OPERATOR_KEYS: `ops:${createHash("sha256").update("lps_ops").digest("hex")}`,
  });
  await collector.goAway();
  const slowest = await slowestOf(300, () => service.request("/api/v1/models", as({})));
  const rest = Array.from({ length: 2_500 }, (_, at) => at);
  for (let at = 0; at < rest.length; at += 100)
    await Promise.all(rest.slice(at, at + 100).map(() => service.request("/api/v1/models", as({}))));
  expect(slowest).toBeLessThan(1_000);
  await collector.comeBack();
  const dropped = async () => {
    const { text } = await service.request("/metrics", { headers: { authorization: "Bearer lps_ops" } });
    return Number(/^llm_provider_spans_dropped_total (\d+)$/m.exec(text)?.[1]);
  };
  await collector.until(has("GET /api/v1/models"));
  await expect.poll(dropped, { timeout: 20_000 }).toBeGreaterThanOrEqual(2_800 - 2_048);
  const logged = () => service.logged("spans_dropped").reduce((sum, { count }) => sum + Number(count), 0);
  await service.stop();
  expect(collector.spans().length + logged()).toBe(2_800);
});

async function slowestOf(count: number, work: () => Promise<unknown>): Promise<number> {
  let slowest = 0;
  for (let at = 0; at < count; at++) {
    const beganMs = performance.now();
    await work();
    slowest = Math.max(slowest, performance.now() - beganMs);
  }
  return slowest;
}

it("sends what waits when the process is asked to end, and is not waited for when nobody takes it", async () => {
  const { collector, service } = await world("stop");
  await service.compare({}, as({ traceparent }));
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(named(collector.spans(), request)).toHaveLength(1);

  const other = await world("stop-alone");
  await other.service.compare({}, as({ traceparent }));
  await other.collector.goAway();
  const beganMs = performance.now();
  expect(await other.service.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - beganMs).toBeLessThan(5_000);
});

it("is not held up at its end by a collector that takes what it is sent and never answers", async () => {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const { service } = await world("silent", { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  onTestFinished(() => {
    silent.closeAllConnections();
    silent.close();
  });
  await service.compare({}, as({ traceparent }));
  // Its batch is on its way.
  await once(silent, "connection");
  expect((await service.compare({}, as({ traceparent }))).status).toBe(200);
  const beganMs = performance.now();
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - beganMs).toBeLessThan(5_000);
});

it("holds no text, no key and nobody's name", async () => {
  const { collector, lane, service } = await world("canaries", { OTEL_TRACES_SAMPLER_ARG: "1" });
  const texts = {
    user_prompt: "canary-prompt?",
    essay_a: "canary-essay-a",
    essay_b: "canary-essay-b",
    user_id: "canary-user",
    metadata: { canary: "canary-metadata" },
    llm_config_overrides: { system_prompt_override: "canary-system" },
  };
  await service.compare(texts, as({}));
  await lane.script([
    { fault: "unavailable", message: "canary-vendor" },
    { fault: "contextTooLong", message: "canary-vendor" },
  ]);
  await service.compare(texts, as({}));
  await service.request("/canary-path?canary-query", as({ "user-agent": "canary-agent" }));
  await service.compare({ ...texts, "canary-field": 1 }, as({ "idempotency-key": "canary-idempotency" }));
  await collector.until(has("ticket failed"));
  await service.stop();
  expect(collector.spans().length).toBeGreaterThan(6);
  expect(collector.texts().join()).not.toContain("canary");
});

it("is not made, and nothing of it loaded, where there is no collector", async () => {
  // Tells on standard error of each module of OpenTelemetry that is loaded.
  const spy = `import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { if (url.includes("opentelemetry")) console.error(url); return next(url, context); } });`;
  const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(spy)}`;
  const loadedBy = async (env: Readonly<Record<string, string>>) => {
    const { service } = await world("off", { NODE_OPTIONS, ...env });
    expect((await service.compare({}, as({ traceparent }))).body["trace_id"]).toBe(caller.traceId);
    await service.stop();
    expect(service.logged("request").at(-1)).toMatchObject({ trace_id: caller.traceId });
    return service.stderr();
  };
  expect(await loadedBy({})).toContain("sdk-trace");
  expect(await loadedBy({ OTEL_EXPORTER_OTLP_ENDPOINT: "" })).toBe("");
});
