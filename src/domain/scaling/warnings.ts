/** What keeps a report's figures from meaning what they seem to: each with a code for programs and a sentence for people. */
import { isLengthSeen, type LengthEffect, type LengthFigures } from "./length-figures.ts";
import type { SetPlan } from "./plan.ts";
import type { Separation } from "./reliability.ts";
import type { JudgeOrder } from "./report-parts.ts";
import type { ModelPart } from "./report-tallies.ts";
import type { Scale } from "./scale.ts";
import { fewComparisons, type Score } from "./scores.ts";
import { howMany, lengthSays, misfitSays, orderSays, reliabilitySays } from "./sentences.ts";

export interface Warning {
  readonly code: string;
  readonly says: string;
  readonly judge?: string;
  readonly essays?: readonly string[];
}

export interface WarningInput {
  readonly status: string;
  readonly plan: SetPlan;
  readonly progress: { readonly planned: number; readonly judged: number; readonly failed: number };
  readonly scores: readonly Score[];
  readonly scale: Scale | null;
  readonly separation: Separation;
  readonly orders: readonly JudgeOrder[];
  readonly models: readonly ModelPart[];
  readonly pairsAddedAfterResults: boolean;
  /** Pairs of essays with equal texts. */
  readonly identical: readonly (readonly [string, string])[];
  readonly length: { readonly figures: LengthFigures; readonly effect: LengthEffect };
}

export function warningsOf(input: WarningInput): readonly Warning[] {
  return [
    ...aboutProgress(input),
    ...aboutScores(input),
    ...input.orders.flatMap(aboutOrder),
    ...aboutLength(input),
    ...aboutModels(input),
  ];
}

function aboutProgress({ status, progress, plan, pairsAddedAfterResults }: WarningInput): readonly Warning[] {
  const { planned, judged, failed } = progress;
  const found: Warning[] = [];
  const at = `at ${judged} of ${planned} judgements: the report is made of these`;
  if (status === "stopped_by_budget") found.push({ code: status, says: `Stopped by its budget ${at}.` });
  if (status === "cancelled") found.push({ code: status, says: `Cancelled ${at}.` });
  if (status === "incomplete") found.push({ code: status, says: `Its time was over ${at}.` });
  if (failed > 0) {
    found.push({
      code: "failed_calls",
      says: `${howMany(failed, "call has", "calls have")} no verdict, and ${failed === 1 ? "is" : "are"} in no figure.`,
    });
  }
  if (plan.design !== plan.askedDesign) {
    found.push({
      code: "design_complete",
      says: "There are too few essays for as many comparisons of each: every essay is compared with every other.",
    });
  }
  if (pairsAddedAfterResults) {
    found.push({
      code: "adaptive_pairs",
      says: "Pairs were added by someone who had seen results. That alone makes reliability look high, even of coin tosses: don't believe it here.",
    });
  }
  return found;
}

function aboutScores(input: WarningInput): readonly Warning[] {
  const { scores, scale, separation, identical } = input;
  const found: Warning[] = [];
  const idsOf = (isMeant: (score: Score) => boolean) => scores.filter(isMeant).map(({ essay }) => essay);
  const warn = (code: string, essays: readonly string[], says: string) => {
    if (essays.length > 0) found.push({ code, says, essays });
  };
  const unscored = idsOf(({ theta }) => theta === null);
  warn(
    "no_verdicts",
    unscored,
    `${howMany(unscored.length, "essay has", "essays have")} no verdict, and so no score.`,
  );
  if (scale !== null && scale.groups.length > 1) {
    found.push({
      code: "disconnected",
      says: `The essays fall into ${scale.groups.length} groups without a comparison between them. These groups can't be ranked against each other, and no score has an error.`,
    });
  }
  const few = idsOf(({ flags }) => flags.includes("few_comparisons"));
  warn(
    "few_comparisons",
    few,
    `${howMany(few.length, "essay has", "essays have")} fewer than ${fewComparisons} comparisons: such scores rest on chance. Ten are usual.`,
  );
  for (const [flag, never, way] of [
    ["won_all", "lost", "upwards"],
    ["lost_all", "won", "downwards"],
  ] as const) {
    const perfect = idsOf(({ flags }) => flags.includes(flag) && !flags.includes("anchor"));
    const says = `${perfect.join(", ")} never ${never}: ${perfect.length === 1 ? "its score is a guess" : "their scores are guesses"} ${way}.`;
    warn("perfect_record", perfect, says);
  }
  const misfits = idsOf(({ flags }) => flags.includes("misfit"));
  warn("misfit_essays", misfits, misfitSays(misfits.length));
  const { ssr } = separation;
  if (ssr.reason === "no_spread" || (ssr.value !== null && ssr.value < 0.7)) {
    const code = ssr.value === null ? "no_spread" : "low_reliability";
    found.push({ code, says: reliabilitySays(separation, 0) });
  }
  warn(
    "identical_essays",
    [...new Set(identical.flat())].toSorted(),
    `Some essays are the same text: ${identical.map(([one, other]) => `${one} and ${other}`).join("; ")}. Verdicts on such pairs are in no figure of order, length or agreement.`,
  );
  return found;
}

function aboutOrder({ judge, figures }: JudgeOrder): readonly Warning[] {
  const { finding, eta, maxSkew, firstSlot } = figures;
  const found: Warning[] = [];
  if (finding !== "none" && finding !== "untested") {
    found.push({ code: "order_effect", judge, says: orderSays(figures) });
  }
  if (eta.eta === null) {
    switch (eta.reason) {
      case "always_first":
      case "always_second": {
        const place = eta.reason === "always_first" ? "first" : "second";
        found.push({
          code: eta.reason,
          judge,
          says: `The ${place} essay always won, whichever it was: the order effect has no number, and the scores are fitted without it.`,
        });
        break;
      }
      case "order_confounded":
        found.push({
          code: eta.reason,
          judge,
          says: "Who was read first and who is better can't be told apart in these pairs: the order effect has no number.",
        });
        break;
      case "no_verdicts":
        found.push({ code: "judge_without_verdicts", judge, says: "This judge has given no verdict." });
        break;
    }
  }
  if (firstSlot.value === null && firstSlot.reason === "order_unbalanced") {
    found.push({
      code: "order_unbalanced",
      judge,
      says: `Some essay was first ${Math.round(maxSkew)} times more often than second, or the other way: what the order does can't be told from who was first.`,
    });
  }
  return found;
}

function aboutLength({ length: { figures, effect } }: WarningInput): readonly Warning[] {
  return isLengthSeen(figures, effect) ? [{ code: "length", says: lengthSays(figures, effect) }] : [];
}

function aboutModels({ models, orders }: WarningInput): readonly Warning[] {
  return orders.flatMap(({ judge }): readonly Warning[] => {
    const answered = models.filter((model) => model.judge === judge).flatMap(({ model }) => model ?? []);
    if (answered.length < 2) return [];
    return [
      {
        code: "model_changed",
        judge,
        says: `The judge changed on the way: ${answered.join(", ")} answered. Their verdicts are mixed in one scale.`,
      },
    ];
  });
}
