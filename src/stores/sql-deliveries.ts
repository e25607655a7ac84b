/** What endpoints are to be told, as rows of SQLite: one for each delivery, one for each endpoint (docs/storage.md). In a process' file and in an object. */
import type { Delivery } from "../domain/push/delivery.ts";
import type { Endpoint } from "../domain/push/endpoint.ts";
import type { DeliveryTables } from "../engine/deliveries.ts";

type Row = Readonly<Record<string, unknown>>;

/** Runs the statement with what its places hold. @returns its rows; of one that only writes none */
export type Prepare = (
  statement: string,
) => (...bindings: readonly (string | number | null)[]) => readonly Row[];

export function sqlDeliveryTables(prepare: Prepare): DeliveryTables {
  return { ...endpointRows(prepare), ...deliveriesById(prepare), ...deliveriesInOrder(prepare) };
}

function endpointRows(
  prepare: Prepare,
): Pick<DeliveryTables, "endpoint" | "endpoints" | "putEndpoint" | "removeEndpoint"> {
  const select = prepare("SELECT record FROM endpoints WHERE tenant = ? AND name = ?");
  const selectAll = prepare("SELECT record FROM endpoints ORDER BY tenant, name");
  const put = prepare("INSERT OR REPLACE INTO endpoints (tenant, name, record) VALUES (?, ?, ?)");
  const remove = prepare("DELETE FROM endpoints WHERE tenant = ? AND name = ?");
  return {
    endpoint: ({ tenant, name }) => recordsIn<Endpoint>(select(tenant, name))[0] ?? null,
    endpoints: () => recordsIn<Endpoint>(selectAll()),
    putEndpoint: (endpoint) => void put(endpoint.tenant, endpoint.name, JSON.stringify(endpoint)),
    removeEndpoint: ({ tenant, name }) => void remove(tenant, name),
  };
}

function deliveriesById(prepare: Prepare): Pick<DeliveryTables, "find" | "put" | "remove"> {
  const select = prepare("SELECT record FROM deliveries WHERE id = ?");
  const put = prepare(
    `INSERT INTO deliveries (id, tenant, endpoint, created_ms, forget_at_ms, due_ms, lease_ends_ms, record)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET
       due_ms = excluded.due_ms, lease_ends_ms = excluded.lease_ends_ms, record = excluded.record`,
  );
  const remove = prepare("DELETE FROM deliveries WHERE id = ?");
  return {
    find: (id) => recordsIn<Delivery>(select(id))[0] ?? null,
    put(delivery) {
      const { id, tenant, endpoint, createdAtMs, forgetAtMs, state } = delivery;
      const dueMs = state.status === "due" ? state.dueMs : null;
      const leaseEndsMs = state.status === "sending" ? state.leaseEndsAtMs : null;
      const record = JSON.stringify(delivery);
      put(id, tenant, endpoint, createdAtMs, forgetAtMs, dueMs, leaseEndsMs, record);
    },
    remove: (id) => void remove(id),
  };
}

function deliveriesInOrder(
  prepare: Prepare,
): Pick<
  DeliveryTables,
  "due" | "dueLater" | "firstDueMs" | "lapsed" | "firstLapseMs" | "over" | "firstOverMs" | "page"
> {
  const ofEndpoint = "FROM deliveries WHERE tenant = ? AND endpoint = ? AND due_ms";
  const due = prepare(`SELECT record ${ofEndpoint} <= ? ORDER BY due_ms, id LIMIT ?`);
  const later = prepare(`SELECT record ${ofEndpoint} > ? ORDER BY due_ms, id LIMIT ?`);
  const firstDue = prepare(`SELECT min(due_ms) AS at_ms ${ofEndpoint} IS NOT NULL`);
  const lapsed = prepare(
    "SELECT record FROM deliveries WHERE lease_ends_ms <= ? ORDER BY lease_ends_ms LIMIT ?",
  );
  const firstLapse = prepare(
    "SELECT min(lease_ends_ms) AS at_ms FROM deliveries WHERE lease_ends_ms IS NOT NULL",
  );
  const over = prepare("SELECT record FROM deliveries WHERE forget_at_ms <= ? ORDER BY forget_at_ms LIMIT ?");
  const firstOver = prepare("SELECT min(forget_at_ms) AS at_ms FROM deliveries");
  const page = prepare(
    `SELECT record FROM deliveries WHERE tenant = ?1 AND created_ms <= ?2 AND (created_ms < ?2 OR id < ?3)
     ORDER BY created_ms DESC, id DESC LIMIT ?4`,
  );
  return {
    due: ({ tenant, name }, nowMs, most) => recordsIn(due(tenant, name, nowMs, most)),
    dueLater: ({ tenant, name }, nowMs, most) => recordsIn(later(tenant, name, nowMs, most)),
    firstDueMs: ({ tenant, name }) => momentIn(firstDue(tenant, name)),
    lapsed: (nowMs, most) => recordsIn(lapsed(Math.min(nowMs, Number.MAX_SAFE_INTEGER), most)),
    firstLapseMs: () => momentIn(firstLapse()),
    over: (nowMs, most) => recordsIn(over(nowMs, most)),
    firstOverMs: () => momentIn(firstOver()),
    page: (tenant, after, most) =>
      recordsIn(page(tenant, after?.createdAtMs ?? Number.MAX_SAFE_INTEGER, after?.id ?? "", most)),
  };
}

function recordsIn<Stored>(rows: readonly Row[]): readonly Stored[] {
  return rows.map(({ record }) => JSON.parse(String(record)) as Stored);
}

function momentIn([row]: readonly Row[]): number | null {
  const atMs = row?.["at_ms"] ?? null;
  return atMs === null ? null : Number(atMs);
}
