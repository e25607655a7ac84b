/**
 * A gate over any table that answers at once: `domain/gate/` decides, the keeper reads what a decision needs and writes what was decided. The
 * same for SQLite in a Durable Object, SQLite in a Node process, Redis' script, and memory.
 *
 * A verb says what happened; `look` says what follows from it. The gate's owner (`gate-owner.ts`) looks after any verb that has changed
 * something, and when its alarm rings. A ticket that was sent and reaches no worker waits again after 30 s: sending needs no certainty.
 */
import {
  dropTurn,
  enter,
  isMomentous,
  started,
  weighed,
  type Admission,
  type GateCore,
  type GateLimits,
} from "../domain/gate/gate.ts";
import type { Whose } from "../domain/gate/breaker.ts";
import { blocksOf } from "../domain/gate/blocks.ts";
import { dispatch } from "../domain/gate/dispatch.ts";
import { ticketsBefore } from "../domain/gate/fair-order.ts";
import {
  confirm,
  park,
  release,
  reserve,
  start,
  type Parking,
  type Start,
  type Starter,
} from "../domain/gate/queue.ts";
import { keep } from "../domain/gate/kept.ts";
import { endWaits, exchange, type Exchanged } from "../domain/gate/report.ts";
import { outlookOf, overviewOf, snapshotOf, type Outlook, type Overview } from "../domain/gate/view.ts";
import type { Outcome } from "../domain/gate/outcome.ts";
import { lapsedPlace, silenceMs, type Place, type Places, type Seat } from "../domain/gate/places.ts";
import { countExchange, type Snapshot } from "../domain/gate/snapshot.ts";
import { wakeAtMs } from "../domain/gate/wake.ts";

