/** The gate of one provider and the object round it, as `src/cloudflare/objects/gate-object.ts` is; in a process, its places are in memory. */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { Whose } from "../../../src/domain/gate/breaker.ts";
import { newGate, type Admission, type GateState } from "../../../src/domain/gate/gate.ts";
import type { GateOrder } from "../../../src/domain/gate/halt.ts";
import type { Requeueing, Start } from "../../../src/domain/gate/queue.ts";
import type { Exchanged } from "../../../src/domain/gate/report.ts";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import type { Acceptance, Place, Places, QueueItem } from "../../../src/domain/gate/places.ts";
import type { Admitted } from "../../../src/domain/gate/view.ts";
import type { Snapshot } from "../../../src/domain/gate/snapshot.ts";
import type { UnheardEnd } from "../../../src/engine/ticket-index.ts";
import { compare } from "../../../src/engine/ticket-list.ts";
import type { ListPosition } from "../../../src/gateway/ports.ts";
import type { GateKeeper } from "../../../src/engine/gate-keeper.ts";
import { look, lookIfDue, type GateOwner } from "../../../src/engine/gate-owner.ts";
import type { DatedStarter } from "../../../src/engine/other-clock.ts";
import { createAlarm } from "./alarm.ts";
import { asAlive, createLife, die, type Life } from "./life.ts";
import type { Target } from "./network.ts";
import type { GateWatch } from "./watch-gate.ts";
import type { WallClock } from "./wall-clock.ts";
import type { World } from "./world.ts";

export interface GateObject extends Target {
  readonly provider: ProviderName;
  enter(permit: string, whose: Whose): { readonly admission: Admission; readonly snapshot: Snapshot };
  exchange(reportId: string, callReports: readonly CallReport[]): Exchanged;
  /** @param atMs the ticket's clock, here and below; absent: it is the gate's own */
  admit(item: QueueItem, notBeforeMs: number, atMs?: number): Admitted;
  withdraw(acceptance: Acceptance): void;
  /** Has a ticket that has a place here say how it stands. */
  askAfter(ticketId: string): void;
  enqueue(item: QueueItem, notBeforeMs: number, atMs?: number): void;
  requeue(item: QueueItem, requeueing: Requeueing, atMs?: number): void;
  start(item: QueueItem, starter: DatedStarter): Start;
  /** @param unheard the index of its tenant has not heard of it */
  remove(ticketId: string, keptBytes?: number, unheard?: UnheardEnd): void;
  ticketsOf(tenant: string, most: number): readonly ListPosition[];
  /** An operator's. */
  order(order: GateOrder): void;
  /** The service has started. @param isAlone nothing of the one before it is left */
  started(isAlone: boolean): void;
  /** As stored. */
  places(): ReadonlyMap<string, Place>;
  state(): GateState;
}

export interface GateObjectParts {
  readonly world: World;
  readonly provider: ProviderName;
  /** Brings a ticket's id to a worker, perhaps. */
  readonly send: (ticketId: string) => void;
  /** Has a ticket tell how it stands. */
  readonly remind: (gate: GateObject, place: Place) => void;
  readonly watch: GateWatch;
  readonly clock: WallClock;
  readonly processLife: (() => Life) | null;
}

/** What changes without being momentous may stay in memory for so long. */
const restMs = 1_000;
const lateMs = 10_000;

