/** The service on Node: settings, data, listening, and a graceful stop. */
import { askedToStop } from "./signals.ts";
import { hash } from "node:crypto";
import type { AddressInfo } from "node:net";
import { describeMistakes, parseConfig, secretsOf } from "../settings/config.ts";
import { wait } from "../gateway/deadline.ts";
import { createCancellations } from "../gateway/cancellations.ts";
import type { Clock } from "../gateway/ports.ts";
import { createLog } from "../telemetry/log.ts";
import { createMask } from "../telemetry/mask.ts";
import type { Transport } from "../providers/transport.ts";
import { weightsByKey } from "../gateway/gate-keys.ts";
import { createService } from "../service.ts";
import { version } from "../version.ts";
import { openDataDirectory } from "./data-directory.ts";
import { timeOrderedId } from "./ids.ts";
import { createLogOutput } from "./log-output.ts";
import { nodePlatform } from "./http/platform.ts";
import { recordingTransport } from "./vendors/recorder.ts";
import { createHttpServer } from "./http/server.ts";
import { longestStopMs, stopGracefully } from "./stop.ts";
import { sizeOfTexts } from "./sqlite/stored-texts.ts";
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
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};
const output = createLogOutput(clock, (count) => log("error", "log_lines_dropped", { count }));
const log = createLog(config.logLevel, output.write, Date.now);
const newId = () => timeOrderedId(Date.now());
const directory = openDataDirectory(config.dataDir);
if (!directory.ok) refuse(directory.error);
const directoryWarnings = directory.value;
const cancellations = createCancellations();
const opened = await openStores({
  settings: { ...config, weights: await weightsByKey(config.tenantWeights, sha256) },
  redisUrl: config.redisUrl,
  onCancelled: cancellations.tell,
  clock,
  random: Math.random,
  newId,
  onFault: (error) => log("error", "background_fault", { error_name: errorName(error) }),
  log,
});
if (!opened.ok) refuse(opened.error);
const stores = opened.value;
/** Calls that are under way are ended by it. */
const stopping = new AbortController();
let isStarted = false;
let isStopping = false;
const vendors = undiciTransport();
const { app, gateway, settingsWarnings } = createService(config, {
  platform: nodePlatform,
  transport: config.recordResponses ? recorded(vendors.transport) : vendors.transport,
  clock,
  newId,
  random: Math.random,
  sha256,
  log,
  isStopping: () => isStopping,
  deployment: null,
  stores: {
    ...stores.parts,
    warnings,
    sizeOf: sizeOfTexts,
    cancellations,
    stopping: stopping.signal,
  },
});

const http = createHttpServer({ fetch: app.fetch, log });
const { server } = http;
server.listen(config.port, config.host, started);
server.on("error", (error: NodeJS.ErrnoException) =>
  refuse(`Cannot listen on ${config.host}:${config.port} (${error.code ?? error.name}).`),
);
void askedToStop.then(stop);

function sha256(text: string): string {
  return hash("sha256", utf8(text), "hex");
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
    onFault: (error) => log("error", "recording_failed", { error_name: errorName(error) }),
  });
}

function errorName(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error ? String(error.code) : error.name;
}

function warnings(): readonly string[] {
  return [...directoryWarnings, ...(stores.parts.warnings?.() ?? []), ...output.warnings()];
}

function started() {
  isStarted = true;
  stores.start(gateway.run);
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  log("info", "started", {
    version,
    platform: "node",
    environment: config.environment,
    url: `http://${host}:${port}`,
    warnings: [...settingsWarnings, ...warnings()],
  });
}

async function stop(signal: NodeJS.Signals) {
  const askedAtMs = performance.now();
  isStopping = true;
  log("info", "stopping", { signal });
  // Asked before it has begun to listen, it does not begin any more, and nobody has been told to send it anything.
  server.off("listening", started);
  if (isStarted && config.stopDelayMs > 0) {
    http.sayLeaving();
    await wait(clock, config.stopDelayMs);
  }
  const doorClosedAtMs = performance.now();
  const { requestTimeoutMs } = config.llm;
  await stopGracefully({ http, stores, clock, stopping, requestTimeoutMs }).catch((error: unknown) =>
    log("error", "background_fault", { error_name: errorName(error) }),
  );
  void vendors.close();
  const endedAtMs = performance.now();
  log("info", "stopped", { signal, duration_ms: Math.round(endedAtMs - askedAtMs) });
  // Whoever reads the log has a second, or what is left of the time; and a moment in any case.
  await output.end(
    Math.min(1_000, Math.max(100, longestStopMs(requestTimeoutMs) - (endedAtMs - doorClosedAtMs))),
  );
  process.exit(0);
}
