/** How fast a run goes on each platform, and the settings of the service in it. */
import type { Dice } from "./random.ts";
import type { PlatformName } from "../../support/processes.ts";
import type { Terms } from "./rules.ts";
import type { Mood } from "./upstream.ts";

export interface Pace {
  /** How long the service lives between its first answer and its kill. */
  readonly lifeMs: readonly [least: number, most: number];
  /** Every second life is as long as that from its first call upstream, if that comes soon. */
  readonly countsFromCall: boolean;
  /** How long nobody may call while the breaker is open and its probe was lost in a kill: before a life of refusals that is waited for. */
  readonly lostProbeMs: number;
  readonly clients: number;
  /** The mean between two requests of a client. */
  readonly pauseMs: number;
  readonly answerMs: number;
  /** The upstream's, each as likely as it is often here. */
  readonly moods: readonly Mood[];
  /** Cycles from which on some ticket has failed in every run. */
  readonly failuresFrom: number;
  /** Faults in a row that open the breaker. */
  readonly failureThreshold: number;
  /** Of an attempt: how long a stalling upstream can hold it. */
  readonly timeoutSeconds: number;
  /** From acceptance to expiry, in every fifth life; in the others the default of 4 hours. */
  readonly hastyTtlMs: number;
  /** For the next ticket to end in the drain: leases and lost messages of the last kill included. */
  readonly patienceMs: number;
}

export const paces: Readonly<Record<PlatformName, Pace>> = {
  node: {
    lifeMs: [20, 800],
    countsFromCall: false,
    lostProbeMs: 0,
    clients: 8,
    pauseMs: 200,
    answerMs: 120,
    moods: [
      "healthy",
      "healthy",
      "healthy",
      "refusing",
      "stalling",
      "stalling",
      "down",
      "broken",
      "busy",
      "hidden",
    ],
    failuresFrom: 12,
    failureThreshold: 5,
    timeoutSeconds: 1,
    hastyTtlMs: 1_000,
    patienceMs: 60_000,
  },
  workerd: {
    lifeMs: [500, 3_000],
    // A message takes a second to come, and is forgotten at a kill: on a busy machine most lives would be over before anybody calls.
    countsFromCall: true,
    lostProbeMs: 35_000,
    clients: 8,
    pauseMs: 250,
    answerMs: 400,
    // Its local queue forgets everything at a kill, the probe's message too: while the breaker is open then, nobody calls for 30 s.
    moods: [
      "healthy",
      "healthy",
      "healthy",
      "healthy",
      "refusing",
      "stalling",
      "stalling",
      "down",
      "broken",
      "busy",
      "hidden",
    ],
    failuresFrom: 8,
    failureThreshold: 10,
    timeoutSeconds: 3,
    hastyTtlMs: 3_000,
    patienceMs: 120_000,
  },
};

/** The upstream is refusing in all of such a life, and it is as long as one can be: so tickets fail in a short run too. */
export function isRefusing(cycle: number): boolean {
  return cycle % 4 === 0;
}

/** Until its turn a page stands in place of the upstream, so that some are served in a short run too: in the first life no breaker is open. */
export function isHidden(cycle: number): boolean {
  return cycle % 4 === 1;
}

/** @param cycle from 1 */
export function firstMood(cycle: number, pace: Pace, chance: Dice): Mood {
  return isHidden(cycle) ? "hidden" : nextMood(cycle, pace, chance);
}

export function nextMood(cycle: number, { moods }: Pace, chance: Dice): Mood {
  return isRefusing(cycle) ? "refusing" : (chance.pick(moods) ?? "healthy");
}

/** Few, so that some tickets fail after their attempts too. */
const maxRetries = 1;

export function settingsFor(
  openaiUrl: string,
  { failureThreshold, timeoutSeconds }: Pace,
): Record<string, string> {
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

/** What a run at this pace is judged by. */
export function termsFor(cycles: number, { timeoutSeconds, failuresFrom }: Pace, settleMs: number): Terms {
  return { cycles, failuresFrom, timeoutMs: timeoutSeconds * 1_000, settleMs, mostAttempts: 1 + maxRetries };
}
