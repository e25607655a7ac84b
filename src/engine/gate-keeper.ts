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
  type GateState,
  type GateLimits,
} from "../domain/gate/gate.ts";
import type { Whose } from "../domain/gate/breaker.ts";
import { blocksOf } from "../domain/gate/blocks.ts";
import { changesOf, type GateChange } from "../domain/gate/changes.ts";
import { dispatch } from "../domain/gate/dispatch.ts";
import { obey, type GateOrder } from "../domain/gate/halt.ts";
import { holdersWith, ticketsBefore } from "../domain/gate/fair-order.ts";
import {
  enqueue,
  hasRoom,
  isSameAcceptance,
  requeue,
  remove,
  start,
  type Requeueing,
  type Start,
  type Starter,
} from "../domain/gate/queue.ts";
import { keep } from "../domain/gate/kept.ts";
import { endWaits, exchange, type Exchanged } from "../domain/gate/report.ts";
import {
  estimateOf,
  statusOf,
  snapshotOf,
  type Admitted,
  type WaitEstimate,
  type GateStatus,
} from "../domain/gate/view.ts";
import type { CallReport } from "../domain/gate/call-report.ts";
import { behindMs, placeSetBack, presentGate, seenAt, withinReach } from "../domain/gate/set-back.ts";
import {
  lapsedPlace,
  silenceMs,
  withdrawnMs,
  type Acceptance,
  type Place,
  type Places,
  type QueueItem,
} from "../domain/gate/places.ts";
import { countExchange, type Snapshot } from "../domain/gate/snapshot.ts";
import { wakeAtMs } from "../domain/gate/wake.ts";

export interface GateKeeperParts {
  readonly places: Places;
  readonly limits: GateLimits;
  readonly readState: () => GateState;
  /** `mustLast`: to be stored before the verb's answer leaves; otherwise within a second or so. */
  readonly writeState: (gate: GateState, mustLast: boolean) => void;
  /** Runs one verb as one transaction. */
  readonly atomically: <T>(work: () => T) => T;
  /** The store's clock, epoch milliseconds. */
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Hears what operators are to hear, once it is stored. Absent: nobody does. */
  readonly onChanges?: (changes: readonly GateChange[]) => void;
}

export type GateKeeper = ReturnType<typeof createGateKeeper>;

/** What is to be done now, and when to look again. */
export interface Look {
  /** The tickets to send to workers, in order. */
  readonly send: readonly string[];
  /**
   * Tickets that have said nothing for five minutes, each named once in that time: they must say how they stand. One that has ended says
   * `remove`, one that waits `enqueue`.
   */
  readonly silent: readonly string[];
  /** When to look again, should nothing change before; `null`: no need. A look that comes too early does no harm. */
  readonly wakeAtMs: number | null;
}

/** Rows that one pass lapses at a time. */
const batch = 200;

export function createGateKeeper(parts: GateKeeperParts) {
  const table = tableOf(parts);
  return {
    ...liveCalls(parts, table),
    ...admissions(parts, table),
    ...queueVerbs(parts, table),
    ...looks(parts, table),
    ...views(parts, table),
  };
}

/** The core and the places under every verb of one gate. */
interface Table {
  /** One verb: gate and table are brought to the present, and what changed of the gate's state is written. */
  verb<Reply>(work: (gate: GateState, nowMs: number) => { gate: GateState; reply: Reply }): Reply;
  /** Of a change that decides who may be sent, or when to look again. */
  put(place: Place): void;
  remove(ticketId: string): void;
  /** Of any other change of a place. */
  write(place: Place): void;
  /** Has this verb changed a place? */
  arePlacesChanged: boolean;
  /** Has anything such changed since this was last set to false? */
  hasChanged: boolean;
}

const noChanges: readonly GateChange[] = [];

