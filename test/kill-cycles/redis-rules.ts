/** What the judge asks of a run with Redis beside what it asks of every run. */
import { markedAtMs } from "../../src/stores/failover/marked-id.ts";
import { claimsIn, mayHaveDied, type Claim } from "./claims.ts";
import type { Call, Evidence } from "./evidence.ts";
import { judge, type Ruling } from "./judge.ts";
import type { RedisEvidence, Strike } from "./redis-evidence.ts";
import { heardIn } from "./redis-unheard.ts";
import { clock, type Terms } from "./rules.ts";

/** Below these a run proves too little. */
const leastMarkedPerFault = 3;
const kinds: readonly Strike[] = ["process", "pair", "redis", "both", "stop"];
/** Twins cost a call each that nobody has asked for. */
const mostTwinCalls = 20;

export function judgeRedis(found: RedisEvidence, terms: Terms): Ruling[] {
  const own = Object.entries(redisRules).map(([rule, find]) => ({ rule, violations: find(found) }));
  return [...judge(heardIn(found).evidence, terms), ...own];
}

type RedisRules = Readonly<Record<string, (found: RedisEvidence) => string[]>>;

const redisRules: RedisRules = {
  "Every process says the same of every ticket in the end": ({ evidence, endsByProcess }) =>
    evidence.ends.flatMap((end, index) => {
      const said = endsByProcess.map((ends) => JSON.stringify(ends[index]));
      return said.every((one) => one === JSON.stringify(end)) ? [] : [`${end.queueId}: ${said.join(" | ")}`];
    }),

  "A ticket that was seen ended is never seen unended again": ({ reopened }) => [...reopened],

  "Without a key nobody is refused, whatever is away": ({ evidence }) =>
    evidence.answers
      .filter(({ key, status }) => key === null && status !== 200)
      .map(({ number, status, errorType }) => `comparison ${number}: ${status} ${errorType}`),

  "A ticket that can't be looked up is Redis' while that is away, or marked": ({ faults, looksAway }) =>
    looksAway
      .filter(({ queueId }) => markedAtMs(queueId) === null)
      .filter(({ atMs }) => !faults.some((one) => one.atMs <= atMs && atMs <= one.untilMs + noticeMs))
      .map(({ queueId, process, atMs }) => `${queueId}: 503 of process ${process} ${clock(atMs)}`),

  "A claim is lost only with the process that has called": ({ evidence }) => {
    const callsOf = Map.groupBy(evidence.calls, ({ number }) => number);
    return evidence.histories
      .flatMap(claimsIn)
      .filter((claim) => claim.closing?.kind !== "expired" && mayHaveDied(claim))
      .flatMap((claim) => {
        const call = (callsOf.get(claim.number) ?? []).find((one) => isWithin(one, claim));
        return call === undefined || wasKilled(call, claim, evidence)
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

/** Until a process has found out that Redis is back and has brought it what it must know first: a probe a second, and a busy machine. */
const noticeMs = 5_000;

/** Tickets that clients know of and that were accepted while Redis was away. */
export function markedIn({ ledger }: Evidence): number {
  return new Set(ledger.map(({ queueId }) => queueId).filter((id) => markedAtMs(id) !== null)).size;
}

/** Outcomes of Redis' own claims that are of a moment at which it was dead: they came from a process' file. */
export function spooledIn({ evidence, faults }: RedisEvidence): number {
  const dead = faults.filter(({ kind }) => kind === "killed");
  return evidence.histories
    .filter(({ queueId }) => markedAtMs(queueId) === null)
    .flatMap(claimsIn)
    .filter((claim) => !mayHaveDied(claim))
    .filter(({ closedAtMs }) =>
      dead.some((one) => one.atMs + 100 < closedAtMs && closedAtMs < one.untilMs - 100),
    ).length;
}

function wasKilled({ process }: Call, { startedAtMs, closedAtMs }: Claim, { kills }: Evidence): boolean {
  return kills.some((one) => one.process === process && startedAtMs < one.untilMs && one.atMs <= closedAtMs);
}

function isWithin({ receivedAtMs }: Call, { startedAtMs, closedAtMs }: Claim): boolean {
  return startedAtMs <= receivedAtMs && receivedAtMs <= closedAtMs;
}
