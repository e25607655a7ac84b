/** Tickets that leave the file for a shared store: the table `moving` (docs/storage.md). */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { isForgotten, newestTicketVersion, type Ticket } from "../../domain/ticket/ticket.ts";
import type { FallbackMoves, Movable } from "../../stores/failover/fallback-store.ts";
import type { GroupCommit } from "./group-commit.ts";
import { giveNotice, type SqliteGate } from "./gate.ts";
import type { SqliteNotes } from "./notes.ts";
import type { SqliteTickets } from "./tickets.ts";
import { eventsReader, ticketInRow } from "./ticket-rows.ts";

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
  const { sql, commits, gate, nowMs, onErased } = parts;
  const rows = movingRows(sql, parts.onFault);
  let listener: (() => void) | null = null;

  return {
    async keep(draft, doubtfulId) {
      return await parts.tickets.keep(draft, () => {
        if (doubtfulId !== null) parts.notes.noteDoubt({ id: doubtfulId, provider: draft.about.provider });
      });
    },

    whereabouts(id) {
      const isMoving = commits.read(() => rows.isMoving(id));
      if (isMoving === null) return "absent";
      return isMoving ? "moving" : "here";
    },

    frozen(id) {
      const ticket = commits.read(() => rows.find(id));
      return ticket === null || isForgotten(ticket, nowMs()) ? null : ticket;
    },

    async mark(limit) {
      const now = commits.read(() => rows.found(limit));
      // Most often there is nothing, which need not cost a write.
      if (now.marked.length + now.fresh.length === 0) return [];
      const movables = await commits.write(() => rows.mark(rows.found(limit)));
      for (const { ticket } of movables) gate(ticket.about.provider).remove(ticket.about.id);
      return movables;
    },

    async moved(ids) {
      await commits.write(() => {
        for (const id of ids) rows.remove(id);
      });
      onErased();
    },

    async stay(ids) {
      const tickets = await commits.write(() => ids.flatMap((id) => rows.unmark(id) ?? []));
      for (const ticket of tickets) giveNotice(gate(ticket.about.provider), ticket);
      // It may have fallen due while nobody could touch it.
      if (tickets.length > 0) parts.onDue(nowMs());
    },

    onMovable(then) {
      listener = then;
    },

    stored: () => listener?.(),

    count: () => commits.read(() => rows.count()),
  };
}

type Row = Record<string, SQLOutputValue>;

/** Tickets as their rows, on their way or not yet. Every function is called within a transaction, or reads. */
function movingRows(sql: DatabaseSync, onFault: (error: unknown) => void) {
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
  const selectCount = sql.prepare("SELECT COUNT(*) AS count FROM moving");
  const mark = sql.prepare("INSERT INTO moving (ticket_number) VALUES (?)");
  const unmark = sql.prepare(
    "DELETE FROM moving WHERE ticket_number = (SELECT number FROM tickets WHERE id = ?)",
  );
  const remove = sql.prepare("DELETE FROM tickets WHERE id = ?");
  const movablesIn = movableReader(sql, onFault);

  /** `null`: none of this id is on its way. */
  function find(id: string): Ticket | null {
    const row = selectOne.get(id);
    return row === undefined ? null : ticketInRow(row["record"], row["texts"] ?? null);
  }

  return {
    find,

    /** `null`: there is no ticket of this id. */
    isMoving(id: string): boolean | null {
      const row = selectWhere.get(id);
      return row === undefined ? null : row["is_moving"] === 1;
    },

    /** Those on their way, and those that may follow them. */
    found(limit: number) {
      const marked = selectMarked.all(newestTicketVersion, limit);
      return { marked, fresh: selectFresh.all(newestTicketVersion, limit - marked.length) };
    },

    /** Those that may follow are on their way too, from now on. */
    mark({ marked, fresh }: { marked: readonly Row[]; fresh: readonly Row[] }): readonly Movable[] {
      const marking = movablesIn(fresh, true);
      for (const { row } of marking) mark.run(row["number"] ?? null);
      return [...movablesIn(marked, false), ...marking].map(({ movable }) => movable);
    },

    /** @returns the ticket that stays; `null`: none of this id was on its way */
    unmark(id: string): Ticket | null {
      const ticket = find(id);
      unmark.run(id);
      return ticket;
    },

    remove: (id: string) => void remove.run(id),
    count: () => Number(selectCount.get()?.["count"] ?? 0),
  };
}

/** What can't be read does not move. */
function movableReader(sql: DatabaseSync, onFault: (error: unknown) => void) {
  const eventsOf = eventsReader(sql);

  function movableIn({ id, record, texts }: Row, isFresh: boolean): Movable | null {
    try {
      const ticket = ticketInRow(record, texts ?? null);
      return { ticket, events: eventsOf(String(id)), isFresh };
    } catch (error) {
      onFault(error);
      return null;
    }
  }

  return (rows: readonly Row[], isFresh: boolean) =>
    rows.flatMap((row) => {
      const movable = movableIn(row, isFresh);
      return movable === null ? [] : [{ row, movable }];
    });
}
