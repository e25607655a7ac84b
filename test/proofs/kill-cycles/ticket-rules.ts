/** What the judge asks of tickets: that each is kept, comes to one end, and to none without cause. */
import { dayFaults, shownFaults, storedFaults } from "./causes.ts";
import { chargesIn } from "./charges.ts";
import { claimsIn, mayHaveDied, met } from "./claims.ts";
import { callsByNumber } from "./losses.ts";
import { clock, isEnd, type Rules } from "./rules.ts";

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
      ...evidence.ends.flatMap((end) => shownFaults(end, byId.get(end.queueId))),
      ...evidence.histories.flatMap((history) =>
        storedFaults(history, callsOf.get(history.number) ?? [], evidence.kills, terms),
      ),
    ];
  },

  "No ticket failed by its provider's day": (evidence, terms) => {
    const charges = chargesIn(evidence);
    return evidence.histories.flatMap((history) => dayFaults(history, charges, terms));
  },

  "No ticket is charged with a fault of its provider's but while others are judged, a minute apart": (
    evidence,
  ) => {
    const charges = chargesIn(evidence);
    return evidence.histories
      .map((history) => ({ ...history, most: charges.most(history) }))
      .filter(({ attempts, most }) => attempts > most)
      .map(({ queueId, attempts, most }) => `${queueId}: charged with ${attempts} calls, of at most ${most}`);
  },

  "No call throws": ({ histories }) =>
    histories
      .flatMap(claimsIn)
      .filter(({ closing }) => closing?.kind === "returned" && closing.why === "threw")
      .map(({ queueId, startedAtMs }) => `${queueId}: that of ${clock(startedAtMs)}`),

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

/** Clocks that stand still during computation may lag behind by as much. */
const clockSlackMs = 20;
