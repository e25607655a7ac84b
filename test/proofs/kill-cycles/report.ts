/** A run on the terminal: a short table, then each rule and what breaks it. */
import { blameFor, lossesIn } from "./losses.ts";
import type { Evidence } from "./evidence.ts";
import type { Options } from "./options.ts";
import { lostRefusalsIn } from "./refusals.ts";
import type { Ruling } from "./rules.ts";
import type { Ran } from "./run.ts";
import { notGivenInWords } from "./starvation.ts";
import { killsInMidCall } from "./run-rules.ts";

/** Violations of one rule that are shown. */
const mostShown = 8;

/** @param more rows of a run's own */
export function table(
  { platform, cycles, seed }: Options,
  ran: Ran,
  seconds: number,
  more: readonly (readonly [string, string])[],
): string {
  const { evidence, startsMs, drainMs, databases } = ran;
  const { ends, answers, calls } = evidence;
  const ended = (status: string) => ends.filter(({ ticket }) => ticket?.status === status).length;
  const given = (...statuses: number[]) => answers.filter(({ status }) => statuses.includes(status)).length;
  const failedAs = (type: string) =>
    ends.filter(({ ticket }) => ticket?.status === "failed" && ticket.errorType === type).length;
  const [refused, givenUp] = [failedAs("INVALID_REQUEST"), failedAs("INTERNAL_ERROR")];
  const rows: [string, string][] = [
    ["run", `${platform}, ${cycles} cycles, seed ${seed}, ${seconds.toFixed(0)} s`],
    [
      "kills",
      `${evidence.kills.length}, of which ${killsInMidCall(evidence)} came while a call was upstream`,
    ],
    ["starts", `${ms(Math.min(...startsMs))} to ${ms(Math.max(...startsMs))}`],
    [
      "answers",
      `${evidence.ledger.length} × 202, ${given(200)} × 200, ${given(409)} × 409, ${given(422)} × 422, ${given(503)} × 503`,
    ],
    ["cut off", `${evidence.broken.length} requests of clients by a kill`],
    ["calls upstream", `${calls.length}, of which ${calls.filter((call) => call.isCut).length} were cut off`],
    ["pages", `${calls.filter((call) => call.isPage).length} in place of an answer`],
    ["judgements", `${calls.filter((call) => call.isJudgement).length} given; ${lost(ran)}`],
    ["refusals", refusals(ran)],
    [
      "tickets",
      `${ends.length}: ${ended("completed")} completed, ${ended("failed")} failed (${refused} of them refused, ${givenUp} given up after kills), ${ended("expired")} expired`,
    ],
    ["drain", `${ms(drainMs)} after the last start`],
    [
      "data",
      `${databases} databases; texts were found while tickets waited ${evidence.remains.canariesWhileWaiting} times`,
    ],
  ];
  rows.push(...toldRows(evidence.told));
  rows.push(["CPU", notGivenInWords(evidence.cpu)]);
  const all = [...rows, ...more];
  const width = Math.max(...all.map(([name]) => name.length));
  return all.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

function toldRows(told: Evidence["told"]): [string, string][] {
  if (told === undefined) return [];
  const { receipts, feed } = told;
  const feedRow: [string, string] = ["feed", `${feed.length} ends`];
  if (receipts === null) return [feedRow];
  const events = new Set(receipts.map(({ eventId }) => eventId)).size;
  const unasked = receipts.filter(({ look }) => look.httpStatus === 0).length;
  const refused = receipts.filter(({ isTaken }) => !isTaken).length;
  return [
    [
      "webhooks",
      `${receipts.length} read, of ${events} ends; ${refused} refused at first; ${unasked} as the service was gone`,
    ],
    feedRow,
  ];
}

function lost({ evidence, terms }: Ran): string {
  const losses = lossesIn(evidence, terms);
  const byKills = losses.flatMap(({ call, excuse }) =>
    excuse?.kind === "kill" ? [{ kill: excuse.kill, freshMs: excuse.kill.atMs - call.endedAtMs }] : [],
  );
  const kills = new Set(byKills.map(({ kill }) => kill)).size;
  const oldest = ms(Math.max(0, ...byKills.map(({ freshMs }) => freshMs)));
  const byStandstills = losses.filter(({ excuse }) => excuse?.kind === "standstill").length;
  const blames = losses.map(blameFor(evidence));
  const whileGone = blames.filter(({ wasGone }) => wasGone).length;
  const whileStarved = blames.filter(({ wasGone, wasStarved }) => !wasGone && wasStarved).length;
  return `${byKills.length} lost to ${kills} of the kills before they were stored, the oldest ${oldest} old; ${byStandstills} to a standstill; of all these ${whileGone} came to nobody, ${whileStarved} while it waited for a CPU`;
}

function refusals({ evidence, terms }: Ran): string {
  const given = evidence.calls.filter(({ isRefusal }) => isRefusal).length;
  const lost = lostRefusalsIn(evidence, terms).map(({ excuse }) => excuse?.kind);
  const lostTo = (kind: "kill" | "standstill" | "expiry") => lost.filter((one) => one === kind).length;
  return `${given} given; ${lostTo("kill")} lost to kills, ${lostTo("standstill")} to a standstill, ${lostTo("expiry")} came after their ticket's time`;
}

export function verdict(rulings: readonly Ruling[]): string {
  const lines = rulings.flatMap(({ rule, violations, starved }) => [
    `${starved !== null ? "starved" : violations.length === 0 ? "passed" : "FAILED"}  ${rule}`,
    ...(starved === null ? [] : [`          ${starved}`]),
    ...violations.slice(0, mostShown).map((violation) => `          ${violation}`),
    ...(violations.length > mostShown ? [`          … ${violations.length} in all`] : []),
  ]);
  const failed = rulings.filter(({ violations }) => violations.length > 0).length;
  const starved = rulings.filter((one) => one.starved !== null).length;
  const passed = rulings.length - failed - starved;
  return [...lines, `${passed} passed, ${starved} starved, ${failed} failed`].join("\n");
}

function ms(duration: number): string {
  return duration < 10_000 ? `${Math.round(duration)} ms` : `${(duration / 1000).toFixed(1)} s`;
}
