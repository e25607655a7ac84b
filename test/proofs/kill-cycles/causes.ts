/** What has ended a ticket that did not complete, by its status and by its history, and what is wrong with that. */
import { isFaultName, type Charges } from "./charges.ts";
import { canComeOf, claimsIn, isFailedAttempt, isWithin, mayHaveDied, met, type Claim } from "./claims.ts";
import type { Call, End, History, Kill } from "./evidence.ts";
import type { Terms } from "./rules.ts";

/** `deaths`: of its processes. `refusal`: of the request, for good. `answer`: without a judgement. `attempts`: calls that it was charged with. */
type Cause = "deaths" | "refusal" | "answer" | "attempts";

/** By the name that a status shows; every other one is that of the last attempt's failure. */
const causes: Readonly<Record<string, Cause>> = {
  INTERNAL_ERROR: "deaths",
  INVALID_REQUEST: "refusal",
  CONTENT_REFUSED: "answer",
  INVALID_RESPONSE: "answer",
  RESPONSE_TRUNCATED: "answer",
};

/** Deaths alone after which a ticket is given up. */
const mostDeaths = 3;

/** 429s in a row, while others are judged, after which it is. */
const mostLimits = 8;

/** `null`: it has not failed. */
function causeIn({ events }: History): Cause | null {
  const last = events.at(-1);
  if (last?.kind !== "failed") return null;
  switch (last.reason) {
    case "crashed":
      return "deaths";
    case "request_refused":
      return "refusal";
    case "content_refused":
    case "truncated":
    case "unreadable":
      return "answer";
    case "connection":
    case "timeout":
    case "unavailable":
    case "rate_limited":
    case "hung_up":
    case "credentials_refused":
    case "quota_exhausted":
      return "attempts";
  }
}

/** What is wrong with the end that its status shows. */
export function shownFaults({ queueId, ticket }: End, history: History | undefined): string[] {
  if (ticket?.status === "expired" && ticket.updatedAtMs < ticket.expiresAtMs)
    return [`${queueId}: expired before its time`];
  if (ticket?.status !== "failed") return [];
  const { errorType, retryCount } = ticket;
  const stored = history === undefined ? null : causeIn(history);
  if (history === undefined || stored !== (causes[errorType ?? ""] ?? "attempts"))
    return [`${queueId}: failed (${errorType}), in its history by ${stored}`];
  const failures = claimsIn(history).filter(isFailedAttempt).length;
  return stored !== "attempts" || retryCount === failures
    ? []
    : [`${queueId}: failed (${errorType}) after ${retryCount} attempts, in its history after ${failures}`];
}

/** What a failed ticket's history says, and did not happen. @param calls of its comparison, in their order */
export function storedFaults(
  history: History,
  calls: readonly Call[],
  kills: readonly Kill[],
  { mostAttempts }: Terms,
): string[] {
  const { queueId } = history;
  const claims = claimsIn(history);
  switch (causeIn(history)) {
    case null:
      return [];
    case "deaths": {
      const deaths = claims.filter((claim) => mayHaveDied(claim) && met(claim, kills)).length;
      return deaths >= mostDeaths ? [] : [`${queueId}: given up after ${deaths} kills`];
    }
    case "refusal":
      return isRefused(claims, calls) ? [] : [`${queueId}: its last call was not refused`];
    case "answer":
      return [`${queueId}: failed by an answer without a judgement, which nobody gives here`];
    case "attempts": {
      const heard = claims.filter((claim) => hasFailed(claim, calls)).length;
      return heard >= mostAttempts ? [] : [`${queueId}: ${heard} of ${mostAttempts} attempts were heard`];
    }
  }
}

/** How a ticket that failed may not have: by what was nobody's fault but the provider's. */
export function dayFaults(history: History, charges: Charges, { mostAttempts }: Terms): string[] {
  const { queueId, attempts } = history;
  if (causeIn(history) !== "attempts") return [];
  const last = history.events.at(-1);
  const reason = last?.kind === "failed" ? last.reason : null;
  if (reason === "rate_limited") {
    const limits = charges.limits(history).length;
    return limits > mostLimits ? [] : [`${queueId}: failed after ${limits} 429s while others were judged`];
  }
  if (!isFaultName(reason)) return [`${queueId}: failed (${reason})`];
  const faults = charges.faults(history);
  const isByLast = faults[0]?.startedAtMs === claimsIn(history).at(-1)?.startedAtMs;
  return isByLast && faults.length >= mostAttempts && attempts === mostAttempts
    ? []
    : [
        `${queueId}: failed (${reason}) charged with ${attempts} attempts, of at most ${faults.length}${isByLast ? "" : ", the last not among them"}`,
      ];
}

/** Was the last call the last claim's, and refused? */
function isRefused(claims: readonly Claim[], calls: readonly Call[]): boolean {
  const [claim, call] = [claims.at(-1), calls.at(-1)];
  return claim !== undefined && call !== undefined && call.isRefusal && isWithin(call, claim);
}

/** Was it an attempt of the ticket's own, with a call that failed? */
function hasFailed(claim: Claim, calls: readonly Call[]): boolean {
  return isFailedAttempt(claim) && calls.some((call) => isWithin(call, claim) && canComeOf(call, claim));
}
