/** A Redis as a 202 needs it (`appendfsync always`), and processes of the service that share it. */
import { redisClient, type RedisClient } from "../../support/redis/client.ts";
import { startRedis, type RedisServer } from "../../support/redis/server.ts";
import { ourNode } from "./candidates.ts";
import { roomySettings } from "./durable.ts";
import { startService } from "./measure.ts";
import { othersCore, pin, type Running } from "./processes.ts";
import { until } from "./tickets.ts";

/** Tickets that are called for at once. */
export const concurrency = 64;

/** How many processes of the service share a Redis. */
export const crews = [1, 3] as const;
export type Crew = (typeof crews)[number];

export interface RedisWorld {
  readonly redis: RedisServer;
  readonly client: RedisClient;
}

/** Redis is gone afterwards. It does not rewrite its log meanwhile: where that falls is chance. */
export async function withRedis<Found>(work: (world: RedisWorld) => Promise<Found>): Promise<Found> {
  const redis = await startRedis();
  const client = redisClient(redis.url);
  try {
    pin(redis.pid(), othersCore);
    await client.command("CONFIG", "SET", "auto-aof-rewrite-percentage", "0");
    return await work({ redis, client });
  } finally {
    client.close();
    await redis.close();
  }
}

/** So many processes, which have all found Redis. They are gone afterwards. */
export async function withServices<Found>(
  count: number,
  { redis }: RedisWorld,
  upstream: Running,
  folder: string,
  work: (services: readonly Running[]) => Promise<Found>,
): Promise<Found> {
  const env = { ...roomySettings, QUEUE_CONCURRENCY: String(concurrency), REDIS_URL: redis.url };
  const command = ourNode(upstream.origin, folder, env);
  const services: Running[] = [];
  try {
    while (services.length < count) services.push(await startService(command));
    for (const { origin } of services) await until("Redis is found", () => hasRedis(origin), 20);
    return await work(services);
  } finally {
    for (const service of services) service.stop();
  }
}

async function hasRedis(origin: string): Promise<boolean> {
  const answer = await fetch(`${origin}/healthz`);
  const { dependencies } = (await answer.json()) as { dependencies: { redis?: { status: string } } };
  return dependencies.redis?.status === "up";
}

const dueKey = "llm-provider-service:queue:due";

/** Tickets that are not finished. */
export async function unfinished({ client }: RedisWorld): Promise<number> {
  return Number(await client.command("ZCARD", dueKey));
}

/** The share of so many unfinished tickets that a process had to keep in its own file, because Redis did not answer in time. */
export async function shareKeptElsewhere({ client }: RedisWorld, tickets: number): Promise<number> {
  const ids = (await client.command("ZRANGE", dueKey, "0", "-1")) as readonly string[];
  const here = ids.filter((id) => id.charAt(14) !== "8").length;
  return Math.max(0, tickets - here) / tickets;
}
