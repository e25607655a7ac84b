/** One run with Redis: three processes, kills of them and of Redis, then a healthy upstream and the drain. It gathers evidence and judges nothing. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { redisClient } from "../../support/redis/client.ts";
import { startRedis } from "../../support/redis/server.ts";
import { startClients } from "./clients.ts";
import { drain } from "./drain.ts";
import { openLedger, readLedger } from "./ledger.ts";
import type { WithRedis } from "./options.ts";
import { firstMood, isRefusing, nextMood, paces, settingsFor, termsFor, type Pace } from "./pace.ts";
import { readFeed, startReceiver, toldMs } from "./receiver.ts";
import { dice } from "./random.ts";
import type { RedisEvidence, RedisFault } from "./redis-evidence.ts";
import { openFleet, processes } from "./redis-fleet.ts";
import { awaysOf, endsAt, leftIn, remainsOf, warningsOf } from "./redis-gather.ts";
import { startObserver } from "./redis-observer.ts";
import { canariesIn } from "./redis-remains.ts";
import { strike, strikesFor } from "./redis-strikes.ts";
import { findCanaries } from "./remains.ts";
import type { Ran } from "./run.ts";
import { startUpstream } from "./upstream.ts";

export interface RanWithRedis extends Ran {
  readonly found: RedisEvidence;
}

/** As on Node without Redis, but a kill should meet all three at work, and Redis' end calls that outlast it. */
const pace: Pace = {
  ...paces.node,
  lifeMs: [300, 1_500],
  answerMs: 400,
  hastyTtlMs: 2_000,
  // The breaker should not be open at most kills.
  moods: paces.workerd.moods,
  failuresFrom: 5,
  failureThreshold: 10,
};
/** Before a life of refusals: how long the first of them are waited for. */
const lostProbeMs = 10_000;
const burst = 8;
const burstMs = [0, 10] as const;
/** Of starts: tickets that such a process accepts have little time. */
const hastyShare = 0.25;
/** What lies with the dead keeps its place until its lease is over: the others must have places left. */
const concurrency = 64;
/** Three calls of 300 ms: the script was lost with a Redis that was killed, so it is sent again in between. */
const settleMs = 1_000;

/** @param folder an empty one; stays as the run left it */
export async function runWithRedis(options: WithRedis, folder: string): Promise<RanWithRedis> {
  const { cycles, seed, appendfsync } = options;
  const upstream = await startUpstream(pace.answerMs);
  const redis = await startRedis({ appendfsync });
  const client = redisClient(redis.url);
  const ledgerFile = join(folder, "ledger.jsonl");
  const ledger = openLedger(ledgerFile);
  const clients = startClients(pace.clients, pace.pauseMs, seed, ledger);
  // A Redis that may lose what it was told may tell it twice.
  const receiver = appendfsync === "always" ? await startReceiver(join(folder, "receipts.jsonl")) : null;
  const settings = {
    ...settingsFor(upstream.lane.baseUrls.openai, pace),
    REDIS_URL: redis.url,
    QUEUE_CONCURRENCY: String(concurrency),
    ...receiver?.settings,
  };
  const fleet = openFleet(folder, settings, upstream.cpu, (origins) => {
    clients.pointAt(origins);
    receiver?.pointAt(origins.find((origin) => origin !== undefined) ?? null);
  });
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
    const isRefused = isRefusing(cycle + 1);
    const lifeMs = isLast || isRefused ? pace.lifeMs[1] : chance.between(...pace.lifeMs);
    const turnAfterMs = lifeMs * chance.next();
    await upstream.feel(isLast ? "healthy" : firstMood(cycle + 1, pace, chance));
    // The breaker may be open, and a probe lost.
    if (isRefused && !isLast) await upstream.refusals(2, lostProbeMs);
    await pause(turnAfterMs);
    await upstream.feel(isLast ? "stalling" : nextMood(cycle + 1, pace, chance));
    await pause(lifeMs - turnAfterMs);
    await clients.burst(burst);
    await pause(chance.between(...burstMs));
    if (isLast) canariesInRedis = sum(await canariesIn(client));
    const field = {
      fleet,
      redis,
      faults,
      settings: () => (chance.chance(hastyShare) ? hasty : {}),
      // Redis 7.0 leaves the first half of a transaction that a kill has cut in its log, and runs it at its next start. A new log has none.
      afterRestart: () => client.command("BGREWRITEAOF"),
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
  const endsByProcess = await endsAt(fleet, [...new Set(kept.map(({ queueId }) => queueId))]);
  const warnings = await warningsOf(fleet);
  const known = new Set(kept.map(({ queueId }) => queueId));
  await receiver?.hear(known, toldMs);
  const feed = receiver === null ? null : await readFeed(origins[0] ?? "", known, 0);
  await fleet.stop();
  const receipts = (await receiver?.close()) ?? null;
  const cpu = await upstream.close();
  const { histories, canaries, damage, databases } = await remainsOf(fleet, client);
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
    cpu,
    remains: {
      canariesWhileWaiting: canariesInRedis + canariesInFiles,
      filesWithCanaries: canaries,
      damage,
    },
    ...(feed !== null && { told: { receipts, feed } }),
  };
  return {
    evidence,
    terms: termsFor(cycles, pace, settleMs),
    startsMs: fleet.startsMs,
    drainMs,
    databases,
    found: {
      evidence,
      appendfsync,
      strikes,
      faults,
      aways: awaysOf(fleet),
      endsByProcess,
      looksFound: observer.found(),
      looksAway: observer.away,
      reopened: observer.reopened,
      canariesInRedis,
      canariesInFiles,
      spooledAtDeath: fleet.spooledAtDeath(),
      leftovers,
      warnings,
    },
  };
}

function sum(...found: readonly ReadonlyMap<string, number>[]): number {
  return found.flatMap((one) => [...one.values()]).reduce((all, count) => all + count, 0);
}
