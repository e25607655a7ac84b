/**
 * A new ticket, whose gate is a hop away: with a full queue nobody makes one in vain, and a slow gate gets one at a time, so that a storm of
 * tickets doesn't drown what else it has to hear. The ticket itself asks the gate.
 */
import type { Room } from "../../domain/gate/snapshot.ts";
import { lookFor } from "./single-flight.ts";
import type { GateLatency } from "./latency.ts";
import { StoreAway, type Clock, type Created } from "../../gateway/ports.ts";

export interface AdmissionGuard {
  /** Makes a ticket, unless the gate is known to be full for its tenant. @throws {StoreAway} also where the gate has more to do than it can */
  admit(tenant: string, create: Create): Promise<Created>;
}

/** @returns what came of it, and for how long the gate itself was asked, in milliseconds */
type Create = () => Promise<{ readonly created: Created; readonly gateMs: number }>;

export interface AdmissionParts {
  /** What is known of the queue now. @param fullAtMs when it was last said to be full for the tenant that asks; `null`: never */
  readonly room: (fullAtMs: number | null) => Room;
  /** Learns more of it, behind the request; unless that is being done. */
  readonly refresh: () => void;
  readonly latency: GateLatency;
  readonly clock: Clock;
}

/** Of so many it is remembered that a queue was full for them. */
const mostTenants = 200;
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
  /** When the gate said to whom that its queue is full. */
  const fullAtMs = new Map<string, number>();

  async function createNow(tenant: string, create: Create): Promise<Created> {
    const { created } = await latency.timed(create, { besideMs, tookMs: ({ gateMs }) => gateMs });
    fullAtMs.delete(tenant);
    if (created.kind !== "full") return created;
    if (fullAtMs.size >= mostTenants) fullAtMs.clear();
    fullAtMs.set(tenant, clock.monotonicMs());
    refresh();
    return created;
  }

  return {
    async admit(tenant, create) {
      const created = await lookFor<Created>(clock, patienceMs, (leftMs) => {
        switch (room(fullAtMs.get(tenant) ?? null)) {
          case "none":
            return full;
          case "none_lately":
            refresh();
            return patienceMs - leftMs < hearMs ? undefined : full;
          case "perhaps":
            return latency.takesMs() >= slowMs && latency.isBusy() ? undefined : createNow(tenant, create);
        }
      });
      if (created !== undefined) return created;
      if (latency.takesMs() >= overrunMs)
        throw new StoreAway("the gate is overrun, and others wait for it already");
      return createNow(tenant, create);
    },
  };
}

const full: Created = { kind: "full" };
