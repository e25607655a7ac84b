/**
 * The report on a set of essays: every figure with what it is made of and its interval, or `null` and why; and in sentences what the figures say. Its
 * names are those of the API. The same calls make the same report.
 */
import { agreementsOf, type OwnScale } from "./agreement.ts";
import { evidenceOf, ofJudge, type Evidence, type JudgedCall } from "./evidence.ts";
import { lengthEffectOf, lengthFiguresOf } from "./length-figures.ts";
import { orderFiguresOf } from "./order-figures.ts";
import type { SetPlan } from "./plan.ts";
import { separationOf, splitHalfOf } from "./reliability.ts";
import { agreementPart, fitPart, lengthPart, orderPart, reliabilityPart } from "./report-parts.ts";
import { costOfCallsIn, failuresIn, modelsIn, type CostPart, type ModelPart } from "./report-tallies.ts";
import { scaleOf, type Scale } from "./scale.ts";
import { scoresOf, type Score } from "./scores.ts";
import { usualPenalty } from "./bradley-terry.ts";
import { warningsOf, type Warning } from "./warnings.ts";

export interface ReportInput {
  readonly setId: string;
  /** ISO 8601. */
  readonly asOf: string;
  readonly status: SetStatus;
  readonly plan: SetPlan;
  /** All that have ended; also such as the plan doesn't know, of judges who are people. */
  readonly calls: readonly JudgedCall[];
  /** Of the texts, in UTF-16 units, by essay. */
  readonly lengths: ReadonlyMap<string, number>;
  /** Were pairs added by someone who had seen results? */
  readonly pairsAddedAfterResults: boolean;
  /** What else decides what was asked, as the caller has it: hashes, versions. */
  readonly provenance: Readonly<Record<string, string | number | boolean | null>>;
}

type SetStatus = "running" | "waiting" | "stopped_by_budget" | "cancelled" | "complete" | "incomplete";

export interface SetReport {
  readonly set_id: string;
  readonly as_of: string;
  readonly status: SetStatus;
  /** Is every call of the plan among those that have ended? */
  readonly complete: boolean;
  readonly provenance: Readonly<Record<string, unknown>>;
  readonly design: DesignPart;
  readonly progress: ProgressPart;
  readonly scores: readonly Score[];
  readonly scores_by_judge: readonly JudgeScores[];
  readonly order: { readonly judges: readonly ReturnType<typeof orderPart>[] };
  readonly length: ReturnType<typeof lengthPart>;
  readonly reliability: ReturnType<typeof reliabilityPart>;
  readonly fit: ReturnType<typeof fitPart>;
  readonly agreement: ReturnType<typeof agreementPart>;
  readonly cost: CostPart;
  readonly failures: Readonly<Record<string, number>>;
  readonly models_that_answered: readonly ModelPart[];
  readonly warnings: readonly Warning[];
}

interface DesignPart {
  readonly kind: SetPlan["design"];
  readonly asked_kind: SetPlan["design"];
  /** Comparisons of each essay with others; `null` where essays differ in that. */
  readonly k: number | null;
  readonly seed: number;
  readonly essays: number;
  readonly pairs: number;
  readonly audit_pairs: number;
  readonly repeat_pairs: number;
  readonly balanced: boolean;
  readonly max_skew: number;
  readonly pairs_added_after_results: boolean;
}

interface ProgressPart {
  readonly planned: number;
  readonly judged: number;
  readonly failed: number;
  /** Pairs with verdicts, counted for each judge: what a pair asked again adds nothing to. */
  readonly effective_judgements: number;
}

interface JudgeScores {
  readonly judge: string;
  readonly judgements: number;
  readonly ssr: number | null;
  readonly ssr_reason: string | null;
  readonly scores: readonly Pick<
    Score,
    "essay" | "rank" | "theta" | "se" | "ci95" | "comparisons" | "wins"
  >[];
}

