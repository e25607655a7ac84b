/** Requests that the provider has refused because they can never succeed: such a refusal is as final as a judgement. */
import { claimsIn, isWithin } from "./claims.ts";
import type { Answered, Call, Evidence } from "./evidence.ts";
import { excuses, type Limits } from "./excuses.ts";
import { callsByNumber, type Loss } from "./losses.ts";

/** Does it say that the provider has refused the request? */
export function saysRefused({ status, errorType }: Answered): boolean {
  return status === 422 && errorType === "INVALID_REQUEST";
}

/** For an answer: the calls that its own request may have made, in their order. None is a ticket's. */
export function liveCalls({ calls, histories }: Evidence): (answer: Answered) => Call[] {
  const claimsOf = Map.groupBy(histories.flatMap(claimsIn), ({ number }) => number);
  const isTickets = (call: Call) => (claimsOf.get(call.number) ?? []).some((claim) => isWithin(call, claim));
  const live = callsByNumber(calls.filter((call) => !isTickets(call)));
  return ({ number, fromMs, toMs }) =>
    (live.get(number) ?? []).filter(({ receivedAtMs }) => fromMs <= receivedAtMs && receivedAtMs <= toMs);
}

/** The calls of requests that were told of a refusal, and so left nothing behind, up to that refusal. */
export function callsOfRefused(evidence: Evidence): Set<Call> {
  const callsFor = liveCalls(evidence);
  return new Set(
    evidence.answers.filter(saysRefused).flatMap((answer) => {
      const made = callsFor(answer);
      return made.slice(0, made.findIndex(({ isRefusal }) => isRefusal) + 1);
    }),
  );
}

/** The refusals that were given and brought nothing: they neither ended their ticket nor answered their request. */
export function lostRefusalsIn(evidence: Evidence, terms: Limits): Loss[] {
  const excuseOf = excuses(evidence, terms);
  const claimsOf = Map.groupBy(evidence.histories.flatMap(claimsIn), ({ number }) => number);
  const told = callsOfRefused(evidence);
  const hasEndedIts = (call: Call) =>
    (claimsOf.get(call.number) ?? []).some(
      (claim) =>
        isWithin(call, claim) &&
        claim.closing?.kind === "failed" &&
        claim.closing.reason === "request_refused",
    );
  return evidence.calls
    .filter((call) => call.isRefusal && !told.has(call) && !hasEndedIts(call))
    .map((call) => ({ call, excuse: excuseOf(call) }));
}
