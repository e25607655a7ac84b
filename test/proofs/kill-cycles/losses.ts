/** The judgements that were given and brought nothing: neither a ticket's end nor an answer. */
import type { Call, Evidence } from "./evidence.ts";
import { excuses, type Excuse, type Limits } from "./excuses.ts";

export interface Loss {
  readonly call: Call;
  readonly excuse: Excuse;
}

export function lossesIn(evidence: Evidence, terms: Limits): Loss[] {
  const { histories, answers, calls } = evidence;
  const excuseOf = excuses(evidence, terms);
  const judged = histories.filter(({ events }) => events.some(({ kind }) => kind === "completed"));
  const given = answers.filter(({ status }) => status === 200);
  const kept = new Set([...judged, ...given].map(({ number }) => number));
  return [...callsByNumber(calls)].flatMap(([number, made]) => {
    const judgements = made.filter(({ isJudgement }) => isJudgement);
    // Nobody is asked after the one that was kept: another rule sees to that.
    const lost = kept.has(number) ? judgements.slice(0, -1) : judgements;
    return lost.map((call) => ({ call, excuse: excuseOf(call) }));
  });
}

/** Each comparison's, in their order. */
export function callsByNumber(calls: readonly Call[]): Map<number, Call[]> {
  const inOrder = calls.toSorted((a, b) => a.receivedAtMs - b.receivedAtMs);
  return Map.groupBy(inOrder, ({ number }) => number);
}
