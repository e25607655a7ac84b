/** Unexpected errors and 5xx of ours, told to Sentry: what happened and where, never what was asked. */
import { Toucan } from "toucan-js";

interface Incident {
  /** As the API calls it. */
  readonly type: string;
  readonly correlationId: string;
  readonly tenant: string | null;
  readonly route: string;
  readonly provider: string | null;
  /** What was thrown, where something was. Its text stays here: it may quote a prompt. */
  readonly thrown: unknown;
}

/** Tells of one incident. `finishLater` keeps the process or the Worker alive until it is sent. */
export type Report = (incident: Incident, finishLater: (work: Promise<unknown>) => void) => void;

/** @returns a function that does nothing where there is no DSN */
export function createReport(settings: {
  readonly dsn: string | null;
  readonly environment: string;
  readonly release: string;
  readonly platform: string;
}): Report {
  const { dsn, environment, release, platform } = settings;
  if (dsn === null) return () => {};
  return (incident, finishLater) => {
    const toucan = new Toucan({ dsn, environment, release, context: { waitUntil: finishLater } });
    toucan.setTags({
      error_type: incident.type,
      correlation_id: incident.correlationId,
      tenant: incident.tenant ?? "none",
      route: incident.route,
      provider: incident.provider ?? "none",
      platform,
    });
    if (incident.thrown === null) toucan.captureMessage(incident.type, "error");
    else toucan.captureException(withoutItsText(incident.thrown));
  };
}

/** The same class and stack, without the message: a parser's message quotes what it read. */
function withoutItsText(thrown: unknown): Error {
  const clean = new Error("its text is withheld");
  clean.name = thrown instanceof Error ? thrown.name : typeof thrown;
  clean.stack = [`${clean.name}: ${clean.message}`, ...framesOf(thrown)].join("\n");
  return clean;
}

/** The lines of a stack that say where, without the message: that may have lines which look the same. */
export function framesOf(thrown: unknown): string[] {
  if (!(thrown instanceof Error)) return [];
  const { stack = "", message } = thrown;
  const messageAt = stack.indexOf(message);
  // A message that was changed later stands in the stack as it was, and nobody can say where it ends.
  if (messageAt === -1) return [];
  const lines = stack.slice(messageAt + message.length).split("\n");
  return lines.filter((line) => /^\s+at .+:\d+:\d+\)?$/.test(line));
}
