/** Holds what is told against what is stored: webhooks, the bus, and what endpoints are said to be like. */
import { deliveryIdOf, isPending, type Delivery } from "../../../../src/domain/push/delivery.ts";
import type { Endpoint } from "../../../../src/domain/push/endpoint.ts";
import type { DeliveryTables } from "../../../../src/engine/deliveries.ts";
import type { BusEvent } from "../../../../src/push/bus.ts";
import type { PushRequest } from "../../../../src/push/post.ts";
import { startMs } from "../scheduler.ts";
import type { Stopwatch, WallClock } from "../wall-clock.ts";
import type { KnownTicket, TicketWatch } from "../watch-tickets.ts";
import type { World } from "../world.ts";
import { wellFromMs, type ReceiverPlan, type ReceiverWatch } from "./receivers.ts";
import type { ToldStore } from "./told-store.ts";

export interface ToldWatch extends ReceiverWatch {
  onBus(event: BusEvent): void;
  watched(tables: DeliveryTables): DeliveryTables;
  /** Hears what becomes of each attempt. */
  watchedVerbs(store: ToldStore): ToldStore;
  /** A change was stored. */
  stored(id: string): void;
  /** It was asked for at this moment, and is done. */
  settled(id: string, askedAtMs: number): void;
  checkEnd(store: ToldStore): void;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** After its receiver is well, whatever was tried before: the longest wait that a probe does not end. */
const soonMs = 65 * minuteMs;
/** Where a receiver fails now and then, and so is not probed: the longest wait between two attempts, and more. */
const lateMs = 13 * 60 * minuteMs;
/** An absence that is over before anything waits for long. */
const shortMs = 30 * minuteMs;
/** With a ramp, for all that has waited. */
const backMs = 30 * minuteMs;
/** Clocks are off by an hour at most, either way, and may be set more than once. */
const clocksMs = 8 * 60 * minuteMs;
const failuresInARow = 5;
const silentMs = 5 * dayMs;

export function watchTold(
  world: World,
  tickets: TicketWatch,
  receivers: readonly ReceiverPlan[],
  clock: WallClock,
): ToldWatch {
  const { plan, scheduler } = world;
  const broken = (sentence: string, about: string | null = null) => world.violate("told", sentence, about);
  /** What receivers have answered with 2xx: `event endpoint`. */
  const taken = new Set<string>();
  /** The first body of each event. */
  const bodies = new Map<string, string>();
  const fares = new Map(receivers.map((receiver) => [nameOf(receiver), fareOf(clock)]));
  /** What was ever to be delivered, by its id, as it stands. */
  const deliveries = new Map<string, Delivery>();
  const ended = new Set<string>();
  /** How many events of each ticket are stored. */
  const kept = new Map<string, number>();
  const onBus = watchBus(world, tickets, kept);

  function arrived(receiver: ReceiverPlan, { headers, body }: PushRequest): void {
    const eventId = headers["webhook-id"] ?? "";
    const id = eventId.split("_")[1] ?? "";
    world.note(`receiver ${nameOf(receiver)}`, `gets ${eventId.slice(0, 12)}`);
    const known = tickets.known(id);
    if (known === undefined || !ended.has(id)) return broken("sent before it was stored", id);
    if (eventId !== endIdOf(known)) broken(`told as ${eventId}`, id);
    if (known.about.tenant !== receiver.tenant) broken("told to a stranger", id);
    const { type } = JSON.parse(body) as { readonly type: string };
    if (type !== `ticket.${known.status}`) broken(`${type} was told, and it is ${known.status}`, id);
    // A clock that is set back takes all moments of a ticket with it.
    const words = isOff(world) ? body.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "then") : body;
    if ((bodies.get(eventId) ?? words) !== words) broken("told in other words than before", id);
    bodies.set(eventId, words);
    checkWords(world, known, JSON.stringify([headers, body]));
  }

  function answered(receiver: ReceiverPlan, { headers }: PushRequest, status: number): void {
    if (status === 200) taken.add(`${headers["webhook-id"]} ${nameOf(receiver)}`);
    const fare = fares.get(nameOf(receiver));
    if (fare && status === 410) fare.hasSaidGone = true;
  }

