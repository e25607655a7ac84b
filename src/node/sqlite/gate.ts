/**
 * The gate of one provider in this process. What waits is in memory, made again from the tickets at each start; the core is stored, so
 * that a restart forgets no open breaker. A live call through a closed breaker touches neither the table nor the disk.
 */
import { enter, isMomentous, type GateLimits } from "../../domain/gate/gate.ts";
import { endWaits, othersOf, report } from "../../domain/gate/report.ts";
import type { Parking } from "../../domain/gate/queue.ts";
import { asksForOthers } from "../../domain/gate/outcome.ts";
import type { Places, Seat } from "../../domain/gate/places.ts";
import { errandOf, seatOf, type Ticket } from "../../domain/ticket/ticket.ts";
import type { Clock, Gate } from "../../gateway/ports.ts";
import { createGateKeeper } from "../../engine/gate-keeper.ts";
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
  /** Something has changed that may let a ticket start: call `dispatch`, soon. */
  readonly onChange: () => void;
}

export interface LocalGate extends Gate {
  /** What tickets have to say: `tellGate`. */
  confirm(seat: Seat, notBeforeMs: number): void;
  park(seat: Seat, parking: Parking): void;
  release(ticketId: string, keptBytes?: number): void;
  /** The tickets to send to workers now. */
  dispatch(): readonly string[];
  /** Tickets that have long said nothing: they should be heard, or released. */
  silent(): readonly string[];
  /** When to look again, should nothing change before; `null`: no need. */
  wakeAtMs(): number | null;
}

/** How long a change may stay unstored that costs a few calls when it is lost, and one that costs no more than a figure. */
const lightMs = 1_000;
const calmMs = 30_000;

/** The process has just started, and is the only one. */
export function createLocalGate(parts: LocalGateParts): LocalGate {
  const { core, limits, onChange } = parts;
  const { nowMs } = parts.clock;
  const keeper = createGateKeeper({
    places: parts.places,
    limits,
    readCore: core.read,
    writeCore: (next, mustLast) => core.write(next, mustLast ? 0 : lightMs),
    atomically: (work) => work(),
    nowMs,
    random: parts.random,
  });
  keeper.started(true);

  /** The answer leaves when what must last is stored. */
  async function changed<Reply>(reply: Reply): Promise<Reply> {
    onChange();
    await core.settled();
    return reply;
  }

  return {
    enter(permit, whose) {
      const before = core.read();
      const { core: after, reply } = enter(before, permit, whose, nowMs(), limits);
      if (after === before) return Promise.resolve(reply);
      core.write(after, 0);
      return changed(reply);
    },

    report(outcome) {
      const before = core.read();
      const after = report(before, parts.newId(), [outcome], nowMs(), limits, parts.random());
      const others = asksForOthers(outcome) ? othersOf(after, outcome, nowMs()) : null;
      endWaits(before, after, parts.places, nowMs());
      if (isMomentous(before, after)) {
        core.write(after, 0);
        return changed(others);
      }
      core.write(after, outcome.finding.kind === "healthy" ? calmMs : lightMs);
      return Promise.resolve(others);
    },

    // A place that is held lets no ticket start, and lapses when anybody next asks: nothing to look for.
    async reserve(seat) {
      const isHeld = keeper.reserve(seat) === "held";
      await core.settled();
      return isHeld;
    },
    start: (seat, starter) => changed(keeper.start(seat, starter)),
    outlook: async (ticketId) => keeper.outlook(ticketId),
    overview: async (tenant) => keeper.overview(tenant),

    confirm(seat, notBeforeMs) {
      keeper.confirm(seat, notBeforeMs);
      onChange();
    },

    park(seat, parking) {
      keeper.park(seat, parking);
      onChange();
    },

    release(ticketId, keptBytes) {
      keeper.release(ticketId, keptBytes);
      onChange();
    },

    dispatch: keeper.dispatch,
    silent: keeper.askAfter,
    wakeAtMs: keeper.wakeAtMs,
  };
}

/** Tells it what a ticket has to say, if anything. It hears at once, so nobody has to note that it did. */
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
