/**
 * What endpoints are to be told, over any tables that answer at once: `domain/push/` decides, this reads and writes. The same for SQLite in a Node
 * process and in a Durable Object, for Redis' script, and for memory.
 *
 * An end is entered in the transaction that stores it, and so it is told at least once, as long as its ticket is kept. Whoever sends takes
 * deliveries under a lease, and settles them. Several processes can take from one table: none gets what another has.
 */
import {
  deliveryIdOf,
  droppedDelivery,
  isPending,
  lapsedDelivery,
  newDelivery,
  redelivered,
  settledDelivery,
  takenDelivery,
  receptionOf,
  type AttemptEnd,
  type Delivery,
  type EventToTell,
} from "../domain/push/delivery.ts";
import {
  afterAttempt,
  hasRecovered,
  newEndpoint,
  onAgain,
  opensAtMs,
  roomAt,
  seenEndpoint,
  sendingTo,
  withDropped,
  type Endpoint,
  type KnownEndpoint,
} from "../domain/push/endpoint.ts";
import type {
  DeliveryMoments,
  DeliveryPage,
  DeliveryPosition,
  DeliveryQuery,
  EndpointChange,
  EndpointHealth,
  EndpointName,
  Redelivered,
  SettledAttempt,
  TakenDelivery,
} from "../gateway/delivery-store.ts";

/** Rows of one store. Every function is called within a transaction, or reads. */
export interface DeliveryTables {
  endpoint(name: EndpointName): Endpoint | null;
  /** All of which anything is stored. */
  endpoints(): readonly Endpoint[];
  putEndpoint(endpoint: Endpoint): void;
  removeEndpoint(name: EndpointName): void;

  find(id: string): Delivery | null;
  /** A new one, or the one with this id as it is now. */
  put(delivery: Delivery): void;
  remove(id: string): void;

  /** Due by this moment, the earliest first. */
  due(name: EndpointName, nowMs: number, most: number): readonly Delivery[];
  /** Due later than that, in any order. */
  dueLater(name: EndpointName, nowMs: number, most: number): readonly Delivery[];
  firstDueMs(name: EndpointName): number | null;
  /** Under way, with a lease that is over by this moment. */
  lapsed(nowMs: number, most: number): readonly Delivery[];
  firstLapseMs(): number | null;
  /** To be forgotten by this moment. */
  over(nowMs: number, most: number): readonly Delivery[];
  firstOverMs(): number | null;
  /** Of a tenant, newest first, and of one moment by id, the highest first: what stands behind a position. */
  page(tenant: string, after: DeliveryPosition | null, most: number): readonly Delivery[];
}

export interface DeliveriesParts {
  readonly tables: DeliveryTables;
  /** Runs one verb as one transaction. */
  readonly atomically: <T>(work: () => T) => T;
  /** The store's clock, epoch milliseconds. */
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** To one endpoint at a time. */
  readonly atOnce: number;
}

export type DeliveryKeeper = ReturnType<typeof createDeliveryKeeper>;

/** Rows that one verb tidies up at most. */
const batch = 200;
/** Those that wait for later are at most brought forward when their endpoint is there again: more than that don't gather, since probes are few. */
const mostRecalled = 1_000;
/** An endpoint that no process knows for so long was removed from the settings. Less is a roll-out, or a start with the wrong settings. */
const removedAfterMs = 600_000;
/** Deliveries that are looked at for one page, whatever its filters. */
const mostSeen = 1_000;

export function createDeliveryKeeper(parts: DeliveriesParts) {
  const rows = rowsOf(parts);
  return {
    ...entering(parts, rows),
    ...sending(parts, rows),
    ...tidying(parts, rows),
    ...moments(parts),
    ...views(parts),
  };
}

/** An endpoint's counts always fit its deliveries. */
function rowsOf({ tables, atOnce }: DeliveriesParts) {
  function endpointOf(delivery: Delivery): Endpoint | null {
    return tables.endpoint({ tenant: delivery.tenant, name: delivery.endpoint });
  }

  /** Those that wait for their step go now: whatever was in the way is over. */
  function recall(name: EndpointName, nowMs: number): void {
    for (const delivery of tables.dueLater(name, nowMs, mostRecalled))
      tables.put(lapsedDelivery(delivery, nowMs));
  }

  /** @returns what is to be told of it */
  function putChanged(before: Endpoint, after: Endpoint, nowMs: number): EndpointChange | null {
    tables.putEndpoint(after);
    if (hasRecovered(before, after)) recall(after, nowMs);
    return changeOf(before, after);
  }

  /** What was under way is not any more. */
  function putOver(
    delivery: Delivery,
    after: Delivery,
    end: AttemptEnd,
    nowMs: number,
  ): EndpointChange | null {
    tables.put(after);
    const endpoint = endpointOf(delivery);
    if (endpoint === null) return null;
    const fares = afterAttempt(endpoint, delivery.id, receptionOf(end), nowMs, atOnce);
    const dropped = after.state.status === "dropped" ? 1 : 0;
    const pending = fares.pending - (isPending(after) ? 0 : 1);
    return putChanged(endpoint, withDropped({ ...fares, pending }, dropped, nowMs), nowMs);
  }

  return { endpointOf, putChanged, putOver };
}

