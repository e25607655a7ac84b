/**
 * Spans on Workers as the platform hands them on: the Worker in workerd, and beside it one that gets all that the platform traces (a streaming tail
 * consumer) and passes it to this test.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort, startServer, type Running } from "../proofs/bench/processes.ts";
import { checked, goodBody, post } from "../support/answers.ts";

interface TailEvent {
  readonly spanContext: { readonly traceId: string; readonly spanId?: string };
  readonly event: {
    readonly type: string;
    readonly spanId?: string;
    readonly name?: string;
    readonly info?: unknown;
  };
}

interface PlatformSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  name: string;
  readonly attributes: Record<string, unknown>;
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
const texts = {
  user_prompt: "canary-prompt?",
  essay_a: "canary-essay-a",
  essay_b: "canary-essay-b",
  user_id: "canary-user",
};
const told: TailEvent[] = [];
let bodies = "";
const ear = createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    const text = Buffer.concat(chunks).toString();
    bodies += text;
    told.push(JSON.parse(text) as TailEvent);
    outgoing.end();
  });
});
let worker: Running;

beforeAll(async () => {
  await new Promise<void>((listening) => ear.listen(0, "127.0.0.1", listening));
  const { port: earPort } = ear.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), "workers-spans-"));
  const settings = readFileSync("wrangler.toml", "utf8")
    .replace('"src/cloudflare/worker.ts"', JSON.stringify(resolve("src/cloudflare/worker.ts")))
    .replace(
      "workers_dev = true\n",
      'workers_dev = true\nstreaming_tail_consumers = [{ service = "spans" }]\n',
    );
  writeFileSync(join(folder, "worker.toml"), settings);
  writeFileSync(
    join(folder, "tail.json"),
    JSON.stringify({
      name: "spans",
      main: "tail.js",
      compatibility_date: "2026-11-01",
      compatibility_flags: ["streaming_tail_worker"],
    }),
  );
  writeFileSync(
    join(folder, "tail.js"),
    `const passed = ["onset", "spanOpen", "spanUpdate", "attributes"];
     const textOf = (event) => JSON.stringify(event, (_, value) => (typeof value === "bigint" ? String(value) : value));
     const pass = async (event) => {
       if (passed.includes(event.event.type)) await fetch("http://127.0.0.1:${earPort}", { method: "POST", body: textOf(event) });
     };
     export default { fetch: () => new Response("spans"), tailStream: async (onset) => (await pass(onset), pass) };`,
  );
  const port = await freePort();
  const configs = ["-c", join(folder, "worker.toml"), "-c", join(folder, "tail.json")];
  worker = await startServer(
    {
      file: resolve("node_modules/.bin/wrangler"),
      args: [
        "dev",
        ...configs,
        "--port",
        String(port),
        "--ip",
        "127.0.0.1",
        "--var",
        "ENVIRONMENT:development",
        "--show-interactive-dev-session=false",
      ],
      env: { WRANGLER_SEND_METRICS: "false", HOME: folder, CI: "1" },
      cwd: folder,
    },
    port,
    null,
  );
});

afterAll(() => {
  worker.stop();
  ear.closeAllConnections();
  ear.close();
});

/** As far as they are told: a span is what opens, or what an invocation begins with. */
function spans(): readonly PlatformSpan[] {
  const all = new Map<string, PlatformSpan>();
  for (const { spanContext, event } of told) {
    const { traceId, spanId: around } = spanContext;
    if ((event.type === "onset" || event.type === "spanOpen") && event.spanId !== undefined)
      all.set(event.spanId, {
        traceId,
        spanId: event.spanId,
        parentSpanId: around,
        name: event.name ?? event.type,
        attributes: {},
      });
  }
  for (const { spanContext, event } of told) {
    const span = all.get(spanContext.spanId ?? "");
    if (span === undefined) continue;
    if (event.type === "spanUpdate") span.name = (event.info as { readonly name: string }).name;
    if (event.type === "attributes")
      for (const { name, value } of event.info as readonly { name: string; value: unknown }[])
        span.attributes[name] = value;
  }
  return [...all.values()];
}

const having = (name: string, value: unknown) =>
  spans().filter(({ attributes }) => attributes[name] === value);

async function compare(changes: object) {
  const path = "/api/v1/comparison";
  const init = post({ ...goodBody, ...texts, ...changes }, { headers });
  return checked("POST", path, await fetch(worker.origin + path, init));
}

it("says on a request's span whose it is and what came of it, and on a span of its own what the call was", async () => {
  const { status, body } = await compare({});
  expect([status, body["trace_id"]]).toEqual([200, traceId]);
  const correlationId = body["correlation_id"];
  await expect
    .poll(() => having("llm_provider.caller_trace_id", traceId), { timeout: 20_000 })
    .toHaveLength(1);
  const [request, call] = having("llm_provider.correlation_id", correlationId);
  expect(request?.attributes).toMatchObject({
    "llm_provider.result": "judged",
    "llm_provider.tenant": "local",
    "llm_provider.caller_trace_id": traceId,
  });
  expect(call).toMatchObject({
    name: "chat mock-judge-1",
    traceId: request?.traceId,
    parentSpanId: request?.spanId,
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "mock",
      "gen_ai.usage.input_tokens": expect.any(Number),
      "llm_provider.lane": "live",
    },
  });
});

it("works on a ticket in a span that names the one which kept it", async () => {
  const { status, body } = await compare({ processing_mode: "queue" });
  expect(status).toBe(202);
  const queueId = body["queue_id"];
  const worked = () =>
    having("llm_provider.outcome", "judged").filter(
      ({ attributes }) => attributes["llm_provider.queue_id"] === queueId,
    );
  await expect.poll(worked, { timeout: 30_000 }).toHaveLength(1);
  const [work] = worked();
  const kept = having("llm_provider.queue_id", queueId).find(
    ({ attributes }) => attributes["llm_provider.result"] === "kept",
  );
  expect(work).toMatchObject({
    name: "process tickets",
    attributes: {
      "llm_provider.caller_trace_id": traceId,
      "llm_provider.link.trace_id": kept?.traceId,
      "llm_provider.link.span_id": kept?.spanId,
    },
  });
  const [call] = having("llm_provider.lane", "ticket");
  expect(call).toMatchObject({
    name: "chat mock-judge-1",
    parentSpanId: work?.spanId,
    traceId: work?.traceId,
  });
});

it("holds no text and nobody's name", () => {
  expect(bodies).toContain("llm_provider.tenant");
  expect(bodies).not.toContain("canary");
});
