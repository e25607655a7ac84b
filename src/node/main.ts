/** The service on Node: settings, data, listening, and a graceful stop. */
import { hash } from "node:crypto";
import type { AddressInfo } from "node:net";
import SonicBoom from "sonic-boom";
import { describeMistakes, parseConfig, secretsOf } from "../settings/config.ts";
import { createCancellations } from "../gateway/cancellations.ts";
import type { Clock } from "../gateway/ports.ts";
import { createLog } from "../telemetry/log.ts";
import { createMask } from "../telemetry/mask.ts";
import type { Transport } from "../providers/transport.ts";
import { createService } from "../service.ts";
import { version } from "../version.ts";
import { timeOrderedId } from "./ids.ts";
import { nodePlatform } from "./http/platform.ts";
import { recordingTransport } from "./vendors/recorder.ts";
import { createHttpServer } from "./http/server.ts";
import { stopGracefully } from "./stop.ts";
import { sizeOfTexts } from "./sqlite/stored-texts.ts";
import { openStores } from "./stores.ts";
import { undiciTransport } from "./vendors/undici-transport.ts";
import { utf8 } from "./http/utf8.ts";

const parsed = parseConfig(process.env, "node");
if (!parsed.ok) refuse(`These settings are wrong:\n${describeMistakes(parsed.error)}`);
const config = parsed.value;

// Writes without blocking. Lines are gathered for a fifth of a second, or 12 KB: a write for each would be a tenth of a request's cost.
const output = new SonicBoom({ fd: 1, sync: false, minLength: 12_288, periodicFlush: 200 });
const log = createLog(config.logLevel, (line) => output.write(`${line}\n`), Date.now);
const clock: Clock = {
  nowMs: Date.now,
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};
const newId = () => timeOrderedId(Date.now());
const opened = await openStores({
  settings: config,
  redisUrl: config.redisUrl,
  clock,
  random: Math.random,
  newId,
  onFault: (error) => log("error", "background_fault", { error_name: errorName(error) }),
  log,
});
if (!opened.ok) refuse(opened.error);
const stores = opened.value;
const stopping = new AbortController();
const vendors = undiciTransport();
const { app, gateway } = createService(config, {
  platform: nodePlatform,
  transport: config.recordResponses ? recorded(vendors.transport) : vendors.transport,
  clock,
  newId,
  random: Math.random,
  sha256: (text) => hash("sha256", utf8(text), "hex"),
  log,
  stores: {
    ...stores.parts,
    sizeOf: sizeOfTexts,
    cancellations: createCancellations(),
    stopping: stopping.signal,
  },
});

const server = createHttpServer(app.fetch);
server.listen(config.port, config.host, started);
server.on("error", (error: NodeJS.ErrnoException) =>
  refuse(`Cannot listen on ${config.host}:${config.port} (${error.code ?? error.name}).`),
);
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

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

function started() {
  stores.start(gateway.run);
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  log("info", "started", {
    version,
    platform: "node",
    environment: config.environment,
    url: `http://${host}:${port}`,
    warnings: [...config.warnings, ...(stores.parts.warnings?.() ?? [])],
  });
}

async function stop(signal: NodeJS.Signals) {
  log("info", "stopping", { signal });
  await stopGracefully({ server, stores, clock, stopping });
  void vendors.close();
  output.flushSync();
  process.exit(0);
}
