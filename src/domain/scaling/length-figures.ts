/**
 * Does the longer essay win? An association: longer essays may be better here, or the judge may like length; verdicts alone can't tell.
 */
import { fitOf } from "./bradley-terry.ts";
import { covarianceOf } from "./errors.ts";
import type { Evidence, SetVerdict } from "./evidence.ts";
import { meanOf, type MeanShare } from "./intervals.ts";
import type { Figure } from "./reliability.ts";
import type { Scale } from "./scale.ts";

export interface LengthFigures {
  /** Verdicts on two essays of unequal length. */
  readonly of: number;
  readonly longerChosen: number;
  readonly pairs: number;
  /** The mean of the pairs, which its interval is about. */
  readonly share: MeanShare | null;
}

/** Logits for each unit of ln(length of the first / length of the second). */
export type LengthEffect = Figure<{ readonly beta: number; readonly error: number }, NoLengthEffect>;

type NoLengthEffect =
  | "no_verdicts"
  | "lengths_unknown"
  | "equal_lengths"
  /** No number is large enough. */
  | "length_decides"
  | "length_confounded";

/** @param lengths in UTF-16 units, by id */
export function lengthFiguresOf(
  verdicts: readonly SetVerdict[],
  lengths: ReadonlyMap<string, number>,
): LengthFigures {
  const pairs = new Map<number, { longer: number; of: number }>();
  for (const verdict of verdicts) {
    const ratio = logRatio(verdict, lengths);
    if (ratio === null || ratio === 0) continue;
    const pair = pairs.get(verdict.pair) ?? { longer: 0, of: 0 };
    pairs.set(verdict.pair, {
      longer: pair.longer + (ratio > 0 === verdict.firstWon ? 1 : 0),
      of: pair.of + 1,
    });
  }
  const all = [...pairs.values()];
  return {
    of: all.reduce((sum, { of }) => sum + of, 0),
    longerChosen: all.reduce((sum, { longer }) => sum + longer, 0),
    pairs: all.length,
    share: meanOf(all.map(({ longer, of }) => longer / of)),
  };
}

/** Do longer, or shorter, essays win more than chance allows? */
export function isLengthSeen({ share }: LengthFigures, { value }: LengthEffect): boolean {
  if (value !== null) return Math.abs(value.beta) > 1.96 * value.error;
  return share !== null && (share.ci95[0] > 0.5 || share.ci95[1] < 0.5);
}

/**
 * One effect of length for all judges, fitted beside the scale and never moving a score: what lengths explain of the scores is, within the penalty's reach,
 * explained by them. Its error is therefore that of the penalised equations.
 */
export function lengthEffectOf(
  { verdicts }: Evidence,
  scale: Scale | null,
  lengths: ReadonlyMap<string, number>,
): LengthEffect {
  if (scale === null || verdicts.length === 0) return { value: null, reason: "no_verdicts" };
  const ratios = verdicts.map((verdict) => logRatio(verdict, lengths));
  if (ratios.includes(null)) return { value: null, reason: "lengths_unknown" };
  const column = Float64Array.from(ratios, (ratio) => ratio ?? 0);
  if (column.every((ratio) => ratio === 0)) return { value: null, reason: "equal_lengths" };
  if (isSeparated(verdicts, column, scale)) return { value: null, reason: "length_decides" };
  const { model, fit } = scale;
  const beside = { ...model, columns: [...model.columns, column] };
  const start = { theta: fit.theta, effects: Float64Array.from([...fit.effects, 0]) };
  const found = fitOf(beside, { start, tolerance: 1e-6 });
  const covariance = found && covarianceOf(beside, found, beside.penalty);
  if (found === null || covariance === null) return { value: null, reason: "length_confounded" };
  const last = model.columns.length;
  return {
    value: { beta: found.effects[last] ?? 0, error: Math.sqrt(covariance.ofEffect(last)) },
    reason: null,
  };
}

/**
 * Is there for each judge a ratio above which the first essay always won, and below which it always lost (or the other way round)? Then β would be infinite:
 * the penalty holds the scores alone.
 */
function isSeparated(
  verdicts: readonly SetVerdict[],
  column: Float64Array,
  { orderEffects }: Scale,
): boolean {
  return [1, -1].some((sign) =>
    orderEffects.every((effect, judge) => {
      // Without an order effect of its own the ratio is that of equal lengths.
      let [least, most] = effect.eta === null ? [0, 0] : [Infinity, -Infinity];
      for (const [at, { judge: whose, firstWon }] of verdicts.entries()) {
        if (whose !== judge) continue;
        const ratio = sign * (column[at] as number);
        if (firstWon) least = Math.min(least, ratio);
        else most = Math.max(most, ratio);
      }
      return least >= most;
    }),
  );
}

function logRatio({ call }: SetVerdict, lengths: ReadonlyMap<string, number>): number | null {
  const [one, two] = [lengths.get(call.essay1) ?? 0, lengths.get(call.essay2) ?? 0];
  if (one < 1 || two < 1) return null;
  return call.shownFirst === call.essay1 ? Math.log(one / two) : Math.log(two / one);
}
