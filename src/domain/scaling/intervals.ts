/** Shares with intervals that hold, with few pairs too: all of 95 %. */

export type Interval = readonly [number, number];

/** Two-sided, of a normal distribution. */
const z = 1.959963984540054;

/** Of a share of independent cases (Wilson 1927); `null` without any. */
export function wilson(count: number, of: number): Interval | null {
  if (of === 0) return null;
  const share = count / of;
  const middle = share + z ** 2 / (2 * of);
  const half = z * Math.sqrt((share * (1 - share)) / of + (z / (2 * of)) ** 2);
  const whole = 1 + z ** 2 / of;
  return [Math.max(0, (middle - half) / whole), Math.min(1, (middle + half) / whole)];
}

/**
 * Of pairs that were asked twice, `up` changed the one way, `down` the other: (up − down)/pairs and its interval. Both answers of a pair are one case. Where
 * fewer than 5 changed either way a pair more of each is taken in, and the method says so: the plain interval covered .75 of 30 pairs whose verdict
 * changes in one of twenty.
 */
export function pairedDifference(up: number, down: number, pairs: number): PairedDifference | null {
  if (pairs === 0) return null;
  const isFew = Math.min(up, down) < 5;
  const [more, less, of] = isFew ? [up + 1, down + 1, pairs + 2] : [up, down, pairs];
  const middle = (more - less) / of;
  const half = (z * Math.sqrt(more + less - (more - less) ** 2 / of)) / of;
  return {
    value: (up - down) / pairs,
    ci95: [Math.max(-1, middle - half), Math.min(1, middle + half)],
    method: isFew ? "paired_plus_one" : "paired",
  };
}

export interface PairedDifference {
  readonly value: number;
  readonly ci95: Interval;
  readonly method: "paired" | "paired_plus_one";
}

/** Exact and two-sided: how often fair coins would fall at least as unevenly. 1 without any. */
export function coinP(one: number, other: number): number {
  const [least, all] = [Math.min(one, other), one + other];
  if (2 * least === all) return 1;
  let logOfTerm = -all * Math.LN2;
  let sum = 0;
  for (let count = 0; count <= least; count++) {
    sum += Math.exp(logOfTerm);
    logOfTerm += Math.log((all - count) / (count + 1));
  }
  return Math.min(1, 2 * sum);
}

/** Two-sided, of so many standard errors away from 0 (Abramowitz and Stegun 7.1.26; within 1e-7). */
export function normalP(errors: number): number {
  const x = Math.abs(errors) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const polynomial =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return polynomial * Math.exp(-x * x);
}

/** An estimate with its standard error. */
export function around(estimate: number, error: number): Interval {
  return [estimate - z * error, estimate + z * error];
}

/** Of a mean of values between 0 and 1, each a case of its own; Wilson's where they are all alike, which leaves no spread to go by. */
export function meanOf(values: readonly number[]): MeanShare | null {
  if (values.length === 0) return null;
  const value = values.reduce((sum, one) => sum + one, 0) / values.length;
  const squares = values.reduce((sum, one) => sum + (one - value) ** 2, 0);
  if (squares < 1e-12) {
    const whole = wilson(value * values.length, values.length) ?? [0, 1];
    return { value, ci95: whole, method: "wilson" };
  }
  const [low, high] = around(value, Math.sqrt(squares / (values.length - 1) / values.length));
  return { value, ci95: [Math.max(0, low), Math.min(1, high)], method: "mean_of_pairs" };
}

export interface MeanShare {
  readonly value: number;
  readonly ci95: Interval;
  readonly method: "mean_of_pairs" | "wilson";
}

/** Pearson's r; `null` with fewer than 3 pairs of values, or where one side has no spread. */
export function correlation(ones: ArrayLike<number>, others: ArrayLike<number>): number | null {
  const size = ones.length;
  if (size < 3) return null;
  let [sumOne, sumOther] = [0, 0];
  for (let at = 0; at < size; at++) {
    sumOne += ones[at] as number;
    sumOther += others[at] as number;
  }
  let [both, one, other] = [0, 0, 0];
  for (let at = 0; at < size; at++) {
    const [left, right] = [(ones[at] as number) - sumOne / size, (others[at] as number) - sumOther / size];
    both += left * right;
    one += left * left;
    other += right * right;
  }
  return one < 1e-12 || other < 1e-12 ? null : Math.max(-1, Math.min(1, both / Math.sqrt(one * other)));
}

/** By Fisher's z; `null` with fewer than 4. */
export function correlationInterval(r: number, size: number): Interval | null {
  if (size < 4) return null;
  const [low, high] = around(Math.atanh(Math.max(-0.999999, Math.min(0.999999, r))), 1 / Math.sqrt(size - 3));
  return [Math.tanh(low), Math.tanh(high)];
}
