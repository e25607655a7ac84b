/** The service on Node: settings, data, listening, and a graceful stop. */
import { askedToStop } from "./signals.ts";
import { hash } from "node:crypto";
import type { AddressInfo } from "node:net";
import { describeMistakes, parseConfig, secretsOf } from "../settings/config.ts";
import { wait } from "../gateway/deadline.ts";
import { createCancellations } from "../gateway/cancellations.ts";
import type { Clock } from "../gateway/ports.ts";
import type { GateStatus } from "../domain/gate/view.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import { busRenderer } from "../http/bus-events.ts";
import { statusesOf } from "../http/gate-views.ts";
import { endedEventJson, webhookBody } from "../http/notices.ts";
import { sayTimes } from "../http/server-timing.ts";
import { createModelLabel } from "../providers/model-label.ts";
import { configuredModels } from "../providers/providers.ts";
import { operatorWarnings } from "../settings/warnings.ts";
import type { TelemetryEvent } from "../telemetry/events.ts";
import { linesTo } from "../telemetry/lines.ts";
import { createLog } from "../telemetry/log.ts";
import { createMeter } from "../telemetry/metrics/meter.ts";
import { createMask } from "../telemetry/mask.ts";
import { newRecent, noteEvent } from "../telemetry/recent.ts";
import type { Transport } from "../providers/transport.ts";
import { weightsByKey } from "../gateway/gate-keys.ts";
import { createHub } from "../push/hub.ts";
import type { DeliveryStore } from "../gateway/delivery-store.ts";
import { receiversOf } from "../push/receivers.ts";
import { createService } from "../service.ts";
import { version } from "../version.ts";
import { openDataDirectory } from "./data-directory.ts";
import { timeOrderedId } from "./ids.ts";
import { createLogOutput } from "./log-output.ts";
import { nodeMetrics } from "./metrics.ts";
import { nodePlatform } from "./http/platform.ts";
import { openBus } from "./push/open-bus.ts";
import { unreachableReceivers } from "./push/unreachable.ts";
import { recordingTransport } from "./vendors/recorder.ts";
import { createHttpServer } from "./http/server.ts";
import { longestStopMs, stopGracefully } from "./stop.ts";
import { sizeOfTexts } from "./sqlite/stored-texts.ts";
import type { NodeWebhooks } from "./push/webhooks.ts";
import { openStores } from "./stores.ts";
import { undiciTransport } from "./vendors/undici-transport.ts";
import { utf8 } from "./http/utf8.ts";

// Whatever is written here is for nobody else on this machine: prompts and essays are in it.
process.umask(0o077);

const parsed = parseConfig(process.env, "node");
if (!parsed.ok) refuse(`These settings are wrong:\n${describeMistakes(parsed.error)}`);
const config = parsed.value;

const clock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => Math.round(performance.now()),
  fineMs: () => performance.now(),
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};
const output = createLogOutput(clock, (count) => tell({ kind: "log_lines_dropped", count }));
const writeLine = linesTo(createLog(config.logLevel, output.write, Date.now));
const modelLabel = createModelLabel(configuredModels(config));
const meter = createMeter(modelLabel);
const recent = newRecent();
// Who has nobody to send spans to does not load what makes them.
const tracing =
  config.tracing && (await import("./tracing/tracing.ts")).startTracing(config, config.tracing, clock, tell);
const newId = () => timeOrderedId(Date.now());
const directory = openDataDirectory(config.dataDir);
if (!directory.ok) refuse(directory.error);
const lastingWarnings = [...directory.value, ...unreachableReceivers(config)];
const cancellations = createCancellations();
const hub = createHub({
  clock,
  // What other processes say may be lost.
  looksInSilence: config.redisUrl !== null,
  onListening: (isListening) => stores.wantsMoves(isListening),
});
const bus = await openBus(config, clock);
const receivers = await receiversOf(config.webhooks, sha256);
const isTold = receivers.all.length > 0;
/** `null`: nobody is told, or not yet: tickets may end while the stores are opened, and a start looks for all that is due. */
let webhooks: NodeWebhooks | null = null;
const opened = await openStores({
  settings: { ...config, weights: await weightsByKey(config.tenantWeights, sha256) },
  redisUrl: config.redisUrl,
  onCancelled: cancellations.tell,
  hints: hub,
  clock,
  random: Math.random,
  newId,
  endedEvent: endedEventJson,
  onFault,
  tell,
  bus: bus && { bus, render: busRenderer(config.environment) },
  ...(isTold && { webhooks: { told: receivers, onEntered: () => webhooks?.wake() } }),
});
if (!opened.ok) refuse(opened.error);
const stores = opened.value;
/** Calls that are under way are ended by it. */
const stopping = new AbortController();
let isStarted = false;
let isStopping = false;
const vendors = undiciTransport();
// Who tells nobody does not load what does.
if (isTold && stores.deliveries !== null) webhooks = await sender(stores.deliveries);
const { app, gateway, settingsWarnings } = createService(config, {
  platform: nodePlatform,
  transport: config.recordResponses ? recorded(vendors.transport) : vendors.transport,
  clock,
  newId,
  random: Math.random,
  sha256,
  tell,
  webhooks: webhooks?.webhooks,
  metrics: nodeMetrics(config, meter, recent, vendors.connections, hub.count),
  modelLabel,
  isStopping: () => isStopping,
  deployment: null,
  tracer: tracing?.tracer,
  sayTimes: config.serverTiming ? sayTimes : undefined,
  live: hub,
  stores: {
    ...stores.parts,
    warnings,
    sizeOf: sizeOfTexts,
    cancellations,
    stopping: stopping.signal,
  },
});