function tableOf(parts: GateKeeperParts): Table {
  const { places, limits } = parts;
  const sizeNow = () => places.load().size;

  function lapse(nowMs: number): void {
    for (;;) {
      const lapsed = places.lapsed(nowMs, batch);
      for (const place of lapsed) table.put(lapsedPlace(place));
      if (lapsed.length < batch) return;
    }
  }

  /** By the present clock, with all places, where the clock was set back. */
  function present(stored: GateState, nowMs: number): GateState {
    const byMs = behindMs(stored, nowMs);
    if (byMs > 0) for (const place of places.all()) table.put(placeSetBack(place, byMs));
    return presentGate(stored, nowMs, limits);
  }

  const table: Table = {
    hasChanged: true,
    arePlacesChanged: false,
    verb(work) {
      let changes = noChanges;
      const reply = parts.atomically(() => {
        changes = noChanges;
        const nowMs = parts.nowMs();
        table.arePlacesChanged = false;
        const stored = parts.readState();
        const before = present(stored, nowMs);
        lapse(nowMs);
        const { gate, reply } = work(before, nowMs);
        const counted = weighed(gate, places.load(), nowMs, limits);
        const after = seenAt(stored, counted, table.arePlacesChanged, nowMs);
        if (after === stored) return reply;
        const mustLast = isMomentous(stored, after);
        if (bringsNearer(stored, after)) table.hasChanged = true;
        if (mustLast) {
          table.hasChanged = true;
          if (parts.onChanges !== undefined) changes = changesOf(before, after, sizeNow, nowMs);
        }
        parts.writeState(after, mustLast || (table.arePlacesChanged && isMuchLater(stored, after)));
        return reply;
      });
      if (changes.length > 0) parts.onChanges?.(changes);
      return reply;
    },
    put(place) {
      table.hasChanged = true;
      table.write(place);
    },
    write(place) {
      table.arePlacesChanged = true;
      places.put(place);
    },
    remove(ticketId) {
      table.hasChanged = true;
      table.arePlacesChanged = true;
      places.remove(ticketId);
    },
  };
  return table;
}

/** May a ticket go sooner than it seemed? An answer eases a pace, or has ended the waits of all, though the account was refused and let in again in one breath. */
function bringsNearer(before: GateState, after: GateState): boolean {
  return before.paces !== after.paces || before.waitsEndedMs !== after.waitsEndedMs;
}

function liveCalls({ places, limits, random }: GateKeeperParts, { verb }: Table) {
  return {
    /** A live call that has no usable snapshot, or may be the probe. The snapshot is for those that follow. */
    enter(permit: string, whose: Whose): { readonly admission: Admission; readonly snapshot: Snapshot } {
      return verb((gate, nowMs) => {
        const entered = enter(gate, permit, whose, nowMs, limits);
        const counted = { ...entered.gate, exchanges: countExchange(gate.exchanges, [], nowMs) };
        const snapshot = snapshotOf(counted, nowMs, limits);
        return { gate: counted, reply: { admission: entered.reply, snapshot } };
      });
    },

    /** How calls went, in order, and the view after it. With no outcomes it only asks. */
    exchange(reportId: string, callReports: readonly CallReport[]): Exchanged {
      return verb((gate, nowMs) => {
        const exchanged = exchange(gate, reportId, callReports, nowMs, limits, random());
        endWaits(gate, exchanged.gate, places, nowMs);
        return exchanged;
      });
    },
  };
}

