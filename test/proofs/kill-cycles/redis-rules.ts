/** What the judge asks of a run with Redis beside what it asks of every run. */
import { markedAtMs } from "../../../src/stores/failover/marked-id.ts";
import { claimsIn, isWithin, mayHaveDied, type Claim } from "./claims.ts";
import type { Call, Evidence } from "./evidence.ts";
import { judge, worthBy } from "./judge.ts";
import type { Away, AwayLook, RedisEvidence, Strike } from "./redis-evidence.ts";
import { heardIn } from "./redis-unheard.ts";
import { saysRefused } from "./refusals.ts";
import { clock, rulingOf, type Finding, type Ruling, type Terms } from "./rules.ts";

/** Below these a run proves too little. */
const leastMarkedPerFault = 3;
const kinds: readonly Strike[] = ["process", "pair", "redis", "both", "stop"];
/** Twins cost a call each that nobody has asked for. */
const mostTwinCalls = 10;
/** A single call that is not answered in time is no reason to call Redis away. */
const mostBlindLooks = 50;

export function judgeRedis(found: RedisEvidence, terms: Terms): Ruling[] {
  return [
    ...judge(heardIn(found).evidence, terms),
    ...rulingsOf(redisRules, found),
    ...rulingsOf(redisWorthRules, found).map((ruling) => worthBy(found.evidence, ruling)),
  ];
}

function rulingsOf(rules: RedisRules, found: RedisEvidence): Ruling[] {
  return Object.entries(rules).map(([rule, find]) => rulingOf(rule, find(found)));
}

type RedisRules = Readonly<Record<string, (found: RedisEvidence) => Finding>>;

const redisRules: RedisRules = {
  "Every process says the same of every ticket in the end": ({ evidence, endsByProcess }) =>
    evidence.ends.flatMap((end, index) => {
      const said = endsByProcess.map((ends) => JSON.stringify(ends[index]));
      return said.every((one) => one === JSON.stringify(end)) ? [] : [`${end.queueId}: ${said.join(" | ")}`];
    }),

  "A ticket that was seen ended is never seen unended again": ({ reopened }) => [...reopened],

  // By the service, that is: whom the provider refuses another rule looks after.
  "Without a key nobody is refused, whatever is away": ({ evidence }) =>
    evidence.answers
      .filter((answer) => answer.key === null && answer.status !== 200 && !saysRefused(answer))
      .map(({ number, status, errorType }) => `comparison ${number}: ${status} ${errorType}`),

  [`A ticket can be looked up while Redis is there: all but at most one look in ${mostBlindLooks}`]: (
    found,
  ) => {
    const blind = blindLooks(found);
    return blind.length * mostBlindLooks <= found.looksFound
      ? []
      : blind.map(({ queueId, process, fromMs }) => `${queueId}: 503 of process ${process} ${clock(fromMs)}`);
  },

  "A claim is lost only with the process that has called, and before that could store what came of it": ({
    evidence,
  }) => {
    const callsOf = Map.groupBy(evidence.calls, ({ number }) => number);
    return evidence.histories.flatMap(claimsIn).flatMap((claim) => {
      // Of a comparison that two stores keep, the other's calls may lie within it too.
      const within = (callsOf.get(claim.number) ?? []).filter((one) => isWithin(one, claim));
      const call = within.at(-1);
      return call === undefined || within.some((one) => !isLost(claim, one) || wasKilled(one, evidence))
        ? []
        : [`${claim.queueId}: called by process ${call.process} ${clock(call.receivedAtMs)}`];
    });
  },

  "In the end the files behind Redis are empty": ({ leftovers }) => [...leftovers],

  "A Redis that may lose a 202 is warned of, in /healthz and in the log, and no other": ({
    appendfsync,
    warnings,
  }) =>
    warnings.flatMap(({ process, shown, logged }) => {
      const says = [shown, logged].map((lines) =>
        lines.some((line) => line.includes("appendfsync everysec")),
      );
      return says.every((one) => one === (appendfsync === "everysec"))
        ? []
        : [`process ${process}: ${JSON.stringify({ shown, logged })}`];
    }),

  [`Few are judged for nobody: at most one in ${mostTwinCalls}`]: (found) => {
    const { callsForTwins } = heardIn(found);
    const all = found.evidence.calls.length;
    return callsForTwins * mostTwinCalls <= all ? [] : [`${callsForTwins} of ${all} calls`];
  },
};

