/** The judge of a run: each rule looks at the evidence and says every violation of it. It has no part in the run itself. */
import { speaksOf } from "./comparison.ts";
import type { Call, Evidence } from "./evidence.ts";

export interface Ruling {
  readonly rule: string;
  /** None: it held. */
  readonly violations: readonly string[];
}

export interface Terms {
  readonly cycles: number;
  /** How long after an answer has reached the service it may still be unstored. */
  readonly storingMs: number;
  /** Attempts of one ticket, its first included. */
  readonly mostAttempts: number;
}

/** Below these a run proves too little, and fails for that. */
const leastTicketsPerCycle = 10;
const leastShareOfKillsInMidCall = 1 / 4;

/** Deaths alone after which a ticket is given up. */
const mostDeaths = 3;

export function judge(evidence: Evidence, terms: Terms): Ruling[] {
  return Object.entries(rules).map(([rule, find]) => ({ rule, violations: find(evidence, terms) }));
}

/** Kills that came while a call was with the upstream. */
export function killsInMidCall({ kills, calls }: Evidence): number {
  const cut = calls.filter((call) => call.isCut);
  return kills.filter(({ atMs, untilMs }) =>
    cut.some((call) => call.receivedAtMs < untilMs && atMs <= call.endedAtMs),
  ).length;
}

/** Is it one of the three states that a ticket never leaves? */
export function isEnd(status: string): boolean {
  return status === "completed" || status === "failed" || status === "expired";
}

