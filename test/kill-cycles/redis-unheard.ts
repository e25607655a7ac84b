/**
 * What a run with Redis may do twice by design, taken out before it is judged as every other run is.
 *
 * A ticket whose creation Redis did not answer is kept elsewhere under another id, and its twin in Redis withdrawn, unless another process has
 * worked on it by then: it is judged for nobody. And a keyed live request that meets a Redis which is away can store neither its answer nor its
 * ticket: it is 503, and what was called for it counts for no ticket.
 */
import { markedAtMs } from "../../src/stores/failover/marked-id.ts";
import { claimsIn, type Claim } from "./claims.ts";
import type { Call, Evidence, History } from "./evidence.ts";
import type { RedisEvidence, RedisFault } from "./redis-evidence.ts";

export interface Heard {
  readonly evidence: Evidence;
  /** Those that nobody was told of, beside one that somebody was. */
  readonly twins: readonly History[];
  readonly callsForTwins: number;
  readonly callsForLostKeys: number;
}

/** Of a live request, its retry included, before and after Redis went away. */
const beforeMs = 1_500;
/** Until a process has found out that Redis is back. */
const afterMs = 3_000;

export function heardIn({ evidence, faults }: RedisEvidence): Heard {
  const twins = twinsIn(evidence);
  const twinIds = new Set(twins.map(({ queueId }) => queueId));
  const histories = evidence.histories.filter(({ queueId }) => !twinIds.has(queueId));
  const forTwins = new Set(callsWithin(twins, histories, evidence.calls));
  const forLostKeys = new Set(callsOfLostKeys(evidence, faults).filter((call) => !forTwins.has(call)));
  const calls = evidence.calls.filter((call) => !forTwins.has(call) && !forLostKeys.has(call));
  return {
    evidence: { ...evidence, histories, calls },
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

/** Calls for the twins' claims. Where the real ticket was called for at the same time too, the first call is the twin's. */
function callsWithin(twins: readonly History[], others: readonly History[], calls: readonly Call[]): Call[] {
  const claimsOf = Map.groupBy(others.flatMap(claimsIn), ({ number }) => number);
  const taken: Call[] = [];
  for (const claim of twins.flatMap(claimsIn)) {
    const real = claimsOf.get(claim.number) ?? [];
    const within = calls.filter(
      (call) => call.number === claim.number && isWithin(call, claim) && !taken.includes(call),
    );
    const own = within.filter((call) => !real.some((other) => isWithin(call, other)));
    const doubtful = within.filter((call) => !own.includes(call));
    const [first] = own.length > 0 ? own : doubtful.length > 1 ? doubtful : [];
    if (first !== undefined) taken.push(first);
  }
  return taken;
}

function callsOfLostKeys({ answers, calls, histories }: Evidence, faults: readonly RedisFault[]): Call[] {
  const refused = new Set(
    answers.filter(({ key, status }) => key !== null && status === 503).map(({ number }) => number),
  );
  const claimsOf = Map.groupBy(histories.flatMap(claimsIn), ({ number }) => number);
  return calls.filter(
    (call) =>
      refused.has(call.number) &&
      !(claimsOf.get(call.number) ?? []).some((claim) => isWithin(call, claim)) &&
      faults.some(
        ({ atMs, untilMs }) => atMs <= call.endedAtMs + beforeMs && call.receivedAtMs <= untilMs + afterMs,
      ),
  );
}

function isWithin({ receivedAtMs }: Call, { startedAtMs, closedAtMs }: Claim): boolean {
  return startedAtMs <= receivedAtMs && receivedAtMs <= closedAtMs;
}