export function createGateObject(parts: GateObjectParts): GateObject {
  const { world, provider, send, remind, watch, clock, processLife } = parts;
  const { scheduler, seams, plan } = world;
  const { momentHere, requeueingHere, starterHere } = seams.otherClock;
  const name = `gate ${provider}`;
  const rows = new Map<string, Place>();
  const unheardEnds = new Map<string, UnheardEnd>();
  let table = seams.memoryPlaces();
  let storedState = newGate;
  const alarm = createAlarm(world, clock, ring);

  let ownLife = createLife(name);
  let state = storedState;
  let isStoring = false;
  let keeper = newKeeper();

  function life(): Life {
    if (processLife) return processLife();
    if (!ownLife.isAlive) {
      ownLife = createLife(name);
      forget();
      look(watched, owner);
    }
    return ownLife;
  }

  function forget(): void {
    state = storedState;
    isStoring = false;
    keeper = newKeeper();
    watch.restarted(state);
  }

  /** Its places are gone: those of a process that has ended, or of a store that was lost. */
  function loseAll(): void {
    rows.clear();
    table = seams.memoryPlaces();
    watch.lost();
    forget();
  }

  function newKeeper(): GateKeeper {
    const places: Places = {
      ...table,
      put(place) {
        rows.set(place.ticketId, place);
        table.put(place);
      },
      remove(ticketId) {
        rows.delete(ticketId);
        table.remove(ticketId);
      },
      endWaits(nowMs, model) {
        table.endWaits(nowMs, model);
        for (const id of rows.keys()) {
          const place = table.find(id);
          if (place !== null) rows.set(id, place);
        }
      },
    };
    return seams.createGateKeeper({
      places,
      limits: plan.limits,
      readState: () => state,
      writeState(next, mustLast) {
        state = next;
        if (mustLast) storedState = next;
        else storeLater();
      },
      atomically: (work) => work(),
      nowMs: clock.nowMs,
      random: world.random(`jitter of ${provider}`).next,
    });
  }

  function storeLater(): void {
    if (isStoring) return;
    isStoring = true;
    const present = processLife ? processLife() : ownLife;
    scheduler.after(restMs, () =>
      asAlive(scheduler, present, () => {
        isStoring = false;
        storedState = state;
      }),
    );
  }

  function verb<Reply>(what: string, given: readonly unknown[], work: (keeper: GateKeeper) => Reply): Reply {
    life();
    watch.before(state, rows);
    const reply = work(keeper);
    watch.after(what, given, reply, state, rows);
    lookIfDue(watched, owner);
    watch.served(state, rows, alarm.atMs());
    return reply;
  }

  const watched: Pick<GateKeeper, "look" | "isDue"> = {
    look() {
      watch.before(state, rows);
      const looked = keeper.look();
      watch.after("look", [], looked, state, rows);
      return looked;
    },
    isDue: () => keeper.isDue(),
  };

  const owner: GateOwner = {
    send(ids) {
      for (const id of ids) send(id);
    },
    askAfter(ids) {
      for (const id of ids) ask(id);
    },
    setAlarm(wakeAtMs) {
      const atMs = alarm.atMs();
      const nowMs = clock.nowMs();
      // One that comes too early does no harm. One that is so late may have been lost, or the clock was set.
      if (atMs === null || wakeAtMs < atMs || atMs <= nowMs - lateMs)
        alarm.set(Math.max(wakeAtMs, nowMs + 1));
    },
  };

  function ask(ticketId: string): void {
    const place = rows.get(ticketId);
    if (place !== undefined) remind(object, place);
  }

  function ring(): void {
    if (!life().isAlive) return;
    if (world.strikes("object_dies") && processLife === null) die(ownLife);
    life();
    look(watched, owner);
    watch.served(state, rows, alarm.atMs());
  }

  const object: GateObject = {
    name,
    provider,
    life,
    enter: (permit, whose) => verb("enter", [permit, whose], (it) => it.enter(permit, whose)),
    exchange: (reportId, callReports) =>
      verb("exchange", [reportId, callReports], (it) => it.exchange(reportId, callReports)),
    admit(item, notBeforeMs, atMs) {
      const fromMs = momentHere(notBeforeMs, atMs, clock.nowMs());
      return verb("admit", [item], (it) => it.admit(item, fromMs));
    },
    withdraw: (acceptance) => verb("withdraw", [acceptance], (it) => it.withdraw(acceptance)),
    askAfter: ask,
    enqueue(item, notBeforeMs, atMs) {
      const fromMs = momentHere(notBeforeMs, atMs, clock.nowMs());
      verb("enqueue", [item], (it) => it.enqueue(item, fromMs));
    },
    requeue(item, requeueing, atMs) {
      const here = requeueingHere(requeueing, atMs, clock.nowMs());
      verb("requeue", [item], (it) => it.requeue(item, here));
    },
    start(item, starter) {
      const here = starterHere(starter, clock.nowMs());
      const start = verb("start", [item, here], (it) => it.start(item, here));
      if (processLife === null && world.strikes("gate_forgets")) loseAll();
      return start;
    },
    remove(ticketId, keptBytes, unheard) {
      if (unheard !== undefined) unheardEnds.set(ticketId, unheard);
      verb("remove", [ticketId], (it) => it.remove(ticketId, keptBytes));
    },
    ticketsOf: (tenant, most) =>
      [
        ...Array.from(rows, ([id, place]) => ({ id, ...place })),
        ...Array.from(unheardEnds, ([id, end]) => ({ id, ...end })),
      ]
        .filter((one) => one.tenant === tenant)
        .toSorted(compare)
        .slice(0, most)
        .map(({ id, acceptedAtMs }) => ({ id, acceptedAtMs })),
    order: (order) => void verb("order", [order], (it) => it.order(order)),
    started(isAlone) {
      if (isAlone) {
        // What waits is in the memory of the process, and told again by the tickets.
        loseAll();
      }
      verb("started", [isAlone], (it) => it.started(isAlone));
    },
    places: () => rows,
    state: () => state,
  };
  return object;
}
