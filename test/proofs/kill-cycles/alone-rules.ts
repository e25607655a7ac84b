/** What the judge asks of the ticket that lives alone, in default settings. */
import { afterwardsMs, leastFailed, type Alone } from "./alone.ts";
import { speaksOf } from "./comparison.ts";
import { judgePromises } from "./judge.ts";
import { clock, rulingOf, type Finding, type Ruling, type Terms } from "./rules.ts";

/** The defaults. */
const terms: Terms = {
  cycles: 1,
  failuresFrom: Number.POSITIVE_INFINITY,
  timeoutMs: 50_000,
  settleMs: 0,
  mostAttempts: 4,
};

export function judgeAlone(alone: Alone): Ruling[] {
  return Object.entries(rules).map(([rule, find]) => rulingOf(rule, find(alone)));
}

const rules: Readonly<Record<string, (alone: Alone) => Finding>> = {
  "Alone in an outage, in default settings, a ticket is judged after it": ({ evidence, outage }) =>
    evidence.ends.flatMap(({ queueId, ticket, result }) => {
      if (ticket?.status !== "completed") return [`${queueId}: ${ticket?.status} (${ticket?.errorType})`];
      const isOwn = speaksOf(result.justification ?? "", evidence.ledger[0]?.number ?? -1);
      const isInTime = ticket.updatedAtMs <= outage.untilMs + afterwardsMs;
      return isOwn && isInTime ? [] : [`${queueId}: ${clock(ticket.updatedAtMs)}, ${result.justification}`];
    }),

  "Alone in an outage, it is kept as all others are": ({ evidence }) => {
    const rulings = judgePromises(evidence, terms);
    const violations = rulings.flatMap((one) =>
      one.violations.map((violation) => `${one.rule}: ${violation}`),
    );
    const starved = rulings.flatMap((one) => (one.starved === null ? [] : [`${one.rule}: ${one.starved}`]));
    return violations.length > 0 || starved.length === 0 ? violations : { starved: starved.join("; ") };
  },

  [`The run was worth it: alone, it met at least ${leastFailed} calls that failed, before a kill and after it`]:
    (alone) => {
      const failed = failedCalls(alone);
      const [kill] = alone.evidence.kills;
      const before = failed.filter(
        ({ receivedAtMs }) => kill !== undefined && receivedAtMs < kill.atMs,
      ).length;
      return failed.length >= leastFailed && before > 0 && before < failed.length
        ? []
        : [`${before} before and ${failed.length - before} after it`];
    },
};

/** In the outage. One that the kill cut off may have been answered by nobody. */
export function failedCalls({ evidence, outage }: Alone) {
  return evidence.calls.filter(
    (call) => call.receivedAtMs < outage.untilMs && !call.isJudgement && !call.isCut,
  );
}
