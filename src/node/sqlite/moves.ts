/** Tickets that leave the file for a shared store: the table `moving` (docs/storage.md). */
import type { DatabaseSync } from "node:sqlite";
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { isForgotten, newestTicketVersion, type TicketEvent } from "../../domain/ticket/ticket.ts";
import type { FallbackMoves, Movable } from "../../stores/failover/fallback-store.ts";
import type { GroupCommit } from "./group-commit.ts";
import { giveNotice, type SqliteGate } from "./gate.ts";
import type { SqliteNotes } from "./notes.ts";
import type { SqliteTickets } from "./tickets.ts";
import { ticketInRow } from "./ticket-rows.ts";

export interface SqliteMovesParts {
  readonly sql: DatabaseSync;
  readonly commits: GroupCommit;
  readonly tickets: Pick<SqliteTickets, "keep">;
  readonly notes: Pick<SqliteNotes, "noteDoubt">;
  readonly gate: (provider: ProviderName) => SqliteGate;
  readonly nowMs: () => number;
  /** Something was deleted that should leave no trace. */
  readonly onErased: () => void;
  /** Something may fall due at this moment. */
  readonly onDue: (atMs: number) => void;
  /** Hears of a row that holds no ticket. */
  readonly onFault: (error: unknown) => void;
}

export interface SqliteMoves extends FallbackMoves {
  /** Tells who listens that a ticket was stored that may move: it waits, or has ended. */
  stored(): void;
  /** How many are on their way. */
  count(): number;
}

export function sqliteMoves(parts: SqliteMovesParts): SqliteMoves {
  const { sql, commits, gate, nowMs, onErased, onFault } = parts;
  const selectWhere = sql.prepare(
    "SELECT ticket_number IS NOT NULL AS is_moving FROM tickets LEFT JOIN moving ON ticket_number = number WHERE id = ?",
  );
  const columns =
    "SELECT number, id, record, texts FROM tickets LEFT JOIN texts ON texts.ticket_number = number";
  const selectOne = sql.prepare(`${columns} JOIN moving ON moving.ticket_number = number WHERE id = ?`);
  const selectMarked = sql.prepare(
    `${columns} JOIN moving ON moving.ticket_number = number WHERE version <= ? ORDER BY number LIMIT ?`,
  );
  const selectFresh = sql.prepare(
    `${columns} WHERE version <= ? AND json_extract(record, '$.state.claim') IS NULL` +
      " AND number NOT IN (SELECT ticket_number FROM moving) ORDER BY number LIMIT ?",
  );
  const selectEvents = sql.prepare("SELECT event FROM events WHERE ticket_id = ? ORDER BY number");
  const selectCount = sql.prepare("SELECT COUNT(*) AS count FROM moving");
  const mark = sql.prepare("INSERT INTO moving (ticket_number) VALUES (?)");
  const unmark = sql.prepare(
    "DELETE FROM moving WHERE ticket_number = (SELECT number FROM tickets WHERE id = ?)",
  );
  const remove = sql.prepare("DELETE FROM tickets WHERE id = ?");
  let listener: (() => void) | null = null;

  type Row = ReturnType<typeof selectFresh.all>[number];

  /** `null`: it can't be read, and so does not move. */
  function movableIn({ id, record, texts }: Row, isFresh: boolean): Movable | null {
    try {
      const ticket = ticketInRow(record, texts ?? null);
      const events = selectEvents
        .all(String(id))
        .map(({ event }) => JSON.parse(String(event)) as TicketEvent);
      return { ticket, events, isFresh };
    } catch (error) {
      onFault(error);
      return null;
    }
  }

  function movablesIn(rows: readonly Row[], isFresh: boolean) {
    return rows.flatMap((row) => {
      const movable = movableIn(row, isFresh);
      return movable === null ? [] : [{ row, movable }];
    });
  }

  return {
    async keep(draft, doubtfulId) {
      return await parts.tickets.keep(draft, () => {
        if (doubtfulId !== null) parts.notes.noteDoubt({ id: doubtfulId, provider: draft.about.provider });
      });
    },

    whereabouts(id) {
      const row = commits.read(() => selectWhere.get(id));
      if (row === undefined) return "absent";
      return row["is_moving"] === 1 ? "moving" : "here";
    },

    frozen(id) {
      const row = commits.read(() => selectOne.get(id));
      if (row === undefined) return null;
      const ticket = ticketInRow(row["record"], row["texts"] ?? null);
      return isForgotten(ticket, nowMs()) ? null : ticket;
    },

    async mark(limit) {
      const found = () => {
        const marked = selectMarked.all(newestTicketVersion, limit);
        return { marked, fresh: selectFresh.all(newestTicketVersion, limit - marked.length) };
      };
      const now = commits.read(found);
      // Most often there is nothing, which need not cost a write.
      if (now.marked.length + now.fresh.length === 0) return [];
      const movables = await commits.write(() => {
        const { marked, fresh } = found();
        const marking = movablesIn(fresh, true);
        for (const { row } of marking) mark.run(row["number"] ?? null);
        return [...movablesIn(marked, false), ...marking].map(({ movable }) => movable);
      });
      for (const { ticket } of movables) gate(ticket.about.provider).remove(ticket.about.id);
      return movables;
    },

    async moved(ids) {
      await commits.write(() => {
        for (const id of ids) remove.run(id);
      });
      onErased();
    },

    async stay(ids) {
      const tickets = await commits.write(() =>
        ids.flatMap((id) => {
          const row = selectOne.get(id);
          unmark.run(id);
          return row === undefined ? [] : [ticketInRow(row["record"], row["texts"] ?? null)];
        }),
      );
      for (const ticket of tickets) giveNotice(gate(ticket.about.provider), ticket);
      // It may have fallen due while nobody could touch it.
      if (tickets.length > 0) parts.onDue(nowMs());
    },

    onMovable(then) {
      listener = then;
    },

    stored: () => listener?.(),

    count: () => commits.read(() => Number(selectCount.get()?.["count"] ?? 0)),
  };
}
