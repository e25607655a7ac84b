/** The ways in which a cycle with Redis goes wrong, each as often as the others. */
import { setTimeout as pause } from "node:timers/promises";
import type { RedisServer } from "../../support/redis/server.ts";
import type { Dice } from "./random.ts";
import type { RedisFault, Strike } from "./redis-evidence.ts";
import { processes, type Fleet } from "./redis-fleet.ts";

export interface Field {
  readonly fleet: Fleet;
  readonly redis: RedisServer;
  readonly faults: RedisFault[];
  /** Settings for the next start of a process. */
  readonly settings: () => Readonly<Record<string, string>>;
  /** Redis was killed and is there again. */
  readonly afterRestart: () => Promise<unknown>;
  /** While Redis is away. */
  readonly whileAway: () => Promise<void>;
}

const kinds: readonly Strike[] = ["process", "pair", "redis", "both", "stop"];

/** From the first kill to the first start. */
const downMs = [50, 1_500] as const;
const redisDownMs = [400, 2_500] as const;
const stoppedMs = [1_000, 3_000] as const;
/** Between the kills of Redis and of a process: long enough for an outcome to be written here in its place. */
const apartMs = 800;

/** As many as there are cycles, in a random order; the last is one of Redis alone. */
export function strikesFor(cycles: number, chance: Dice): Strike[] {
  const strikes: Strike[] = [];
  while (strikes.length < cycles - 1) strikes.push(...shuffled(kinds, chance));
  return [...strikes.slice(0, cycles - 1), "redis"];
}

/** Resolves when all are there again. */
export async function strike(kind: Strike, field: Field, chance: Dice): Promise<void> {
  const { fleet, redis, faults } = field;
  const [one = 0, other = 1] = shuffled(processes, chance);
  switch (kind) {
    case "process":
      return await down([one], chance.between(...downMs));
    case "pair":
      return await down([one, other], chance.between(...downMs));
    case "redis":
      return await away("killed", chance.between(...redisDownMs));
    case "stop":
      return await away("stopped", chance.between(...stoppedMs));
    case "both":
      return await both(one);
  }

  async function down(which: readonly number[], forMs: number): Promise<void> {
    await Promise.all(which.map(fleet.kill));
    await pause(forMs);
    await Promise.all(which.map((process) => fleet.start(process, field.settings())));
  }

  async function away(how: RedisFault["kind"], forMs: number): Promise<void> {
    const atMs = Date.now();
    if (how === "killed") await redis.kill();
    else redis.pause();
    const silentAtMs = Date.now();
    await pause(forMs);
    await field.whileAway();
    if (how === "killed") await restart();
    else redis.resume();
    faults.push({ kind: how, atMs, silentAtMs, untilMs: Date.now() });
  }

  async function restart(): Promise<void> {
    await redis.restart();
    await field.afterRestart();
  }

  /** Either may be back first. */
  async function both(process: number): Promise<void> {
    const atMs = Date.now();
    const gapMs = chance.chance(0.5) ? apartMs * chance.next() : 0;
    const forMs = chance.between(...redisDownMs);
    const isRedisFirst = chance.chance(0.5);
    const killing = pause(gapMs).then(() => fleet.kill(process));
    await redis.kill();
    const silentAtMs = Date.now();
    await killing;
    await pause(forMs);
    if (!isRedisFirst) await fleet.start(process, field.settings());
    await restart();
    faults.push({ kind: "killed", atMs, silentAtMs, untilMs: Date.now() });
    if (isRedisFirst) await fleet.start(process, field.settings());
  }
}

function shuffled<T>(from: readonly T[], chance: Dice): T[] {
  return from
    .map((one) => ({ one, at: chance.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
