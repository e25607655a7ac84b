/** What a table of a run with Redis tells beside the others' rows. */
import type { RedisEvidence, Strike } from "./redis-evidence.ts";
import { blindLooks, markedIn, spooledIn } from "./redis-rules.ts";
import { heardIn } from "./redis-unheard.ts";

export function redisRows(found: RedisEvidence): [string, string][] {
  const { evidence, appendfsync, strikes, faults, aways, looksFound, looksAway, spooledAtDeath } = found;
  const { twins, callsForTwins, callsForLostKeys } = heardIn(found);
  const count = (kind: Strike) => strikes.filter((one) => one === kind).length;
  const awayMs = faults.reduce((sum, { atMs, untilMs }) => sum + untilMs - atMs, 0);
  const idle = aways.filter(
    (away) => !faults.some((fault) => away.atMs <= fault.untilMs && fault.atMs <= away.untilMs),
  ).length;
  return [
    [
      "cycles",
      `${count("process")} × a process, ${count("pair")} × two, ${count("redis")} × Redis, ${count("both")} × both, ${count("stop")} × Redis stopped`,
    ],
    [
      "Redis",
      `appendfsync ${appendfsync}; away ${faults.length} times, ${(awayMs / 1000).toFixed(1)} s in all; processes found it away ${idle} times without that`,
    ],
    [
      "away",
      `${markedIn(evidence)} tickets under marked ids; ${spooledIn(found)} outcomes came from a file, ${spooledAtDeath} lay there at a kill`,
    ],
    [
      "looks",
      `${looksFound} found a ticket, ${looksAway.length} × 503, ${blindLooks(found).length} of them though Redis was there`,
    ],
    [
      "for nobody",
      `${twins.length} twins, ${callsForTwins} calls for them; ${callsForLostKeys} calls under keys that Redis did not hear the end of`,
    ],
  ];
}
