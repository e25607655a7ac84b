/** How far two judges say the same: of the same pairs, and of the essays by scales of their own. */
import { askedAgain, type Evidence, type SetVerdict } from "./evidence.ts";
import { correlation, correlationInterval, wilson, type Interval } from "./intervals.ts";
import { errorOf, type Scale } from "./scale.ts";

/** What a judge says alone. */
export interface OwnScale {
  readonly evidence: Evidence;
  /** `null` without verdicts. */
  readonly scale: Scale | null;
}

export interface Agreement {
  /** Judges, by number. */
  readonly judges: readonly [number, number];
  /** Essays with a score from both. */
  readonly essays: number;
  /** Between their scores; `null` with fewer than 3, without any spread, or where either can't compare them all. */
  readonly r: number | null;
  readonly rInterval: Interval | null;
  /** Pairs that both have judged in the same order. */
  readonly pairs: number;
  readonly agreed: number;
  readonly agreedInterval: Interval | null;
  /** Essays whose scores differ by more than 1.96 of the errors, the furthest first: ten at most. */
  readonly apart: readonly Apart[];
}

interface Apart {
  readonly essay: string;
  /** The first judge's score less the second's. */
  readonly difference: number;
  readonly error: number;
}

/** Of each two judges. */
export function agreementsOf(
  verdicts: readonly SetVerdict[],
  scales: readonly OwnScale[],
): readonly Agreement[] {
  const firsts = scales.map((_, judge) => {
    const own = askedAgain(verdicts.filter((verdict) => verdict.judge === judge));
    return new Map(
      own.flatMap(({ verdict, swapped }) =>
        [verdict, ...(swapped === null ? [] : [swapped])].map(
          (one) => [`${one.first}/${one.second}`, one.firstWon] as const,
        ),
      ),
    );
  });
  return scales.flatMap((_, one) =>
    scales.slice(one + 1).map((_, at): Agreement => {
      const other = one + 1 + at;
      const [answers, others] = [firsts[one] ?? new Map(), firsts[other] ?? new Map()];
      const both = [...answers].filter(([pair]) => others.has(pair));
      const agreed = both.filter(([pair, firstWon]) => others.get(pair) === firstWon).length;
      return {
        judges: [one, other],
        ...betweenScales(scales[one], scales[other]),
        pairs: both.length,
        agreed,
        agreedInterval: wilson(agreed, both.length),
      };
    }),
  );
}

function betweenScales(
  one: OwnScale | undefined,
  other: OwnScale | undefined,
): Pick<Agreement, "essays" | "r" | "rInterval" | "apart"> {
  const [scores, others] = [scoresOf(one), scoresOf(other)];
  const both = [...scores].flatMap(([essay, score]) => {
    const second = others.get(essay);
    return second === undefined ? [] : [{ essay, score, second }];
  });
  const r = correlation(
    both.map(({ score }) => score.theta),
    both.map(({ second }) => second.theta),
  );
  const apart = both.map(({ essay, score, second }): Apart => ({
    essay,
    difference: score.theta - second.theta,
    error: Math.hypot(score.error, second.error),
  }));
  return {
    essays: both.length,
    r,
    rInterval: r === null ? null : correlationInterval(r, both.length),
    apart: apart
      .filter(({ difference, error }) => Math.abs(difference) > 1.96 * error)
      .toSorted((a, b) => Math.abs(b.difference) / b.error - Math.abs(a.difference) / a.error)
      .slice(0, 10),
  };
}

/** None where the judge alone can't compare all its essays. */
function scoresOf(
  own: OwnScale | undefined,
): ReadonlyMap<string, { readonly theta: number; readonly error: number }> {
  const scores = new Map<string, { readonly theta: number; readonly error: number }>();
  if (own === undefined || own.scale === null) return scores;
  for (const [essay, id] of own.evidence.essays.entries()) {
    const error = errorOf(own.scale, essay);
    if (error !== null) scores.set(id, { theta: own.scale.fit.theta[essay] ?? 0, error });
  }
  return scores;
}
