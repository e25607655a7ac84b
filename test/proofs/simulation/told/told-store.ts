/**
 * What one process keeps for those who are to be told, beside its tickets: the feed, deliveries, and what waits for the bus. What a move adds is
 * stored with that move, or not at all. The verbs are those that ship, over tables in memory; a file has these in SQLite.
 */
import type { Ticket, TicketEvent } from "../../../../src/domain/ticket/ticket.ts";
import type { DeliveryTables } from "../../../../src/engine/deliveries.ts";
import { eventToTell } from "../../../../src/engine/event-to-tell.ts";
import type { DeliveryStore } from "../../../../src/gateway/delivery-store.ts";
import type { Feed } from "../../../../src/gateway/ports.ts";
import { busRenderer } from "../../../../src/http/bus-events.ts";
import { endsBy } from "../../../../src/domain/ticket/ticket-end.ts";
import { busEventIn } from "../../../../src/push/cloud-event.ts";
import type { Outbox } from "../../../../src/push/outbox.ts";
import type { Receivers } from "../../../../src/push/receivers.ts";
import { memoryDeliveryTables } from "../../../support/memory-deliveries.ts";
import { memoryFeed } from "../../../support/memory-feed.ts";
import type { World } from "../world.ts";

type Deliveries = {
  readonly [Verb in keyof DeliveryStore]: (
    ...asked: Parameters<DeliveryStore[Verb]>
  ) => Awaited<ReturnType<DeliveryStore[Verb]>>;
};

export interface ToldStore {
  readonly deliveries: Pick<Deliveries, "take" | "settle" | "tidy" | "next">;
  readonly tables: DeliveryTables;
  readonly feed: Feed;
  readonly outbox: Outbox;
  /** Within the change of a ticket. */
  stage(ticket: Ticket, events: readonly TicketEvent[]): void;
  /** The change is stored. */
  commit(): void;
  /** It is not, and nothing of it is left. */
  rollBack(): void;
  isEmpty(): boolean;
}

export interface ToldStoreParts {
  readonly world: World;
  /** The store's clock, epoch milliseconds. */
  readonly nowMs: () => number;
  readonly receivers: Receivers;
  readonly find: (id: string) => Ticket | undefined;
  readonly watched: (tables: ReturnType<typeof memoryDeliveryTables>) => DeliveryTables;
  /** Something was stored that is to be told. */
  readonly onStored: () => void;
}

/** To one endpoint. */
const atOnce = 10;

export function createToldStore(parts: ToldStoreParts): ToldStore {
  const { world, nowMs, receivers, find, watched, onStored } = parts;
  const own = memoryDeliveryTables();
  const tables = watched(own);
  const deliveries = world.seams.createDeliveryKeeper({
    tables,
    atomically: (work) => work(),
    nowMs,
    random: world.random("steps of deliveries").next,
    atOnce,
  });
  const feed = memoryFeed(nowMs, find);
  const { outbox, add, isEmpty } = memoryOutbox(nowMs, world.plan.policy.retentionMs);
  let staged: { readonly ticket: Ticket; readonly events: readonly TicketEvent[] }[] = [];

  return {
    deliveries,
    tables,
    feed,
    outbox,
    stage(ticket, events) {
      staged.push({ ticket, events });
    },
    commit() {
      const stored = staged;
      staged = [];
      for (const { ticket, events } of stored) {
        feed.written(ticket, events);
        add(ticket, events);
        const event = endsBy({ ticket, events }) ? eventToTell(ticket) : null;
        if (event !== null)
          deliveries.enter(event, receivers.endpointsOf(ticket.about), receivers.maxPending);
      }
      if (stored.length > 0) onStored();
    },
    rollBack() {
      staged = [];
    },
    isEmpty: () => isEmpty() && own.all().length === 0,
  };
}

function memoryOutbox(nowMs: () => number, retentionMs: number) {
  const render = busRenderer("simulated");
  const waiting = new Map<number, { readonly atMs: number; readonly json: string }>();
  let last = 0;
  const outbox: Outbox = {
    async take(most) {
      let dropped = 0;
      for (const [number, { atMs }] of waiting)
        if (atMs <= nowMs() - retentionMs && waiting.delete(number)) dropped++;
      const entries = [...waiting]
        .slice(0, most)
        .map(([number, { json }]) => ({ key: String(number), event: busEventIn(json) }));
      return { entries, waiting: waiting.size, dropped };
    },
    async sent(entries) {
      for (const { key } of entries) waiting.delete(Number(key));
    },
    release: () => Promise.resolve(),
  };
  return {
    outbox,
    isEmpty: () => waiting.size === 0,
    add(ticket: Ticket, events: readonly TicketEvent[]) {
      for (const event of events) waiting.set(++last, { atMs: nowMs(), json: render(ticket, event).json });
    },
  };
}
