/** The service on Cloudflare Workers. */
import { parseConfig } from "../config.ts";
import { problemAnswer } from "../http/errors.ts";
import { createLog } from "../http/log.ts";
import { createService } from "../service.ts";
import { fetchTransport } from "./fetch-transport.ts";
import { workersPlatform } from "./platform.ts";

/** The Worker's variables and secrets; its settings are read in `config.ts` alone. */
type Env = Readonly<Record<string, unknown>>;

type Handler = (request: Request, env: Env, context: ExecutionContext) => Response | Promise<Response>;

/** Made at an isolate's first request: an isolate's settings never change. It holds nothing of any request. */
let handler: Handler | null = null;

export default {
  fetch: (request, env, context) => (handler ??= createHandler(env))(request, env, context),
} satisfies ExportedHandler<Env>;

function createHandler(env: Env): Handler {
  const parsed = parseConfig(env, "cloudflare");
  if (!parsed.ok) {
    writeLine(JSON.stringify({ level: "error", event: "settings_wrong", mistakes: parsed.error }));
    return () =>
      problemAnswer(
        { status: 503, type: "SERVICE_UNAVAILABLE", sentence: "This service is not set up." },
        crypto.randomUUID(),
      );
  }
  const service = createService(parsed.value, {
    platform: workersPlatform,
    transport: fetchTransport,
    clock: {
      nowMs: Date.now,
      after(delayMs, then) {
        const timer = setTimeout(then, delayMs);
        return () => clearTimeout(timer);
      },
    },
    newId: () => crypto.randomUUID(),
    random: Math.random,
    sha256,
    log: createLog(parsed.value.logLevel, writeLine, Date.now),
  });
  return service.fetch;
}

const encoder = new TextEncoder();

async function sha256(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return digest.toHex();
}

function writeLine(line: string): void {
  // eslint-disable-next-line no-console -- the one way in which a Worker writes a log
  console.log(line);
}