type Rows = ReturnType<typeof rowsOf>;

function entering({ tables, atomically, nowMs }: DeliveriesParts, { endpointOf }: Rows) {
  return {
    /**
     * Within the transaction that stores the end. Entered again, an end is as it was.
     *
     * @param maxPending of an endpoint: what comes beyond is dropped, and shown so
     */
    enter(event: EventToTell, endpoints: readonly KnownEndpoint[], maxPending: number): void {
      const atMs = nowMs();
      for (const known of endpoints) {
        const delivery = newDelivery(event, known.name, atMs);
        if (tables.find(delivery.id) !== null) continue;
        const endpoint = tables.endpoint(known) ?? newEndpoint(known);
        const isFull = endpoint.pending >= maxPending;
        tables.put(isFull ? droppedDelivery(delivery, atMs) : delivery);
        tables.putEndpoint(
          isFull ? withDropped(endpoint, 1, atMs) : { ...endpoint, pending: endpoint.pending + 1 },
        );
      }
    },

    /** There is no room for any of it. Within the transaction that stores the end. */
    leaveOut({ ticketId }: EventToTell, endpoints: readonly KnownEndpoint[]): void {
      const atMs = nowMs();
      for (const known of endpoints) {
        if (tables.find(deliveryIdOf(ticketId, known.name)) !== null) continue;
        const endpoint = tables.endpoint(known) ?? newEndpoint(known);
        tables.putEndpoint(withDropped(endpoint, 1, atMs));
      }
    },

    /** Tells the same event again under its id. @param tenant whose it must be */
    redeliver(tenant: string, id: string): Redelivered {
      return atomically(() => {
        const atMs = nowMs();
        const found = tables.find(id);
        if (found === null || found.tenant !== tenant) return { kind: "unknown" };
        if (atMs >= found.forgetAtMs) return { kind: "forgotten" };
        const endpoint = endpointOf(found);
        if (endpoint === null) return { kind: "unknown" };
        const delivery = redelivered(found, atMs);
        if (delivery !== found) tables.put(delivery);
        if (!isPending(found)) tables.putEndpoint({ ...endpoint, pending: endpoint.pending + 1 });
        return { kind: "redelivered", delivery };
      });
    },
  };
}

function sending(
  { tables, atomically, nowMs, random, atOnce }: DeliveriesParts,
  { putChanged, putOver }: Rows,
) {
  /** Those to which something may be sent now, each with what is due, the earliest first. */
  function open(endpoints: readonly KnownEndpoint[], most: number, atMs: number): Open[] {
    const found: Open[] = [];
    for (const known of endpoints) {
      const stored = tables.endpoint(known);
      if (stored === null) continue;
      const seen = seenEndpoint(stored, known);
      if (seen !== stored) putChanged(stored, seen, atMs);
      const room = roomAt(seen, atMs, atOnce);
      if (room === 0 || seen.pending === seen.sending) continue;
      const due = tables.due(known, atMs, Math.min(room, most));
      if (due.length > 0) found.push({ endpoint: seen, due, at: 0 });
    }
    return found;
  }

  return {
    /** To the endpoints with the fewest under way first. */
    take(endpoints: readonly KnownEndpoint[], most: number, leaseMs: number): readonly TakenDelivery[] {
      return atomically(() => {
        const atMs = nowMs();
        const candidates = open(endpoints, most, atMs);
        const taken: TakenDelivery[] = [];
        while (taken.length < most) {
          const next = idlest(candidates);
          if (next === null) break;
          const delivery = takenDelivery(next.delivery, atMs, leaseMs);
          tables.put(delivery);
          next.of.endpoint = sendingTo(next.of.endpoint, delivery.id);
          next.of.at++;
          taken.push({ delivery, lease: delivery.attempts });
        }
        for (const { endpoint, at } of candidates) if (at > 0) tables.putEndpoint(endpoint);
        return taken;
      });
    },

    /**
     * An attempt is over. Where the lease has ended meanwhile, only a success counts, unless the delivery is under way again.
     */
    settle(id: string, lease: number, end: AttemptEnd): SettledAttempt {
      return atomically(() => {
        const atMs = nowMs();
        const found = tables.find(id);
        if (found === null) return { delivery: null, change: null };
        const isOurs = found.state.status === "sending" && found.attempts === lease;
        if (isOurs) {
          const delivery = settledDelivery(found, end, atMs, random());
          return { delivery, change: putOver(found, delivery, end, atMs) };
        }
        if (receptionOf(end) !== "good" || found.state.status !== "due")
          return { delivery: found, change: null };
        const delivery = settledDelivery(found, end, atMs, 0);
        const endpoint = tables.endpoint({ tenant: found.tenant, name: found.endpoint });
        // It is none of those under way.
        const counted = endpoint && { ...endpoint, sending: endpoint.sending + 1 };
        if (counted !== null) tables.putEndpoint(counted);
        return { delivery, change: putOver(found, delivery, end, atMs) };
      });
    },

    /** A test has reached it: it is on again. */
    testedWell(known: KnownEndpoint): EndpointChange | null {
      return atomically(() => {
        const endpoint = tables.endpoint(known);
        return endpoint === null ? null : putChanged(endpoint, onAgain(endpoint), nowMs());
      });
    },
  };
}

