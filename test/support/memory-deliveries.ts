/** Deliveries in memory: the engine's verbs over plain maps, by a clock that a test sets. */
import { isPending, type Delivery, type EventToTell } from "../../src/domain/push/delivery.ts";
import type { Endpoint, KnownEndpoint } from "../../src/domain/push/endpoint.ts";
import {
  createDeliveryKeeper,
  type DeliveryKeeper,
  type DeliveryTables,
} from "../../src/engine/deliveries.ts";
import type { DeliveryPosition, DeliveryStore, EndpointName } from "../../src/gateway/delivery-store.ts";

export interface MemoryDeliveries extends DeliveryStore {
  enter(event: EventToTell, endpoints: readonly KnownEndpoint[], maxPending: number): Promise<void>;
  /** For whoever looks behind the verbs. */
  readonly tables: DeliveryTables & { all(): readonly Delivery[] };
}

export function memoryDeliveries(
  nowMs: () => number,
  random: () => number,
  atOnce: number,
): MemoryDeliveries {
  const tables = memoryDeliveryTables();
  const keeper = createDeliveryKeeper({ tables, atomically: (work) => work(), nowMs, random, atOnce });
  return { ...asStore(keeper), enter: async (...args) => keeper.enter(...args), tables };
}

/** The verbs as a store has them. */
function asStore(keeper: DeliveryKeeper): DeliveryStore {
  return {
    take: async (...args) => keeper.take(...args),
    settle: async (...args) => keeper.settle(...args),
    tidy: async (endpoints) => keeper.tidy(endpoints),
    next: async (endpoints) => keeper.next(endpoints),
    redeliver: async (tenant, id) => keeper.redeliver(tenant, id),
    testedWell: async (endpoint) => keeper.testedWell(endpoint),
    page: async (query) => keeper.page(query),
    health: async (endpoints) => keeper.health(endpoints),
  };
}

/** Whatever is stored has gone through JSON. */
export function memoryDeliveryTables(): DeliveryTables & { all(): readonly Delivery[] } {
  const deliveries = new Map<string, Delivery>();
  const endpoints = new Map<string, Endpoint>();
  const keyOf = ({ tenant, name }: EndpointName) => `${tenant}/${name}`;
  const all = () => [...deliveries.values()];
  const isOf =
    ({ tenant, name }: EndpointName) =>
    (delivery: Delivery) =>
      delivery.tenant === tenant && delivery.endpoint === name;
  const dueOf = (name: EndpointName) =>
    all()
      .filter(isOf(name))
      .flatMap((delivery) =>
        delivery.state.status === "due" ? [{ delivery, dueMs: delivery.state.dueMs }] : [],
      )
      .toSorted((a, b) => a.dueMs - b.dueMs || (a.delivery.id < b.delivery.id ? -1 : 1));
  const sent = () =>
    all()
      .flatMap((delivery) =>
        delivery.state.status === "sending" ? [{ delivery, endMs: delivery.state.leaseEndsAtMs }] : [],
      )
      .toSorted((a, b) => a.endMs - b.endMs);
  const byEnd = () => all().toSorted((a, b) => a.forgetAtMs - b.forgetAtMs);

  return {
    all,
    endpoint: (name) => endpoints.get(keyOf(name)) ?? null,
    endpoints: () => [...endpoints.values()],
    putEndpoint: (endpoint) => void endpoints.set(keyOf(endpoint), clone(endpoint)),
    removeEndpoint: (name) => void endpoints.delete(keyOf(name)),

    find: (id) => deliveries.get(id) ?? null,
    put: (delivery) => void deliveries.set(delivery.id, clone(delivery)),
    remove: (id) => void deliveries.delete(id),

    due: (name, nowMs, most) =>
      dueOf(name)
        .filter(({ dueMs }) => dueMs <= nowMs)
        .slice(0, most)
        .map(({ delivery }) => delivery),
    dueLater: (name, nowMs, most) =>
      dueOf(name)
        .filter(({ dueMs }) => dueMs > nowMs)
        .slice(0, most)
        .map(({ delivery }) => delivery),
    firstDueMs: (name) => dueOf(name)[0]?.dueMs ?? null,
    lapsed: (nowMs, most) =>
      sent()
        .filter(({ endMs }) => endMs <= nowMs)
        .slice(0, most)
        .map(({ delivery }) => delivery),
    firstLapseMs: () => sent()[0]?.endMs ?? null,
    over: (nowMs, most) =>
      byEnd()
        .filter(({ forgetAtMs }) => forgetAtMs <= nowMs)
        .slice(0, most),
    firstOverMs: () => byEnd()[0]?.forgetAtMs ?? null,
    page: (tenant, after, most) =>
      all()
        .filter((delivery) => delivery.tenant === tenant && (after === null || isBehind(delivery, after)))
        .toSorted((a, b) => (isBehind(a, b) ? 1 : -1))
        .slice(0, most),
  };
}

/** Newest first, and of one moment the highest id. */
function isBehind(a: DeliveryPosition, b: DeliveryPosition): boolean {
  return a.createdAtMs < b.createdAtMs || (a.createdAtMs === b.createdAtMs && a.id < b.id);
}

/** Do the counts that an endpoint keeps fit its deliveries? */
export function countsFit(endpoint: Endpoint, all: readonly Delivery[]): boolean {
  const own = all.filter(
    ({ tenant, endpoint: name }) => tenant === endpoint.tenant && name === endpoint.name,
  );
  const sending = own.filter(({ state }) => state.status === "sending").length;
  return endpoint.pending === own.filter(isPending).length && endpoint.sending === sending;
}

function clone<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
