/** Each tenant's tickets that have ended, by the numbers that their rows were given with their ends (`ticket-rows.ts`). */
import type { DatabaseSync } from "node:sqlite";
import type { TicketCopy } from "../../domain/ticket/ticket.ts";
import { pageOf, startOf, type FeedEntry } from "../../engine/feed-page.ts";
import { StoreAway, type Feed } from "../../gateway/ports.ts";
import type { GroupCommit } from "./group-commit.ts";
import { ticketInRow } from "./ticket-rows.ts";

export interface SqliteFeedParts {
  readonly sql: DatabaseSync;
  readonly commits: Pick<GroupCommit, "read">;
  readonly nowMs: () => number;
  /** What the feed says of a ticket that has ended, as JSON. */
  readonly endedEvent: (ticket: TicketCopy) => string;
  /** Hears of a row that holds no ticket. */
  readonly onFault: (error: unknown) => void;
}

/** A cancelled one may fall due before it is forgotten: its call is to be over. */
const isKept =
  "(due_ms > ?3 OR (version > 1 AND json_valid(record) AND record ->> '$.state.forgetAtMs' > ?3))";

export function sqliteFeed({ sql, commits, nowMs, endedEvent, onFault }: SqliteFeedParts): Feed {
  const selectLast = sql.prepare("SELECT last FROM feeds WHERE tenant = ?");
  const selectBehind = sql.prepare(
    `SELECT ended_seq, record FROM tickets WHERE tenant = ?1 AND ended_seq > ?2 AND ${isKept}
     ORDER BY ended_seq LIMIT ?4`,
  );

  function boundsOf(tenant: string) {
    const last = selectLast.get(tenant)?.["last"];
    const first = selectBehind.get(tenant, 0, nowMs(), 1)?.["ended_seq"];
    return { first: first === undefined ? null : Number(first), last: Number(last ?? 0) };
  }

  function eventIn(record: unknown): string | null {
    try {
      return endedEvent(ticketInRow(record, null));
    } catch (error) {
      // Newer code wrote it: it must be told, and can't be now.
      if (error instanceof StoreAway) throw error;
      onFault(error);
      return null;
    }
  }

  function behind(tenant: string, number: number, most: number): readonly FeedEntry[] {
    return selectBehind
      .all(tenant, number, nowMs(), most)
      .map(({ ended_seq, record }) => ({ number: Number(ended_seq), event: eventIn(record) }));
  }

  return {
    page: async (tenant, after, most) =>
      commits.read(() => {
        const bounds = boundsOf(tenant);
        const start = startOf(bounds, after);
        if (start.kind === "expired") return start;
        return pageOf(start.number, bounds.last, behind(tenant, start.number, most), most);
      }),
  };
}
