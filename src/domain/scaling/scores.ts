/** The table of a report that everybody looks at first. */
import { errorOf, type Scale } from "./scale.ts";
import type { Evidence } from "./evidence.ts";
import { around, type Interval } from "./intervals.ts";
import { isMisfit, misfitOf } from "./misfit.ts";
import { ranksOf } from "./ranks.ts";

/** As it stands in a report. */
export interface Score {
  /** Among the essays of its group; equal scores share one. */
  readonly rank: number | null;
  readonly essay: string;
  /** In logits, against the mean of its group or as the anchors have it. */
  readonly theta: number | null;
  readonly se: number | null;
  readonly ci95: Interval | null;
  /** Ranks of the furthest essays from which it can't be told apart. */
  readonly tied_from: number | null;
  readonly tied_to: number | null;
  readonly comparisons: number;
  readonly wins: number;
  readonly infit: number | null;
  readonly outfit: number | null;
  /** 1 is the largest group of essays that can be compared. */
  readonly group: number | null;
  readonly flags: readonly ScoreFlag[];
  /** Why something is `null`. */
  readonly reason: "no_verdicts" | "disconnected" | "anchor" | null;
}

type ScoreFlag =
  /** Its score is a guess upwards. */
  | "won_all"
  | "lost_all"
  /** Judged unevenly. */
  | "misfit"
  /** Fewer than 6 comparisons. */
  | "few_comparisons"
  | "anchor";

/** Below this an essay's score rests on chance. */
export const fewComparisons = 6;

/** Those with verdicts by group and rank, then those without, by id. @param ids of all essays */
export function scoresOf(evidence: Evidence, scale: Scale | null, ids: readonly string[]): readonly Score[] {
  const { essays } = evidence;
  const misfits = essays.map((_, essay) => scale && misfitOf(scale, evidence.ofEssay[essay] ?? []));
  const infits = misfits.flatMap((misfit) => misfit?.infit ?? []);
  const scored =
    scale === null
      ? []
      : ranksOf(scale).map((ranked) => {
          const { essay, rank, group, tied } = ranked;
          const theta = scale.fit.theta[essay] ?? 0;
          const se = errorOf(scale, essay);
          const isAnchor = scale.model.anchors.has(essay);
          const misfit = misfits[essay] ?? null;
          const counts = countsOf(evidence, essay);
          return {
            rank,
            essay: essays[essay] ?? "",
            theta,
            se,
            ci95: se === null ? null : around(theta, se),
            tied_from: tied?.[0] ?? null,
            tied_to: tied?.[1] ?? null,
            ...counts,
            infit: misfit?.infit ?? null,
            outfit: misfit?.outfit ?? null,
            group,
            flags: flagsOf(counts, isAnchor, misfit !== null && isMisfit(misfit.infit, infits)),
            reason: se !== null ? null : isAnchor ? ("anchor" as const) : ("disconnected" as const),
          };
        });
  const known = new Set(essays);
  return [
    ...scored,
    ...ids
      .filter((id) => !known.has(id))
      .toSorted()
      .map(unscored),
  ];
}

interface Counts {
  readonly comparisons: number;
  readonly wins: number;
}

function countsOf({ verdicts, ofEssay }: Evidence, essay: number): Counts {
  const own = ofEssay[essay] ?? [];
  const won = own.filter((at) => verdicts[at]?.firstWon === (verdicts[at]?.first === essay));
  return { comparisons: own.length, wins: won.length };
}

function flagsOf({ comparisons, wins }: Counts, isAnchor: boolean, isUneven: boolean): readonly ScoreFlag[] {
  const flags: ScoreFlag[] = [];
  if (isAnchor) flags.push("anchor");
  if (wins === comparisons) flags.push("won_all");
  if (wins === 0) flags.push("lost_all");
  if (isUneven) flags.push("misfit");
  if (comparisons < fewComparisons && !isAnchor) flags.push("few_comparisons");
  return flags;
}

function unscored(essay: string): Score {
  return {
    rank: null,
    essay,
    theta: null,
    se: null,
    ci95: null,
    tied_from: null,
    tied_to: null,
    comparisons: 0,
    wins: 0,
    infit: null,
    outfit: null,
    group: null,
    flags: [],
    reason: "no_verdicts",
  };
}
