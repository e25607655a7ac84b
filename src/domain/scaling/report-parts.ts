/** The report's parts, as they stand in it. Beside each figure: of how many, its interval and how that was made, or why there is none. */
import type { Agreement } from "./agreement.ts";
import type { Evidence, JudgedCall, SetVerdict } from "./evidence.ts";
import { around, type Interval } from "./intervals.ts";
import { chanceOf } from "./likelihood.ts";
import { lengthFiguresOf, type LengthEffect, type LengthFigures } from "./length-figures.ts";
import { isMisfit, misfitOf } from "./misfit.ts";
import type { OrderFigures } from "./order-figures.ts";
import type { Figure, NoReliability, Separation, SplitHalf } from "./reliability.ts";
import { failuresIn } from "./report-tallies.ts";
import type { Scale } from "./scale.ts";
import type { Score } from "./scores.ts";
import { lengthSays, misfitSays, orderSays, reliabilitySays } from "./sentences.ts";

export interface JudgeOrder {
  readonly judge: string;
  /** Its calls without a verdict: in no figure. */
  readonly failed: readonly JudgedCall[];
  readonly figures: OrderFigures;
}

export function orderPart({ judge, failed, figures }: JudgeOrder) {
  const { swapped, repeated, lessConsistent, firstSlot, eta } = figures;
  return {
    judge,
    judgements: figures.verdicts,
    failed: failed.length,
    failures: failuresIn(failed),
    pairs_in_both_orders: swapped?.pairs ?? 0,
    consistent: swapped?.consistent ?? 0,
    consistency: swapped?.share ?? null,
    consistency_ci95: swapped?.ci95 ?? null,
    consistency_method: swapped === null ? null : "wilson",
    flips_to_first: swapped?.toFirst ?? 0,
    flips_to_second: swapped?.toSecond ?? 0,
    p: swapped?.p ?? null,
    p_method: swapped === null ? null : "exact_binomial",
    pairs_in_same_order: repeated?.pairs ?? 0,
    retest_consistent: repeated?.consistent ?? 0,
    retest_consistency: repeated?.share ?? null,
    retest_consistency_ci95: repeated?.ci95 ?? null,
    /** Retest less swap, of pairs asked in both ways. */
    consistency_difference: lessConsistent?.value ?? null,
    consistency_difference_ci95: lessConsistent?.ci95 ?? null,
    consistency_difference_method: lessConsistent?.method ?? null,
    consistency_difference_pairs: lessConsistent?.pairs ?? 0,
    consistency_difference_p: lessConsistent?.p ?? null,
    first_slot_rate: firstSlot.value,
    first_slot_ci95: firstSlot.value === null ? null : firstSlot.ci95,
    first_slot_method: firstSlot.value === null ? null : firstSlot.method,
    first_slot_of: firstSlotOf(figures),
    first_slot_reason: firstSlot.value === null ? firstSlot.reason : null,
    eta: eta.eta,
    eta_se: eta.eta === null ? null : eta.error,
    eta_ci95: eta.eta === null ? null : around(eta.eta, eta.error),
    eta_reason: eta.eta === null ? eta.reason : null,
    max_skew: figures.maxSkew,
    finding: figures.finding,
    says: orderSays(figures),
  };
}

/** Pairs where they were asked in both orders, verdicts otherwise. */
function firstSlotOf({ firstSlot, swapped, verdicts }: OrderFigures): number {
  if (firstSlot.value === null) return 0;
  return firstSlot.method === "one_order_wilson" ? verdicts : (swapped?.pairs ?? 0);
}

export function lengthPart(
  { figures, effect }: { readonly figures: LengthFigures; readonly effect: LengthEffect },
  verdicts: readonly SetVerdict[],
  judges: readonly string[],
  lengths: ReadonlyMap<string, number>,
) {
  const { value } = effect;
  return {
    ...lengthCounts(figures),
    beta: value?.beta ?? null,
    beta_se: value?.error ?? null,
    beta_ci95: value === null ? null : around(value.beta, value.error),
    beta_reason: effect.reason,
    says: lengthSays(figures, effect),
    judges: judges.map((judge, at) => ({
      judge,
      ...lengthCounts(
        lengthFiguresOf(
          verdicts.filter((verdict) => verdict.judge === at),
          lengths,
        ),
      ),
    })),
  };
}

function lengthCounts({ longerChosen, of, pairs, share }: LengthFigures) {
  return {
    longer_chosen: longerChosen,
    of,
    pairs,
    share: share?.value ?? null,
    share_ci95: share?.ci95 ?? null,
    share_method: share?.method ?? null,
  };
}

export function reliabilityPart(
  separation: Separation,
  splitHalf: Figure<SplitHalf, NoReliability>,
  scores: readonly Score[],
  { judged, effective_judgements }: { readonly judged: number; readonly effective_judgements: number },
) {
  const scored = scores.filter(({ theta }) => theta !== null).length;
  const { ssr, ssrInterval } = separation;
  return {
    essays: scored,
    judgements: judged,
    effective_judgements,
    ssr: ssr.value,
    ssr_ci95: ssrInterval,
    ssr_method: ssr.value === null ? null : "essays_as_a_sample",
    ssr_reason: ssr.reason,
    separation: separation.separation.value,
    separation_ci95: separationInterval(separation),
    separation_reason: separation.separation.reason,
    split_half: splitHalf.value?.median ?? null,
    split_half_range: splitHalf.value?.range ?? null,
    split_half_splits: splitHalf.value?.splits ?? 0,
    split_half_reason: splitHalf.reason,
    guidance: reliabilitySays(separation, scored === 0 ? 0 : (2 * effective_judgements) / scored),
  };
}

