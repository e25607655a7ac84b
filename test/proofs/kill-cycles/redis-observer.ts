/** Looks at any ticket at any process, also at those that have ended, and notes what must not be. */
import { setTimeout as pause } from "node:timers/promises";
import { look } from "./answers.ts";
import type { Origins } from "./clients.ts";
import type { Look } from "./evidence.ts";
import type { Ledger } from "./ledger.ts";
import { dice } from "./random.ts";
import type { AwayLook } from "./redis-evidence.ts";
import { isEnd } from "./rules.ts";

export interface Observer {
  /** First looks at an end, and each at what should have been known. The same array at each call. */
  readonly looks: readonly Look[];
  readonly away: readonly AwayLook[];
  readonly reopened: readonly string[];
  found(): number;
  stop(): Promise<void>;
}

/** Half of the looks are at the latest tickets: they are on the move. */
const latest = 60;
const betweenMs = 10;

export function startObserver(seed: number, ledger: Ledger, origins: () => Origins): Observer {
  const chance = dice(seed, "observer of all");
  const looks: Look[] = [];
  const away: AwayLook[] = [];
  const reopened: string[] = [];
  const ended = new Set<string>();
  const stopping = new AbortController();
  let found = 0;

  async function lookOnce(): Promise<void> {
    const { entries } = ledger;
    const entry = chance.pick(chance.chance(0.5) ? entries.slice(-latest) : entries);
    const up = origins().flatMap((origin, process) => (origin === undefined ? [] : [{ process, origin }]));
    const at = chance.pick(up);
    if (entry === undefined || at === undefined) return;
    const { queueId } = entry;
    const fromMs = Date.now();
    const seen = await look(at.origin, queueId);
    switch (seen.httpStatus) {
      case 0:
        return;
      case 503:
        return void away.push({ queueId, process: at.process, fromMs, toMs: Date.now() });
      case 200: {
        found++;
        const hasEnded = isEnd(seen.ticket?.status ?? "");
        if (hasEnded && !ended.has(queueId)) looks.push(seen);
        if (hasEnded) ended.add(queueId);
        else if (ended.has(queueId)) reopened.push(queueId);
        return;
      }
      default:
        return void looks.push(seen);
    }
  }

  async function go(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(betweenMs);
      await lookOnce();
    }
  }

  const going = go();
  return {
    looks,
    away,
    reopened,
    found: () => found,
    async stop() {
      stopping.abort();
      await going;
    },
  };
}