/** An endpoint while deliveries are taken for it. */
interface Open {
  endpoint: Endpoint;
  readonly due: readonly Delivery[];
  /** Of those due, the next. */
  at: number;
}

/** What is next of the endpoint with the fewest under way. */
function idlest(candidates: readonly Open[]): { readonly of: Open; readonly delivery: Delivery } | null {
  let best: { readonly of: Open; readonly delivery: Delivery } | null = null;
  for (const of of candidates) {
    const delivery = of.due[of.at];
    if (delivery === undefined) continue;
    if (best === null || of.endpoint.sending < best.of.endpoint.sending) best = { of, delivery };
  }
  return best;
}

/** What happens by time alone. */
function tidying({ tables, atomically, nowMs, atOnce }: DeliveriesParts, { endpointOf, putOver }: Rows) {
  /** Marked first; what waits for it is dropped later. @returns false: there is more of it */
  function dropUnknown(endpoint: Endpoint, atMs: number): boolean {
    const { unknownSinceMs, pending, sending } = endpoint;
    if (unknownSinceMs === null) {
      tables.putEndpoint({ ...endpoint, unknownSinceMs: atMs });
      return true;
    }
    if (atMs < unknownSinceMs + removedAfterMs) return true;
    const waiting = [...tables.due(endpoint, atMs, batch), ...tables.dueLater(endpoint, atMs, batch)];
    for (const delivery of waiting) tables.put(droppedDelivery(delivery, atMs));
    if (waiting.length === 0 && sending === 0) tables.removeEndpoint(endpoint);
    else {
      const left = Math.max(0, pending - waiting.length);
      tables.putEndpoint(withDropped({ ...endpoint, pending: left }, waiting.length, atMs));
    }
    return waiting.length === 0;
  }

  function forget(delivery: Delivery, atMs: number): void {
    tables.remove(delivery.id);
    const endpoint = endpointOf(delivery);
    if (endpoint === null || !isPending(delivery)) return;
    const wasSending = delivery.state.status === "sending";
    // It may have been the probe, whose turn is another's then.
    const rest = wasSending ? afterAttempt(endpoint, delivery.id, "nothing", atMs, atOnce) : endpoint;
    tables.putEndpoint(withDropped({ ...rest, pending: endpoint.pending - 1 }, 1, atMs));
  }

  function lapse(delivery: Delivery, atMs: number): void {
    putOver(delivery, lapsedDelivery(delivery, atMs), { kind: "given_back" }, atMs);
  }

  return {
    /** The one process that ever took from these tables is dead: what it had taken goes at once. */
    senderDied(): void {
      atomically(() => {
        const atMs = nowMs();
        for (;;) {
          const taken = tables.lapsed(Infinity, batch);
          for (const delivery of taken) lapse(delivery, atMs);
          if (taken.length < batch) return;
        }
      });
    },

    /**
     * Gives back what a dead process had taken, forgets what belongs to forgotten tickets, and drops what waits for endpoints that are no more.
     *
     * @param endpoints all that the settings know now
     * @returns false: there is more to do at once
     */
    tidy(endpoints: readonly KnownEndpoint[]): boolean {
      return atomically(() => {
        const atMs = nowMs();
        const lapsed = tables.lapsed(atMs, batch);
        for (const delivery of lapsed) lapse(delivery, atMs);
        const over = tables.over(atMs, batch);
        for (const delivery of over) forget(delivery, atMs);
        let isDone = lapsed.length < batch && over.length < batch;
        for (const known of endpoints) {
          const stored = tables.endpoint(known);
          if (stored !== null && stored.unknownSinceMs !== null) {
            tables.putEndpoint({ ...stored, unknownSinceMs: null });
          }
        }
        for (const endpoint of unknown(tables, endpoints)) if (!dropUnknown(endpoint, atMs)) isDone = false;
        return isDone;
      });
    },
  };
}

