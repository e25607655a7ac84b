/** What a set's calls came to, and what of it bears on scores. */
import type { PlannedCall } from "./plan.ts";
import type { Observation } from "./observations.ts";

/** A call that has ended: with a verdict, or for good without one. */
export interface JudgedCall extends PlannedCall {
  /** Which model answered; `null`: nobody said. */
  readonly model: string | null;
  /** An essay's id; `null`: no verdict. */
  readonly winner: string | null;
  /** From 1 to 5, as the judge states it. */
  readonly confidence: number | null;
  /** Why there is no verdict. */
  readonly errorType: string | null;
  /** In US dollars; `null`: not known. */
  readonly costEstimate: number | null;
  readonly responseTimeMs: number | null;
  readonly promptSha256: string | null;
  readonly pairSha256: string | null;
  /** ISO 8601. */
  readonly judgedAt: string | null;
  readonly justification: string | null;
}

/** A verdict, with its essays and judge by their numbers in the evidence. */
export interface SetVerdict extends Observation {
  readonly call: JudgedCall;
  readonly judge: number;
  /** The same for both orders of two essays. */
  readonly pair: number;
}

export interface Evidence {
  /** Ids of the essays that have verdicts. */
  readonly essays: readonly string[];
  /** All that were asked. */
  readonly judges: readonly string[];
  /** By `seq`. */
  readonly verdicts: readonly SetVerdict[];
  /** For each essay the places of its verdicts. */
  readonly ofEssay: readonly (readonly number[])[];
}

/**
 * Verdicts of one judge on one pair weigh 1 together: asked again, a judge that hardly wavers says the same again, and that tells nothing new of the
 * essays (30 essays, 150 pairs asked three times: reliability .87 where r² with the truth is .62).
 */
export function evidenceOf(calls: readonly JudgedCall[], judges: readonly string[]): Evidence {
  const judged = calls.filter(({ winner }) => winner !== null).toSorted((one, other) => one.seq - other.seq);
  const essays = new Map<string, number>();
  for (const { essay1, essay2 } of judged) {
    for (const id of [essay1, essay2]) if (!essays.has(id)) essays.set(id, essays.size);
  }
  const numbers = new Map(judges.map((judge, at) => [judge, at]));
  const verdicts = judged.map((call) => verdictOf(call, essays, numbers.get(call.judge) ?? -1));
  const timesAsked = new Map<string, number>();
  const ofEssay = [...essays.keys()].map((): number[] => []);
  for (const [at, verdict] of verdicts.entries()) {
    timesAsked.set(keyOf(verdict), (timesAsked.get(keyOf(verdict)) ?? 0) + 1);
    ofEssay[verdict.first]?.push(at);
    ofEssay[verdict.second]?.push(at);
  }
  return {
    essays: [...essays.keys()],
    judges,
    verdicts: verdicts.map((verdict) => ({ ...verdict, weight: 1 / (timesAsked.get(keyOf(verdict)) ?? 1) })),
    ofEssay,
  };
}

/** As if nobody else had judged. */
export function ofJudge({ verdicts, judges }: Evidence, judge: number): Evidence {
  return evidenceOf(
    verdicts.filter((verdict) => verdict.judge === judge).map(({ call }) => call),
    judges,
  );
}

function keyOf({ pair, judge }: SetVerdict): string {
  return `${pair}/${judge}`;
}

function verdictOf(call: JudgedCall, essays: ReadonlyMap<string, number>, judge: number): SetVerdict {
  const [one, two] = [essays.get(call.essay1) ?? 0, essays.get(call.essay2) ?? 0];
  const [first, second] = call.shownFirst === call.essay1 ? [one, two] : [two, one];
  return {
    call,
    judge,
    first,
    second,
    pair: Math.min(one, two) * essays.size + Math.max(one, two),
    firstWon: call.winner === call.shownFirst,
    weight: 1,
  };
}

/** A pair's verdicts by one judge, the first in each order and the first that repeats an order. */
export interface AskedAgain {
  readonly verdict: SetVerdict;
  readonly swapped: SetVerdict | null;
  readonly repeated: SetVerdict | null;
}

/** For each pair that a judge has judged; verdicts on equal texts are no evidence of anything but the order. */
export function askedAgain(verdicts: readonly SetVerdict[]): readonly AskedAgain[] {
  const pairs = new Map<
    number,
    { verdict: SetVerdict; swapped: SetVerdict | null; repeated: SetVerdict | null }
  >();
  for (const verdict of verdicts) {
    const pair = pairs.get(verdict.pair);
    if (pair === undefined) pairs.set(verdict.pair, { verdict, swapped: null, repeated: null });
    else if (pair.verdict.first === verdict.first) pair.repeated ??= verdict;
    else pair.swapped ??= verdict;
  }
  return [...pairs.values()];
}
