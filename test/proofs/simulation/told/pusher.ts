/** What tells others in one process: the sender and the relay that ship, over what the process keeps. They die with it. */
import { createAlarm } from "../../../../src/node/sqlite/alarm.ts";
import { nodeHmac } from "../../../../src/node/push/hmac.ts";
import { webhookBody } from "../../../../src/http/notices.ts";
import type { Ticket } from "../../../../src/domain/ticket/ticket.ts";
import { eventToTell } from "../../../../src/engine/event-to-tell.ts";
import type { DeliveryStore } from "../../../../src/gateway/delivery-store.ts";
import { StoreAway, type Clock } from "../../../../src/gateway/ports.ts";
import type { Bus } from "../../../../src/push/bus.ts";
import { createRelay } from "../../../../src/push/relay.ts";
import type { PushRequest } from "../../../../src/push/post.ts";
import type { Receivers } from "../../../../src/push/receivers.ts";
import { die, type Life } from "../life.ts";
import type { World } from "../world.ts";
import type { Posting } from "./receivers.ts";
import type { ToldStore } from "./told-store.ts";

export interface PusherParts {
  readonly world: World;
  readonly store: ToldStore;
  readonly receivers: Receivers;
  readonly posting: Posting;
  readonly bus: (life: Life) => Bus;
  /** Nothing is left to be told, nor will be. */
  readonly isOver: () => boolean;
  readonly load: (id: string) => Promise<Ticket | null>;
}

export interface Pusher {
  wake(): void;
  /** Its process is asked to stop. */
  rest(): void;
}

const mostAtOnce = 40;
/** Between two looks: rarely, where tickets are kept for days. */
const looksPerRetention = 400;
const signing = { hmac: nodeHmac, version: "0.0.0" };

export function startPusher(parts: PusherParts, life: Life, given: Clock): Pusher {
  const { world, store, receivers, posting, bus, isOver, load } = parts;
  const clock: Clock = {
    ...given,
    after: (delayMs, then) => (isOver() ? () => {} : given.after(delayMs, then)),
  };
  const onFault = (error: unknown) => {
    if (error instanceof StoreAway) world.note(`background of ${life.name}`, error.message);
    else world.violate("no bugs", `${life.name} tells: ${String(error)}`);
  };
  const alarm = createAlarm(clock, world.plan.policy.retentionMs / looksPerRetention, () => sender.look());
  const wake = () => alarm.set(clock.nowMs());
  const sender = world.seams.createSender({
    deliveries: mortal(world, life, store),
    receivers,
    mostAtOnce,
    load,
    render: webhookBody,
    post: posting.from(life),
    signing,
    clock,
    tell: () => {},
    onFault,
    wake,
  });
  const relay = createRelay({
    outbox: world.seams.outbox(store.outbox),
    bus: bus(life),
    clock,
    tell: () => {},
    onFault,
  });
  world.scheduler.after(0, wake);
  return {
    wake() {
      if (!life.isAlive) return;
      wake();
      relay.kick();
    },
    rest() {
      alarm.stop();
      void Promise.all([sender.rest(), relay.stop()]);
    },
  };
}

/** Its process may die before a verb, and after it. */
function mortal(world: World, life: Life, { deliveries }: ToldStore): DeliveryStore {
  function dies(when: string): boolean {
    if (!life.isAlive) return true;
    if (!world.strikes("crash_at_effect")) return false;
    world.note(life.name, `dies ${when}`);
    die(life);
    return true;
  }
  const asIt =
    <Asked extends readonly unknown[], Reply>(name: string, verb: (...asked: Asked) => Reply) =>
    async (...asked: Asked): Promise<Reply> => {
      if (dies(`before it ${name}`)) return await never();
      const reply = verb(...asked);
      return dies(`after it ${name}`) ? await never() : reply;
    };
  const nobodyAsks = () => Promise.reject(new Error("nobody asks for it here"));
  return {
    take: asIt("takes deliveries", deliveries.take),
    settle: asIt("settles a delivery", deliveries.settle),
    tidy: async (endpoints) => (life.isAlive ? deliveries.tidy(endpoints) : await never()),
    next: async (endpoints) => (life.isAlive ? deliveries.next(endpoints) : await never()),
    redeliver: nobodyAsks,
    testedWell: nobodyAsks,
    page: nobodyAsks,
    health: nobodyAsks,
  };
}

/** Who knows of no deliveries, and sends: for deliberate bugs. */
export interface Naive {
  /** Before anything else happens. */
  now(ticket: Ticket): void;
  /** As calls go. Answered when its receivers have. */
  soon(ticket: Ticket): Promise<void>;
}

export function naive({ all }: Receivers, posting: Posting, life: () => Life): Naive {
  function requestsFor(ticket: Ticket): readonly PushRequest[] {
    const event = eventToTell(ticket);
    if (event === null) return [];
    const headers = { "webhook-id": event.eventId };
    const body = webhookBody(ticket, false);
    const own = all.filter(({ tenant }) => tenant === ticket.about.tenant);
    return own.map(({ url, reach }) => ({ url, headers, body, reach }));
  }
  return {
    now: (ticket) => requestsFor(ticket).forEach(posting.atOnce),
    async soon(ticket) {
      await Promise.all(requestsFor(ticket).map((request) => posting.from(life())(request)));
    },
  };
}

function never(): Promise<never> {
  return new Promise(() => {});
}
