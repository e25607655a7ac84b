/** What standard errors a plan can be expected to come to, before anybody is paid. */
import { fitOf, usualPenalty } from "./bradley-terry.ts";
import { diceOf, shuffled, type Dice } from "./dice.ts";
import { covarianceOf } from "./errors.ts";
import type { Fit } from "./likelihood.ts";
import type { ScaleModel, Observation } from "./observations.ts";
import type { SetPlan } from "./plan.ts";

/** Means over all essays, in logits, where each verdict is right by chance as the model says; `null` where scores can't all be compared. */
export interface ExpectedError {
  /** Where all essays are equally good: the least there can be. About 2/√k with k comparisons of each. */
  readonly even: number | null;
  /** Where their strengths are spread by one logit (a standard deviation). The wider, the less is learnt from a pair. */
  readonly spread1: number | null;
  readonly spread2: number | null;
}

/**
 * The information of the design itself: at equal scores, and at scores as they would be estimated where the true ones are normally spread. The latter are
 * tried out with the plan's own seed, since estimates lie further apart than what they estimate: 30 essays with 10 comparisons each come to .64, .89 and 1.16.
 */
export function expectedErrorOf(plan: SetPlan): ExpectedError {
  const model = modelOf(plan);
  const even = meanErrorOf(model, { theta: new Float64Array(model.essays), effects: new Float64Array(0) });
  const dice = diceOf(plan.seed, "expected error");
  // Large sets are their own average.
  const rounds = model.essays > 200 ? 1 : Math.floor(600 / model.essays);
  const tried = (spread: number) => {
    let sum = 0;
    for (let round = 0; round < rounds; round++) {
      const error = triedOut(model, spread, dice);
      if (error === null) return null;
      sum += error;
    }
    return sum / rounds;
  };
  return { even, spread1: tried(1), spread2: tried(2) };
}

/** Each pair once for each judge: what is asked again tells how stable a judge is, not which essay is better. */
function modelOf({ essays, calls, anchors }: SetPlan): ScaleModel {
  const places = new Map(essays.map(({ id }, at) => [id, at]));
  const placeOf = (id: string) => places.get(id) ?? 0;
  const observations = calls
    .filter(({ audit }) => audit === "none")
    .map(({ essay1, essay2 }): Observation => ({
      first: placeOf(essay1),
      second: placeOf(essay2),
      firstWon: true,
      weight: 1,
    }));
  // Given pairs may leave an essay out.
  const named = new Set(observations.flatMap(({ first, second }) => [first, second]));
  const dense = new Map([...named].map((place, at) => [place, at]));
  return {
    essays: named.size,
    observations: observations.map((observation) => ({
      ...observation,
      first: dense.get(observation.first) ?? 0,
      second: dense.get(observation.second) ?? 0,
    })),
    columns: [],
    penalty: usualPenalty,
    anchors: new Map(
      anchors.flatMap(({ id, theta }) => {
        const at = dense.get(placeOf(id));
        return at === undefined ? [] : [[at, theta] as const];
      }),
    ),
  };
}

function triedOut(model: ScaleModel, spread: number, dice: Dice): number | null {
  const { essays, observations, anchors } = model;
  const theta = Float64Array.from(
    shuffled(
      Array.from({ length: essays }, (_, at) => spread * normalScore((at + 0.5) / essays)),
      dice,
    ),
  );
  for (const [essay, score] of anchors) theta[essay] = score;
  const judged = {
    ...model,
    observations: observations.map((observation) => {
      const ahead = (theta[observation.first] ?? 0) - (theta[observation.second] ?? 0);
      return { ...observation, firstWon: dice() < 1 / (1 + Math.exp(-ahead)) };
    }),
  };
  const fit = fitOf(judged, { start: { theta, effects: new Float64Array(0) }, tolerance: 1e-3 });
  return fit === null ? null : meanErrorOf(judged, fit);
}

function meanErrorOf(model: ScaleModel, fit: Fit): number | null {
  const covariance = covarianceOf(model, fit);
  if (covariance === null) return null;
  let sum = 0;
  for (let essay = 0; essay < model.essays; essay++) {
    if (!model.anchors.has(essay)) sum += Math.sqrt(Math.max(0, covariance.ofScores(essay, essay)));
  }
  return sum / (model.essays - model.anchors.size);
}

/** Under which so much of a normal distribution lies (Abramowitz and Stegun 26.2.23; within .0005). */
function normalScore(share: number): number {
  const t = Math.sqrt(-2 * Math.log(Math.min(share, 1 - share)));
  const score =
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t ** 2) /
      (1 + 1.432788 * t + 0.189269 * t ** 2 + 0.001308 * t ** 3);
  return share < 0.5 ? -score : score;
}
