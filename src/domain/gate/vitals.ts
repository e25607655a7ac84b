/** Figures about a provider for people and for estimates. Nothing that decides whether a call is made rests on them. */
import type { Failure } from "../failure.ts";
import type { Finding } from "./call-report.ts";

export interface Vitals {
  /** Also while the breaker isn't closed. */
  readonly faultsInRow: number;
  /** When the first of them was counted. Absent: there are none, or older code has counted it. */
  readonly faultsSinceMs?: number;
  readonly lastSuccessMs: number | null;
  readonly lastFailureMs: number | null;
  /** What the latest failure was; absent where none was, and from older code. */
  readonly lastFailure?: Failure["reason"];
  /** A moving mean of answered calls; `null` before the first. */
  readonly meanResponseMs: number | null;
  /** A moving mean of the time between two tickets that ended while others waited; `null` before the first. */
  readonly meanDrainGapMs: number | null;
  /** When the last ticket ended, if others waited then; otherwise the next gap would measure idleness. */
  readonly drainingSinceMs: number | null;
}

export const noVitals: Vitals = {
  faultsInRow: 0,
  lastSuccessMs: null,
  lastFailureMs: null,
  meanResponseMs: null,
  meanDrainGapMs: null,
  drainingSinceMs: null,
};

/** How much the newest value weighs. */
const weight = 0.1;

export function countFinding(
  vitals: Vitals,
  finding: Finding,
  durationMs: number | null,
  nowMs: number,
  reason?: Failure["reason"],
): Vitals {
  const lastFailure = reason === undefined ? {} : { lastFailure: reason };
  switch (finding.kind) {
    case "healthy": {
      const meanResponseMs =
        durationMs === null ? vitals.meanResponseMs : mean(vitals.meanResponseMs, durationMs);
      const { faultsSinceMs: _, ...others } = vitals;
      return { ...others, faultsInRow: 0, lastSuccessMs: nowMs, meanResponseMs };
    }
    case "fault": {
      const { faultsInRow } = vitals;
      const since = faultsInRow === 0 ? { faultsSinceMs: nowMs } : {};
      return { ...vitals, faultsInRow: faultsInRow + 1, ...since, lastFailureMs: nowMs, ...lastFailure };
    }
    case "rate_limited":
    case "refused":
      return { ...vitals, lastFailureMs: nowMs, ...lastFailure };
    case "nothing":
      return vitals;
  }
}

/** @param waiting tickets that could follow at once: with none, or with a gate that lets none through, the next gap is no measure */
export function countEnd(vitals: Vitals, waiting: number, nowMs: number): Vitals {
  const { drainingSinceMs, meanDrainGapMs } = vitals;
  return {
    ...vitals,
    meanDrainGapMs:
      drainingSinceMs === null ? meanDrainGapMs : mean(meanDrainGapMs, Math.max(0, nowMs - drainingSinceMs)),
    drainingSinceMs: waiting > 0 ? nowMs : null,
  };
}

/** How long the queue takes for one ticket: as measured, else as many permits would at the mean response time; `null`: nobody knows yet. */
export function msPerTicket(vitals: Vitals, concurrency: number): number | null {
  if (vitals.meanDrainGapMs !== null) return vitals.meanDrainGapMs;
  return vitals.meanResponseMs === null ? null : vitals.meanResponseMs / concurrency;
}

function mean(before: number | null, value: number): number {
  return before === null ? value : before + weight * (value - before);
}
