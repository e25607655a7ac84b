/** The options of a command that a person types. */
import { parseArgs, type ParseArgsConfig } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Reads what stands behind a command. `--help` prints `help` and ends the process with 0; what can't be read is named, with `help`, and ends it
 * with 2.
 */
export function optionsOf<const Asked extends Options>(help: string, options: Asked) {
  if (process.argv.slice(2).includes("--help")) {
    console.log(help);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return endBadly(error instanceof Error ? error.message : String(error), help);
  }
}

/** @returns the whole number that was given; anything else ends the process with 2 */
export function wholeNumber(
  help: string,
  name: string,
  given: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= least && value <= most) return value;
  const upTo = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`;
  return endBadly(`--${name} takes whole numbers from ${least}${upTo}, not "${given}"`, help);
}

function endBadly(sentence: string, help: string): never {
  console.error(`${sentence}\n\n${help}`);
  process.exit(2);
}
