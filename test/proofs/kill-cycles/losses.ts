/** The judgements that were given and brought nothing: neither a ticket's end nor an answer. And why the service could not help it. */
import type { Call, Evidence } from "./evidence.ts";
import { excuses, type Excuse, type Limits } from "./excuses.ts";
import { starvedIn } from "./starvation.ts";

export interface Loss {
  readonly call: Call;
  readonly excuse: Excuse;
}

/** How much of the blame for a loss is left to the service. */
export interface Blame {
  /** The answer came when the signal had been sent, or the time of its attempt was over: there was nobody any more. */
  readonly wasGone: boolean;
  /** For most of the time that it had to store the answer it waited for a CPU. */
  readonly wasStarved: boolean;
}

export function blameFor({ cpu }: Evidence): (loss: Loss) => Blame {
  const wasStarved = starvedIn(cpu);
  return ({ call: { process, endedAtMs }, excuse }) => {
    const untilMs = timeOf(excuse);
    return {
      wasGone: untilMs <= endedAtMs,
      wasStarved: wasStarved(process, endedAtMs, untilMs),
    };
  };
}

/** When the time to store it was over. Without an excuse it never is. */
function timeOf(excuse: Excuse): number {
  switch (excuse?.kind) {
    case "kill":
      return excuse.kill.atMs;
    case "standstill":
    case "expiry":
      return excuse.atMs;
    case undefined:
      return Number.POSITIVE_INFINITY;
  }
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
