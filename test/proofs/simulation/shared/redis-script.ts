/**
 * The script that Redis runs, in this process: `src/stores/redis/script/main.ts` itself and all that it imports, with what Redis gives a script as
 * globals. Nothing is compiled to Lua here; that the two are the same is shown by tests against a real Redis.
 */
import { answerCalls, ofGate } from "../../../../src/stores/redis/script/main.ts";
import { root } from "../../../../src/stores/redis/redis.ts";
import type { RedisData } from "./redis-data.ts";

/** @param call as JSON without nulls */
export function runScript(data: RedisData, call: string, texts: readonly string[]): readonly unknown[] {
  // A script runs whole before anything else does: the globals are of this Redis for so long.
  Object.assign(globalThis, {
    redis: { call: data.call },
    cjson: { encode: JSON.stringify, decode: JSON.parse },
    tonumber: (text: unknown) => (text === undefined || text === null ? undefined : Number(text)),
    string: {
      format: (pattern: string, value: number) =>
        pattern === "%016.0f" ? value.toFixed(0).padStart(16, "0") : String(value),
    },
    KEYS: [root],
    ARGV: [JSON.stringify(withNulls(JSON.parse(call))), ...texts],
  });
  return answerCalls(ofGate) as readonly unknown[];
}

/** In Lua what is `null` is what is not there; here the script must see it. */
function withNulls(call: unknown): unknown {
  return complete(call, "");
}

const nullable: Readonly<Record<string, readonly string[]>> = {
  facts: ["forgetAtMs"],
  requeueing: ["permit"],
  finding: ["holdMs"],
  callReports: ["permit", "epoch", "durationMs"],
  calls: ["dueMs"],
};

/** @param name of the field that holds it */
function complete(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((item) => complete(item, name));
  if (typeof value !== "object" || value === null) return value;
  const missing = (nullable[name] ?? []).map((field) => [field, null] as const);
  const present = Object.entries(value).map(([field, inner]) => [field, complete(inner, field)] as const);
  return Object.fromEntries([...missing, ...present]);
}