export interface GateKeeperParts {
  readonly places: Places;
  readonly limits: GateLimits;
  readonly readCore: () => GateCore;
  /** `mustLast`: to be stored before the verb's answer leaves; otherwise within a second or so. */
  readonly writeCore: (core: GateCore, mustLast: boolean) => void;
  /** Runs one verb as one transaction. */
  readonly atomically: <T>(work: () => T) => T;
  /** The store's clock, epoch milliseconds. */
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export type GateKeeper = ReturnType<typeof createGateKeeper>;

/** What is to be done now, and when to look again. */
export interface Look {
  /** The tickets to send to workers, in order. */
  readonly send: readonly string[];
  /**
   * Tickets that have said nothing for five minutes, each named once in that time: they must say how they stand. One that has ended says
   * `release`, one that waits `confirm`.
   */
  readonly silent: readonly string[];
  /** When to look again, should nothing change before; `null`: no need. A look that comes too early does no harm. */
  readonly wakeAtMs: number | null;
}

/** Rows that one pass lapses at a time. */
const batch = 200;

export function createGateKeeper(parts: GateKeeperParts) {
  const { places, limits } = parts;
  /** Since the last look something has changed that decides who may be sent, or when to look again. */
  let hasChanged = true;
  /** When the last look said to look again. */
  let lookAtMs = -Infinity;

  /** One verb: the table is brought to the present, the core is read, and what changed of it is written. */
  function verb<Reply>(work: (core: GateCore, nowMs: number) => { core: GateCore; reply: Reply }): Reply {
    return parts.atomically(() => {
      const nowMs = parts.nowMs();
      lapse(nowMs);
      const before = parts.readCore();
      const { core, reply } = work(before, nowMs);
      const after = weighed(core, places.tally(), nowMs, limits);
      if (after === before) return reply;
      const mustLast = isMomentous(before, after);
      if (mustLast) hasChanged = true;
      parts.writeCore(after, mustLast);
      return reply;
    });
  }

  function put(place: Place): void {
    hasChanged = true;
    places.put(place);
  }

  function remove(ticketId: string): void {
    hasChanged = true;
    places.remove(ticketId);
  }

  function lapse(nowMs: number): void {
    for (;;) {
      const lapsed = places.lapsed(nowMs, batch);
      for (const place of lapsed) {
        const next = lapsedPlace(place);
        if (next === null) remove(place.ticketId);
        else put(next);
      }
      if (lapsed.length < batch) return;
    }
  }

  function nextMs(core: GateCore, nowMs: number): number | null {
    const tally = places.tally();
    const due = {
      firstLapseMs: places.firstLapseMs(),
      firstReadyMs: places.firstReadyMs(blocksOf(core, places, nowMs, limits), tally.suspectsInFlight === 0),
      firstHeardMs: places.firstHeardMs(),
    };
    return wakeAtMs(core, due, tally, nowMs, limits);
  }

  return {
    /** A live call that has no usable snapshot, or may be the probe. The snapshot is for those that follow. */
    enter(permit: string, whose: Whose): { readonly admission: Admission; readonly snapshot: Snapshot } {
      return verb((core, nowMs) => {
        const entered = enter(core, permit, whose, nowMs, limits);
        const counted = { ...entered.core, exchanges: countExchange(core.exchanges, [], nowMs) };
        const snapshot = snapshotOf(counted, nowMs, limits);
        return { core: counted, reply: { admission: entered.reply, snapshot } };
      });
    },

    /** How calls went, in order, and the view after it. With no outcomes it only asks. */
    exchange(reportId: string, outcomes: readonly Outcome[]): Exchanged {
      return verb((core, nowMs) => {
        const exchanged = exchange(core, reportId, outcomes, nowMs, limits, parts.random());
        endWaits(core, exchanged.core, places, nowMs);
        return exchanged;
      });
    },

    reserve(seat: Seat): "held" | "full" {
      return verb((core, nowMs) => {
        // The load may have fallen since the flag was set: holds lapse by themselves.
        const tally = places.tally();
        const present = weighed(core, tally, nowMs, limits);
        const place = reserve(present, seat, places.find(seat.ticketId), tally, nowMs, limits);
        // Nothing to look for: a place that is held lets no ticket start, and lapses when anybody next asks.
        if (place !== null) places.put(place);
        return { core: present, reply: place === null ? "full" : "held" };
      });
    },

    confirm(seat: Seat, notBeforeMs: number): void {
      verb((core, nowMs) => {
        put(confirm(seat, places.find(seat.ticketId), notBeforeMs, nowMs));
        return { core, reply: null };
      });
    },

    park(seat: Seat, parking: Parking): void {
      verb((core, nowMs) => {
        const place = park(seat, places.find(seat.ticketId), parking, nowMs);
        put(place);
        if (place.standing.state !== "waiting") return { core, reply: null };
        const dropped = dropTurn(core, seat.model, seat.ticketId);
        // How its call went may have been told elsewhere, or to nobody: the turn that it had ends with it all the same.
        return {
          core: parking.permit === null ? dropped : dropTurn(dropped, seat.model, parking.permit),
          reply: null,
        };
      });
    },

    start(seat: Seat, starter: Starter): Start {
      return verb((core, nowMs) => {
        const known = places.find(seat.ticketId);
        const inFlightOfModel = () => places.inFlight().filter(({ model }) => model === seat.model).length;
        const begun = start(core, seat, known, starter, places.tally(), inFlightOfModel, nowMs, limits);
        // One that was sent, and is called for: as many are in flight as before, and its end comes later than the last look knew.
        const wasSent = known?.standing.state === "dispatched" && known.suspect === starter.suspect;
        if (wasSent && begun.reply.kind === "call") places.put(begun.place);
        else put(begun.place);
        return begun;
      });
    },

    /** @param keptBytes that the ticket holds until it is forgotten */
    release(ticketId: string, keptBytes = 0): void {
      verb((core, nowMs) => {
        const known = places.find(ticketId);
        if (known !== null) remove(ticketId);
        const released = release(core, ticketId, known, places.tally(), nowMs);
        if (known === null) return { core: released, reply: null };
        return {
          core: { ...released, kept: keep(released.kept, keptBytes, limits.retentionMs, nowMs) },
          reply: null,
        };
      });
    },

    /** @param most that whoever takes the tickets can take */
    look(most = Infinity): Look {
      const looked = verb((before, nowMs) => {
        // Those that are silent first: a place whose ticket is gone is sent again and again, and would not be seen to wait.
        const silent = places.silent(nowMs - silenceMs, batch);
        for (const place of silent) places.put({ ...place, heardAtMs: nowMs });
        const { core, places: sent } = dispatch(before, places, nowMs, limits, most);
        const reply: Look = { send: sent.map(idOf), silent: silent.map(idOf), wakeAtMs: nextMs(core, nowMs) };
        return { core, reply };
      });
      hasChanged = false;
      lookAtMs = looked.wakeAtMs ?? Infinity;
      return looked;
    },

    /** Is there reason to look: has anything changed since the last look that matters to one, or has its time come? */
    isDue: (): boolean => hasChanged || parts.nowMs() >= lookAtMs,

    /**
     * The service has started. With `isAlone` (one process owns the store) what the predecessor had in flight waits again; whether a ticket
     * was called for, and is a suspect now, the ticket says with `park`.
     */
    started(isAlone: boolean): void {
      verb((core, nowMs) => {
        const stranded: readonly Place[] = isAlone ? places.inFlight() : [];
        for (const place of stranded) put({ ...place, standing: { state: "waiting" } });
        return { core: started(core, isAlone, nowMs), reply: null };
      });
    },

    /** `null`: it has no place here. */
    find: (ticketId: string): Place | null => places.find(ticketId),
    inFlight: (): readonly Place[] => places.inFlight(),

    /** @param tenant who asks, as in `Seat`; absent: nobody's own */
    overview(tenant?: string): Overview {
      // The one that asks is in flight, and wants it too.
      const isWanted = (model: string) =>
        tenant !== undefined &&
        (places.hasWaiting({ model, tenant }) ||
          places.inFlight().some((place) => place.model === model && place.tenant === tenant));
      return verb((core, nowMs) => ({
        core,
        reply: overviewOf(core, places.tally(), isWanted, nowMs, limits),
      }));
    },

    /** `null`: the ticket does not wait here. */
    outlook(ticketId: string): Outlook | null {
      return verb<Outlook | null>((core, nowMs) => {
        const place = places.find(ticketId);
        if (place === null) return { core, reply: null };
        return {
          core,
          reply: outlookOf(core, place, ticketsBefore(places, place, limits.weights), nowMs, limits),
        };
      });
    },
  };
}

function idOf({ ticketId }: Place): string {
  return ticketId;
}