/** The interval of SSR by the same formula; below an SSR of 0 there is no separation. */
function separationInterval({ separation, ssrInterval }: Separation): Interval | null {
  if (separation.value === null || ssrInterval === null) return null;
  const [low, high] = ssrInterval.map((ssr) => Math.sqrt(Math.max(0, ssr) / (1 - ssr)));
  return [low ?? 0, high ?? 0];
}

/** What a person should read: the verdicts that fit the scale least. */
const mostSurprises = 20;
/** Of a judge with fewer verdicts nothing is said. */
const fewestOfJudge = 20;

export function fitPart(evidence: Evidence, scale: Scale | null, scores: readonly Score[]) {
  const misfits = new Set(scores.filter(({ flags }) => flags.includes("misfit")).map(({ essay }) => essay));
  return {
    essays: evidence.essays.flatMap((essay, at) => {
      const misfit = scale && misfitOf(scale, evidence.ofEssay[at] ?? []);
      if (misfit === null) return [];
      return [{ essay, ...asPart(misfit), flags: misfits.has(essay) ? ["misfit"] : [] }];
    }),
    judges: judgesFit(evidence, scale),
    surprises: scale === null ? [] : surprisesIn(evidence, scale),
    confidence: scale === null ? [] : confidenceIn(evidence, scale),
    says: misfitSays(misfits.size),
  };
}

function asPart(misfit: NonNullable<ReturnType<typeof misfitOf>>) {
  const { verdicts, infit, outfit, expected95 } = misfit;
  return { judgements: verdicts, infit, outfit, infit_expected95: expected95 };
}

function judgesFit({ verdicts, judges }: Evidence, scale: Scale | null) {
  const found = judges.map((judge, at) => ({
    judge,
    misfit: scale && misfitOf(scale, placesOf(verdicts, at)),
  }));
  const infits = found.flatMap(({ misfit }) => misfit?.infit ?? []);
  return found.flatMap(({ judge, misfit }) => {
    if (misfit === null) return [];
    const isTold = misfit.verdicts >= fewestOfJudge;
    const flags = [
      ...(isTold && isMisfit(misfit.infit, infits) ? ["misfit"] : []),
      // More regular than chance allows, which is no praise.
      ...(isTold && misfit.infit < 0.5 ? ["too_regular"] : []),
    ];
    return [{ judge, ...asPart(misfit), flags }];
  });
}

function placesOf(verdicts: readonly SetVerdict[], judge: number): readonly number[] {
  return verdicts.flatMap((verdict, place) => (verdict.judge === judge ? [place] : []));
}

function surprisesIn({ verdicts }: Evidence, scale: Scale) {
  const found = verdicts.map(({ call, firstWon }, at) => {
    const chance = chanceOf(scale.model, scale.fit, at);
    return { call, chance: firstWon ? chance : 1 - chance };
  });
  return found
    .toSorted((one, other) => one.chance - other.chance || one.call.seq - other.call.seq)
    .slice(0, mostSurprises)
    .map(({ call, chance }) => ({
      seq: call.seq,
      judge: call.judge,
      essay_1: call.essay1,
      essay_2: call.essay2,
      shown_first: call.shownFirst,
      winner: call.winner,
      /** Of this verdict, before it was given. */
      chance,
    }));
}

/** As stated by the model: of the verdicts with each confidence, how many agree with the scale. */
function confidenceIn({ verdicts }: Evidence, { fit }: Scale) {
  const levels = new Map<number, { judgements: number; as_scale: number }>();
  for (const { call, first, second, firstWon } of verdicts) {
    if (call.confidence === null) continue;
    const ahead = (fit.theta[first] ?? 0) - (fit.theta[second] ?? 0);
    const level = levels.get(call.confidence) ?? { judgements: 0, as_scale: 0 };
    const agrees = ahead === 0 ? 0 : Number(ahead > 0 === firstWon);
    levels.set(call.confidence, { judgements: level.judgements + 1, as_scale: level.as_scale + agrees });
  }
  return [...levels]
    .toSorted(([one], [other]) => one - other)
    .map(([confidence, counts]) => ({ confidence, ...counts }));
}

export function agreementPart(judges: readonly string[], agreements: readonly Agreement[]) {
  const between = (one: number, other: number) =>
    agreements.find(({ judges: [a, b] }) => a === Math.min(one, other) && b === Math.max(one, other));
  return {
    judges,
    /** Pearson's r between the judges' own scales. */
    matrix: judges.map((_, one) =>
      judges.map((_, other) => (one === other ? 1 : (between(one, other)?.r ?? null))),
    ),
    pairs: agreements.map(
      ({ judges: [one, other], r, rInterval, essays, pairs, agreed, agreedInterval, apart }) => ({
        judges: [judges[one], judges[other]],
        essays,
        r,
        r_ci95: rInterval,
        r_reason: r === null ? "not_comparable" : null,
        same_questions: pairs,
        agreed,
        agreed_share: pairs === 0 ? null : agreed / pairs,
        agreed_share_ci95: agreedInterval,
        apart,
      }),
    ),
  };
}
