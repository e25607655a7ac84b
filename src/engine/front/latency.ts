/** How quick a gate is that is a hop away, by how long its answers took and the present ones are taking. */
import { isUnderWay, type Flight } from "./single-flight.ts";
import type { Clock } from "../../gateway/ports.ts";

export interface GateLatency {
  /** Asks, and takes the time. */
  readonly timed: <Reply>(ask: () => Promise<Reply>) => Promise<Reply>;
  /** How long the last answer took, or what has not been answered yet is taking, if that is longer; in milliseconds. */
  readonly takesMs: () => number;
  /** It has not answered everything yet. */
  readonly isBusy: () => boolean;
}

/** Who isn't answered by then has died with its request. */
const askingMs = 5_000;

export function createGateLatency(clock: Clock): GateLatency {
  let tookMs = 0;
  /** What has not been answered yet, oldest first. */
  const asking = new Set<Flight>();

  const ageMs = ({ sinceMs }: Flight) => Math.abs(clock.nowMs() - sinceMs);

  function oldest(): Flight | null {
    for (const flight of asking) {
      if (isUnderWay(flight, clock.nowMs())) return flight;
      asking.delete(flight);
    }
    return null;
  }

  return {
    async timed(ask) {
      const flight: Flight = { sinceMs: clock.nowMs(), limitMs: askingMs };
      asking.add(flight);
      try {
        return await ask();
      } finally {
        tookMs = ageMs(flight);
        asking.delete(flight);
      }
    },
    takesMs() {
      const flight = oldest();
      return flight === null ? tookMs : Math.max(tookMs, ageMs(flight));
    },
    isBusy: () => oldest() !== null,
  };
}
