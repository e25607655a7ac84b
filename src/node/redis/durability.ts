/** Does this Redis keep what it has confirmed? Asked whenever a connection is made: it may be another one than before. */
import type { RedisConnection } from "./connection.ts";

export interface Durability {
  /** A promise of the service that does not hold with these settings, a sentence each. */
  readonly warnings: readonly string[];
  /** Each call must wait for Redis' disk by itself. */
  readonly mustAwaitDisk: boolean;
}

/** @throws {StoreAway} */
export async function durabilityOf(redis: RedisConnection): Promise<Durability> {
  const settings = await settingsOf(redis);
  if (settings === null) {
    return {
      warnings: ["Redis does not say how it stores (CONFIG GET is not allowed): a 202 may not be durable."],
      mustAwaitDisk: false,
    };
  }
  const version = await versionOf(redis);
  const evicts = settings["maxmemory-policy"] !== "noeviction";
  const isWritten = settings["appendonly"] === "yes";
  const isSynced = isWritten && settings["appendfsync"] === "always";
  const canWait =
    isWritten && settings["appendfsync"] !== "no" && version !== null && isAtLeast(version, [7, 2]);
  const warnings = [
    ...(version === null || isAtLeast(version, [7, 0])
      ? []
      : [`Redis ${version.join(".")} is too old: 7.0 or later is needed.`]),
    ...(evicts
      ? [`Redis may evict tickets (maxmemory-policy ${settings["maxmemory-policy"]}): set it to noeviction.`]
      : []),
    ...(isSynced || canWait ? [] : [lossOf(settings)]),
  ];
  return { warnings, mustAwaitDisk: !isSynced && canWait };
}

function lossOf(settings: Readonly<Record<string, string>>): string {
  if (settings["appendonly"] !== "yes") {
    return "A 202 is not durable: Redis keeps no log (appendonly no), and forgets all tickets when it restarts.";
  }
  const lost = settings["appendfsync"] === "everysec" ? "the last second" : "the last half minute";
  return `A 202 is not durable: Redis loses up to ${lost} when its machine dies (appendfsync ${settings["appendfsync"]}). Set appendfsync to always, or use Redis 7.2 or later with everysec.`;
}

/** `null`: it may not be asked, as where it is hosted by others. */
async function settingsOf(redis: RedisConnection): Promise<Readonly<Record<string, string>> | null> {
  const pairs = await Promise.all(["appendonly", "appendfsync", "maxmemory-policy"].map(setting));
  return pairs.every((pair) => pair !== null) ? Object.fromEntries(pairs) : null;

  async function setting(name: string): Promise<readonly [string, string] | null> {
    const pair = (await ifAllowed(redis, "CONFIG", "GET", name)) as readonly string[] | null;
    return pair?.[1] === undefined ? null : [name, pair[1]];
  }
}

/** `null`: it does not say. */
async function versionOf(redis: RedisConnection): Promise<readonly number[] | null> {
  const info = await ifAllowed(redis, "INFO", "server");
  const found = /redis_version:(\d+)\.(\d+)/.exec(String(info));
  return found === null ? null : found.slice(1).map(Number);
}

/** For what the service can do without. @returns `null`: our user may not, or where Redis is hosted by others nobody may */
async function ifAllowed(redis: RedisConnection, ...command: readonly string[]): Promise<unknown> {
  try {
    return await redis.command(...command);
  } catch (error) {
    if (error instanceof Error && /unknown command|NOPERM/i.test(error.message)) return null;
    throw error;
  }
}

function isAtLeast(version: readonly number[], least: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version;
  return major > least[0] || (major === least[0] && minor >= least[1]);
}
