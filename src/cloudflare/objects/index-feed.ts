/** A tenant's feed of ended tickets, in the object that has its index: each end as it was told, under its number. */
import { pageOf, startOf } from "../../engine/feed-page.ts";
import type { FeedPage } from "../../gateway/ports.ts";

export interface IndexFeed {
  /** Behind all that are there. @param event JSON. @returns its number */
  enter(event: string, forgetAtMs: number): number;
  page(after: number | null, most: number, nowMs: number): FeedPage;
  /** What is said of this ticket's end; `null`: nothing is, or not any more. */
  eventOf(ticketId: string): string | null;
  /** Erases those whose time is over, many at a time. @returns when the next one's is, roughly; `null`: none is left */
  forget(nowMs: number): number | null;
}

const mostForgotten = 1_000;

export function indexFeed(sql: SqlStorage): IndexFeed {
  sql.exec(
    "CREATE TABLE IF NOT EXISTS feed (number INTEGER PRIMARY KEY, event TEXT NOT NULL, forget_at INTEGER NOT NULL)",
  );

  /** The first ones behind a number whose time is not over. */
  function behind(number: number, most: number, nowMs: number) {
    return sql
      .exec<{ number: number; event: string }>(
        "SELECT number, event FROM feed WHERE number > ? AND forget_at > ? ORDER BY number LIMIT ?",
        number,
        nowMs,
        most,
      )
      .toArray();
  }

  return {
    enter: (event, forgetAtMs) =>
      sql
        .exec<{ number: number }>(
          "INSERT INTO feed (event, forget_at) VALUES (?, ?) RETURNING number",
          event,
          forgetAtMs,
        )
        .one().number,

    eventOf(ticketId) {
      const [row] = sql
        .exec<{ event: string }>(
          "SELECT event FROM feed WHERE number = (SELECT seq FROM tickets WHERE id = ?) AND event <> ''",
          ticketId,
        )
        .toArray();
      return row?.event ?? null;
    },

    page(after, most, nowMs) {
      const last = sql.exec<{ last: number | null }>("SELECT max(number) AS last FROM feed").one().last ?? 0;
      const [first] = behind(0, 1, nowMs);
      const start = startOf({ first: first?.number ?? null, last }, after);
      if (start.kind === "expired") return start;
      return pageOf(start.number, last, behind(start.number, most, nowMs), most);
    },

    forget(nowMs) {
      // The last one's row stays, empty: it has the number that is the last.
      const last = "(SELECT max(number) FROM feed)";
      sql.exec(
        `DELETE FROM feed WHERE number IN (SELECT number FROM feed WHERE forget_at <= ? AND number < ${last} LIMIT ?)`,
        nowMs,
        mostForgotten,
      );
      sql.exec(`UPDATE feed SET event = '' WHERE number = ${last} AND forget_at <= ? AND event <> ''`, nowMs);
      const [next] = sql
        .exec<{ forget_at: number }>("SELECT forget_at FROM feed WHERE event <> '' ORDER BY number LIMIT 1")
        .toArray();
      return next?.forget_at ?? null;
    },
  };
}
