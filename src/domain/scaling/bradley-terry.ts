/**
 * Scores from verdicts on pairs, by the model of Bradley and Terry (1952): log-odds that the first of two essays wins = θ_first − θ_second + effects.
 *
 * What is maximised is Σ w (y ln p + (1 − y) ln(1 − p)) + a Σ (ln σ(θ) + ln σ(−θ)): each essay has won a and lost a times against one at 0, so that an
 * essay that won always has a score too. It is strictly concave; Newton's steps find its one maximum in six to nine of them.
 */
import { logLikelihoodOf, type Fit } from "./likelihood.ts";
import { groupsOf, isStronglyConnected, type ScaleModel } from "./observations.ts";
import { stepFrom } from "./step.ts";

/** With a quarter of a win and a loss simulated scores are as far apart as the true ones (slope 1.03, 30 essays with 10 comparisons each). */
export const usualPenalty = 0.25;

export interface FitOptions {
  readonly start?: Fit;
  /** The largest last step. */
  readonly tolerance?: number;
}

/** @returns `null` where there is no finite estimate: scores have one under a penalty, an effect where some verdicts are for it and some against */
export function fitOf(model: ScaleModel, { start, tolerance = 1e-10 }: FitOptions = {}): Fit | null {
  if (model.penalty === 0 && model.anchors.size === 0 && !isStronglyConnected(model)) return null;
  let fit = startOf(model, start);
  let likelihood = objectiveOf(model, fit);
  let last = Infinity;
  for (let steps = 0; steps < mostSteps; steps++) {
    const step = stepFrom(model, fit);
    const longest = Math.max(longestOf(step.theta), longestOf(step.effects));
    // A step this short squares the next one's length; what then doesn't get shorter is rounding.
    const isRounding = longest < 1e-7 && longest > last / 2;
    if (longest < tolerance || isRounding) return centred(model, moved(fit, step, 1));
    last = longest;
    let length = longest > 2 ? 2 / longest : 1;
    let next = moved(fit, step, length);
    // Never downhill, but for rounding.
    for (let halved = 0; halved < 30 && objectiveOf(model, next) < likelihood - 1e-9; halved++) {
      length /= 2;
      next = moved(fit, step, length);
    }
    fit = next;
    likelihood = objectiveOf(model, fit);
  }
  return null;
}

const mostSteps = 100;

function objectiveOf(model: ScaleModel, fit: Fit): number {
  let penalty = 0;
  for (const [essay, score] of fit.theta.entries()) {
    if (model.anchors.has(essay)) continue;
    penalty -= Math.log1p(Math.exp(score)) + Math.log1p(Math.exp(-score));
  }
  return logLikelihoodOf(model, fit) + model.penalty * penalty;
}

function startOf(model: ScaleModel, start: Fit | undefined): Fit {
  const theta = start?.theta.slice() ?? new Float64Array(model.essays);
  for (const [essay, score] of model.anchors) theta[essay] = score;
  return { theta, effects: start?.effects.slice() ?? new Float64Array(model.columns.length) };
}

function moved({ theta, effects }: Fit, step: Fit, by: number): Fit {
  return {
    theta: theta.map((value, at) => value + by * (step.theta[at] as number)),
    effects: effects.map((value, at) => value + by * (step.effects[at] as number)),
  };
}

function centred(model: ScaleModel, { theta, effects }: Fit): Fit {
  if (model.anchors.size > 0) return { theta, effects };
  const placed = theta.slice();
  for (const group of groupsOf(model)) {
    const mean = group.reduce((sum, essay) => sum + (theta[essay] as number), 0) / group.length;
    for (const essay of group) placed[essay] = (theta[essay] as number) - mean;
  }
  return { theta: placed, effects };
}

function longestOf(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
