/** Tickets that had ended when the index of their tenant had not heard of them yet: their places are gone, and a list must know of them. */
import { clocksApartMs, type UnheardEnd } from "../../engine/ticket-index.ts";
import type { ListPosition } from "../../gateway/ports.ts";

export interface UnheardEnds {
  note(ticketId: string, end: UnheardEnd): void;
  /** The newest first. @param tenant `null`: of all */
  of(tenant: string | null, most: number): readonly ListPosition[];
}

/** @param retentionMs so long a ticket can be read after its end */
export function unheardEnds(sql: SqlStorage, nowMs: () => number, retentionMs: () => number): UnheardEnds {
  sql.exec(
    `CREATE TABLE IF NOT EXISTS unheard (
       ticket_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, accepted_at INTEGER NOT NULL, forget_at INTEGER NOT NULL
     ) WITHOUT ROWID`,
  );
  return {
    note(ticketId, { tenant, acceptedAtMs }) {
      const atMs = nowMs();
      const longestMs = retentionMs() + clocksApartMs;
      sql.exec("DELETE FROM unheard WHERE forget_at <= ?", atMs);
      sql.exec(
        "INSERT OR REPLACE INTO unheard VALUES (?, ?, ?, ?)",
        ticketId,
        tenant,
        acceptedAtMs,
        atMs + longestMs,
      );
    },
    of: (tenant, most) =>
      sql
        .exec<{ ticket_id: string; accepted_at: number }>(
          "SELECT ticket_id, accepted_at FROM unheard WHERE ?1 IS NULL OR tenant = ?1 ORDER BY accepted_at DESC LIMIT ?2",
          tenant,
          most,
        )
        .toArray()
        .map(({ ticket_id: id, accepted_at: acceptedAtMs }) => ({ id, acceptedAtMs })),
  };
}
