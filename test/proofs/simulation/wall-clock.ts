/**
 * What an instance, an object or a store takes for the time. It may be up to an hour off, and is set anew: forward, or back. An instance's is set
 * every minute or so; a store's, by which what is stored is dated, now and then until the world has healed.
 */
import type { Clock } from "../../../src/gateway/ports.ts";
import { afterAlive, type Life } from "./life.ts";
import type { FaultKind } from "./plan.ts";
import type { World } from "./world.ts";

const hourMs = 3_600_000;
const shortestMs = 2_000;
const longestMs = 120_000;
/** A store's clock is set so often at most. */
const mostSettings = 3;

/** A clock that is set, and what is known of that from outside. */
export interface WallClock {
  nowMs(): number;
  /** From now on. */
  stopwatch(): Stopwatch;
}

/** How long it is since something was dated by a clock: by that clock, however it was set meanwhile. */
export interface Stopwatch {
  /** What somebody who can't know that the clock was set back counts at the least: all that it was set back by is missing. */
  leastMs(): number;
  /** What somebody counts at the most: all that it was set forward by counts as if it had passed. */
  mostMs(): number;
}

interface Setting {
  /** Since the start. */
  readonly atMs: number;
  readonly aheadMs: number;
}

/** Of a store, or of the machine of a process that has one. In most worlds it is right. */
export function storeClock(world: World, fault: FaultKind = "store_clocks"): WallClock {
  const settings = world.strikes(fault) ? drawSettings(world) : [];
  const aheadAt = (atMs: number) => settings.findLast((setting) => setting.atMs <= atMs)?.aheadMs ?? 0;

  function stepsSince(sinceMs: number): readonly number[] {
    const nowMs = world.sinceStartMs();
    const within = settings.filter(({ atMs }) => atMs > sinceMs && atMs <= nowMs);
    return within.map(({ aheadMs }, at) => aheadMs - (within[at - 1]?.aheadMs ?? aheadAt(sinceMs)));
  }

  return {
    nowMs: () => world.scheduler.nowMs() + aheadAt(world.sinceStartMs()),
    stopwatch() {
      const sinceMs = world.sinceStartMs();
      const elapsedMs = () => world.sinceStartMs() - sinceMs;
      const sumOf = (isMeant: (byMs: number) => boolean) =>
        stepsSince(sinceMs)
          .filter(isMeant)
          .reduce((sum, byMs) => sum + byMs, 0);
      return {
        leastMs: () => elapsedMs() + sumOf((byMs) => byMs < 0),
        mostMs: () => elapsedMs() + sumOf((byMs) => byMs > 0),
      };
    },
  };
}

/** It is off from the start, and as it was set last it stays. */
function drawSettings({ plan, random }: World): readonly Setting[] {
  const dice = random("settings of store clocks");
  const first = { atMs: -Infinity, aheadMs: dice.between(-hourMs, hourMs) };
  const moments = Array.from({ length: dice.between(0, mostSettings) }, () =>
    dice.between(1_000, plan.healMs - 1),
  ).toSorted((a, b) => a - b);
  return [first, ...moments.map((atMs) => ({ atMs, aheadMs: dice.between(-hourMs, hourMs) }))];
}

/** The same world as whoever goes by that clock sees it. */
export function worldBy(clock: Pick<WallClock, "nowMs">, world: World): World {
  return { ...world, scheduler: { ...world.scheduler, nowMs: clock.nowMs } };
}

/** @param own of a process that has its stores in it: `null`, it has one of its own */
export function clockOf(world: World, life: Life, own: Pick<WallClock, "nowMs"> | null = null): Clock {
  const { scheduler } = world;
  return {
    nowMs: own?.nowMs ?? (world.strikes("skewed_clock") ? wrongClock(world) : scheduler.nowMs),
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
