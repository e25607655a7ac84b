/** The life of tickets in Redis that waited for their provider: how fast they go, and what Redis is asked for each. */
import { control } from "./measure.ts";
import type { Running } from "./processes.ts";
import { watchCalls, type Calls } from "./redis-calls.ts";
import { shareKeptElsewhere, unfinished, type RedisWorld } from "./redis-world.ts";
import { keepTickets, openAiOn, until } from "./tickets.ts";
import { cpuNanoseconds } from "./usage.ts";

export interface Life {
  /** From the provider's return to the first judgement: the breaker's probe has to come round. */
  readonly firstAfterMs: number;
  /** From the first judgement until Redis holds no unfinished ticket. */
  readonly ticketsPerSecond: number;
  /** Of all processes of the service together. */
  readonly cpuMicrosecondsPerTicket: number;
  /** Of Redis, while they were judged. */
  readonly redisMicrosecondsPerTicket: number;
  /** Runs of the script per ticket as Redis counts them (`INFO commandstats`): until it was kept, and from then on. */
  readonly scriptsToKeep: number;
  readonly scriptsToJudge: number;
}

const limitSeconds = 180;

/** Few enough that Redis keeps up with them on a busy machine as well: this is not what is measured here. */
const keepConnections = 16;

/** @returns `null`: a process had to do without Redis in between, so that it was something else */
export async function liveThrough(
  world: RedisWorld,
  services: readonly Running[],
  upstream: Running,
  tickets: number,
): Promise<Life | null> {
  await control(upstream, "/__status/503");
  try {
    await resetCounts(world);
    await keepAt(services, tickets);
    const scriptsToKeep = await scripts(world);
    if ((await shareKeptElsewhere(world, tickets)) > 0 || (await unfinished(world)) !== tickets) return null;
    const isOpen = async () => (await openAiOn(services[0]?.origin ?? "")).state === "open";
    await until("the breaker opens", isOpen, limitSeconds);
    const goodBefore = (await control(upstream, "/__count")).count;
    const judged = async () => (await control(upstream, "/__count")).count - goodBefore;
    await resetCounts(world);
    const cpuBefore = cpuOf(services);
    const redisBefore = cpuNanoseconds(world.redis.pid());
    const backAtMs = performance.now();
    await control(upstream, "/__status/200");
    await until("a first judgement", async () => (await judged()) > 0, limitSeconds);
    const firstAtMs = performance.now();
    await until("no ticket is left", async () => (await unfinished(world)) === 0, limitSeconds);
    const lastAtMs = performance.now();
    if ((await judged()) !== tickets) return null;
    return {
      firstAfterMs: firstAtMs - backAtMs,
      ticketsPerSecond: (tickets / (lastAtMs - firstAtMs)) * 1000,
      cpuMicrosecondsPerTicket: (cpuOf(services) - cpuBefore) / 1000 / tickets,
      redisMicrosecondsPerTicket: (cpuNanoseconds(world.redis.pid()) - redisBefore) / 1000 / tickets,
      scriptsToKeep: scriptsToKeep / tickets,
      scriptsToJudge: (await scripts(world)) / tickets,
    };
  } finally {
    await control(upstream, "/__status/200");
  }
}

/** The same, watched. @returns calls of Redis for each ticket; `null` as above */
export async function callsOfLives(
  world: RedisWorld,
  services: readonly Running[],
  upstream: Running,
  tickets: number,
): Promise<Calls | null> {
  const watch = await watchCalls(world.redis);
  const life = await liveThrough(world, services, upstream, tickets);
  const calls = await watch.stop();
  return life && perTicket(calls, tickets);
}

/** One ticket after the other, with a provider that is well. @returns calls of Redis for each */
export async function callsOfSingleLives(
  world: RedisWorld,
  services: readonly Running[],
  tickets: number,
): Promise<Calls> {
  const watch = await watchCalls(world.redis);
  for (let ticket = 0; ticket < tickets; ticket++) {
    await keepTickets(services[ticket % services.length]?.origin ?? "", 1);
    await until("it is judged", async () => (await unfinished(world)) === 0, limitSeconds);
  }
  return perTicket(await watch.stop(), tickets);
}

/** As evenly as they can be dealt out. */
async function keepAt(services: readonly Running[], tickets: number): Promise<void> {
  const parts = services.map(
    (_, index) =>
      Math.floor(((index + 1) * tickets) / services.length) - Math.floor((index * tickets) / services.length),
  );
  await Promise.all(
    services.map(({ origin }, index) =>
      keepTickets(origin, parts[index] ?? 0, keepConnections / services.length),
    ),
  );
}

function cpuOf(services: readonly Running[]): number {
  return services.reduce((sum, { pid }) => sum + cpuNanoseconds(pid), 0);
}

async function resetCounts({ client }: RedisWorld): Promise<void> {
  await client.command("CONFIG", "RESETSTAT");
}

async function scripts({ client }: RedisWorld): Promise<number> {
  const stats = String(await client.command("INFO", "commandstats"));
  return Array.from(stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)).reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

function perTicket(calls: Calls, tickets: number): Calls {
  return new Map(Array.from(calls, ([name, count]) => [name, count / tickets]));
}
