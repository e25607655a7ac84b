import { parseArgs } from "node:util";
import type { PlatformName } from "../support/processes.ts";

export interface Options {
  readonly platform: PlatformName;
  readonly cycles: number;
  readonly seed: number;
}

export const help = `npm run kill-cycles -- --platform node|workerd [options]
  --cycles 20    how often the service is killed and started again
  --seed N       repeats the choices of a run (moods, moments, comparisons); the machine's own timing it can't repeat`;

/** @returns the options, or a sentence that says what is wrong with them */
export function readOptions(args: readonly string[]): Options | string {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { platform } = values;
  const cycles = Number(values.cycles);
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  if (platform !== "node" && platform !== "workerd") return "--platform is node or workerd";
  if (!Number.isInteger(cycles) || cycles < 1) return "--cycles takes whole numbers from 1";
  if (!Number.isInteger(seed)) return "--seed takes whole numbers";
  return { platform, cycles, seed };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      platform: { type: "string", default: "node" },
      cycles: { type: "string", default: "20" },
      seed: { type: "string" },
    },
  }).values;
}
