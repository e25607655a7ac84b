/**
 * A ticket's life beside the run, in default settings: it is alone, its provider is away in one way or another for longer than a ticket has
 * attempts, the service is killed meanwhile and started again, and in the end the provider is well. It gathers evidence and judges nothing.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { dataFolder, startService, type Home } from "../../support/processes.ts";
import { redisClient } from "../../support/redis/client.ts";
import { startRedis, type RedisServer } from "../../support/redis/server.ts";
import { ask, lookAtEnd } from "./answers.ts";
import { markedComparison } from "./comparison.ts";
import { drain } from "./drain.ts";
import type { Evidence, History, Kept, Kill } from "./evidence.ts";
import { readHistories } from "./histories.ts";
import type { Options } from "./options.ts";
import { dice, type Dice } from "./random.ts";
import { canariesIn, historiesIn } from "./redis-remains.ts";
import { findCanaries, findDamage } from "./remains.ts";
import { startUpstream, type Mood, type Upstream } from "./upstream.ts";

export interface Alone {
  readonly evidence: Evidence;
  readonly mood: Mood;
  /** From the ticket's acceptance until the provider is well, in epoch milliseconds. */
  readonly outage: { readonly fromMs: number; readonly untilMs: number };
}

/** A ticket has four attempts: an outage that spends one for each call ends it before so many have failed. */
export const leastFailed = 5;

const answerMs = 400;
const moods: readonly Mood[] = ["down", "broken", "hidden", "ill"];
/** Calls before the kill; with the next one under way, or between the two. */
const beforeKill = 2;
const betweenMs = [50, 900] as const;
/** Until so many calls have come. A ticket's own waits come to half a minute; a dead process' lease and a lost message to a minute and a half. */
const outagePatienceMs = 180_000;
/** The longest wait between two calls of a ticket, and a call. */
export const afterwardsMs = 300_000 + 10_000;

/**
 * @param folder need not be there; stays as it was left
 * @param others the run beside it: while its evidence is gathered, which is done in one go, nobody else hears an answer in time
 */
export async function liveAlone(
  { platform, seed }: Options,
  folder: string,
  others: Promise<unknown>,
): Promise<Alone> {
  const chance = dice(seed, "alone");
  const mood = chance.pick(moods) ?? "down";
  const upstream = await startUpstream(answerMs);
  await upstream.restAs(mood);
  const redis = platform === "redis" ? await startRedis() : null;
  mkdirSync(folder, { recursive: true });
  const home: Home = {
    folder,
    settings: {
      ENVIRONMENT: "test",
      OPENAI_API_KEY: "fake",
      OPENAI_BASE_URL: upstream.lane.baseUrls.openai,
      ...(redis === null ? {} : { REDIS_URL: redis.url }),
    },
  };
  const start = () => startService(platform === "redis" ? "node" : platform, home);

  const first = await start();
  upstream.cpu.watch(0, first.group);
  const kept = await accepted(first.origin, chance);
  await untilKill(upstream, chance);
  await upstream.cpu.look();
  const atMs = Date.now();
  await first.kill();
  const canariesWhileWaiting = await canariesAt(folder, redis);
  const second = await start();
  upstream.cpu.watch(0, second.group);
  const kill: Kill = { process: 0, atMs, untilMs: Date.now() };
  await upstream.callsCome(leastFailed + 1, outagePatienceMs);
  await upstream.feel("healthy");
  const untilMs = Date.now();
  await drain(second.origin, new Set([kept.queueId]), afterwardsMs);

  await Promise.allSettled([others]);
  const ends = [await lookAtEnd(second.origin, kept.queueId)];
  await second.stop();
  const cpu = await upstream.close();
  const data = join(folder, dataFolder);
  // First: it brings the log of each file into the file.
  const { damage } = findDamage(data);
  const { histories, left } = await remainsAt(data, redis);
  await redis?.close();
  return {
    mood,
    outage: { fromMs: kept.toMs, untilMs },
    evidence: {
      ledger: [kept],
      answers: [],
      broken: [],
      unansweredKeys: [],
      looks: [],
      ends,
      histories,
      calls: upstream.calls,
      kills: [kill],
      cpu,
      remains: { canariesWhileWaiting, filesWithCanaries: left, damage },
    },
  };
}

/** @throws {Error} where it is not */
async function accepted(origin: string, chance: Dice): Promise<Kept> {
  const { number, body } = markedComparison(1, chance);
  const fromMs = Date.now();
  const reply = await ask(`${origin}/api/v1/comparison`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, processing_mode: "queue" }),
  });
  if (reply.httpStatus !== 202) throw new Error(`The lone ticket was not accepted: ${reply.text}`);
  const expiresAtMs = Date.parse(String(reply.body["expires_at"]));
  const queueId = String(reply.body["queue_id"]);
  return { number, key: null, queueId, fromMs, toMs: Date.now(), expiresAtMs };
}

async function untilKill(upstream: Upstream, chance: Dice): Promise<void> {
  if (chance.chance(0.5)) return await upstream.callsCome(beforeKill + 1, outagePatienceMs);
  await upstream.callsCome(beforeKill, outagePatienceMs);
  await pause(answerMs + chance.between(...betweenMs));
}

async function canariesAt(folder: string, redis: RedisServer | null): Promise<number> {
  const inFiles = [...findCanaries(join(folder, dataFolder)).values()];
  const inRedis = redis === null ? [] : [...(await inside(redis, canariesIn)).values()];
  return [...inFiles, ...inRedis].reduce((sum, count) => sum + count, 0);
}

/** The service has stopped, and Redis has not. */
async function remainsAt(
  data: string,
  redis: RedisServer | null,
): Promise<{ readonly histories: History[]; readonly left: string[] }> {
  const texts = [...findCanaries(data).keys()];
  if (redis === null) return { histories: readHistories(data), left: texts };
  const histories = [...(await inside(redis, historiesIn)), ...readHistories(data)];
  return { histories, left: [...texts, ...(await inside(redis, canariesIn)).keys()] };
}

async function inside<T>(
  redis: RedisServer,
  look: (client: ReturnType<typeof redisClient>) => Promise<T>,
): Promise<T> {
  const client = redisClient(redis.url);
  try {
    return await look(client);
  } finally {
    client.close();
  }
}