  function putDelivery(delivery: Delivery): void {
    const { id, state, eventId, ticketId } = delivery;
    const before = deliveries.get(id);
    deliveries.set(id, delivery);
    if (before !== undefined && before.eventId !== eventId)
      broken("has another event id than before", ticketId);
    if (state.status === before?.state.status) return;
    const fare = fares.get(nameOf({ tenant: delivery.tenant, name: delivery.endpoint }));
    if (state.status === "dropped" && fare) fare.dropped++;
    if (state.status === "delivered" && !taken.has(`${eventId} ${delivery.tenant}/${delivery.endpoint}`))
      broken("said to be delivered, and nobody has it", ticketId);
  }

  function removeDelivery(id: string): void {
    const delivery = deliveries.get(id);
    if (delivery === undefined) return;
    const fare = fares.get(`${delivery.tenant}/${delivery.endpoint}`);
    if (isPending(delivery) && fare) fare.dropped++;
    if ((tickets.known(delivery.ticketId)?.ended?.mostMs() ?? 0) < plan.policy.retentionMs)
      broken("forgotten before its ticket", delivery.ticketId);
  }

  function putEndpoint(before: Endpoint | null, after: Endpoint): void {
    const fare = fares.get(nameOf(after));
    if (fare === undefined) return;
    const was = before?.state.status ?? "ok";
    if (was !== after.state.status)
      world.note(`endpoint ${nameOf(after)}`, `${was}, then ${after.state.status}`);
    const isStopped = after.state.status === "failing" && was !== "failing";
    if (isStopped && fare.inARow < failuresInARow)
      broken(`${nameOf(after)} is taken for failing after ${fare.inARow} failures in a row`);
    const isBack = (was === "failing" || was === "off") && after.state.status === "ramp";
    const isWell =
      world.sinceStartMs() >
      Math.max(plan.healMs, ...receivers.filter((one) => nameOf(one) === nameOf(after)).map(wellFromMs));
    if (isBack && isWell && !isOff(world)) {
      const waiting = [...deliveries.values()].filter(
        (one) => isPending(one) && nameOf({ tenant: one.tenant, name: one.endpoint }) === nameOf(after),
      );
      scheduler.after(backMs, () => checkBack(waiting));
    }
    if (after.state.status !== "off" || was === "off") return;
    if (after.state.because === "gone" && !fare.hasSaidGone) broken(`${nameOf(after)} never said 410`);
    if (after.state.because === "silent" && fare.sinceGood.mostMs() < silentMs)
      broken(`${nameOf(after)} is off, and was well within five days`);
  }

  function stored(id: string): void {
    const known = tickets.known(id);
    if (known !== undefined) kept.set(id, known.events);
    if (known === undefined || known.endedAtMs === null || ended.has(id)) return;
    ended.add(id);
    for (const receiver of receivers.filter(({ tenant }) => tenant === known.about.tenant)) {
      const dueMs = Math.max(scheduler.nowMs(), startMs + Math.max(wellFromMs(receiver), plan.healMs));
      const withinMs = dueMs + patienceWith(world, receiver) - scheduler.nowMs();
      // Otherwise it is to be forgotten, and no time is left to tell of it.
      if (withinMs < plan.policy.retentionMs - (isOff(world) ? clocksMs : soonMs))
        scheduler.after(withinMs, () => checkTold(known, receiver, withinMs));
    }
  }

  /** What waited for a receiver that is there again has gone to it. */
  function checkBack(waiting: readonly Delivery[]): void {
    const left = waiting.find(({ id, attempts }) => {
      const now = deliveries.get(id);
      return now !== undefined && isPending(now) && now.attempts === attempts;
    });
    if (left) broken("waits on for a receiver that is there again", left.ticketId);
  }

  function checkTold(known: KnownTicket, receiver: ReceiverPlan, withinMs: number): void {
    if (taken.has(`${endIdOf(known)} ${nameOf(receiver)}`)) return;
    broken(
      `${nameOf(receiver)} is well, and was not told within ${Math.round(withinMs / minuteMs)} min`,
      known.id,
    );
  }

