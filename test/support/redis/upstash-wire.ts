/** What goes over the wire to and from Upstash's REST interface, as its documentation and its SDK (1.39.0) have it. */
import type { Argument, Reply } from "./resp.ts";

export type Command = readonly [string, ...Argument[]];
export type Route = "command" | "pipeline" | "multi-exec";

/** A command's place in the answer. */
export type Outcome = { readonly result: unknown } | { readonly error: string };

/** `null`: such a path isn't served here. Upstash's other ways to say a command (`/set/key/value`) the SDK doesn't use. */
export function routeOf(path: string): Route | null {
  const routes: Readonly<Record<string, Route>> = {
    "/": "command",
    "/pipeline": "pipeline",
    "/multi-exec": "multi-exec",
  };
  return routes[path] ?? null;
}

/** `null`: not what this route takes. */
export function commandsOf(route: Route, bodyText: string): readonly Command[] | null {
  const body = parsed(bodyText);
  const commands: unknown = route === "command" ? [body] : body;
  return Array.isArray(commands) && commands.every(isCommand)
    ? commands.map(([name, ...args]): Command => [name, ...args.map(String)])
    : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isCommand(value: unknown): value is [string, ...(string | number | boolean)[]] {
  return (
    Array.isArray(value) &&
    typeof value[0] === "string" &&
    value.every((part) => ["string", "number", "boolean"].includes(typeof part))
  );
}

/** @param isBase64 whether the request had `Upstash-Encoding: base64`: all strings are encoded then but the reply OK; errors never are */
export function outcomeOf(reply: Reply, isBase64: boolean): Outcome {
  if (reply.kind === "error") return { error: reply.message };
  if (reply.kind === "status" && reply.text === "OK") return { result: "OK" };
  return { result: jsonOf(reply, isBase64) };
}

function jsonOf(reply: Reply, isBase64: boolean): unknown {
  switch (reply.kind) {
    case "status":
      return stringOf(Buffer.from(reply.text), isBase64);
    case "error":
      return stringOf(Buffer.from(reply.message), isBase64);
    case "bulk":
      return stringOf(reply.bytes, isBase64);
    case "integer":
      return reply.value;
    case "array":
      return reply.items.map((item) => jsonOf(item, isBase64));
    case "null":
      return null;
  }
}

/** As text, what isn't UTF-8 is replaced: so it is at Upstash. */
const stringOf = (bytes: Buffer, isBase64: boolean) => bytes.toString(isBase64 ? "base64" : "utf8");

const unavailable = new Set(
  "MULTI EXEC DISCARD WATCH UNWATCH SELECT AUTH HELLO QUIT RESET SUBSCRIBE PSUBSCRIBE SSUBSCRIBE MONITOR WAIT WAITAOF".split(
    " ",
  ),
);

/**
 * What makes no sense without a connection of one's own, and what speaks of Redis' own files and replicas. Which of them Upstash refuses, and
 * in these words, was not seen on the real one.
 */
export function refusalOf([name]: Command): string | null {
  const upper = name.toUpperCase();
  return unavailable.has(upper) ? `ERR Command is not available: '${upper}'.` : null;
}