function admissions(
  { places, limits }: GateKeeperParts,
  { verb, put: putPlace, remove: removePlace }: Table,
) {
  return {
    /**
     * May this ticket be kept? Asked once, before it is. Asked again of the same acceptance, its place is as it was; of one that was withdrawn,
     * there is no room: whoever asked has been told so.
     */
    admit(item: QueueItem, notBeforeMs: number): Admitted {
      return verb<Admitted>((gate, nowMs) => {
        const found = places.find(item.ticketId);
        const known = isSameAcceptance(found, item) ? found : null;
        // The load may have fallen since the flag was set.
        const load = places.load();
        const present = weighed(gate, load, nowMs, limits);
        const mayCome =
          !places.wasWithdrawn(item, nowMs) &&
          (known !== null ||
            hasRoom(
              present,
              item,
              load,
              () => holdersWith(places, item.tenant ?? "", limits.weights),
              nowMs,
              limits,
            ));
        if (!mayCome) return { gate: present, reply: { kind: "full" } };
        const place = enqueue(item, known, notBeforeMs, nowMs);
        putPlace(place);
        const estimate = estimateOf(
          present,
          place,
          ticketsBefore(places, place, limits.weights),
          nowMs,
          limits,
        );
        return { gate: present, reply: { kind: "admitted", estimate } };
      });
    },

    /** This acceptance has come to nothing, though the gate may have admitted the ticket, or may be about to. */
    withdraw(acceptance: Acceptance): void {
      verb((gate, nowMs) => {
        places.withdrawn(acceptance, nowMs, nowMs + withdrawnMs);
        const known = places.find(acceptance.ticketId);
        if (known === null || !isSameAcceptance(known, acceptance)) return { gate, reply: null };
        removePlace(known.ticketId);
        return { gate: remove(gate, known.ticketId, known, places.load(), nowMs), reply: null };
      });
    },
  };
}

function queueVerbs(
  { places, limits }: GateKeeperParts,
  { verb, put: putPlace, write, remove: removePlace }: Table,
) {
  return {
    enqueue(item: QueueItem, notBeforeMs: number): void {
      verb((gate, nowMs) => {
        putPlace(enqueue(item, places.find(item.ticketId), notBeforeMs, nowMs));
        return { gate, reply: null };
      });
    },

    requeue(item: QueueItem, requeueing: Requeueing): void {
      verb((gate, nowMs) => {
        const place = requeue(item, places.find(item.ticketId), requeueing, nowMs);
        putPlace(place);
        if (place.standing.state !== "waiting") return { gate, reply: null };
        const dropped = dropTurn(gate, item.model, item.ticketId);
        // How its call went may have been told elsewhere, or to nobody: the turn that it had ends with it all the same.
        return {
          gate: requeueing.permit === null ? dropped : dropTurn(dropped, item.model, requeueing.permit),
          reply: null,
        };
      });
    },

    start(item: QueueItem, starter: Starter): Start {
      return verb((gate, nowMs) => {
        const known = places.find(item.ticketId);
        const inFlightOfModel = () => places.inFlight().filter(({ model }) => model === item.model).length;
        const begun = start(gate, item, known, starter, places.load(), inFlightOfModel, nowMs, limits);
        // One that was sent, and is called for: as many are in flight as before, and its end comes later than the last look knew.
        const wasSent = known?.standing.state === "dispatched" && known.suspect === starter.suspect;
        if (wasSent && begun.reply.kind === "call") write(begun.place);
        else putPlace(begun.place);
        return begun;
      });
    },

    /** @param keptBytes that the ticket holds until it is forgotten */
    remove(ticketId: string, keptBytes = 0): void {
      verb((gate, nowMs) => {
        const known = places.find(ticketId);
        if (known !== null) removePlace(ticketId);
        const removed = remove(gate, ticketId, known, places.load(), nowMs);
        if (known === null) return { gate: removed, reply: null };
        return {
          gate: { ...removed, kept: keep(removed.kept, keptBytes, limits.retentionMs, nowMs) },
          reply: null,
        };
      });
    },
  };
}

