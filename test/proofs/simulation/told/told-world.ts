/** All that is told in a world of one process: what it keeps, who tells, who is told, and who watches that. */
import type { Ticket, TicketEvent } from "../../../../src/domain/ticket/ticket.ts";
import type { Clock } from "../../../../src/gateway/ports.ts";
import type { Life } from "../life.ts";
import type { WallClock } from "../wall-clock.ts";
import type { TicketWatch } from "../watch-tickets.ts";
import type { World } from "../world.ts";
import { busOf } from "./bus.ts";
import { startFeedReaders } from "./feed-reader.ts";
import { naive, startPusher, type Naive, type Pusher } from "./pusher.ts";
import { drawReceivers, postTo, settingsOf } from "./receivers.ts";
import { createToldStore } from "./told-store.ts";
import { watchTold } from "./watch-told.ts";

export interface Told {
  /** Within the change of a ticket. */
  stage(ticket: Ticket, events: readonly TicketEvent[]): void;
  /** The change is stored. */
  commit(id: string): void;
  /** Nothing of it is left. */
  rollBack(): void;
  /** A settle that was asked for at this moment is done. */
  settled(id: string, askedAtMs: number): void;
  /** For deliberate bugs. */
  readonly naive: Naive;
  start(life: Life, clock: Clock): Pusher;
  checkEnd(): void;
}

export interface ToldParts {
  readonly world: World;
  readonly tickets: TicketWatch;
  /** Of the process. */
  readonly clock: WallClock;
  readonly life: () => Life;
  readonly find: (id: string) => Ticket | undefined;
  readonly load: (id: string) => Promise<Ticket | null>;
}

/** A request may come so long after all was well. */
const latestMs = 60 * 60_000;

export async function createTold({ world, tickets, clock, life, find, load }: ToldParts): Promise<Told> {
  const plans = drawReceivers(world);
  const receivers = await settingsOf(plans);
  const watch = watchTold(world, tickets, plans, clock);
  const posting = postTo(world, plans, watch);
  let pusher: Pusher | null = null;
  const store = watch.watchedVerbs(
    createToldStore({
      world,
      nowMs: clock.nowMs,
      receivers,
      find,
      watched: watch.watched,
      onStored: () => pusher?.wake(),
    }),
  );
  const bus = busOf(world, watch.onBus);
  const readers = startFeedReaders(world, store.feed, tickets);
  const isOver = () =>
    world.sinceStartMs() > world.plan.healMs + latestMs &&
    store.isEmpty() &&
    [...tickets.all()].every(({ ticket }) => ticket === null);

  return {
    stage: store.stage,
    commit(id) {
      store.commit();
      watch.stored(id);
    },
    rollBack: store.rollBack,
    settled: watch.settled,
    naive: naive(receivers, posting, life),
    start(of, given) {
      pusher = startPusher({ world, store, receivers, posting, bus, isOver, load }, of, given);
      return pusher;
    },
    checkEnd() {
      watch.checkEnd(store);
      readers.checkEnd();
    },
  };
}
