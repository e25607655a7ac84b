/**
 * A place for a ticket, at a gate that is a hop away: of a full queue nobody asks in vain, and of a slow gate one at a time, so that a storm
 * of tickets doesn't drown what else it has to hear.
 */
import type { QueueItem } from "../../domain/gate/places.ts";
import type { Room } from "../../domain/gate/snapshot.ts";
import { lookFor } from "./single-flight.ts";
import type { GateLatency } from "./latency.ts";
import { StoreAway, type Clock, type Gate } from "../../gateway/ports.ts";

export interface ReserveParts {
  /** The gate itself. */
  readonly ask: Gate["reserve"];
  /** What is known of its queue now. */
  readonly room: () => Room;
  /** Learns more of it, behind the request; unless that is being done. */
  readonly refresh: () => void;
  readonly latency: GateLatency;
  readonly clock: Clock;
}

/** A gate that takes longer is slow: it is further away than any, or has more to do than it can. */
const slowMs = 300;
/** One that takes longer is overrun: then it isn't asked for more than one place. */
const overrunMs = 1_000;
/** The longest that one waits for others to be answered by a slow gate. */
const patienceMs = 2_000;
/** The longest that one waits to hear again of a queue that was full. */
const hearMs = 300;

export function createReserve({ ask, room, refresh, latency, clock }: ReserveParts): Gate["reserve"] {
  async function reserveNow(item: QueueItem): Promise<boolean> {
    const isHeld = await latency.timed(() => ask(item));
    if (!isHeld) refresh();
    return isHeld;
  }

  return async (item) => {
    const isHeld = await lookFor(clock, patienceMs, (leftMs) => {
      switch (room()) {
        case "none":
          return false;
        case "none_lately":
          refresh();
          return patienceMs - leftMs < hearMs ? undefined : false;
        case "perhaps":
          return latency.takesMs() >= slowMs && latency.isBusy() ? undefined : reserveNow(item);
      }
    });
    if (isHeld !== undefined) return isHeld;
    if (latency.takesMs() >= overrunMs)
      throw new StoreAway("the gate is overrun, and others wait for it already");
    return reserveNow(item);
  };
}