const rules: Readonly<Record<string, (evidence: Evidence, terms: Terms) => string[]>> = {
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

  "Every judgement belongs to the comparison that was asked": ({ ledger, ends: found, answers }) => {
    const numbers = new Map(ledger.map(({ queueId, number }) => [queueId, number]));
    const ofTickets = found.flatMap(({ queueId, ticket, result }) => {
      const number = numbers.get(queueId) ?? -1;
      const isOwn = speaksOf(result.justification ?? "", number) && result.number === number;
      return ticket?.status !== "completed" || isOwn
        ? []
        : [`${queueId}, comparison ${number}: ${result.justification}`];
    });
    const live = answers
      .filter(({ status, justification, number }) => status === 200 && !speaksOf(justification ?? "", number))
      .map(({ number, justification }) => `comparison ${number}: ${justification}`);
    return [...ofTickets, ...live];
  },

  "No ticket failed or expired without cause": ({ ends: found, kills }, { mostAttempts }) =>
    found.flatMap(({ queueId, ticket }) => {
      if (ticket?.status === "expired" && ticket.updatedAtMs < ticket.expiresAtMs)
        return [`${queueId}: expired before its time`];
      if (ticket?.status !== "failed") return [];
      if (ticket.errorType === "INTERNAL_ERROR")
        return kills.length >= mostDeaths ? [] : [`${queueId}: given up after ${kills.length} kills`];
      return ticket.retryCount === mostAttempts
        ? []
        : [`${queueId}: failed (${ticket.errorType}) after ${ticket.retryCount} attempts of ${mostAttempts}`];
    }),

  "A judgement that was given is not asked for again, unless a kill came between": (evidence, terms) =>
    [...callsByNumber(evidence)].flatMap(([number, calls]) => {
      const given = calls.filter(({ isJudgement }) => isJudgement).slice(0, -1);
      return given
        .filter((call) => !isExplained(call, evidence, terms))
        .map((call) => `comparison ${number}: judged ${clock(call.endedAtMs)}, and again later`);
    }),

  "Nobody is asked about a ticket that has ended": (evidence) => {
    const calls = callsByNumber(evidence);
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

  "A ticket counts the calls made for it; only a kill hides one": (evidence, terms) => {
    const calls = callsByNumber(evidence);
    const byId = new Map(evidence.ends.map((end) => [end.queueId, end]));
    return evidence.ledger.flatMap(({ queueId, number }) => {
      const end = byId.get(queueId);
      const made = calls.get(number) ?? [];
      const retries = end?.ticket?.retryCount ?? 0;
      if (retries > made.length) return [`${queueId}: ${retries} failed attempts, ${made.length} calls`];
      const counted = end?.result.attempts ?? null;
      if (counted === null) return [];
      const hidden = made.filter((call) => isExplained(call, evidence, terms)).length;
      return counted <= made.length && counted >= made.length - hidden
        ? []
        : [`${queueId}: counts ${counted} calls of ${made.length}, of which a kill may hide ${hidden}`];
    });
  },

  "One key has one answer": ({ ledger, answers, unansweredKeys }) => {
    const seen = new Map<string, string>();
    const given = [
      ...ledger.map(({ key, queueId }) => ({ key, what: `ticket ${queueId}` })),
      ...answers
        .filter(({ status }) => status === 200)
        .map(({ key, body }) => ({ key, what: `judgement ${body}` })),
    ];
    const twofold = given.flatMap(({ key, what }) => {
      if (key === null) return [];
      const first = seen.get(key) ?? what;
      seen.set(key, first);
      return first === what ? [] : [`${key}: ${first.slice(0, 60)}, then ${what.slice(0, 60)}`];
    });
    return [...twofold, ...unansweredKeys.map((key) => `${key}: never answered`)];
  },

  "Every request has an answer that the contract allows, or a kill cut it off": ({
    answers,
    broken,
    kills,
  }) => [
    ...answers
      .filter(({ status, key }) => status !== 200 && status !== 503 && !(status === 409 && key !== null))
      .map(({ number, status, errorType }) => `comparison ${number}: ${status} ${errorType}`),
    ...broken
      .filter(({ fromMs, toMs }) => !kills.some(({ atMs }) => fromMs <= atMs && atMs <= toMs))
      .map(({ number, fromMs, error }) => `comparison ${number}: ${error} ${clock(fromMs)}, without a kill`),
  ],

  "The texts of ended tickets are in no data file": ({ remains }) => [
    ...remains.filesWithCanaries.map((file) => `a text is left in ${file}`),
    ...(remains.canariesWhileWaiting === 0 ? ["the search saw nothing while tickets waited either"] : []),
  ],

  "The databases are whole": ({ remains }) => [...remains.damage],

  [`The run was worth it: at least ${leastTicketsPerCycle} tickets per cycle`]: ({ ledger }, { cycles }) => {
    const tickets = new Set(ledger.map(({ queueId }) => queueId)).size;
    const least = cycles * leastTicketsPerCycle;
    return tickets >= least ? [] : [`${tickets} tickets, fewer than ${least}`];
  },

  "The run was worth it: at least a quarter of the kills came while a call was upstream": (evidence) => {
    const share = killsInMidCall(evidence) / evidence.kills.length;
    return share >= leastShareOfKillsInMidCall ? [] : [`only ${Math.round(share * 100)} %`];
  },
};

/** Clocks that stand still during computation may lag behind by as much. */
const clockSlackMs = 20;

function callsByNumber({ calls }: Evidence): Map<number, Call[]> {
  const inOrder = [...calls].sort((a, b) => a.receivedAtMs - b.receivedAtMs);
  return Map.groupBy(inOrder, ({ number }) => number);
}

/** A kill fell into the call, or before its outcome was stored, or into the request for which it was made. */
function isExplained(call: Call, { kills, broken }: Evidence, { storingMs }: Terms): boolean {
  const { number, receivedAtMs, endedAtMs } = call;
  return (
    kills.some(({ atMs, untilMs }) => receivedAtMs < untilMs && atMs <= endedAtMs + storingMs) ||
    broken.some(
      (request) =>
        request.number === number && request.fromMs <= receivedAtMs && receivedAtMs <= request.toMs,
    )
  );
}

function clock(ms: number): string {
  return `at ${new Date(ms).toISOString().slice(11, 23)}`;
}