export function reportOn(input: ReportInput): SetReport {
  const { plan, calls, lengths } = input;
  const judges = [...new Set([...plan.judges, ...calls.map(({ judge }) => judge)])];
  const ids = [
    ...new Set([
      ...plan.essays.map(({ id }) => id),
      ...calls.flatMap(({ essay1, essay2 }) => [essay1, essay2]),
    ]),
  ];
  const evidence = evidenceOf(calls, judges);
  const scale = scaleOf(evidence, plan.anchors);
  const alone = judges.map((_, judge): OwnScale =>
    judges.length === 1 ? { evidence, scale } : aloneOf(evidence, judge, plan),
  );
  const identical = identicalPairs(plan, evidence);
  // Where the texts are equal there is nothing to prefer.
  const telling = evidence.verdicts.filter(({ pair }) => !identical.has(pair));
  const orders = judges.map((judge, at) => {
    const own = telling.filter((verdict) => verdict.judge === at);
    const effect = scale?.orderEffects[at] ?? { eta: null, reason: "no_verdicts" as const };
    const failed = calls.filter((call) => call.judge === judge && call.winner === null);
    return { judge, failed, figures: orderFiguresOf(own, effect) };
  });
  const length = {
    figures: lengthFiguresOf(telling, lengths),
    effect: lengthEffectOf(evidence, scale, lengths),
  };
  const separation = separationOf(scale);
  const scores = scoresOf(evidence, scale, ids);
  const progress = progressOf(plan, calls, evidence);
  const models = modelsIn(calls);
  const agreements = agreementsOf(telling, alone);
  return {
    set_id: input.setId,
    as_of: input.asOf,
    status: input.status,
    complete: isComplete(plan, calls),
    provenance: {
      ...input.provenance,
      scale: "Bradley-Terry, penalised, one order effect a judge",
      penalty: usualPenalty,
      seed: plan.seed,
    },
    design: designOf(input),
    progress,
    scores,
    scores_by_judge: judges.map((judge, at) => judgeScoresOf(judge, alone[at], ids)),
    order: { judges: orders.map((order) => orderPart(order)) },
    length: lengthPart(length, telling, judges, lengths),
    reliability: reliabilityPart(separation, splitHalfOf(evidence, scale, plan.seed), scores, progress),
    fit: fitPart(evidence, scale, scores),
    agreement: agreementPart(judges, agreements),
    cost: costOfCallsIn(calls, ids.length),
    failures: failuresIn(calls),
    models_that_answered: models,
    warnings: warningsOf({
      status: input.status,
      plan,
      progress,
      scores,
      scale,
      separation,
      orders,
      models,
      pairsAddedAfterResults: input.pairsAddedAfterResults,
      identical: [...identical.values()],
      length,
    }),
  };
}

function aloneOf(evidence: Evidence, judge: number, plan: SetPlan): OwnScale {
  const own = ofJudge(evidence, judge);
  return { evidence: own, scale: scaleOf(own, plan.anchors) };
}

/** By the pair's number in the evidence. */
function identicalPairs(
  plan: SetPlan,
  { verdicts }: Evidence,
): ReadonlyMap<number, readonly [string, string]> {
  const hashes = new Map(plan.essays.map(({ id, sha256 }) => [id, sha256]));
  return new Map(
    verdicts.flatMap(({ pair, call: { essay1, essay2 } }) => {
      const hash = hashes.get(essay1);
      return hash !== undefined && hash !== "" && hash === hashes.get(essay2)
        ? [[pair, [essay1, essay2] as const] as const]
        : [];
    }),
  );
}

function isComplete(plan: SetPlan, calls: readonly JudgedCall[]): boolean {
  const ended = new Set(calls.map(({ seq }) => seq));
  return plan.calls.every(({ seq }) => ended.has(seq));
}

function designOf({ plan, pairsAddedAfterResults }: ReportInput): DesignPart {
  const essays = plan.essays.length;
  return {
    kind: plan.design,
    asked_kind: plan.askedDesign,
    k: plan.design === "complete" ? essays - 1 : plan.perEssay,
    seed: plan.seed,
    essays,
    pairs: plan.pairs,
    audit_pairs: plan.auditedPairs,
    repeat_pairs: plan.repeatedPairs,
    balanced: plan.maxSkew <= 1,
    max_skew: plan.maxSkew,
    pairs_added_after_results: pairsAddedAfterResults,
  };
}

function progressOf(plan: SetPlan, calls: readonly JudgedCall[], { verdicts }: Evidence): ProgressPart {
  return {
    planned: plan.calls.length,
    judged: verdicts.length,
    failed: calls.length - verdicts.length,
    effective_judgements: new Set(verdicts.map(({ pair, judge }) => `${pair}/${judge}`)).size,
  };
}

function judgeScoresOf(judge: string, own: OwnScale | undefined, ids: readonly string[]): JudgeScores {
  const evidence: Evidence = own?.evidence ?? { essays: [], judges: [], verdicts: [], ofEssay: [] };
  const scale: Scale | null = own?.scale ?? null;
  const { ssr } = separationOf(scale);
  return {
    judge,
    judgements: evidence.verdicts.length,
    ssr: ssr.value,
    ssr_reason: ssr.reason,
    scores: scoresOf(evidence, scale, ids).map(({ essay, rank, theta, se, ci95, comparisons, wins }) => ({
      essay,
      rank,
      theta,
      se,
      ci95,
      comparisons,
      wins,
    })),
  };
}
