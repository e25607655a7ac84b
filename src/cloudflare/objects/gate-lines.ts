/**
 * Tenants' lines at a gate: their loads are summed up once in an object's life, and counted along; what they have sent is a row each, so that
 * an object that is evicted between two tickets goes on where it was.
 */
import { lineAfter, type TenantLine } from "../../domain/gate/fair-order.ts";
import type { Place } from "../../domain/gate/places.ts";
import { lineOrder } from "../../engine/line-order.ts";

export interface SqlLines {
  /** A place has changed. `null`: there was none, there is none. */
  count(before: Place | null, after: Place | null): void;
  of(tenants: readonly string[] | null): readonly TenantLine[];
  /** How many there are. */
  size(): number;
  /** As `Places` has them. */
  each(isWanted: (line: TenantLine) => boolean): void;
  before(tenant: string): number;
  putTag(tenant: string, startTag: number, sinceMs: number, virtualTime: number): void;
  virtualTime(): number;
}

/** What is expected of a table of places: its rows by tenant. */
export type OwnSums = {
  readonly tenant: string;
  readonly size: number;
  readonly bytes: number;
  readonly tokens: number;
  readonly waiting: number;
  readonly oldest: number;
};

/** Of lines that have sent something. `sent_tag` is virtual time as it was then. */
export const linesSchema = `CREATE TABLE IF NOT EXISTS lines (
  tenant TEXT PRIMARY KEY, start_tag INTEGER NOT NULL, since INTEGER NOT NULL, sent_tag INTEGER NOT NULL
) WITHOUT ROWID`;

type Row = { tenant: string; start_tag: number; since: number; sent_tag: number };

/** @param sums of all places */
export function sqlLines(sql: SqlStorage, sums: readonly OwnSums[]): SqlLines {
  const rows = sql.exec<Row>("SELECT * FROM lines").toArray();
  const stored = new Map(rows.map((row) => [row.tenant, row]));
  const lines = new Map(sums.map((own) => [own.tenant, lineOf(own, stored.get(own.tenant))]));
  let virtualTime = rows.reduce((latest, row) => Math.max(latest, row.sent_tag), 0);
  const order = lineOrder();
  order.moveTo(virtualTime);
  for (const [tenant, line] of lines) order.put(tenant, line);

  function set(tenant: string, line: TenantLine): void {
    lines.set(tenant, line);
    order.put(tenant, line);
  }

  function endIfEmpty(tenant: string): void {
    const line = lines.get(tenant);
    if (line === undefined || line.size > 0) return;
    lines.delete(tenant);
    order.put(tenant, null);
    if (line.startTag > 0) sql.exec("DELETE FROM lines WHERE tenant = ?", tenant);
  }

  return {
    count(before, after) {
      if (after !== null) set(after.tenant, lineAfter(lines.get(after.tenant), after, 1));
      if (before === null) return;
      set(before.tenant, lineAfter(lines.get(before.tenant), before, -1));
      endIfEmpty(before.tenant);
    },
    of(tenants) {
      if (tenants === null) return [...lines.values()];
      return tenants.flatMap((tenant) => lines.get(tenant) ?? []);
    },
    size: () => lines.size,
    each(isWanted) {
      order.each((tenant) => {
        const line = lines.get(tenant);
        return line === undefined || isWanted(line);
      });
    },
    before: order.before,
    putTag(tenant, startTag, sinceMs, nextVirtualTime) {
      virtualTime = nextVirtualTime;
      order.moveTo(nextVirtualTime);
      const line = lines.get(tenant);
      if (line === undefined) return;
      set(tenant, { ...line, startTag, sinceMs });
      sql.exec("INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?)", tenant, startTag, sinceMs, virtualTime);
    },
    virtualTime: () => virtualTime,
  };
}

function lineOf({ tenant, size, bytes, tokens, waiting, oldest }: OwnSums, row: Row | undefined): TenantLine {
  const sent = { startTag: row?.start_tag ?? 0, sinceMs: row?.since ?? oldest };
  return { tenant, size, bytes, tokens, waiting, ...sent };
}
