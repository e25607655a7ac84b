/** What the service may cost, as ratios within one run: absolute figures say more about the machine. */
import type { Candidate, Kind, Platform } from "./candidates.ts";
import type { Sample, Setting } from "./measure.ts";
import { cpuFigure, table } from "./report.ts";

interface Budget {
  readonly platform: Platform;
  readonly against: Kind;
  readonly atMost: number;
}

const budgets: readonly Budget[] = [
  { platform: "node", against: "json", atMost: 1.5 },
  { platform: "node", against: "portkey", atMost: 0.25 },
  { platform: "workerd", against: "json", atMost: 1.4 },
  { platform: "workerd", against: "portkey", atMost: 1 },
];

export interface Verdict {
  readonly what: string;
  /** Ours by theirs, medians; `null`: one of the two was not measured. */
  readonly ratio: number | null;
  /** As shown: `≤ 1.50`. */
  readonly limit: string;
  readonly kept: boolean;
}

/** Holds the medians against every budget. What was not measured counts as kept, and `budgetTable` says so. */
export function judgeBudgets(
  samples: readonly Sample[],
  candidates: readonly Candidate[],
  setting: Setting,
): Verdict[] {
  return budgets.map((budget) => {
    const cpuOf = (kind: Kind): number | null => {
      const candidate = candidates.find((one) => one.platform === budget.platform && one.kind === kind);
      return candidate === undefined ? null : (cpuFigure(samples, candidate, setting)?.median ?? null);
    };
    const ours = cpuOf("ours");
    const theirs = cpuOf(budget.against);
    const ratio = ours === null || theirs === null ? null : ours / theirs;
    return {
      what: `${budget.platform}: CPU µs/request, this service ÷ ${against[budget.against]}`,
      ratio,
      limit: `≤ ${budget.atMost.toFixed(2)}`,
      kept: ratio === null || ratio <= budget.atMost,
    };
  });
}

export function budgetTable(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ what, ratio, limit, kept }) => [
    what,
    ratio?.toFixed(2) ?? "–",
    limit,
    ratio === null ? "not measured" : kept ? "PASS" : "FAIL",
  ]);
  return table([["", "ratio", "budget", ""], ...lines]);
}

const against: Readonly<Record<Kind, string>> = {
  ours: "itself",
  json: "bare JSON route",
  "pass-through": "bare pass-through",
  portkey: "Portkey",
};
