/** What wrangler.toml binds, and the settings beside it. */
import { parseConfig, type Config } from "../settings/config.ts";
import { createLog, type Log } from "../telemetry/log.ts";

/** `env` of the Worker and of its Durable Objects. Settings are in it too; `config.ts` alone reads those. */
export type Environment = {
  readonly GATES: DurableObjectNamespace;
  readonly TICKET_OBJECTS: DurableObjectNamespace;
  readonly KEY_OBJECTS: DurableObjectNamespace;
  readonly TOTALS_OBJECTS: DurableObjectNamespace;
  readonly TENANT_INDEXES: DurableObjectNamespace;
  /** A message is the id of a ticket, and nothing more. */
  readonly TICKETS: Queue<string>;
  readonly VERSION: WorkerVersionMetadata;
};

export interface ReadSettings {
  /** `null`: some setting is wrong, and nothing can be served. The log names every mistake. */
  readonly config: Config | null;
  readonly log: Log;
}

/** An isolate's settings never change, and each of its objects reads them. */
const readBefore = new WeakMap<Environment, ReadSettings>();

/** Reads the settings, once for each `env`. */
export function settingsOf(env: Environment): ReadSettings {
  const known = readBefore.get(env);
  if (known) return known;
  const parsed = parseConfig(env, "cloudflare");
  if (!parsed.ok)
    writeLine(JSON.stringify({ level: "error", event: "settings_wrong", mistakes: parsed.error }));
  const log = createLog(parsed.ok ? parsed.value.logLevel : "info", writeLine, Date.now);
  const fresh = { config: parsed.ok ? parsed.value : null, log };
  readBefore.set(env, fresh);
  return fresh;
}

/** @throws {Error} some setting is wrong */
export function configOf(env: Environment): Config {
  const { config } = settingsOf(env);
  if (config === null) throw new Error("a setting is wrong");
  return config;
}

/** Logs what was not meant to happen. Its class alone: its text may quote a prompt. */
export function logFault(env: Environment, event: string, error: unknown): void {
  settingsOf(env).log("error", event, { error_name: error instanceof Error ? error.name : typeof error });
}

function writeLine(line: string): void {
  // eslint-disable-next-line no-console -- the one way in which a Worker writes a log
  console.log(line);
}