/** Those that the settings know no more. */
function unknown(tables: DeliveryTables, endpoints: readonly KnownEndpoint[]): readonly Endpoint[] {
  const names: Record<string, true | undefined> = {};
  for (const { tenant, name } of endpoints) names[`${tenant}/${name}`] = true;
  return tables.endpoints().filter(({ tenant, name }) => names[`${tenant}/${name}`] === undefined);
}

function moments({ tables, nowMs, atOnce }: DeliveriesParts) {
  return {
    /** As far as time alone decides. */
    next(endpoints: readonly KnownEndpoint[]): DeliveryMoments {
      const atMs = nowMs();
      let sendAtMs: number | null = null;
      let tidyAtMs = earlier(tables.firstLapseMs(), tables.firstOverMs());
      for (const known of endpoints) {
        const stored = tables.endpoint(known);
        if (stored === null) continue;
        if (stored.unknownSinceMs !== null) tidyAtMs = atMs;
        const opensMs = opensAtMs(seenEndpoint(stored, known), atMs, atOnce);
        const dueMs = opensMs === null ? null : tables.firstDueMs(known);
        if (opensMs !== null && dueMs !== null) sendAtMs = earlier(sendAtMs, Math.max(opensMs, dueMs));
      }
      for (const { unknownSinceMs } of unknown(tables, endpoints)) {
        tidyAtMs = earlier(tidyAtMs, unknownSinceMs === null ? atMs : unknownSinceMs + removedAfterMs);
      }
      return { sendAtMs, tidyAtMs };
    },
  };
}

function views({ tables }: DeliveriesParts) {
  return {
    /** Newest first. */
    page({ tenant, name, status, after, limit }: DeliveryQuery): DeliveryPage {
      const found: Delivery[] = [];
      let next = after;
      for (let seen = 0; seen < mostSeen; seen += limit) {
        const rows = tables.page(tenant, next, limit);
        for (const delivery of rows) {
          if (found.length === limit) return { deliveries: found, next };
          next = { createdAtMs: delivery.createdAtMs, id: delivery.id };
          const isWanted =
            status === null ||
            status === delivery.state.status ||
            (status === "pending" && isPending(delivery));
          if (isWanted && (name === null || name === delivery.endpoint)) found.push(delivery);
        }
        if (rows.length < limit) return { deliveries: found, next: null };
      }
      return { deliveries: found, next };
    },

    /** Of these, in their order. */
    health(endpoints: readonly KnownEndpoint[]): readonly EndpointHealth[] {
      return endpoints.map((known) => {
        const stored = tables.endpoint(known);
        return healthOf(stored === null ? newEndpoint(known) : seenEndpoint(stored, known));
      });
    },
  };
}

function healthOf({
  tenant,
  name,
  kind,
  state,
  trouble,
  pending,
  dropped,
  lastDroppedAtMs,
  lastDeliveredAtMs,
}: Endpoint): EndpointHealth {
  return {
    tenant,
    name,
    kind,
    state: shownState(state),
    failingSinceMs: trouble === null ? null : trouble.sinceMs,
    offBecause: state.status === "off" ? state.because : null,
    pending,
    dropped,
    lastDroppedAtMs,
    lastDeliveredAtMs,
  };
}

function shownState(state: Endpoint["state"]): EndpointHealth["state"] {
  switch (state.status) {
    case "ok":
    case "ramp":
      return "ok";
    case "failing":
      return state.probe === null ? "failing" : "probing";
    case "off":
      return "off";
  }
}

function changeOf(before: Endpoint, after: Endpoint): EndpointChange | null {
  const [was, is] = [shownState(before.state), shownState(after.state)];
  const { tenant, name } = after;
  if (was === is || is === "probing") return null;
  if (is === "failing") return was === "ok" ? { tenant, name, change: "failing", because: null } : null;
  if (is === "ok") return { tenant, name, change: "on", because: null };
  return { tenant, name, change: "off", because: after.state.status === "off" ? after.state.because : null };
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
