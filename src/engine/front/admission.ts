/**
 * A new ticket, whose gate is a hop away: with a full queue nobody makes one in vain, and a slow gate gets one at a time, so that a storm of
 * tickets doesn't drown what else it has to hear. The ticket itself asks the gate.
 */
import type { Room } from "../../domain/gate/snapshot.ts";
import { lookFor } from "./single-flight.ts";
import type { GateLatency } from "./latency.ts";
import { StoreAway, type Clock, type Created } from "../../gateway/ports.ts";

export interface AdmissionGuard {
  /** Makes a ticket, unless the gate is known to be full. @throws {StoreAway} also where the gate has more to do than it can */
  admit(create: Create): Promise<Created>;
}

/** @returns what came of it, and for how long the gate itself was asked, in milliseconds */
type Create = () => Promise<{ readonly created: Created; readonly gateMs: number }>;

export interface AdmissionParts {
  /** What is known of the queue now. */
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
/** A ticket's object is made anew, and stores twice: so long it takes beside its gate, at most as a rule. */
const besideMs = 700;

export function createAdmission({ room, refresh, latency, clock }: AdmissionParts): AdmissionGuard {
  async function createNow(create: Create): Promise<Created> {
    const { created } = await latency.timed(create, { besideMs, tookMs: ({ gateMs }) => gateMs });
    if (created.kind === "full") refresh();
    return created;
  }

  return {
    async admit(create) {
      const created = await lookFor<Created>(clock, patienceMs, (leftMs) => {
        switch (room()) {
          case "none":
            return full;
          case "none_lately":
            refresh();
            return patienceMs - leftMs < hearMs ? undefined : full;
          case "perhaps":
            return latency.takesMs() >= slowMs && latency.isBusy() ? undefined : createNow(create);
        }
      });
      if (created !== undefined) return created;
      if (latency.takesMs() >= overrunMs)
        throw new StoreAway("the gate is overrun, and others wait for it already");
      return createNow(create);
    },
  };
}

const full: Created = { kind: "full" };