  return {
    arrived,
    answered,
    onBus: onBus.arrived,
    stored,
    settled(id, askedAtMs) {
      const tookMs = scheduler.nowMs() - askedAtMs;
      if (tookMs > 0) broken(`what is stored waited ${tookMs} ms for somebody to be told`, id);
    },
    watched: (tables) => ({
      ...tables,
      put(delivery) {
        putDelivery(delivery);
        tables.put(delivery);
      },
      remove(id) {
        removeDelivery(id);
        tables.remove(id);
      },
      putEndpoint(endpoint) {
        putEndpoint(tables.endpoint(endpoint), endpoint);
        tables.putEndpoint(endpoint);
      },
    }),
    watchedVerbs: (store) => ({
      ...store,
      deliveries: {
        ...store.deliveries,
        settle(id, lease, end) {
          const before = store.tables.find(id);
          const fare = before && fares.get(nameOf({ tenant: before.tenant, name: before.endpoint }));
          const isGood = end.kind === "status" && end.status >= 200 && end.status < 300;
          const saysNothing = end.kind === "given_back" || end.kind === "ticket_gone";
          if (fare && !isGood && !saysNothing) fare.inARow++;
          const settled = store.deliveries.settle(id, lease, end);
          const isNews =
            before?.state.status !== "delivered" && settled.delivery?.state.status === "delivered";
          if (fare && isNews) {
            fare.inARow = 0;
            fare.sinceGood = clock.stopwatch();
          }
          return settled;
        },
      },
    }),
    checkEnd(store) {
      if (!store.isEmpty()) broken("something is to be told for ever");
      for (const id of ended) {
        const { tenant } = tickets.known(id)?.about ?? {};
        for (const receiver of receivers)
          if (receiver.tenant === tenant && !deliveries.has(deliveryIdOf(id, receiver.name)))
            broken(`was never to be told to ${nameOf(receiver)}`, id);
      }
      for (const [name, { dropped }] of fares) {
        const [tenant = "", own = ""] = name.split("/");
        const shown = store.tables.endpoint({ tenant, name: own })?.dropped ?? 0;
        if (shown !== dropped) broken(`${name} shows ${shown} dropped, and ${dropped} were`);
      }
      onBus.checkEnd();
    },
  };
}

function watchBus(world: World, tickets: TicketWatch, kept: ReadonlyMap<string, number>) {
  const broken = (sentence: string, about: string) => world.violate("bus", sentence, about);
  /** The latest event that has arrived of each ticket, and how long ago that ticket's own clock is over. */
  const latest = new Map<string, number>();
  return {
    arrived({ id, queueId, json }: BusEvent): void {
      const { subject, sequence } = JSON.parse(json) as {
        readonly subject: string;
        readonly sequence: string;
      };
      const number = Number(sequence);
      const known = tickets.known(queueId);
      world.note("bus", `gets ${number} of ${queueId.slice(0, 8)}`);
      if (known === undefined || number > (kept.get(queueId) ?? 0))
        return broken("sent before it was stored", queueId);
      if (id !== `evt_${queueId}_${number}` || subject !== queueId)
        broken(`told as ${id} of ${subject}`, queueId);
      const before = latest.get(queueId) ?? 0;
      if (number > before + 1) broken(`event ${number} comes after ${before}`, queueId);
      latest.set(queueId, Math.max(before, number));
      checkWords(world, known, json);
    },
    checkEnd(): void {
      for (const { id, events } of tickets.all())
        if ((latest.get(id) ?? 0) < events) broken(`${latest.get(id) ?? 0} of ${events} events came`, id);
    },
  };
}

/** How an endpoint fares, as seen from its receiver. */
interface Fare {
  inARow: number;
  sinceGood: Stopwatch;
  hasSaidGone: boolean;
  dropped: number;
}

function fareOf(clock: WallClock): Fare {
  return { inARow: 0, sinceGood: clock.stopwatch(), hasSaidGone: false, dropped: 0 };
}

function patienceWith(world: World, { absences }: ReceiverPlan): number {
  const isShort = absences.length < 2 && absences.every(({ fromMs, untilMs }) => untilMs - fromMs < shortMs);
  return (isShort ? soonMs : lateMs) + (isOff(world) ? clocksMs : 0);
}

function isOff({ plan }: World): boolean {
  return plan.rates.has("store_clocks") || plan.rates.has("skewed_clock");
}

function checkWords(world: World, { id, texts }: KnownTicket, text: string): void {
  const own = [
    texts.essayA,
    texts.essayB,
    texts.userPrompt,
    texts.systemPrompt,
    "Essay one of",
    "Essay two of",
  ];
  const found = own.find((words) => words !== "" && text.includes(words));
  if (found !== undefined) world.violate("11 erased", `told with the words ${found.slice(0, 20)}`, id);
}

function endIdOf({ id, events }: KnownTicket): string {
  return `evt_${id}_${events}`;
}

function nameOf({ tenant, name }: { readonly tenant: string; readonly name: string }): string {
  return `${tenant}/${name}`;
}
