/** What wrangler.toml binds, and the settings beside it. */
import { parseConfig, type Config } from "../settings/config.ts";
import type { FaultKind, Tell } from "../telemetry/events.ts";
import { linesTo, requestLinesTo } from "../telemetry/lines.ts";
import { createLog } from "../telemetry/log.ts";

/** `env` of the Worker and of its Durable Objects. Settings are in it too; `config.ts` alone reads those. */
export type Environment = {
  readonly GATES: DurableObjectNamespace;
  readonly TICKET_OBJECTS: DurableObjectNamespace;
  readonly KEY_OBJECTS: DurableObjectNamespace;
  readonly TOTALS_OBJECTS: DurableObjectNamespace;
  readonly TENANT_INDEXES: DurableObjectNamespace;
  readonly METRICS_OBJECTS: DurableObjectNamespace;
  readonly OPERATOR_OBJECTS: DurableObjectNamespace;
  /** A message is the id of a ticket, and nothing more. */
  readonly TICKETS: Queue<string>;
  readonly VERSION: WorkerVersionMetadata;
  /** Hears of every ticket. Absent: there is none. */
  readonly EVENTS?: Queue<unknown>;
};

export interface ReadSettings {
  /** `null`: some setting is wrong, and nothing can be served. The log names every mistake. */
  readonly config: Config | null;
  /** Writes lines of the log. Lines are paid for here: one for each request, unless LOG_LEVEL is debug. */
  readonly tell: Tell;
}

/** An isolate's settings never change, and each of its objects reads them. */
const readBefore = new WeakMap<Environment, ReadSettings>();

/** Reads the settings, once for each `env`. */
export function settingsOf(env: Environment): ReadSettings {
  const known = readBefore.get(env);
  if (known) return known;
  const parsed = parseConfig(env, "cloudflare");
  const level = parsed.ok ? parsed.value.logLevel : "info";
  const log = createLog(level, writeLine, Date.now);
  const tell = level === "debug" ? linesTo(log) : requestLinesTo(log);
  if (!parsed.ok) tell({ kind: "settings_wrong", mistakes: parsed.error });
  const fresh = { config: parsed.ok ? parsed.value : null, tell };
  readBefore.set(env, fresh);
  return fresh;
}

/** @throws {Error} some setting is wrong */
export function configOf(env: Environment): Config {
  const { config } = settingsOf(env);
  if (config === null) throw new Error("a setting is wrong");
  return config;
}

/** Tells of what was not meant to happen. @param queueId the ticket that it is about; absent: none, or many */
export function logFault(env: Environment, kind: FaultKind, error: unknown, queueId?: string): void {
  const errorName = error instanceof Error ? error.name : typeof error;
  settingsOf(env).tell({ kind, errorName, ...(queueId !== undefined && { queueId }) });
}

function writeLine(line: string): void {
  // eslint-disable-next-line no-console -- the one way in which a Worker writes a log
  console.log(line);
}
