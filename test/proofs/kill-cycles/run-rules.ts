/** What the judge asks of the data files, and of the run itself: one that proves too little fails for that. */
import type { Evidence } from "./evidence.ts";
import type { Rules } from "./rules.ts";

/** Below these a run proves too little. */
const leastTicketsPerCycle = 10;
const leastShareOfKillsInMidCall = 1 / 4;

export const dataRules: Rules = {
  "The texts of ended tickets are in no data file": ({ remains }) => [
    ...remains.filesWithCanaries.map((file) => `a text is left in ${file}`),
    ...(remains.canariesWhileWaiting === 0 ? ["the search saw nothing while tickets waited either"] : []),
  ],

  "The databases are whole": ({ remains }) => [...remains.damage],
};

export const worthRules: Rules = {
  [`The run was worth it: at least ${leastTicketsPerCycle} tickets per cycle`]: ({ ledger }, { cycles }) => {
    const tickets = new Set(ledger.map(({ queueId }) => queueId)).size;
    const least = cycles * leastTicketsPerCycle;
    return tickets >= least ? [] : [`${tickets} tickets, fewer than ${least}`];
  },

  "The run was worth it: at least a quarter of the kills came while a call was upstream": (evidence) => {
    const share = killsInMidCall(evidence) / evidence.kills.length;
    return share >= leastShareOfKillsInMidCall ? [] : [`only ${Math.round(share * 100)} %`];
  },

  "The run was worth it: tickets have completed and expired, and failed if it was not too short for that": (
    { ends: found },
    { cycles, failuresFrom },
  ) =>
    ["completed", "expired", ...(cycles >= failuresFrom ? ["failed"] : [])]
      .filter((status) => !found.some(({ ticket }) => ticket?.status === status))
      .map((status) => `none has ${status}`),

  "The run was worth it: a page came in place of the provider, if it was not too short for that": (
    { calls },
    { cycles, failuresFrom },
  ) => (cycles < failuresFrom || calls.some(({ isPage }) => isPage) ? [] : ["none did"]),
};

/** Kills that came while a call was with the upstream. */
export function killsInMidCall({ kills, calls }: Evidence): number {
  const cut = calls.filter((call) => call.isCut);
  return kills.filter(({ process, atMs, untilMs }) =>
    cut.some((call) => call.process === process && call.receivedAtMs < untilMs && atMs <= call.endedAtMs),
  ).length;
}