function looks(parts: GateKeeperParts, table: Table) {
  const { places, limits } = parts;
  /** When the last look said to look again. */
  let lookAtMs = -Infinity;

  function nextMs(gate: GateState, nowMs: number): number | null {
    const load = places.load();
    const due = {
      firstLapseMs: places.firstLapseMs(),
      firstReadyMs: () =>
        places.firstReadyMs(blocksOf(gate, places, nowMs, limits), load.suspectsInFlight === 0),
      firstHeardMs: places.firstHeardMs(),
    };
    return wakeAtMs(gate, due, load, nowMs, limits);
  }

  return {
    /** @param most that whoever takes the tickets can take */
    look(most = Infinity): Look {
      const looked = table.verb((before, nowMs) => {
        // Those that are silent first: a place whose ticket is gone is sent again and again, and would not be seen to wait.
        const silent = places.silent(nowMs - silenceMs, batch);
        for (const place of silent) table.write({ ...place, heardAtMs: nowMs });
        const { gate, places: sent } = dispatch(before, places, nowMs, limits, most);
        if (sent.length > 0) table.arePlacesChanged = true;
        const reply: Look = { send: sent.map(idOf), silent: silent.map(idOf), wakeAtMs: nextMs(gate, nowMs) };
        return { gate, reply };
      });
      table.hasChanged = false;
      lookAtMs = looked.wakeAtMs ?? Infinity;
      return looked;
    },

    /** Brings gate and places to the present, for whoever looks past the keeper. */
    toPresent: (): void => table.verb((gate) => ({ gate, reply: undefined })),

    /** Is there reason to look: has anything changed since the last look that matters to one, or has its time come? */
    isDue: (): boolean => table.hasChanged || parts.nowMs() >= lookAtMs,

    /** What an operator orders, and how the gate stands then. */
    order(order: GateOrder): GateStatus {
      return table.verb((gate, nowMs) => {
        const after = obey(gate, order, nowMs);
        endWaits(gate, after, places, nowMs);
        return { gate: after, reply: statusOf(after, places.load(), isNobodys, nowMs, limits) };
      });
    },

    /**
     * The service has started. With `isAlone` (one process owns the store) what the predecessor had in flight waits again; whether a ticket
     * was called for, and is a suspect now, the ticket says with `requeue`.
     */
    started(isAlone: boolean): void {
      table.verb((gate, nowMs) => {
        const stranded: readonly Place[] = isAlone ? places.inFlight() : [];
        for (const place of stranded) table.put({ ...place, standing: { state: "waiting" } });
        // The settings may be others than those by which it was written.
        return { gate: started(withinReach(gate, nowMs, limits), isAlone, nowMs), reply: null };
      });
    },
  };
}

function views({ places, limits }: GateKeeperParts, { verb }: Table) {
  return {
    /** `null`: it has no place here. */
    find: (ticketId: string): Place | null => places.find(ticketId),
    inFlight: (): readonly Place[] => places.inFlight(),

    /** @param tenant who asks, as in `QueueItem`; absent: nobody's own */
    status(tenant?: string): GateStatus {
      // The one that asks is in flight, and wants it too.
      const isWanted = (model: string) =>
        tenant !== undefined &&
        (places.hasWaiting({ model, tenant }) ||
          places.inFlight().some((place) => place.model === model && place.tenant === tenant));
      return verb((gate, nowMs) => ({
        gate,
        reply: statusOf(gate, places.load(), isWanted, nowMs, limits),
      }));
    },

    /** `null`: the ticket does not wait here. */
    estimate(ticketId: string): WaitEstimate | null {
      return verb<WaitEstimate | null>((gate, nowMs) => {
        const place = places.find(ticketId);
        if (place === null) return { gate, reply: null };
        return {
          gate,
          reply: estimateOf(gate, place, ticketsBefore(places, place, limits.weights), nowMs, limits),
        };
      });
    },
  };
}

const isNobodys = () => false;

/** Places are stored at once: what time the gate has seen must then not be lost with its memory, or a clock set back by less would go unnoticed. */
function isMuchLater({ seenMs: before = 0 }: GateState, { seenMs: after = 0 }: GateState): boolean {
  return after - before >= 1_000;
}

function idOf({ ticketId }: Place): string {
  return ticketId;
}
