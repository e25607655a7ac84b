/** What the judge asks of judgements and answers: that each is its own, is kept and counted, and is one under one key. */
import { claimsIn, isFailedAttempt } from "./claims.ts";
import { speaksOf } from "./comparison.ts";
import type { Answered, Broken, Call, History, Kill } from "./evidence.ts";
import { excuses } from "./excuses.ts";
import { blameFor, callsByNumber, lossesIn } from "./losses.ts";
import { callsOfRefused, liveCalls, lostRefusalsIn, saysRefused } from "./refusals.ts";
import { madeOnceMore } from "./repeats.ts";
import { clock, type Rules } from "./rules.ts";

/**
 * Between answer and commit there is one turn of the event loop or two: were it long, kills would fall into it often. What a service lost that
 * waited for a CPU meanwhile, or was dead by then, says nothing of how long it is.
 */
const mostLost = 10;

export const answerRules: Rules = {
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

  "A judgement that was given is kept, unless a kill came before it could be stored": (evidence, terms) =>
    lossesIn(evidence, terms)
      .filter(({ excuse }) => excuse === null)
      .map(({ call }) => `comparison ${call.number}: judged ${clock(call.endedAtMs)}, and lost`),

  [`Kills cost few judgements: at most one in ${mostLost}`]: (evidence, terms) => {
    const blame = blameFor(evidence);
    const lost = lossesIn(evidence, terms)
      .map(blame)
      .filter(({ wasGone }) => !wasGone);
    const given = evidence.calls.filter(({ isJudgement }) => isJudgement).length;
    const own = lost.filter(({ wasStarved }) => !wasStarved).length;
    const inWords = `${own} of ${given} were given and lost`;
    if (own * mostLost > given) return [inWords];
    return lost.length * mostLost <= given
      ? []
      : { starved: `${inWords}, and ${lost.length - own} more while it waited for a CPU` };
  },

  "A refusal that was given is final, unless a kill came before it could be stored": (evidence, terms) =>
    lostRefusalsIn(evidence, terms)
      .filter(({ excuse }) => excuse === null)
      .map(({ call }) => `comparison ${call.number}: refused ${clock(call.endedAtMs)}, and not told`),

  "A ticket counts the calls made for it; only a kill hides one, or a connection that broke": (
    evidence,
    terms,
  ) => {
    const refused = callsOfRefused(evidence);
    // A key that was freed by a refusal may bring a ticket later, which knows nothing of that.
    const calls = callsByNumber(evidence.calls.filter((call) => !refused.has(call)));
    const byId = new Map(evidence.ends.map((end) => [end.queueId, end]));
    const failuresOf = new Map(evidence.histories.map((one) => [one.queueId, mostFailuresIn(one)]));
    const excuseOf = excuses(evidence, terms);
    return evidence.ledger.flatMap(({ queueId, number }) => {
      const end = byId.get(queueId);
      const made = calls.get(number) ?? [];
      const retries = end?.ticket?.retryCount ?? 0;
      if (retries > made.length) return [`${queueId}: ${retries} failed attempts, ${made.length} calls`];
      const failures = failuresOf.get(queueId);
      if (failures !== undefined && retries > failures)
        return [`${queueId}: ${retries} failed attempts, ${failures} in its history`];
      const counted = end?.result.attempts ?? null;
      if (counted === null) return [];
      const hidden = new Set(made.filter((call) => excuseOf(call)?.kind === "kill"));
      for (const call of madeOnceMore(made, terms)) hidden.add(call);
      return counted <= made.length && counted >= made.length - hidden.size
        ? []
        : [`${queueId}: counts ${counted} calls of ${made.length}, of which may be hidden ${hidden.size}`];
    });
  },

  "One key has one answer": ({ ledger, answers, unansweredKeys }) => {
    const seen = new Map<string, { readonly what: string; readonly toMs: number }>();
    const given = [
      ...ledger.map(({ key, queueId, toMs }) => ({ key, what: `ticket ${queueId}`, toMs })),
      ...answers
        .filter(({ status }) => status === 200)
        .map(({ key, body, toMs }) => ({ key, what: `judgement ${body}`, toMs })),
    ];
    const twofold = given.flatMap(({ key, what, toMs }) => {
      if (key === null) return [];
      const first = seen.get(key) ?? { what, toMs };
      seen.set(key, first);
      return first.what === what ? [] : [`${key}: ${first.what.slice(0, 60)}, then ${what.slice(0, 60)}`];
    });
    // A refusal frees its key, so another answer may come after it; it itself may come after none.
    const afterwards = answers.filter(saysRefused).flatMap(({ key, fromMs }) => {
      const first = key === null ? undefined : seen.get(key);
      if (first === undefined || fromMs <= first.toMs) return [];
      return [`${key}: ${first.what.slice(0, 60)}, then a refusal`];
    });
    return [...twofold, ...afterwards, ...unansweredKeys.map((key) => `${key}: never answered`)];
  },

  "Every request has an answer that the contract allows, or a kill cut it off": (evidence) => {
    const { answers, broken, kills } = evidence;
    const callsOf = callsByNumber(evidence.calls);
    const callsFor = liveCalls(evidence);
    const isAllowed = (answer: Answered) => {
      const { number, status, key } = answer;
      if (saysRefused(answer)) return isRefused(answer, callsFor(answer), callsOf.get(number) ?? []);
      return status === 200 || status === 503 || (status === 409 && key !== null);
    };
    return [
      ...answers
        .filter((answer) => !isAllowed(answer))
        .map(({ number, status, errorType }) => `comparison ${number}: ${status} ${errorType}`),
      ...broken
        .filter((one) => !kills.some((kill) => met(one, kill)))
        .map(
          ({ number, fromMs, error }) => `comparison ${number}: ${error} ${clock(fromMs)}, without a kill`,
        ),
    ];
  },
};

/** With a claim that it has expired by, for who knows what came of that. */
function mostFailuresIn(history: History): number {
  return claimsIn(history).filter((claim) => isFailedAttempt(claim) || claim.closing?.kind === "expired")
    .length;
}

/** Was a call of the request refused? Without a key nobody is asked after that; with one, whoever has it next may ask at once. */
function isRefused({ key }: Answered, own: readonly Call[], all: readonly Call[]): boolean {
  return own.some((call) => call.isRefusal && (key !== null || call === all.at(-1)));
}

/** Was the process that was asked killed meanwhile, or down? */
function met({ process, fromMs, toMs }: Broken, kill: Kill): boolean {
  return kill.process === process && fromMs < kill.untilMs && kill.atMs <= toMs;
}
