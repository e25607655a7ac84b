/** What a tenant's endpoints are to be told, in the object that has its index: entered with the number in the feed, and sent by the object's alarm. */
import type { EventToTell } from "../../domain/push/delivery.ts";
import type { TicketCopy } from "../../domain/ticket/ticket.ts";
import { createDeliveryKeeper, type DeliveryKeeper } from "../../engine/deliveries.ts";
import type { DeliveryStore } from "../../gateway/delivery-store.ts";
import { webhookBody } from "../../http/notices.ts";
import { createSender, type Sender, type SenderParts } from "../../push/deliver.ts";
import type { Receivers } from "../../push/receivers.ts";
import { sqlDeliveryTables } from "../../stores/sql-deliveries.ts";
import { clock, timers } from "../clock.ts";

export interface IndexDeliveriesParts extends Pick<SenderParts, "post" | "signing" | "tell"> {
  readonly storage: DurableObjectStorage;
  readonly load: (ticketId: string) => Promise<TicketCopy | null>;
  /** JSON of its event, as the feed has it; `null`: it is not there any more. */
  readonly eventOf: (ticketId: string) => string | null;
  readonly onFault: (error: unknown, ticketId?: string) => void;
}

export interface IndexDeliveries {
  /** `null`: nothing was ever entered, or asked. */
  there(): DeliveryKeeper | null;
  /** Makes its tables, where they aren't there. */
  made(): DeliveryKeeper;
  /** Within what enters the feed. @param callback the name of the prefix of the caller's own URL @returns false: nobody is told */
  enter(event: EventToTell, callback: string | undefined, receivers: Receivers): boolean;
  /** Sends what is due, until that is done or a while is over. @returns when something is next; `null`: never by itself */
  send(receivers: Receivers): Promise<number | null>;
}

/** Connections that an object may have open are six. */
const atOnce = 5;
/** The platform ends an alarm after 15 minutes. */
const longestMs = 300_000;
/** After a look that failed. */
const againMs = 30_000;

export function indexDeliveries(parts: IndexDeliveriesParts): IndexDeliveries {
  const { sql } = parts.storage;
  let keeper: DeliveryKeeper | null = null;
  /** Has a sender that is at work look again. */
  const atWork: AtWork = { wake: null };

  function made(): DeliveryKeeper {
    keeper ??= keeperIn(parts.storage, atOnce);
    return keeper;
  }

  function there(): DeliveryKeeper | null {
    if (keeper !== null) return keeper;
    const found = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").toArray();
    return found.length === 0 ? null : made();
  }

  return {
    there,
    made,
    enter(event, callback, receivers) {
      const { tenant } = event;
      const about = callback === undefined ? { tenant } : { tenant, callback: { name: callback } };
      const endpoints = receivers.endpointsOf(about);
      if (endpoints.length === 0) return false;
      made().enter(event, endpoints, receivers.maxPending);
      atWork.wake?.();
      return true;
    },
    async send(receivers) {
      const found = there();
      return found === null ? null : await sendAll(parts, found, receivers, atWork);
    },
  };
}

/** @param atOnce to one endpoint */
export function keeperIn(storage: DurableObjectStorage, atOnce: number): DeliveryKeeper {
  const { sql } = storage;
  sql.exec(
    `CREATE TABLE IF NOT EXISTS deliveries (
       id TEXT PRIMARY KEY, tenant TEXT NOT NULL, endpoint TEXT NOT NULL, created_ms INTEGER NOT NULL,
       forget_at_ms INTEGER NOT NULL, due_ms INTEGER, lease_ends_ms INTEGER, record TEXT NOT NULL
     ) WITHOUT ROWID;
     CREATE INDEX IF NOT EXISTS by_due ON deliveries (tenant, endpoint, due_ms) WHERE due_ms IS NOT NULL;
     CREATE INDEX IF NOT EXISTS by_lease ON deliveries (lease_ends_ms) WHERE lease_ends_ms IS NOT NULL;
     CREATE INDEX IF NOT EXISTS by_forget ON deliveries (forget_at_ms);
     CREATE INDEX IF NOT EXISTS by_created ON deliveries (tenant, created_ms, id);
     CREATE TABLE IF NOT EXISTS endpoints (
       tenant TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (tenant, name)
     ) WITHOUT ROWID;`,
  );
  return createDeliveryKeeper({
    tables: sqlDeliveryTables(
      (statement) =>
        (...bindings) =>
          sql.exec(statement, ...bindings).toArray(),
    ),
    atomically: (work) => storage.transactionSync(work),
    nowMs: () => clock.nowMs(),
    random: Math.random,
    atOnce,
  });
}

interface AtWork {
  wake: (() => void) | null;
}

async function sendAll(
  parts: IndexDeliveriesParts,
  keeper: DeliveryKeeper,
  receivers: Receivers,
  atWork: AtWork,
): Promise<number | null> {
  const untilMs = performance.now() + longestMs;
  let onChange: (() => void) | null = null;
  let isChanged = false;
  let hasFailed = false;
  const wake = () => {
    isChanged = true;
    onChange?.();
  };
  const sender = senderOver(parts, keeper, receivers, {
    wake,
    onFault(error, ticketId) {
      hasFailed ||= ticketId === undefined;
      parts.onFault(error, ticketId);
    },
  });
  atWork.wake = wake;
  for (;;) {
    if (performance.now() > untilMs) {
      await sender.rest();
      return clock.nowMs();
    }
    const changed = new Promise<void>((resolve) => (onChange = resolve));
    isChanged = false;
    const nextMs = await sender.look();
    // What has changed during the look, it may not have seen.
    if (isChanged) continue;
    if (sender.underWay() === 0) return hasFailed ? clock.nowMs() + againMs : nextMs;
    await changed;
  }
}

function senderOver(
  { storage, load, eventOf, ...parts }: IndexDeliveriesParts,
  keeper: DeliveryKeeper,
  receivers: Receivers,
  heard: Pick<SenderParts, "wake" | "onFault">,
): Sender {
  const { sql } = storage;
  const stored = sql.exec<{ tenant: string }>("SELECT DISTINCT tenant FROM endpoints").toArray();
  const tenants = new Set(stored.map(({ tenant }) => tenant));
  return createSender({
    ...parts,
    ...heard,
    deliveries: asStore(keeper),
    receivers: { ...receivers, known: receivers.known.filter(({ tenant }) => tenants.has(tenant)) },
    mostAtOnce: atOnce,
    load,
    render: webhookBody,
    rendered(ticketId) {
      const event = eventOf(ticketId);
      // Its id is in a header.
      return event && `{${event.slice(event.indexOf(",") + 1)}`;
    },
    clock: { nowMs: () => clock.nowMs(), monotonicMs: () => performance.now(), ...timers },
  });
}

function asStore(keeper: DeliveryKeeper): DeliveryStore {
  return {
    take: async (...asked) => keeper.take(...asked),
    settle: async (...settled) => keeper.settle(...settled),
    tidy: async (endpoints) => keeper.tidy(endpoints),
    next: async (endpoints) => keeper.next(endpoints),
    redeliver: async (...asked) => keeper.redeliver(...asked),
    testedWell: async (endpoint) => keeper.testedWell(endpoint),
    page: async (query) => keeper.page(query),
    health: async (endpoints) => keeper.health(endpoints),
  };
}