const http = createHttpServer({ fetch: app.fetch, tell });
const { server } = http;
server.listen(config.port, config.host, started);
server.on("error", (error: NodeJS.ErrnoException) =>
  refuse(`Cannot listen on ${config.host}:${config.port} (${error.code ?? error.name}).`),
);
void askedToStop.then(stop);

function sha256(text: string): string {
  return hash("sha256", utf8(text), "hex");
}

async function sender(deliveries: DeliveryStore): Promise<NodeWebhooks> {
  const { nodeWebhooks } = await import("./push/webhooks.ts");
  return nodeWebhooks({
    receivers,
    deliveries,
    tickets: stores.parts.tickets,
    render: webhookBody,
    clock,
    pollIntervalMs: config.queue.pollIntervalMs,
    newId,
    tell,
    onFault,
  });
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

/** Calls written to files, as `RECORD_LLM_RESPONSES` asks. */
function recorded(transport: Transport): Transport {
  return recordingTransport(transport, {
    directory: "llm_response_logs",
    nowMs: Date.now,
    mask: createMask(secretsOf(config)),
    onFault: (error) => tell({ kind: "recording_failed", errorName: errorName(error) }),
  });
}

function tell(event: TelemetryEvent): void {
  writeLine(event);
  meter.count(event);
  noteEvent(recent, event, Date.now());
  tracing?.record(event);
}

/** @param ticketId the ticket that it is about; absent: none, or many */
function onFault(error: unknown, ticketId?: string): void {
  const whose = ticketId !== undefined && { queueId: ticketId };
  tell({ kind: "background_fault", errorName: errorName(error), ...whose });
}

function errorName(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error ? String(error.code) : error.name;
}

function warnings(): readonly string[] {
  return [...lastingWarnings, ...(stores.parts.warnings?.() ?? []), ...output.warnings()];
}

function started() {
  isStarted = true;
  stores.start(gateway.run);
  webhooks?.start();
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  tell({
    kind: "started",
    version,
    platform: "node",
    environment: config.environment,
    url: `http://${host}:${port}`,
    warnings: [...settingsWarnings, ...operatorWarnings(config), ...warnings()],
  });
  void tellFound().catch(onFault);
}

/** Tickets that had not ended when this process started. Where a gate can't be asked now, nothing is said of its provider. */
async function tellFound(): Promise<void> {
  const statuses = Object.entries(await statusesOf(stores.parts.gate));
  for (const [name, status] of statuses as [ProviderName, GateStatus | null][]) {
    const { size: count = 0, oldestAcceptedAtMs: oldestAtMs = null } = status?.queue ?? {};
    if (count > 0) tell({ kind: "found", provider: name, count, oldestAtMs });
  }
}

async function stop(signal: NodeJS.Signals) {
  const askedAtMs = performance.now();
  isStopping = true;
  tell({ kind: "stopping", signal });
  // Asked before it has begun to listen, it does not begin any more, and nobody has been told to send it anything.
  server.off("listening", started);
  if (isStarted && config.stopDelayMs > 0) {
    http.sayLeaving();
    await wait(clock, config.stopDelayMs);
  }
  const doorClosedAtMs = performance.now();
  hub.close();
  const { requestTimeoutMs } = config.llm;
  await stopGracefully({ http, stores, webhooks, clock, stopping, requestTimeoutMs }).catch(onFault);
  void vendors.close();
  const endedAtMs = performance.now();
  tell({ kind: "stopped", signal, durationMs: Math.round(endedAtMs - askedAtMs) });
  // Whoever reads the log, or collects spans, has a second, or what is left of the time; and a moment in any case.
  const leftMs = longestStopMs(requestTimeoutMs) - (endedAtMs - doorClosedAtMs);
  const patienceMs = Math.min(1_000, Math.max(100, leftMs));
  await Promise.all([output.end(patienceMs), tracing?.end(patienceMs)]);
  process.exit(0);
}
