/** One run: load, kills and moods, then a healthy upstream and the drain. It gathers evidence and judges nothing. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { dataFolder, startService, type Home, type PlatformName } from "../support/processes.ts";
import { ask, look, lookAtEnd } from "./answers.ts";
import { startClients, type Clients } from "./clients.ts";
import type { End, Evidence } from "./evidence.ts";
import { isEnd, type Terms } from "./judge.ts";
import { openLedger, readLedger } from "./ledger.ts";
import type { Options } from "./options.ts";
import { dice } from "./random.ts";
import { findCanaries, findDamage } from "./remains.ts";
import { startUpstream, type Mood, type Upstream } from "./upstream.ts";

export interface Ran {
  readonly evidence: Evidence;
  readonly terms: Terms;
  readonly startsMs: readonly number[];
  /** From the last start to the last ticket's end. */
  readonly drainMs: number;
  readonly databases: number;
}

interface Pace {
  /** How long the service lives between its first answer and its kill. */
  readonly lifeMs: readonly [least: number, most: number];
  readonly clients: number;
  /** The mean between two requests of a client. */
  readonly pauseMs: number;
  readonly answerMs: number;
  /** The upstream's, each as likely as it is often here. */
  readonly moods: readonly Mood[];
  /** Faults in a row that open the breaker. */
  readonly failureThreshold: number;
  /** Of an attempt: how long a stalling upstream can hold it. */
  readonly timeoutSeconds: number;
  /** An answer may have reached the service for so long, and still not be stored. */
  readonly storingMs: number;
  /** For the drain: leases and lost messages of the last kill included. */
  readonly patienceMs: number;
}

/** Comparisons sent just before a kill, and how long it waits for the last of them. */
const burst = 8;
const burstMs = [0, 10] as const;

const paces: Readonly<Record<PlatformName, Pace>> = {
  node: {
    lifeMs: [20, 800],
    clients: 8,
    pauseMs: 200,
    answerMs: 120,
    moods: ["healthy", "healthy", "healthy", "stalling", "stalling", "down", "broken"],
    failureThreshold: 5,
    timeoutSeconds: 1,
    storingMs: 600,
    patienceMs: 60_000,
  },
  workerd: {
    lifeMs: [500, 3_000],
    clients: 8,
    pauseMs: 250,
    answerMs: 400,
    // Its local queue forgets everything at a kill, the probe's message too: while the breaker is open then, nobody calls for 30 s.
    moods: ["healthy", "healthy", "healthy", "healthy", "healthy", "stalling", "stalling", "down", "broken"],
    failureThreshold: 10,
    timeoutSeconds: 3,
    storingMs: 1_000,
    patienceMs: 120_000,
  },
};

/** Few, so that some tickets fail too. */
const maxRetries = 1;

/** @param folder an empty one; stays as the run left it */
export async function run(options: Options, folder: string): Promise<Ran> {
  const { platform, cycles, seed } = options;
  const pace = paces[platform];
  const upstream = await startUpstream(pace.answerMs);
  const home: Home = { folder, settings: settingsFor(upstream.lane.baseUrls.openai, pace) };
  const data = join(folder, dataFolder);
  const ledgerFile = join(folder, "ledger.jsonl");
  const ledger = openLedger(ledgerFile);
  const clients = startClients(pace.clients, pace.pauseMs, seed, ledger);

  const lives = await killInTurn(options, pace, home, upstream, clients);
  const whileWaiting = findCanaries(data);
  await clients.stop();
  await upstream.feel("healthy");
  const startAtMs = Date.now();
  const service = await startService(platform, home);
  await clients.claimKeys(service.origin, pace.patienceMs);
  await drain(service.origin, new Set(ledger.entries.map(({ queueId }) => queueId)), pace.patienceMs);
  const drainMs = Date.now() - startAtMs - service.startedInMs;

  ledger.close();
  const kept = readLedger(ledgerFile);
  const ends: End[] = [];
  for (const queueId of new Set(kept.map((entry) => entry.queueId)))
    ends.push(await lookAtEnd(service.origin, queueId));
  await service.stop();
  await upstream.close();
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
      calls: upstream.calls,
      kills: lives.map(({ killAtMs }, cycle) => ({
        atMs: killAtMs,
        untilMs: starts[cycle + 1] ?? startAtMs,
      })),
      remains: {
        canariesWhileWaiting: [...whileWaiting.values()].reduce((sum, count) => sum + count, 0),
        filesWithCanaries: [...findCanaries(data)].map(([file, count]) => `${file} (${count} times)`),
        damage,
      },
    },
    terms: { cycles, storingMs: pace.storingMs, mostAttempts: 1 + maxRetries },
    startsMs: [...lives.map(({ startedInMs }) => startedInMs), service.startedInMs],
    drainMs,
    databases: checked,
  };
}

