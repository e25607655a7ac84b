/**
 * The gate of one provider in this process. What waits is in memory, made again from the tickets at each start; the core is stored, so
 * that a restart forgets no open breaker. A live call through a closed breaker touches neither the table nor the disk.
 */
import { enter, isMomentous, type GateLimits } from "../../domain/gate/gate.ts";
import { endWaits, othersOf, report } from "../../domain/gate/report.ts";
import type { Parking, Start, Starter } from "../../domain/gate/queue.ts";
import { asksForOthers } from "../../domain/gate/outcome.ts";
import type { Places, Seat } from "../../domain/gate/places.ts";
import { errandOf, seatOf, type Ticket } from "../../domain/ticket/ticket.ts";
import type { Clock, Gate } from "../../gateway/ports.ts";
import { createGateKeeper } from "../../engine/gate-keeper.ts";
import { look, type GateOwner } from "../../engine/gate-owner.ts";
import type { StoredCore } from "./gate-state.ts";

export interface LocalGateParts {
  readonly core: StoredCore;
  readonly places: Places;
  readonly limits: GateLimits;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Unique. */
  readonly newId: () => string;
  readonly owner: GateOwner;
  /** Something has changed that may let a ticket start: call `look`, soon. */
  readonly onChange: () => void;
}

export interface LocalGate extends Gate {
  /** May a ticket be called for now, under this permit? Asked again with it, the answer is the same. What must last of it has, after `settled`. */
  start(seat: Seat, starter: Starter): Start;
  /** When what must last is stored, or could not be: then the gate goes on from memory. */
  settled(): Promise<void>;
  /** What tickets have to say: `tellGate`. */
  confirm(seat: Seat, notBeforeMs: number): void;
  park(seat: Seat, parking: Parking): void;
  release(ticketId: string, keptBytes?: number): void;
  /** Sends what may go, asks after who is silent, and sets the alarm. */
  look(): void;
}

/** How long a change may stay unstored that costs a few calls when it is lost, and one that costs no more than a figure. */
const lightMs = 1_000;
const calmMs = 30_000;

/** The process has just started, and is the only one. */
export function createLocalGate(parts: LocalGateParts): LocalGate {
  const { core, onChange } = parts;
  const keeper = createGateKeeper({
    places: parts.places,
    limits: parts.limits,
    readCore: core.read,
    writeCore: (next, mustLast) => core.write(next, mustLast ? 0 : lightMs),
    atomically: (work) => work(),
    nowMs: parts.clock.nowMs,
    random: parts.random,
  });
  keeper.started(true);

  /** After a verb of the keeper. */
  function soon(): void {
    if (keeper.isDue()) onChange();
  }

  return {
    ...liveCalls(parts),

    reserve(seat) {
      const isHeld = keeper.reserve(seat) === "held";
      soon();
      return stored(core, isHeld);
    },
    start(seat, starter) {
      const start = keeper.start(seat, starter);
      soon();
      return start;
    },
    settled: core.settled,
    outlook: async (ticketId) => keeper.outlook(ticketId),
    overview: async (tenant) => keeper.overview(tenant),

    confirm(seat, notBeforeMs) {
      keeper.confirm(seat, notBeforeMs);
      soon();
    },

    park(seat, parking) {
      keeper.park(seat, parking);
      soon();
    },

    release(ticketId, keptBytes) {
      keeper.release(ticketId, keptBytes);
      soon();
    },

    look: () => look(keeper, parts.owner),
  };
}

/** What every call asks and tells, past the keeper: where nothing changes that must last, nothing is looked for and nothing is written. */
function liveCalls(parts: LocalGateParts): Pick<Gate, "enter" | "report"> {
  const { core, places, limits, onChange } = parts;
  const { nowMs } = parts.clock;

  return {
    enter(permit, whose) {
      const before = core.read();
      const { core: after, reply } = enter(before, permit, whose, nowMs(), limits);
      if (after === before) return Promise.resolve(reply);
      core.write(after, 0);
      onChange();
      return stored(core, reply);
    },

    report(outcome) {
      const before = core.read();
      const after = report(before, parts.newId(), [outcome], nowMs(), limits, parts.random());
      const others = asksForOthers(outcome) ? othersOf(after, outcome, nowMs()) : null;
      endWaits(before, after, places, nowMs());
      if (isMomentous(before, after)) {
        core.write(after, 0);
        onChange();
        return stored(core, others);
      }
      core.write(after, outcome.finding.kind === "healthy" ? calmMs : lightMs);
      return Promise.resolve(others);
    },
  };
}

/** The answer leaves when what must last is stored. */
async function stored<Reply>(core: StoredCore, reply: Reply): Promise<Reply> {
  await core.settled();
  return reply;
}

/** Tells a gate what a ticket has to say, if anything. The gate hears at once, so nobody has to note that it did. */
export function tellGate(gate: LocalGate, ticket: Ticket): void {
  const errand = errandOf(ticket);
  switch (errand?.kind) {
    case undefined:
      return;
    case "confirm":
      return gate.confirm(seatOf(ticket), errand.notBeforeMs);
    case "park":
      return gate.park(seatOf(ticket), errand);
    case "release":
      return gate.release(ticket.about.id, errand.keptBytes);
  }
}
