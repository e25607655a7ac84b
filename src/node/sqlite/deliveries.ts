/** What endpoints are to be told, in SQLite: one row for each delivery, one for each endpoint (docs/storage.md). */
import type { DatabaseSync } from "node:sqlite";
import type { Delivery } from "../../domain/push/delivery.ts";
import type { Endpoint } from "../../domain/push/endpoint.ts";
import type { Ticket } from "../../domain/ticket/ticket.ts";
import { createDeliveryKeeper, type DeliveryTables } from "../../engine/deliveries.ts";
import { eventToTell } from "../../engine/event-to-tell.ts";
import type { DeliveryStore, ToldEndpoints } from "../../gateway/delivery-store.ts";
import { troubleIn } from "./faults.ts";
import type { GroupCommit } from "./group-commit.ts";

export interface SqliteDeliveries extends DeliveryStore {
  /** Enters the ticket's end, where it has ended and somebody is to be told. Within the transaction that stores it. */
  enter(ticket: Ticket): void;
  /** This process is the successor of the one that has sent so far. */
  senderDied(): Promise<void>;
}

export interface SqliteDeliveriesParts {
  readonly sql: DatabaseSync;
  readonly commits: Pick<GroupCommit, "read" | "write">;
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly told: ToldEndpoints;
  /** Something was entered, and is stored in a moment. */
  readonly onEntered: () => void;
  readonly onFault: (error: unknown) => void;
}

/** To one endpoint. */
const atOnce = 10;

export function sqliteDeliveries(parts: SqliteDeliveriesParts): SqliteDeliveries {
  const { sql, commits, nowMs, random, told, onEntered, onFault } = parts;
  const keeper = createDeliveryKeeper({
    tables: deliveryRows(sql),
    // Every verb is called within one.
    atomically: (work) => work(),
    nowMs,
    random,
    atOnce,
  });

  return {
    enter(ticket) {
      const event = eventToTell(ticket);
      if (event === null) return;
      try {
        const endpoints = told.endpointsOf(ticket.about);
        if (endpoints.length === 0) return;
        keeper.enter(event, endpoints, told.maxPending);
        onEntered();
      } catch (error) {
        // What the file refuses ends the transaction. A bug of ours in telling must not cost the ticket its end.
        if (troubleIn(error) !== null) throw error;
        onFault(error);
      }
    },
    senderDied: () => commits.write(() => keeper.senderDied()),
    take: (...asked) => commits.write(() => keeper.take(...asked)),
    settle: (...settled) => commits.write(() => keeper.settle(...settled)),
    tidy: (endpoints) => commits.write(() => keeper.tidy(endpoints)),
    next: async (endpoints) => commits.read(() => keeper.next(endpoints)),
    redeliver: (tenant, id) => commits.write(() => keeper.redeliver(tenant, id)),
    testedWell: (endpoint) => commits.write(() => keeper.testedWell(endpoint)),
    page: async (query) => commits.read(() => keeper.page(query)),
    health: async (endpoints) => commits.read(() => keeper.health(endpoints)),
  };
}

function deliveryRows(sql: DatabaseSync): DeliveryTables {
  return { ...endpointRows(sql), ...deliveriesById(sql), ...deliveriesInOrder(sql) };
}

function endpointRows(
  sql: DatabaseSync,
): Pick<DeliveryTables, "endpoint" | "endpoints" | "putEndpoint" | "removeEndpoint"> {
  const select = sql.prepare("SELECT record FROM endpoints WHERE tenant = ? AND name = ?");
  const selectAll = sql.prepare("SELECT record FROM endpoints ORDER BY tenant, name");
  const put = sql.prepare("INSERT OR REPLACE INTO endpoints (tenant, name, record) VALUES (?, ?, ?)");
  const remove = sql.prepare("DELETE FROM endpoints WHERE tenant = ? AND name = ?");
  return {
    endpoint({ tenant, name }) {
      const row = select.get(tenant, name);
      return row === undefined ? null : recordIn<Endpoint>(row);
    },
    endpoints: () => selectAll.all().map((row) => recordIn<Endpoint>(row)),
    putEndpoint: (endpoint) => void put.run(endpoint.tenant, endpoint.name, JSON.stringify(endpoint)),
    removeEndpoint: ({ tenant, name }) => void remove.run(tenant, name),
  };
}