const redisWorthRules: RedisRules = {
  "The run was worth it: each kind of kill has come": ({ strikes }) =>
    kinds.filter((kind) => !strikes.includes(kind)).map((kind) => `none of ${kind}`),

  [`The run was worth it: at least ${leastMarkedPerFault} tickets with marked ids for each time that Redis was away`]:
    ({ evidence, faults }) => {
      const marked = markedIn(evidence);
      return marked >= leastMarkedPerFault * faults.length ? [] : [`${marked} in ${faults.length} times`];
    },

  "The run was worth it: outcomes have waited in a file for Redis": (found) =>
    spooledIn(found) > 0 ? [] : ["none has"],

  "The run was worth it: texts were found in Redis and in the files while tickets waited": ({
    canariesInRedis,
    canariesInFiles,
  }) => [
    ...(canariesInRedis > 0 ? [] : ["none in Redis"]),
    ...(canariesInFiles > 0 ? [] : ["none in the files"]),
  ],
};

/** Looks that were answered with 503 though Redis was there, their process said nothing else, and no other process could have the ticket. */
export function blindLooks({ looksAway, faults, aways, evidence }: RedisEvidence): AwayLook[] {
  // Of the lines of a log the last are lost in a kill.
  const unsaid = evidence.kills.map(({ process, atMs, untilMs }) => ({
    process,
    atMs: atMs - unsaidMs,
    untilMs,
  }));
  return looksAway.filter(
    (look) =>
      markedAtMs(look.queueId) === null &&
      !faults.some((fault) => isDuring(look, fault)) &&
      ![...aways, ...unsaid].some((away) => away.process === look.process && isDuring(look, away)),
  );
}

/** A process knows Redis' clock by its answers, which may have been long under way. */
const clockSlackMs = 50;

/** How long lines of the log are gathered. */
const unsaidMs = 200;

function isDuring(look: AwayLook, { atMs, untilMs }: Pick<Away, "atMs" | "untilMs">): boolean {
  return look.fromMs <= untilMs && atMs <= look.toMs;
}

/** Tickets that clients know of and that were accepted while Redis was away. */
export function markedIn({ ledger }: Evidence): number {
  return new Set(ledger.map(({ queueId }) => queueId).filter((id) => markedAtMs(id) !== null)).size;
}

/** Outcomes of Redis' own claims that are of a moment at which it answered nobody: they were written to a process' file first. */
export function spooledIn({ evidence, faults }: RedisEvidence): number {
  const silences = faults.map(({ kind, silentAtMs, untilMs }) => ({
    fromMs: silentAtMs + clockSlackMs,
    untilMs: kind === "killed" ? untilMs : untilMs - patienceMs,
  }));
  return evidence.histories
    .filter(({ queueId }) => markedAtMs(queueId) === null)
    .flatMap(claimsIn)
    .filter((claim) => !mayHaveDied(claim))
    .filter(({ closedAtMs }) =>
      silences.some(({ fromMs, untilMs }) => fromMs < closedAtMs && closedAtMs < untilMs),
    ).length;
}

/** A Redis that was only stopped hears, when it goes on, what was asked so shortly before. */
const patienceMs = 500;

/** Between the end of a call and what comes of it in Redis or a file: far more than a disk has ever taken here (1.2 s). */
const storedMs = 5_000;

function isLost(claim: Claim, { endedAtMs }: Call): boolean {
  // Whose time was over when its call failed has expired by that.
  const isByTime = claim.closing?.kind === "expired" && claim.closedAtMs <= endedAtMs + storedMs;
  return mayHaveDied(claim) && !isByTime;
}

function wasKilled({ process, receivedAtMs, endedAtMs }: Call, { kills }: Evidence): boolean {
  return kills.some(
    (one) => one.process === process && receivedAtMs < one.untilMs && one.atMs <= endedAtMs + storedMs,
  );
}
