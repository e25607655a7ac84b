/** One run with Redis: three processes, kills of them and of Redis, then a healthy upstream and the drain. It gathers evidence and judges nothing. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { redisClient } from "../support/redis/client.ts";
import { startRedis } from "../support/redis/server.ts";
import { ask, lookAtEnd } from "./answers.ts";
import { startClients } from "./clients.ts";
import { drain } from "./drain.ts";
import type { End } from "./evidence.ts";
import { readHistories } from "./histories.ts";
import { openLedger, readLedger } from "./ledger.ts";
import type { WithRedis } from "./options.ts";
import { maxRetries, paces, settingsFor, type Pace } from "./pace.ts";
import { dice } from "./random.ts";
import type { RedisEvidence, RedisFault, Warnings } from "./redis-evidence.ts";
import { openFleet, processes, type Fleet } from "./redis-fleet.ts";
import { startObserver } from "./redis-observer.ts";
import { canariesIn, historiesIn, rowsIn } from "./redis-remains.ts";
import { strike, strikesFor } from "./redis-strikes.ts";
import { findCanaries, findDamage } from "./remains.ts";
import type { Ran } from "./run.ts";
import { startUpstream } from "./upstream.ts";

export interface RanWithRedis extends Ran {
  readonly found: RedisEvidence;
}

/** As on Node without Redis, but a kill should meet all three at work. */
const pace: Pace = { ...paces.node, lifeMs: [300, 1_500], hastyTtlMs: 2_000 };
const burst = 8;
const burstMs = [0, 10] as const;
/** Of starts: tickets that such a process accepts have little time. */
const hastyShare = 0.25;
/** What lies with the dead keeps its place until its lease is over: the others must have places left. */
const concurrency = 64;
/** Until what the files hold has moved, once all is well. */
const emptyMs = 30_000;

