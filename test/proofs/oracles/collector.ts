/**
 * An OpenTelemetry collector: takes what the service sends it, and hands it on in the form that it makes of it, to us. Built by Go from `collector/`, once
 * for each version of that: minutes. What it hands on is read as strictly as what the service itself sends in tests (`test/support/otlp-receiver.ts`).
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFakeUpstream } from "../../../tools/fake-upstream/server.ts";
import { fakeLane } from "../../../tools/fake-upstream/client.ts";
import { startNodeService } from "../../support/node-service.ts";
import { otlpReceiver, type OtlpReceiver, type ReceivedSpan } from "../../support/otlp-receiver.ts";
import { freePort, run, startServer } from "../bench/processes.ts";
import type { Check, Oracle } from "./oracle.ts";

export const oracle: Oracle = {
  tools: [{ command: "go", versionArgs: ["version"], debianPackage: null, howToGet: "https://go.dev/dl" }],
  async ask(check) {
    const folder = mkdtempSync(join(tmpdir(), "oracle-collector-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    let program = "";
    const isBuilt = await check("a collector can be built", async () => {
      program = await built();
    });
    if (!isBuilt) return;
    const receiver = await otlpReceiver("protobuf's");
    const port = await freePort();
    const config = join(folder, "collector.yaml");
    writeFileSync(config, configOf(port, receiver.url));
    const collector = await startServer({ file: program, args: ["--config", `file:${config}`] }, port, null);
    try {
      await askOf(collector.origin, receiver, check);
    } finally {
      collector.stop();
      await receiver.goAway();
    }
  },
};

/** Far more than a build takes on a small machine that does other work. */
const buildSeconds = 1_500;

/** @returns the program. One that was built before from the same source is taken */
async function built(): Promise<string> {
  const source = join(import.meta.dirname, "collector");
  const hash = createHash("sha256");
  for (const file of ["go.mod", "main.go"]) hash.update(readFileSync(join(source, file)));
  const folder = join(tmpdir(), `llm-provider-service-collector-${hash.digest("hex").slice(0, 16)}`);
  const program = join(folder, "collector");
  if (existsSync(program)) return program;
  cpSync(source, folder, { recursive: true });
  const go = (...args: readonly string[]) =>
    run({ file: "go", args, env: process.env, cwd: folder }, null, buildSeconds);
  await go("mod", "tidy");
  await go("build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".");
  return program;
}

function configOf(port: number, to: string): string {
  return `receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { otlp_http: { endpoint: "${to}", encoding: json, compression: none } }
service:
  telemetry: { metrics: { level: none }, logs: { level: warn } }
  pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } }
`;
}

const trace = { id: "0af7651916cd43dd8448eb211c80319c", parent: "b7ad6b7169203331" };

async function askOf(collectorUrl: string, receiver: OtlpReceiver, check: Check): Promise<void> {
  await check(
    "a collector refuses a trace's id that is none, so that what it takes says something",
    async () => {
      const answer = await fetch(`${collectorUrl}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: "canary", spanId: "1" }] }] }],
        }),
      });
      if (answer.status !== 400) throw new Error(`It answered ${answer.status}`);
    },
  );
  const upstream = await startFakeUpstream();
  const lane = fakeLane(upstream.url, "collector");
  const service = await startNodeService({
    OPENAI_API_KEY: "sk-fake",
    OPENAI_BASE_URL: lane.baseUrls.openai,
    LLM_MAX_RETRIES: "0",
    OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
    OTEL_TRACES_SAMPLER_ARG: "0",
  });
  const headers = { traceparent: `00-${trace.id}-${trace.parent}-01`, tracestate: "vendor=opaque" };
  try {
    await check("it takes a judgement's spans and hands them on as they were", async () => {
      await service.compare({}, { headers });
      const spans = await receiver.until((all) => all.length === 2);
      holds(
        spans,
        "POST /api/v1/comparison",
        (span) => span.parentSpanId === trace.parent && span.kind === 2,
      );
      holds(
        spans,
        /^chat /,
        (span) => span.attributes["gen_ai.provider.name"] === "openai" && span.kind === 3,
      );
      for (const span of spans)
        if (span.traceId !== trace.id || span.traceState !== "vendor=opaque")
          throw new Error(JSON.stringify(span));
    });
    await check("and a ticket's attempt with its link to the span that kept it", async () => {
      await lane.script([{ fault: "unavailable" }]);
      await service.compare({}, { headers });
      const spans = await receiver.until((all) => all.some(({ name }) => name === "process tickets"));
      const kept = spans.find(({ name }) => name === "publish tickets");
      holds(
        spans,
        "process tickets",
        ({ links }) => links[0]?.spanId === kept?.spanId && links[0]?.traceId === trace.id,
      );
      holds(spans, "publish tickets", (span) => span.traceId === trace.id && span.kind === 4);
    });
  } finally {
    await service.stop();
    await upstream.close();
  }
}

function holds(
  spans: readonly ReceivedSpan[],
  name: string | RegExp,
  isSo: (span: ReceivedSpan) => boolean,
): void {
  const found = spans.filter((span) =>
    typeof name === "string" ? span.name === name : name.test(span.name),
  );
  if (!found.some(isSo)) throw new Error(`${String(name)} is not as it should be: ${JSON.stringify(found)}`);
}
