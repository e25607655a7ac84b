/** How quick a gate is that is a hop away, by how long its answers took and the present ones are taking. */
import { isUnderWay, type Flight } from "./single-flight.ts";
import type { Clock } from "../../gateway/ports.ts";

export interface GateLatency {
  /** Asks, and takes the time. */
  readonly timed: <Reply>(ask: () => Promise<Reply>, through?: Through<Reply>) => Promise<Reply>;
  /** How long the last answer took, or what has not been answered yet is taking, if that is longer; in milliseconds. */
  readonly takesMs: () => number;
  /** It has not answered everything yet. */
  readonly isBusy: () => boolean;
}

/** Of a question that somebody else asks the gate, for us. */
interface Through<Reply> {
  /** How much of the time may be theirs. */
  readonly besideMs: number;
  /** The gate's own, by their account. */
  readonly tookMs: (reply: Reply) => number;
}

interface Asking extends Flight {
  readonly besideMs: number;
}

/** Who isn't answered by then has died with its request. */
const askingMs = 5_000;

export function createGateLatency(clock: Clock): GateLatency {
  let tookMs = 0;
  /** What has not been answered yet, oldest first. */
  const asking = new Set<Asking>();

  const ageMs = ({ sinceMs, besideMs }: Asking) => Math.max(0, Math.abs(clock.nowMs() - sinceMs) - besideMs);

  /** What is under way. */
  function present(): readonly Asking[] {
    const nowMs = clock.nowMs();
    for (const flight of asking) if (!isUnderWay(flight, nowMs)) asking.delete(flight);
    return [...asking];
  }

  return {
    async timed(ask, through) {
      const flight: Asking = {
        sinceMs: clock.nowMs(),
        limitMs: askingMs,
        besideMs: through?.besideMs ?? 0,
      };
      asking.add(flight);
      try {
        const reply = await ask();
        tookMs = through === undefined ? ageMs(flight) : through.tookMs(reply);
        return reply;
      } catch (error) {
        tookMs = ageMs(flight);
        throw error;
      } finally {
        asking.delete(flight);
      }
    },
    takesMs: () => present().reduce((longest, flight) => Math.max(longest, ageMs(flight)), tookMs),
    isBusy: () => present().length > 0,
  };
}
