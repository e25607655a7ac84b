/** What an instance takes for the time. It may be up to an hour off, and is set anew every minute or so: forward, or back. */
import type { Clock } from "../../../src/gateway/ports.ts";
import { afterAlive, type Life } from "./life.ts";
import type { World } from "./world.ts";

const hourMs = 3_600_000;
const shortestMs = 2_000;
const longestMs = 120_000;

export function clockOf(world: World, life: Life): Clock {
  const { scheduler } = world;
  return {
    nowMs: world.strikes("skewed_clock") ? wrongClock(world) : scheduler.nowMs,
    // Of another beginning than the wall's: whoever mixes the two is far off.
    monotonicMs: world.sinceStartMs,
    after: (delayMs, then) => afterAlive(scheduler, life, delayMs, then),
  };
}

function wrongClock({ scheduler, random }: World): () => number {
  const dice = random("skew");
  let aheadMs = 0;
  let setAgainAtMs = -Infinity;
  return () => {
    const nowMs = scheduler.nowMs();
    if (nowMs >= setAgainAtMs) {
      aheadMs = dice.between(-hourMs, hourMs);
      setAgainAtMs = nowMs + dice.between(shortestMs, longestMs);
    }
    return nowMs + aheadMs;
  };
}