interface Life {
  readonly startAtMs: number;
  readonly startedInMs: number;
  readonly killAtMs: number;
}

/** Starts the service and kills it, again and again. The upstream's mood may change at each start, and once in each life. */
async function killInTurn(
  { platform, cycles, seed }: Options,
  pace: Pace,
  home: Home,
  upstream: Upstream,
  clients: Clients,
): Promise<Life[]> {
  const chance = dice(seed, "kills");
  const lives: Life[] = [];
  for (let cycle = 1; cycle <= cycles; cycle++) {
    // Before the last kill the upstream answers nobody, so that tickets wait while their texts are looked for.
    const isLast = cycle === cycles;
    await upstream.feel(chance.pick(pace.moods) ?? "healthy");
    const startAtMs = Date.now();
    const { origin, startedInMs, kill } = await startService(platform, home);
    clients.pointAt(origin);
    const lifeMs = isLast ? pace.lifeMs[1] : chance.between(...pace.lifeMs);
    const turnAfterMs = isLast ? 0 : lifeMs * chance.next();
    await pause(turnAfterMs);
    await upstream.feel(isLast ? "stalling" : (chance.pick(pace.moods) ?? "healthy"));
    await pause(lifeMs - turnAfterMs);
    // So that the kill comes while tickets are being made.
    await clients.burst(burst);
    await pause(chance.between(...burstMs));
    clients.pointAt(null);
    lives.push({ startAtMs, startedInMs, killAtMs: Date.now() });
    await kill();
  }
  return lives;
}

/** Until every ticket has ended, also those whose 202 nobody saw, or the time is over: then the judge will say what is left. */
async function drain(origin: string, open: Set<string>, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    for (const queueId of open) {
      const { httpStatus, ticket } = await look(origin, queueId);
      if (httpStatus !== 404 && !(ticket && isEnd(ticket.status))) break;
      open.delete(queueId);
    }
    if (open.size === 0 && (await queueSize(origin)) === 0) return;
    await pause(200);
  }
}

async function queueSize(origin: string): Promise<number | null> {
  const reply = await ask(`${origin}/api/v1/providers`);
  const providers = reply.body["providers"];
  if (!Array.isArray(providers)) return null;
  const sizes = providers.map((provider: { queue?: { size?: number } }) => provider.queue?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

function settingsFor(openaiUrl: string, { failureThreshold, timeoutSeconds }: Pace): Record<string, string> {
  return {
    ENVIRONMENT: "test",
    OPENAI_API_KEY: "fake",
    OPENAI_BASE_URL: openaiUrl,
    DEFAULT_LLM_PROVIDER: "openai",
    LLM_REQUEST_TIMEOUT_SECONDS: String(timeoutSeconds),
    LLM_MAX_RETRIES: "1",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: String(failureThreshold),
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "0.3",
    CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "2",
    QUEUE_MAX_SIZE: "100000",
    QUEUE_MAX_MEMORY_MB: "1000",
    QUEUE_MAX_RETRIES: String(maxRetries),
    QUEUE_POLL_INTERVAL_SECONDS: "0.5",
  };
}
