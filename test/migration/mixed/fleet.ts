/** The two processes of a mixed run, the Redis that they share, and their vendor. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startService } from "../../support/processes.ts";
import { startFakeUpstream } from "../../../tools/fake-upstream/server.ts";
import type { RecordedRequest, Step } from "../../../tools/fake-upstream/script.ts";
import { startRedis } from "../../support/redis/server.ts";
import { noncePattern, numberIn } from "../../proofs/kill-cycles/comparison.ts";

/** What the vendor is like. Each but `well` is an outage of its kind, for every model. */
export type Mood = "well" | "down" | "limiting" | "refusing";

export interface Fleet {
  /** Of the older code, and of the newer. */
  readonly origins: readonly [string, string];
  feel(mood: Mood): Promise<void>;
  /** Judgements that were given, in order. The same array at each call. */
  readonly judgements: readonly GivenJudgement[];
  /** Lines of both logs that tell of what was not meant to happen. */
  thrown(): readonly string[];
  stop(): Promise<void>;
}

export interface GivenJudgement {
  /** Of the comparison. */
  readonly number: number;
  /** Who asked: 0 the older process, 1 the newer. */
  readonly process: number;
}

/** How long the vendor takes, so that work meets the turns of its moods. */
const answerMs = 60;

const steps: Readonly<Record<Mood, Step>> = {
  well: { echo: noncePattern, delayMs: answerMs, times: "forever" },
  down: { fault: "unavailable", delayMs: answerMs, times: "forever" },
  limiting: { fault: "rateLimited", retryAfter: 1, delayMs: answerMs, times: "forever" },
  refusing: { fault: "credentialsRefused", delayMs: answerMs, times: "forever" },
};

export async function openFleet(folder: string, checkouts: readonly [string, string]): Promise<Fleet> {
  const judgements: GivenJudgement[] = [];
  const upstream = await startFakeUpstream({
    onCall: (call) => judgements.push(...(isGiven(call) ? [judgementIn(call)] : [])),
  });
  const lane = upstream.lane("mixed");
  await lane.rescript([steps.well]);
  const redis = await startRedis();
  const homes = checkouts.map((checkout, process) => ({
    checkout,
    folder: join(folder, `process-${process}`),
    settings: settingsFor(redis.url, lane.baseUrls.openai, process),
  }));
  const services = await Promise.all(homes.map((home) => startService("node", home)));
  const [older, newer] = services;
  return {
    origins: [older?.origin ?? "", newer?.origin ?? ""],
    judgements,
    feel: (mood) => lane.rescript([steps[mood]]),
    thrown: () =>
      homes.flatMap(({ folder }, process) =>
        readFileSync(join(folder, "service.log"), "utf8")
          .split("\n")
          .filter((line) => line.includes('"level":"error"'))
          .map((line) => `process ${process}: ${line}`),
      ),
    async stop() {
      await Promise.all(services.map((service) => service.stop()));
      await redis.close();
      await upstream.close();
    },
  };
}

function settingsFor(redisUrl: string, baseUrl: string, process: number): Record<string, string> {
  return {
    ENVIRONMENT: "test",
    REDIS_URL: redisUrl,
    DEFAULT_LLM_PROVIDER: "openai",
    OPENAI_BASE_URL: baseUrl,
    // The vendor knows by it who asks.
    OPENAI_API_KEY: `fake-${process}`,
    LLM_REQUEST_TIMEOUT_SECONDS: "10",
    LLM_MAX_RETRIES: "1",
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "0.5",
    CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "2",
    // Older code spends an attempt on each fault, and no ticket may fail for its vendor's day.
    QUEUE_MAX_RETRIES: "100",
    QUEUE_MAX_SIZE: "100000",
    QUEUE_MAX_MEMORY_MB: "1000",
  };
}

function isGiven({ route, outcome, aborted }: RecordedRequest): boolean {
  return route === "judgement" && outcome === "answered" && !aborted;
}

function judgementIn({ bodyText, headers }: RecordedRequest): GivenJudgement {
  const process = Number(/fake-(\d)/.exec(headers["authorization"] ?? "")?.[1] ?? -1);
  return { number: numberIn(bodyText) ?? 0, process };
}
