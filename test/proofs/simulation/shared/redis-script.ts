/**
 * The script that Redis runs, in this process: `src/stores/redis/script/main.ts` itself and all that it imports, with what Redis gives a script as
 * globals. Nothing is compiled to Lua here; that the two are the same is shown by tests against a real Redis.
 */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { compileFunction } from "node:vm";
import { openGate } from "../../../../src/stores/redis/script/gate.ts";
import { keyScripts } from "../../../../src/stores/redis/script/keys.ts";
import { ticketScripts } from "../../../../src/stores/redis/script/tickets.ts";
import { timeMs } from "../../../../src/stores/redis/script/time.ts";
import { root } from "../../../../src/stores/redis/redis.ts";
import type { RedisData } from "./redis-data.ts";

type Script = (keys: readonly string[], args: readonly string[], ...parts: readonly unknown[]) => unknown;

const imported = { openGate, keyScripts, ticketScripts, timeMs };
const script = compileScript();

/** @param call as JSON without nulls */
export function runScript(data: RedisData, call: string, texts: readonly string[]): readonly unknown[] {
  // A script runs whole before anything else does: the globals are of this Redis for so long.
  Object.assign(globalThis, {
    redis: { call: data.call },
    cjson: { encode: JSON.stringify, decode: JSON.parse },
    tonumber: (text: unknown) => (text === undefined || text === null ? undefined : Number(text)),
    string: { format: (_pattern: string, value: number) => String(value) },
  });
  const whole = JSON.stringify(withNulls(JSON.parse(call)));
  return script([root], [whole, ...texts], ...Object.values(imported)) as readonly unknown[];
}

/** It is run anew for each call, so it must be a function: what it imports become parameters, what it exports is returned. */
function compileScript(): Script {
  const source = readFileSync(
    join(import.meta.dirname, "../../../../src/stores/redis/script/main.ts"),
    "utf8",
  );
  const body = withoutTypes(source)
    .replaceAll(/^import \{([^}]*)\} from .*$/gm, (_line, names: string) => {
      for (const name of names.split(",").map((part) => part.trim()))
        if (name !== "" && !Object.hasOwn(imported, name)) throw new Error(`the script imports ${name}`);
      return "";
    })
    .replace("export const reply", "const reply");
  return compileFunction(`"use strict"; ${body}\nreturn reply;`, [
    "KEYS",
    "ARGV",
    ...Object.keys(imported),
  ]) as Script;
}

function withoutTypes(source: string): string {
  // It says of itself that it is an experiment of Node's; ours would say so a thousand times.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
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
