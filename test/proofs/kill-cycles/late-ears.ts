/** Calls that the upstream heard late, put back to the moment at which they can have been sent last. */
import { claimsIn, isWithin } from "./claims.ts";
import type { Call, Evidence } from "./evidence.ts";

/**
 * A call is made while somebody waits for it. One that seems to have come when its ticket's claim was over was made in it, if it can have been
 * sent by then: the upstream came to hear it only later.
 */
export function withoutLateEars(evidence: Evidence): Evidence {
  const claimsOf = Map.groupBy(evidence.histories.flatMap(claimsIn), ({ number }) => number);
  const inTime = (call: Call): Call => {
    const claims = claimsOf.get(call.number) ?? [];
    if (claims.some((claim) => isWithin(call, claim))) return call;
    const before = claims.findLast(({ closedAtMs }) => closedAtMs < call.receivedAtMs);
    return before === undefined || before.closedAtMs < call.sentFromMs
      ? call
      : { ...call, receivedAtMs: before.closedAtMs };
  };
  return { ...evidence, calls: evidence.calls.map(inTime) };
}
