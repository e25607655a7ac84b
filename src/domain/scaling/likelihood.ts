/** How likely verdicts are, given scores and effects. */
import type { ScaleModel } from "./observations.ts";

export interface Fit {
  /** For each essay, in logits; their mean is 0 in each group of essays that can be compared, unless there are anchors. */
  readonly theta: Float64Array;
  readonly effects: Float64Array;
}

/** Of the verdicts alone, without the penalty. */
export function logLikelihoodOf(model: ScaleModel, fit: Fit): number {
  let sum = 0;
  for (const [at, { firstWon, weight }] of model.observations.entries()) {
    const logit = logitOf(model, fit, at);
    sum -= weight * Math.log1p(Math.exp(firstWon ? -logit : logit));
  }
  return sum;
}

/** The probability that the first essay of an observation wins. */
export function chanceOf(model: ScaleModel, fit: Fit, at: number): number {
  return sigmoid(logitOf(model, fit, at));
}

function logitOf({ observations, columns }: ScaleModel, { theta, effects }: Fit, at: number): number {
  const { first = 0, second = 0 } = observations[at] ?? {};
  let logit = (theta[first] as number) - (theta[second] as number);
  for (let effect = 0; effect < columns.length; effect++) {
    logit += (effects[effect] as number) * (columns[effect]?.[at] as number);
  }
  return logit;
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
