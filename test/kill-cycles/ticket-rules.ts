/** What the judge asks of tickets: that each is kept, comes to one end, and to none without cause. */
import { canComeOf, claimsIn, isFailedAttempt, isWithin, mayHaveDied, type Claim } from "./claims.ts";
import type { Call, End, History, Kill } from "./evidence.ts";
import { callsByNumber } from "./losses.ts";
import { clock, isEnd, type Rules, type Terms } from "./rules.ts";

export const ticketRules: Rules = {
  "Every ticket that a client knows of has ended and can be read": ({ ledger, ends: found }) => {
    const byId = new Map(found.map((end) => [end.queueId, end]));
    return [...new Set(ledger.map(({ queueId }) => queueId))].flatMap((queueId) => {
      const end = byId.get(queueId);
      if (end === undefined || end.ticket === null)
        return [`${queueId}: status answers ${end?.httpStatus ?? "nothing"}`];
      const { status } = end.ticket;
      if (!isEnd(status)) return [`${queueId}: still ${status}`];
      const expected = { completed: 200, failed: 502, expired: 410 }[status];
      const { httpStatus } = end.result;
      return httpStatus === expected ? [] : [`${queueId}: ${status}, but its result answers ${httpStatus}`];
    });
  },

  "No ticket was unknown for a moment": ({ looks }) =>
    looks
      .filter(({ httpStatus }) => httpStatus !== 200 && httpStatus !== 503)
      .map(({ queueId, httpStatus }) => `${queueId}: ${httpStatus}`),

  "No ticket has two ends": ({ looks, ends: found }) => {
    const byId = new Map(found.map((end) => [end.queueId, end.ticket]));
    return looks.flatMap(({ queueId, ticket }) => {
      if (ticket === null || !isEnd(ticket.status)) return [];
      const last = byId.get(queueId);
      const isSame = last?.status === ticket.status && last.updatedAtMs === ticket.updatedAtMs;
      return isSame ? [] : [`${queueId}: was ${ticket.status}, then ${last?.status ?? "gone"}`];
    });
  },

  "Later settings leave a ticket's time as its 202 said": ({ ledger, ends: found }) => {
    const byId = new Map(found.map((end) => [end.queueId, end.ticket]));
    return ledger.flatMap(({ queueId, expiresAtMs }) => {
      const ticket = byId.get(queueId);
      if (!ticket || ticket.expiresAtMs === expiresAtMs) return [];
      return [`${queueId}: was to expire ${clock(expiresAtMs)}, then ${clock(ticket.expiresAtMs)}`];
    });
  },

  "Every ticket that is stored has a history without gaps, and one end, its last": ({ histories }) =>
    histories.flatMap(({ queueId, events }) => {
      const isWhole = events.length > 0 && events.every(({ number }, index) => number === index + 1);
      const endsOnceAndLast = events.findIndex(({ kind }) => isEnd(kind)) === events.length - 1;
      return isWhole && endsOnceAndLast ? [] : [`${queueId}: ${events.map(({ kind }) => kind).join(", ")}`];
    }),

  "No ticket failed or expired without cause": (evidence, terms) => {
    const callsOf = callsByNumber(evidence.calls);
    const byId = new Map(evidence.histories.map((history) => [history.queueId, history]));
    return [
      ...evidence.ends.flatMap((end) => shownFaults(end, byId.get(end.queueId), terms)),
      ...evidence.histories.flatMap((history) =>
        storedFaults(history, callsOf.get(history.number) ?? [], evidence.kills, terms),
      ),
    ];
  },

  "No claim was lost without a kill": ({ histories, kills }) =>
    histories
      .flatMap(claimsIn)
      .filter((claim) => claim.closing?.kind !== "expired" && mayHaveDied(claim) && !met(claim, kills))
      .map(({ queueId, startedAtMs }) => `${queueId}: of ${clock(startedAtMs)}`),

  "Nobody is asked about a ticket that has ended": (evidence) => {
    const calls = callsByNumber(evidence.calls);
    const byId = new Map(evidence.ends.map((end) => [end.queueId, end.ticket]));
    return evidence.ledger.flatMap(({ queueId, number }) => {
      const ticket = byId.get(queueId);
      if (!ticket || !isEnd(ticket.status)) return [];
      return (calls.get(number) ?? [])
        .filter(({ receivedAtMs }) => receivedAtMs > ticket.updatedAtMs + clockSlackMs)
        .map(
          ({ receivedAtMs }) =>
            `${queueId}: ended ${clock(ticket.updatedAtMs)}, asked ${clock(receivedAtMs)}`,
        );
    });
  },

  "No call is begun for a ticket whose time is over": ({ histories }) =>
    histories.flatMap((history) =>
      claimsIn(history)
        .filter(({ startedAtMs }) => startedAtMs >= history.expiresAtMs)
        .map(({ queueId, startedAtMs }) => `${queueId}: ${clock(startedAtMs)}`),
    ),
};

/** Deaths alone after which a ticket is given up. */
const mostDeaths = 3;

/** Clocks that stand still during computation may lag behind by as much. */
const clockSlackMs = 20;

type Cause = "deaths" | "refusal" | "attempts";

/** By the name that a status shows; every other one is that of the last attempt's failure. */
const causes: Readonly<Record<string, Cause>> = {
  INTERNAL_ERROR: "deaths",
  INVALID_REQUEST: "refusal",
};

/** `null`: it has not failed. */
function causeIn({ events }: History): Cause | null {
  const last = events.at(-1);
  if (last?.kind !== "failed") return null;
  switch (last.reason) {
    case "crashed":
      return "deaths";
    case "request_refused":
      return "refusal";
    default:
      return "attempts";
  }
}

/** What is wrong with the end that its status shows. */
function shownFaults(
  { queueId, ticket }: End,
  history: History | undefined,
  { mostAttempts }: Terms,
): string[] {
  if (ticket?.status === "expired" && ticket.updatedAtMs < ticket.expiresAtMs)
    return [`${queueId}: expired before its time`];
  if (ticket?.status !== "failed") return [];
  const { errorType, retryCount } = ticket;
  const stored = history === undefined ? null : causeIn(history);
  if (stored !== (causes[errorType ?? ""] ?? "attempts"))
    return [`${queueId}: failed (${errorType}), in its history by ${stored}`];
  return stored !== "attempts" || retryCount === mostAttempts
    ? []
    : [`${queueId}: failed (${errorType}) after ${retryCount} attempts of ${mostAttempts}`];
}

/** What a failed ticket's history says, and did not happen. @param calls of its comparison, in their order */
function storedFaults(
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
    case "attempts": {
      const heard = claims.filter((claim) => hasFailed(claim, calls)).length;
      return heard === mostAttempts ? [] : [`${queueId}: ${heard} of ${mostAttempts} attempts were heard`];
    }
  }
}

/** Was the last call the last claim's, and refused? */
function isRefused(claims: readonly Claim[], calls: readonly Call[]): boolean {
  const [claim, call] = [claims.at(-1), calls.at(-1)];
  return claim !== undefined && call !== undefined && call.isRefusal && isWithin(call, claim);
}

/** Was it an attempt that counts, with a call that failed? */
function hasFailed(claim: Claim, calls: readonly Call[]): boolean {
  return isFailedAttempt(claim) && calls.some((call) => isWithin(call, claim) && canComeOf(call, claim));
}

/** Did a kill come while it was held? */
function met({ startedAtMs, closedAtMs }: Claim, kills: readonly Kill[]): boolean {
  return kills.some(({ atMs, untilMs }) => startedAtMs < untilMs && atMs <= closedAtMs);
}
