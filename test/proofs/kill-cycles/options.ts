import { parseArgs } from "node:util";
import type { PlatformName } from "../../support/processes.ts";

export type Options = OneProcess | WithRedis;

/** One process, which is killed and started again. */
export interface OneProcess extends Common {
  readonly platform: PlatformName;
}

/** Three processes on Node that share a Redis, and each of the four may be killed. */
export interface WithRedis extends Common {
  readonly platform: "redis";
  readonly appendfsync: "always" | "everysec";
}

interface Common {
  readonly cycles: number;
  readonly seed: number;
}

export const help = `npm run kill-cycles -- --platform node|workerd|redis [options]
  --cycles 20    how often the service (redis: a process of it, or two, or Redis) is killed and started again
  --seed N       repeats the choices of a run (moods, moments, comparisons); the machine's own timing it can't repeat
  --appendfsync always|everysec   with redis: as in redis.conf`;

/** @returns the options, or a sentence that says what is wrong with them. Help asked for is an empty sentence. */
export function readOptions(args: readonly string[]): Options | string {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (values.help) return "";
  const { platform, appendfsync } = values;
  const cycles = Number(values.cycles);
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  if (!Number.isInteger(cycles) || cycles < 1) return "--cycles takes whole numbers from 1";
  if (!Number.isInteger(seed)) return "--seed takes whole numbers";
  switch (platform) {
    case "node":
    case "workerd":
      return appendfsync === undefined ? { platform, cycles, seed } : "--appendfsync is for --platform redis";
    case "redis":
      return appendfsync === "always" || appendfsync === "everysec" || appendfsync === undefined
        ? { platform, cycles, seed, appendfsync: appendfsync ?? "always" }
        : "--appendfsync is always or everysec";
    default:
      return "--platform is node, workerd or redis";
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      platform: { type: "string", default: "node" },
      cycles: { type: "string", default: "20" },
      seed: { type: "string" },
      appendfsync: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;
}
