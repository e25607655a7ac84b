/** How fast tickets are kept in Redis, and how fast bare values of their size. */
import { join } from "node:path";
import { ticketRequest } from "./durable.ts";
import type { LoadResult } from "./load.ts";
import { ask, control } from "./measure.ts";
import type { Options } from "./options.ts";
import { run, serviceCore, type Running } from "./processes.ts";
import { shareKeptElsewhere, type RedisWorld } from "./redis-world.ts";
import { cpuNanoseconds } from "./usage.ts";

/** How fast tickets are kept. */
export interface Kept {
  readonly result: LoadResult;
  readonly redisMicrosecondsEach: number;
  /** Of all that were kept, those that a process kept in its own file. */
  readonly shareElsewhere: number;
}

export const setting = { connections: 64, latencyMs: 0 };
const settlingSeconds = 0.5;
const leastSeconds = 2;
/** The provider is down meanwhile: its breaker opens, and what is kept stays. */
export async function keep(
  world: RedisWorld,
  services: readonly Running[],
  upstream: Running,
  options: Options,
): Promise<Kept> {
  await control(upstream, "/__status/503");
  try {
    const redisPid = world.redis.pid();
    const target = { services, upstream, request: ticketRequest, helperPids: [redisPid] };
    const warm = await ask(target, setting, 0, options.warmUpSeconds * 4);
    const redisBefore = cpuNanoseconds(redisPid);
    const result = await ask(target, setting, settlingSeconds, Math.max(options.seconds, leastSeconds));
    const redisNanoseconds = cpuNanoseconds(redisPid) - redisBefore;
    return {
      result,
      redisMicrosecondsEach: redisNanoseconds / 1000 / result.answered,
      shareElsewhere: await shareKeptElsewhere(world, warm.answered + result.answered),
    };
  } finally {
    await control(upstream, "/__status/200");
  }
}

export async function keepBare({ redis }: RedisWorld, options: Options): Promise<Kept> {
  const seconds = Math.max(options.seconds, leastSeconds);
  const file = join(import.meta.dirname, "bare/redis-set.ts");
  const command = { file: process.execPath, args: [file, redis.url, String(seconds)] };
  const redisBefore = cpuNanoseconds(redis.pid());
  const result = JSON.parse(await run(command, serviceCore, seconds + 30)) as LoadResult;
  // Before its window it sets for a quarter of it.
  const all = result.answered * 1.25;
  return {
    result,
    redisMicrosecondsEach: (cpuNanoseconds(redis.pid()) - redisBefore) / 1000 / all,
    shareElsewhere: 0,
  };
}
