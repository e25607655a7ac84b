/** Calls that the upstream heard late, put back to the moment at which they can have been sent last. */
import { claimsIn } from "./claims.ts";
import type { Call, Evidence } from "./evidence.ts";

/** For so long somebody may have called: a ticket's claim, or a client's request. */
interface Asking {
  readonly number: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * A call is made while somebody waits for it. One that seems to have come when that was over was made in it, if it can have been sent by then:
 * the upstream came to hear it only later.
 */
export function withoutLateEars(evidence: Evidence): Evidence {
  const { histories, answers, ledger, broken } = evidence;
  const claims = histories
    .flatMap(claimsIn)
    .map(({ number, startedAtMs, closedAtMs }) => ({ number, fromMs: startedAtMs, toMs: closedAtMs }));
  const claimsOf = Map.groupBy<number, Asking>(claims, ({ number }) => number);
  const requestsOf = Map.groupBy<number, Asking>([...answers, ...ledger, ...broken], ({ number }) => number);
  const inTime = (call: Call): Call => {
    const byClaims = momentIn(claimsOf.get(call.number) ?? [], call);
    // Where it fits no claim, it may have been a request's own.
    const receivedAtMs = byClaims ?? momentIn(requestsOf.get(call.number) ?? [], call);
    return receivedAtMs === null || receivedAtMs === call.receivedAtMs ? call : { ...call, receivedAtMs };
  };
  return { ...evidence, calls: evidence.calls.map(inTime) };
}

/** When it was sent at the latest, if in one of these; `null`: in none. */
function momentIn(all: readonly Asking[], { sentFromMs, receivedAtMs }: Call): number | null {
  if (all.some(({ fromMs, toMs }) => fromMs <= receivedAtMs && receivedAtMs <= toMs)) return receivedAtMs;
  const ends = all.map(({ toMs }) => toMs).filter((toMs) => sentFromMs <= toMs && toMs < receivedAtMs);
  return ends.length === 0 ? null : Math.max(...ends);
}
