/** The service on Node: settings, listening, and a graceful stop. */
import { hash, randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import SonicBoom from "sonic-boom";
import { describeMistakes, parseConfig } from "../config.ts";
import { createLog } from "../http/log.ts";
import { createMask } from "../http/mask.ts";
import type { Transport } from "../providers/transport.ts";
import { createService } from "../service.ts";
import { version } from "../version.ts";
import { nodePlatform } from "./platform.ts";
import { recordingTransport } from "./recorder.ts";
import { createHttpServer } from "./server.ts";
import { undiciTransport } from "./undici-transport.ts";

/** How long calls in flight may take to finish after SIGTERM or SIGINT. */
const stopMs = 30_000;

const parsed = parseConfig(process.env, "node");
if (!parsed.ok) {
  process.stderr.write(`These settings are wrong:\n${describeMistakes(parsed.error)}\n`);
  process.exit(1);
}
const config = parsed.value;

// Writes without blocking, and gathers lines while a write is under way.
const output = new SonicBoom({ fd: 1, sync: false });
const log = createLog(config.logLevel, (line) => output.write(`${line}\n`), Date.now);
const vendors = undiciTransport();
const app = createService(config, {
  platform: nodePlatform,
  transport: config.recordResponses ? recorded(vendors.transport) : vendors.transport,
  clock: {
    nowMs: Date.now,
    after(delayMs, then) {
      const timer = setTimeout(then, delayMs);
      return () => clearTimeout(timer);
    },
  },
  newId: randomUUID,
  random: Math.random,
  sha256: (text) => hash("sha256", text, "hex"),
  log,
});

const server = createHttpServer(app.fetch);
server.listen(config.port, config.host, started);
server.on("error", (error: NodeJS.ErrnoException) => {
  process.stderr.write(`Cannot listen on ${config.host}:${config.port} (${error.code ?? error.name}).\n`);
  process.exit(1);
});
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

/** Calls written to files, as `RECORD_LLM_RESPONSES` asks. */
function recorded(transport: Transport): Transport {
  return recordingTransport(transport, {
    directory: "llm_response_logs",
    nowMs: Date.now,
    mask: createMask(Object.values(config.providers).map(({ apiKey }) => apiKey ?? "")),
    onFault: (error) => log("error", "recording_failed", { error_name: errorCode(error) }),
  });
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}

function started() {
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  log("info", "started", {
    version,
    platform: "node",
    environment: config.environment,
    url: `http://${host}:${port}`,
    warnings: config.warnings,
  });
}

/** No new connections; what is in flight is finished; then the process ends by itself. */
function stop(signal: NodeJS.Signals) {
  log("info", "stopping", { signal });
  setTimeout(() => end(1), stopMs);
  // A kept-alive connection idles on after its last answer until its client tires of it, so one look is not enough.
  setInterval(() => server.closeIdleConnections(), 50);
  server.close(() => end(0));
}

function end(code: number) {
  void vendors.close();
  output.flushSync();
  process.exit(code);
}
