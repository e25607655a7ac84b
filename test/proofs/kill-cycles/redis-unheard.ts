/**
 * What a run with Redis may do twice by design, taken out before it is judged as every other run is.
 *
 * A ticket whose creation Redis did not answer is kept elsewhere under another id, and its twin in Redis withdrawn, unless another process has
 * worked on it by then: it is judged for nobody. And a keyed live request that can't reach Redis at its end can store neither its answer nor
 * its ticket: it is 503, and what was called for it counts for nothing.
 */
import { markedAtMs } from "../../../src/stores/failover/marked-id.ts";
import { canComeOf, claimsIn, isWithin } from "./claims.ts";
import type { Call, Evidence, History } from "./evidence.ts";
import type { RedisEvidence } from "./redis-evidence.ts";

export interface Heard {
  readonly evidence: Evidence;
  /** Those that nobody was told of, beside one that somebody was. */
  readonly twins: readonly History[];
  readonly callsForTwins: number;
  readonly callsForLostKeys: number;
}

export function heardIn({ evidence }: Pick<RedisEvidence, "evidence">): Heard {
  const twins = twinsIn(evidence);
  const twinIds = new Set(twins.map(({ queueId }) => queueId));
  const histories = evidence.histories.filter(({ queueId }) => !twinIds.has(queueId));
  const forTwins = new Set(callsWithin(twins, histories, evidence.calls));
  const forLostKeys = new Set(callsOfLostKeys(evidence).filter((call) => !forTwins.has(call)));
  const calls = evidence.calls.filter((call) => !forTwins.has(call) && !forLostKeys.has(call));
  return {
    evidence: { ...evidence, histories, calls, twins },
    twins,
    callsForTwins: forTwins.size,
    callsForLostKeys: forLostKeys.size,
  };
}

/** Of several tickets for one comparison the one that a client knows of is the real one; else the one that was kept last, which is marked. */
function twinsIn({ histories, ledger }: Evidence): History[] {
  const known = new Set(ledger.map(({ queueId }) => queueId));
  return [...Map.groupBy(histories, ({ number }) => number).values()].flatMap((all) => {
    const real =
      all.find(({ queueId }) => known.has(queueId)) ??
      all.find(({ queueId }) => markedAtMs(queueId) !== null) ??
      all[0];
    return all.filter((one) => one !== real && !known.has(one.queueId));
  });
}

/** Calls for the twins' claims. One that may be the real ticket's as well is the twin's if the real one's claim has another call. */
function callsWithin(twins: readonly History[], others: readonly History[], calls: readonly Call[]): Call[] {
  const claimsOf = Map.groupBy(others.flatMap(claimsIn), ({ number }) => number);
  const fetched: Call[] = [];
  for (const claim of twins.flatMap(claimsIn)) {
    const left = calls.filter((call) => call.number === claim.number && !fetched.includes(call));
    const within = left.filter((call) => isWithin(call, claim) && canComeOf(call, claim));
    const isFree = (call: Call) =>
      (claimsOf.get(claim.number) ?? [])
        .filter((real) => isWithin(call, real))
        .every((real) =>
          left.some((other) => other !== call && isWithin(other, real) && canComeOf(other, real)),
        );
    const own = within.findLast(isFree);
    if (own !== undefined) fetched.push(own);
  }
  return fetched;
}

/** Live calls of a request that was told that there is neither an answer nor a ticket, and has indeed left none. A refusal is told without Redis too. */
function callsOfLostKeys({ answers, calls, histories }: Evidence): Call[] {
  const historiesOf = Map.groupBy(histories, ({ number }) => number);
  const claimsOf = Map.groupBy(histories.flatMap(claimsIn), ({ number }) => number);
  const lost = answers.filter(
    ({ key, errorType, number, fromMs, toMs }) =>
      key !== null &&
      errorType === "SERVICE_UNAVAILABLE" &&
      !(historiesOf.get(number) ?? []).some(({ events }) => isBetween(fromMs, events[0]?.atMs ?? 0, toMs)),
  );
  const lostOf = Map.groupBy(lost, ({ number }) => number);
  return calls.filter(
    (call) =>
      !call.isRefusal &&
      (lostOf.get(call.number) ?? []).some(({ fromMs, toMs }) =>
        isBetween(fromMs, call.receivedAtMs, toMs),
      ) &&
      !(claimsOf.get(call.number) ?? []).some((claim) => isWithin(call, claim)),
  );
}

function isBetween(fromMs: number, atMs: number, toMs: number): boolean {
  return fromMs <= atMs && atMs <= toMs;
}
