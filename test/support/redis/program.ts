import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The program: REDIS_SERVER_BIN, else the one on PATH. `null`: there is none. @throws {Error} where REDIS_SERVER_BIN leads nowhere */
export function redisProgram(env: NodeJS.ProcessEnv = process.env): string | null {
  const told = env["REDIS_SERVER_BIN"] ?? "";
  if (told !== "") {
    if (isProgram(told)) return told;
    throw new Error(`REDIS_SERVER_BIN is no program: ${told}`);
  }
  const folders = (env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, "redis-server")).find(isProgram) ?? null;
}

/**
 * For `describe.skipIf(!hasRedis("…"))`: whether tests over a real Redis can run here. Where they can't, says so in one line on standard
 * error.
 *
 * @param what for a person: which tests those are
 * @throws {Error} in place of `false` where `CI` is set: there nothing is left out unseen
 */
export function hasRedis(what: string, env: NodeJS.ProcessEnv = process.env): boolean {
  if (redisProgram(env) !== null) return true;
  const words = `${what}: no redis-server here. Install Debian's redis-server package or set REDIS_SERVER_BIN.`;
  if ((env["CI"] ?? "") !== "") throw new Error(words);
  process.stderr.write(`SKIPPED ${words}\n`);
  return false;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
