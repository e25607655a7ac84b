/** What a rule of the judge is. */
import type { Evidence } from "./evidence.ts";

/** By its words. */
export type Rules = Readonly<Record<string, (evidence: Evidence, terms: Terms) => Finding>>;

/** Every violation of it; or why it can't be judged, where the service was not given the CPU to keep it. */
export type Finding = readonly string[] | Starved;

interface Starved {
  readonly starved: string;
}

export interface Ruling {
  readonly rule: string;
  /** None: it held, or can't be judged. */
  readonly violations: readonly string[];
  /** Why it can't be judged; `null`: it can. */
  readonly starved: string | null;
}

export function rulingOf(rule: string, finding: Finding): Ruling {
  return "starved" in finding
    ? { rule, violations: [], starved: finding.starved }
    : { rule, violations: finding, starved: null };
}

export interface Terms {
  readonly cycles: number;
  /** Cycles from which on a run proves too little in which no ticket has failed, or no page came in place of the provider. */
  readonly failuresFrom: number;
  /** Of a live request or an attempt, whole. */
  readonly timeoutMs: number;
  /** The longest that the service waits for a store that does not answer, before it stores elsewhere; 0: there is no elsewhere. */
  readonly settleMs: number;
  /** Attempts of one ticket, its first included. */
  readonly mostAttempts: number;
}

/** Is it one of the three states that a ticket never leaves? */
export function isEnd(status: string): boolean {
  return status === "completed" || status === "failed" || status === "expired";
}

/** For a person who reads a violation. */
export function clock(ms: number): string {
  return `at ${new Date(ms).toISOString().slice(11, 23)}`;
}