/** @param folder an empty one; stays as the run left it */
export async function runWithRedis(options: WithRedis, folder: string): Promise<RanWithRedis> {
  const { cycles, seed, appendfsync } = options;
  const upstream = await startUpstream(pace.answerMs);
  const redis = await startRedis({ appendfsync });
  const client = redisClient(redis.url);
  const ledgerFile = join(folder, "ledger.jsonl");
  const ledger = openLedger(ledgerFile);
  const clients = startClients(pace.clients, pace.pauseMs, seed, ledger);
  const settings = {
    ...settingsFor(upstream.lane.baseUrls.openai, pace),
    REDIS_URL: redis.url,
    QUEUE_CONCURRENCY: String(concurrency),
  };
  const fleet = openFleet(folder, settings, clients.pointAt);
  const observer = startObserver(seed, ledger, fleet.origins);
  const chance = dice(seed, "kills");
  const strikes = strikesFor(cycles, chance);
  const faults: RedisFault[] = [];
  const hasty = { QUEUE_REQUEST_TTL_HOURS: String(pace.hastyTtlMs / 3_600_000) };
  let canariesInRedis = 0;
  let canariesInFiles = 0;

  await Promise.all(processes.map((process) => fleet.start(process, process === 2 ? hasty : {})));
  for (const [cycle, kind] of strikes.entries()) {
    // Before the last one the upstream answers nobody, so that tickets wait while their texts are looked for.
    const isLast = cycle === cycles - 1;
    const lifeMs = chance.between(...pace.lifeMs);
    const turnAfterMs = lifeMs * chance.next();
    await upstream.feel(chance.pick(pace.moods) ?? "healthy");
    await pause(turnAfterMs);
    await upstream.feel(isLast ? "stalling" : (chance.pick(pace.moods) ?? "healthy"));
    await pause(lifeMs - turnAfterMs);
    await clients.burst(burst);
    await pause(chance.between(...burstMs));
    if (isLast) canariesInRedis = sum(await canariesIn(client));
    const field = {
      fleet,
      redis,
      faults,
      settings: () => (chance.chance(hastyShare) ? hasty : {}),
      whileAway: async () => {
        if (isLast) canariesInFiles = sum(...processes.map((process) => findCanaries(fleet.dataOf(process))));
      },
    };
    await strike(kind, field, chance);
  }

  await clients.stop();
  await upstream.feel("healthy");
  const wellAtMs = Date.now();
  const origins = fleet.origins();
  await clients.claimKeys(origins, pace.patienceMs);
  const ids = [...new Set(ledger.entries.map(({ queueId }) => queueId))];
  for (const origin of origins) await drain(origin ?? "", new Set(ids), pace.patienceMs);
  const drainMs = Date.now() - wellAtMs;
  await observer.stop();
  const leftovers = await leftIn(fleet);

  ledger.close();
  const kept = readLedger(ledgerFile);
  const known = [...new Set(kept.map(({ queueId }) => queueId))];
  const endsByProcess: End[][] = [];
  for (const origin of origins) {
    const ends: End[] = [];
    for (const queueId of known) ends.push(await lookAtEnd(origin ?? "", queueId));
    endsByProcess.push(ends);
  }
  const shown = await Promise.all(origins.map((origin) => shownBy(origin ?? "")));
  await fleet.stop();
  await upstream.close();

  const files = processes.map((process) => ({ process, data: fleet.dataOf(process) }));
  const damages = files.map(({ data }) => findDamage(data));
  const histories = [...(await historiesIn(client)), ...files.flatMap(({ data }) => readHistories(data))];
  const left = [
    ...[...(await canariesIn(client))].map(([key, count]) => `Redis' ${key} (${count} times)`),
    ...files.flatMap(({ process, data }) =>
      [...findCanaries(data)].map(([file, count]) => `process ${process}'s ${file} (${count} times)`),
    ),
  ];
  client.close();
  await redis.close();

  const evidence = {
    ledger: kept,
    answers: clients.answers,
    broken: clients.broken,
    unansweredKeys: clients.unansweredKeys(),
    looks: [...clients.looks, ...observer.looks],
    ends: endsByProcess[0] ?? [],
    histories,
    calls: upstream.calls,
    kills: fleet.kills,
    remains: {
      canariesWhileWaiting: canariesInRedis + canariesInFiles,
      filesWithCanaries: left,
      damage: damages.flatMap(({ damage }) => damage),
    },
  };
  return {
    evidence,
    terms: { cycles, timeoutMs: pace.timeoutSeconds * 1_000, settleMs, mostAttempts: 1 + maxRetries },
    startsMs: fleet.startsMs,
    drainMs,
    databases: damages.reduce((all, { checked }) => all + checked, 0),
    found: {
      evidence,
      appendfsync,
      strikes,
      faults,
      endsByProcess,
      looksFound: observer.found(),
      looksAway: observer.away,
      reopened: observer.reopened,
      canariesInRedis,
      canariesInFiles,
      spooledAtDeath: fleet.spooledAtDeath(),
      leftovers,
      warnings: shown.map((lines, process): Warnings => ({
        process,
        shown: lines,
        logged: fleet.logged(process, "store_warnings").flatMap(({ warnings }) => textsIn(warnings)),
      })),
    },
  };
}

/** Three calls of 300 ms: the script was lost with a Redis that was killed, so it is sent again in between. */
const settleMs = 1_000;

/** What the files still hold when time enough was given, a sentence each. */
async function leftIn(fleet: Fleet): Promise<string[]> {
  const deadline = performance.now() + emptyMs;
  for (;;) {
    const left = processes.flatMap((process) =>
      (["tickets", "moving", "spool", "doubtful"] as const)
        .map((table) => ({ table, rows: rowsIn(fleet.dataOf(process), table) }))
        .filter(({ rows }) => rows > 0)
        .map(({ table, rows }) => `process ${process}: ${rows} rows in ${table}`),
    );
    if (left.length === 0 || performance.now() > deadline) return left;
    await pause(500);
  }
}

async function shownBy(origin: string): Promise<string[]> {
  const { body } = await ask(`${origin}/healthz`);
  return textsIn(body["warnings"]);
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function sum(...found: readonly ReadonlyMap<string, number>[]): number {
  return found.flatMap((one) => [...one.values()]).reduce((all, count) => all + count, 0);
}
