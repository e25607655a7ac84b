/**
 * One JSON line per event, from an allow-list of fields: what is not named here can't reach a log, so no prompt, essay or key does.
 * Values that come from outside are cut, so that a line stays a line.
 */
const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogFields {
  readonly correlation_id?: string;
  /** The caller's trace, 32 hex digits. */
  readonly trace_id?: string;
  /** Of a ticket. */
  readonly queue_id?: string;
  readonly ticket_status?: string;
  readonly tenant?: string | null;
  readonly method?: string;
  /** The route's pattern, never the path that was asked for. */
  readonly route?: string;
  readonly status?: number;
  readonly error_type?: string;
  readonly duration_ms?: number;
  readonly provider?: string;
  /** The model that was asked for. */
  readonly model?: string;
  readonly answered_model?: string;
  readonly attempt?: number;
  readonly attempts?: number;
  readonly upstream_status?: number | null;
  /** The vendor's id for the call. */
  readonly upstream_request_id?: string | null;
  /** Why a call failed, by our own closed list of reasons. */
  readonly failure?: string;
  readonly failure_code?: string;
  /** Why something is so, by one of our own closed lists. */
  readonly reason?: string;
  /** ISO 8601, UTC. */
  readonly until?: string;
  readonly since?: string;
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly cost?: number | null;
  /** Names of fields that nobody reads. */
  readonly unknown_fields?: readonly string[];
  /** The class of an unexpected error and where it was thrown; its text may quote a prompt and stays out. */
  readonly error_name?: string;
  readonly stack?: readonly string[];
  /** A store of ours. */
  readonly store?: string;
  /** The kind of the bus. */
  readonly bus?: string;
  readonly platform?: string;
  readonly environment?: string;
  readonly version?: string;
  readonly url?: string;
  readonly warnings?: readonly string[];
  /** Settings that are wrong: names, what was found (secrets masked), what is allowed. */
  readonly mistakes?: readonly { readonly name: string; readonly found: string; readonly allowed: string }[];
  readonly signal?: string;
  /** An operator's name, and what the operator did. */
  readonly operator?: string;
  readonly action?: string;
  /** Of an endpoint that is told of tickets its name; and the event that it was to be told. */
  readonly endpoint?: string;
  readonly event_id?: string;
  /** Of what the event names. */
  readonly count?: number;
}

export type Log = (level: LogLevel, event: string, fields: LogFields) => void;

/** @param write takes one line, without its line break */
export function createLog(lowest: LogLevel, write: (line: string) => void, nowMs: () => number): Log {
  const from = logLevels.indexOf(lowest);
  return (level, event, fields) => {
    if (logLevels.indexOf(level) < from) return;
    const line: Record<string, unknown> = { time: new Date(nowMs()).toISOString(), level, event };
    for (const name in fields) {
      const value = fields[name as keyof LogFields];
      if (value !== undefined && allowed.has(name)) line[name] = cut(value);
    }
    write(JSON.stringify(line).replace(unprintable, escaped));
  };
}

/**
 * What JSON lets stand as it is, and a terminal or a viewer of logs may obey: control characters from U+007F on (C1 begins escape sequences),
 * line and paragraph separators, marks and overrides of the direction of writing, the byte order mark.
 */
const unprintable = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function cut(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, 300);
  return Array.isArray(value) ? value.slice(0, 50).map(cut) : value;
}

const allowed: ReadonlySet<string> = new Set([
  "correlation_id",
  "trace_id",
  "queue_id",
  "ticket_status",
  "tenant",
  "method",
  "route",
  "status",
  "error_type",
  "duration_ms",
  "provider",
  "model",
  "answered_model",
  "attempt",
  "attempts",
  "upstream_status",
  "upstream_request_id",
  "failure",
  "failure_code",
  "reason",
  "until",
  "since",
  "prompt_tokens",
  "completion_tokens",
  "cost",
  "unknown_fields",
  "error_name",
  "stack",
  "store",
  "bus",
  "platform",
  "environment",
  "version",
  "url",
  "warnings",
  "mistakes",
  "signal",
  "operator",
  "action",
  "count",
  "endpoint",
  "event_id",
] satisfies (keyof LogFields)[]);
