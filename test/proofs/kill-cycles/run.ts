/** One run: load, kills and moods, then a healthy upstream and the drain. It gathers evidence and judges nothing. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { dataFolder, startService, type Home } from "../../support/processes.ts";
import { lookAtEnd } from "./answers.ts";
import { startClients, type Clients } from "./clients.ts";
import { drain } from "./drain.ts";
import type { End, Evidence } from "./evidence.ts";
import { readHistories } from "./histories.ts";
import { openLedger, readLedger } from "./ledger.ts";
import type { OneProcess } from "./options.ts";
import {
  firstMood,
  isHidden,
  isRefusing,
  nextMood,
  paces,
  settingsFor,
  termsFor,
  type Pace,
} from "./pace.ts";
import { dice } from "./random.ts";
import { readFeed, startReceiver, toldMs, type Receiver } from "./receiver.ts";
import { findCanaries, findDamage } from "./remains.ts";
import type { Terms } from "./rules.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

export interface Ran {
  readonly evidence: Evidence;
  readonly terms: Terms;
  readonly startsMs: readonly number[];
  /** From the last start to the last ticket's end. */
  readonly drainMs: number;
  readonly databases: number;
}

/** Comparisons sent just before a kill, and how long it waits for the last of them. */
const burst = 8;
const burstMs = [0, 10] as const;

/** Tickets that are accepted in such a life have little time: some expire in it, some while the service is dead, some in the next life. */
function isHasty(cycle: number): boolean {
  return cycle % 5 === 2;
}

/** @param folder an empty one; stays as the run left it */
export async function run(options: OneProcess, folder: string): Promise<Ran> {
  const { platform, cycles, seed } = options;
  const pace = paces[platform];
  const upstream = await startUpstream(pace.answerMs);
  const receiver = platform === "node" ? await startReceiver(join(folder, "receipts.jsonl")) : null;
  const settings = { ...settingsFor(upstream.lane.baseUrls.openai, pace), ...receiver?.settings };
  const home: Home = { folder, settings };
  const data = join(folder, dataFolder);
  const ledgerFile = join(folder, "ledger.jsonl");
  const ledger = openLedger(ledgerFile);
  const clients = startClients(pace.clients, pace.pauseMs, seed, ledger);

  const lives = await killInTurn({ options, pace, home, upstream, clients, receiver });
  const whileWaiting = findCanaries(data);
  await clients.stop();
  await upstream.feel("healthy");
  const startAtMs = Date.now();
  const service = await startService(platform, home);
  upstream.cpu.watch(0, service.group);
  receiver?.pointAt(service.origin);
  await clients.claimKeys([service.origin], pace.patienceMs);
  await drain(service.origin, new Set(ledger.entries.map(({ queueId }) => queueId)), pace.patienceMs);
  const drainMs = Date.now() - startAtMs - service.startedInMs;

  ledger.close();
  const kept = readLedger(ledgerFile);
  const ends: End[] = [];
  for (const queueId of new Set(kept.map((entry) => entry.queueId)))
    ends.push(await lookAtEnd(service.origin, queueId));
  const known = new Set(kept.map(({ queueId }) => queueId));
  await receiver?.hear(known, toldMs);
  const feed = await readFeed(service.origin, known, toldMs);
  await service.stop();
  const receipts = (await receiver?.close()) ?? null;
  const cpu = await upstream.close();
  const { checked, damage } = findDamage(data);
  const starts = [...lives.map((life) => life.startAtMs), startAtMs];
  return {
    evidence: {
      ledger: kept,
      answers: clients.answers,
      broken: clients.broken,
      unansweredKeys: clients.unansweredKeys(),
      looks: clients.looks,
      ends,
      histories: readHistories(data),
      calls: upstream.calls,
      kills: lives.map(({ killAtMs }, cycle) => ({
        process: 0,
        atMs: killAtMs,
        untilMs: starts[cycle + 1] ?? startAtMs,
      })),
      cpu,
      remains: {
        canariesWhileWaiting: [...whileWaiting.values()].reduce((sum, count) => sum + count, 0),
        filesWithCanaries: [...findCanaries(data)].map(([file, count]) => `${file} (${count} times)`),
        damage,
      },
      told: { receipts, feed },
    },
    terms: termsFor(cycles, pace, 0),
    startsMs: [...lives.map(({ startedInMs }) => startedInMs), service.startedInMs],
    drainMs,
    databases: checked,
  };
}

/** The longest that a kill waits for a call to meet. */
const nextCallMs = 5_000;

interface Life {
  readonly startAtMs: number;
  readonly startedInMs: number;
  readonly killAtMs: number;
}

interface Field {
  readonly options: OneProcess;
  readonly pace: Pace;
  readonly home: Home;
  readonly upstream: Upstream;
  readonly clients: Clients;
  readonly receiver: Receiver | null;
}

/** Starts the service and kills it, again and again. The upstream's mood may change at each start, and once in each life. */
async function killInTurn({ options, pace, home, upstream, clients, receiver }: Field): Promise<Life[]> {
  const { platform, cycles, seed } = options;
  const chance = dice(seed, "kills");
  const lives: Life[] = [];
  for (let cycle = 1; cycle <= cycles; cycle++) {
    // Before the last kill the upstream answers nobody, so that tickets wait while their texts are looked for.
    const isLast = cycle === cycles;
    await upstream.restAs(firstMood(cycle, pace, chance));
    const startAtMs = Date.now();
    const { origin, group, startedInMs, kill } = await startService(
      platform,
      isHasty(cycle) ? hasty(home, pace.hastyTtlMs) : home,
    );
    upstream.cpu.watch(0, group);
    if (pace.countsFromCall && isRefusing(cycle)) await upstream.callsCome(1, pace.lostProbeMs);
    clients.pointAt([origin]);
    receiver?.pointAt(origin);
    if (pace.countsFromCall && (cycle % 2 === 0 || isHidden(cycle))) await upstream.callsCome(1, 5_000);
    const lifeMs = isLast || isRefusing(cycle) ? pace.lifeMs[1] : chance.between(...pace.lifeMs);
    const turnAfterMs = isLast ? 0 : lifeMs * chance.next();
    await pause(turnAfterMs);
    await upstream.feel(isLast ? "stalling" : nextMood(cycle, pace, chance));
    await pause(lifeMs - turnAfterMs);
    // So that the kill comes while tickets are being made.
    await clients.burst(burst);
    await pause(chance.between(...burstMs));
    // And every second one while a call is made, if one comes soon.
    if (pace.countsFromCall && cycle % 2 === 0) await upstream.nextCall(nextCallMs);
    clients.pointAt([]);
    await upstream.cpu.look();
    lives.push({ startAtMs, startedInMs, killAtMs: Date.now() });
    await kill();
  }
  return lives;
}

function hasty({ folder, settings }: Home, ttlMs: number): Home {
  return { folder, settings: { ...settings, QUEUE_REQUEST_TTL_HOURS: String(ttlMs / 3_600_000) } };
}
