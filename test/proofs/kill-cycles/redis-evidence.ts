/** What a run with Redis leaves for its judge, beside what every run leaves. */
import type { End, Evidence } from "./evidence.ts";

export interface RedisEvidence {
  /** Its kills are those of processes, its histories those in Redis and in the files. */
  readonly evidence: Evidence;
  readonly appendfsync: "always" | "everysec";
  readonly strikes: readonly Strike[];
  readonly faults: readonly RedisFault[];
  /** With a fault or without: on a machine that is too busy Redis does not answer in time either. */
  readonly aways: readonly Away[];
  /** Each ticket of the ledger after the drain, as each process has it: one list for each. */
  readonly endsByProcess: readonly (readonly End[])[];
  /** Looks during the run that found a ticket, and those that could not be answered. */
  readonly looksFound: number;
  readonly looksAway: readonly AwayLook[];
  /** Ids that were seen ended, and later not. */
  readonly reopened: readonly string[];
  /** Canaries that were found while tickets waited. */
  readonly canariesInRedis: number;
  readonly canariesInFiles: number;
  /** Outcomes that lay in the file of a process when it was killed. */
  readonly spooledAtDeath: number;
  /** Rows that the files still hold in the end, a sentence each. */
  readonly leftovers: readonly string[];
  /** What the processes say of Redis' settings in the end. */
  readonly warnings: readonly Warnings[];
}

/** `pair`: two processes. `both`: Redis and a process. `stop`: Redis stands still, and nobody is killed. */
export type Strike = "process" | "pair" | "redis" | "both" | "stop";

/** Epoch milliseconds. */
export interface RedisFault {
  readonly kind: "killed" | "stopped";
  /** When it was ordered. */
  readonly atMs: number;
  /** From here on it has certainly answered nothing. */
  readonly silentAtMs: number;
  /** When it was there again, its data read. */
  readonly untilMs: number;
}

/** A look that was answered with 503. */
export interface AwayLook {
  readonly queueId: string;
  readonly process: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** For so long one process could not reach Redis, by its own log. */
export interface Away {
  readonly process: number;
  readonly atMs: number;
  readonly untilMs: number;
}

export interface Warnings {
  readonly process: number;
  /** In `/healthz`. */
  readonly shown: readonly string[];
  /** In the log, since its first start. */
  readonly logged: readonly string[];
}