function deliveriesById(sql: DatabaseSync): Pick<DeliveryTables, "find" | "put" | "remove"> {
  const select = sql.prepare("SELECT record FROM deliveries WHERE id = ?");
  const put = sql.prepare(
    `INSERT INTO deliveries (id, tenant, endpoint, created_ms, forget_at_ms, due_ms, lease_ends_ms, record)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET
       due_ms = excluded.due_ms, lease_ends_ms = excluded.lease_ends_ms, record = excluded.record`,
  );
  const remove = sql.prepare("DELETE FROM deliveries WHERE id = ?");
  return {
    find(id) {
      const row = select.get(id);
      return row === undefined ? null : recordIn<Delivery>(row);
    },
    put(delivery) {
      const { id, tenant, endpoint, createdAtMs, forgetAtMs, state } = delivery;
      const dueMs = state.status === "due" ? state.dueMs : null;
      const leaseEndsMs = state.status === "sending" ? state.leaseEndsAtMs : null;
      const record = JSON.stringify(delivery);
      put.run(id, tenant, endpoint, createdAtMs, forgetAtMs, dueMs, leaseEndsMs, record);
    },
    remove: (id) => void remove.run(id),
  };
}

function deliveriesInOrder(
  sql: DatabaseSync,
): Pick<
  DeliveryTables,
  "due" | "dueLater" | "firstDueMs" | "lapsed" | "firstLapseMs" | "over" | "firstOverMs" | "page"
> {
  const ofEndpoint = "FROM deliveries WHERE tenant = ? AND endpoint = ? AND due_ms";
  const selectDue = sql.prepare(`SELECT record ${ofEndpoint} <= ? ORDER BY due_ms, id LIMIT ?`);
  const selectLater = sql.prepare(`SELECT record ${ofEndpoint} > ? ORDER BY due_ms, id LIMIT ?`);
  const selectFirstDue = sql.prepare(`SELECT min(due_ms) AS at_ms ${ofEndpoint} IS NOT NULL`);
  const selectLapsed = sql.prepare(
    "SELECT record FROM deliveries WHERE lease_ends_ms <= ? ORDER BY lease_ends_ms LIMIT ?",
  );
  const selectFirstLapse = sql.prepare(
    "SELECT min(lease_ends_ms) AS at_ms FROM deliveries WHERE lease_ends_ms IS NOT NULL",
  );
  const selectOver = sql.prepare(
    "SELECT record FROM deliveries WHERE forget_at_ms <= ? ORDER BY forget_at_ms LIMIT ?",
  );
  const selectFirstOver = sql.prepare("SELECT min(forget_at_ms) AS at_ms FROM deliveries");
  const selectPage = sql.prepare(
    `SELECT record FROM deliveries WHERE tenant = ?1 AND created_ms <= ?2 AND (created_ms < ?2 OR id < ?3)
     ORDER BY created_ms DESC, id DESC LIMIT ?4`,
  );
  return {
    due: ({ tenant, name }, nowMs, most) => all(selectDue.all(tenant, name, nowMs, most)),
    dueLater: ({ tenant, name }, nowMs, most) => all(selectLater.all(tenant, name, nowMs, most)),
    firstDueMs: ({ tenant, name }) => momentIn(selectFirstDue.get(tenant, name)),
    lapsed: (nowMs, most) => all(selectLapsed.all(Math.min(nowMs, Number.MAX_SAFE_INTEGER), most)),
    firstLapseMs: () => momentIn(selectFirstLapse.get()),
    over: (nowMs, most) => all(selectOver.all(nowMs, most)),
    firstOverMs: () => momentIn(selectFirstOver.get()),
    page: (tenant, after, most) =>
      all(selectPage.all(tenant, after?.createdAtMs ?? Number.MAX_SAFE_INTEGER, after?.id ?? "", most)),
  };
}

type Row = Readonly<Record<string, unknown>>;

const all = (rows: readonly Row[]) => rows.map((row) => recordIn<Delivery>(row));

function recordIn<Stored>(row: Row): Stored {
  return JSON.parse(String(row["record"])) as Stored;
}

function momentIn(row: Row | undefined): number | null {
  const atMs = row?.["at_ms"] ?? null;
  return atMs === null ? null : Number(atMs);
}
