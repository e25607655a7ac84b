/** The tables of tickets, read and written: `tickets`, `texts` and `events` (docs/storage.md). Every function is called within a transaction, or reads. */
import type { DatabaseSync } from "node:sqlite";
import {
  isEnded,
  newestTicketVersion,
  ticketDueMs,
  type Ticket,
  type TicketEvent,
} from "../../domain/ticket/ticket.ts";
import { endsBy } from "../../domain/ticket/ticket-end.ts";
import { StoreAway, type ListPosition } from "../../gateway/ports.ts";
import { decodedTicket, encodedTicket, textsOf } from "../../engine/ticket-codec.ts";
import { decodeTexts, encodeTexts } from "./stored-texts.ts";

/** Tickets that nobody touches, for another store may have them already (`moves.ts`). */
const isMoving = "EXISTS (SELECT 1 FROM moving WHERE moving.ticket_number = number)";

/** No ticket is accepted as late. */
const lastMs = Number.MAX_SAFE_INTEGER;

interface ListedRow extends ListPosition {
  readonly record: string;
}

/** @param onFault hears of a row that holds no ticket */
export function ticketRows(sql: DatabaseSync, onFault: (error: unknown) => void) {
  return { ...rowReader(sql, onFault), ...rowWriter(sql) };
}

function rowReader(sql: DatabaseSync, onFault: (error: unknown) => void) {
  const version = newestTicketVersion;
  const select = sql.prepare(
    `SELECT record, texts, ${isMoving} AS is_moving FROM tickets LEFT JOIN texts ON texts.ticket_number = number WHERE id = ?`,
  );
  const selectDue = sql.prepare(
    `SELECT id FROM tickets WHERE due_ms <= ? AND version <= ? AND NOT ${isMoving} ORDER BY due_ms LIMIT ?`,
  );
  const selectFirstDue = sql.prepare(
    `SELECT due_ms FROM tickets WHERE version <= ? AND NOT ${isMoving} ORDER BY due_ms LIMIT 1`,
  );
  const selectMovedSince = sql.prepare(
    `SELECT id FROM tickets WHERE version <= ? AND NOT ${isMoving} AND record ->> '$.progress.updatedAtMs' >= ?`,
  );
  // The first of those that may stand behind a position; `accepted_ms <= ?` leaves the index to do most of it.
  const selectListed = sql.prepare(
    `SELECT id, accepted_ms, record FROM tickets
     WHERE tenant = ? AND accepted_ms <= ? AND (accepted_ms < ? OR id < ?)
     ORDER BY accepted_ms DESC, id DESC LIMIT ?`,
  );
  const selectListedOfAll = sql.prepare(
    `SELECT id, accepted_ms, record FROM tickets WHERE accepted_ms <= ? AND (accepted_ms < ? OR id < ?)
     ORDER BY accepted_ms DESC, id DESC LIMIT ?`,
  );
  const selectUnfinished = sql.prepare(
    `SELECT record FROM tickets WHERE is_ended = 0 AND version <= ? AND NOT ${isMoving}`,
  );

  function unfinished(): readonly Ticket[] {
    return selectUnfinished.all(version).flatMap(({ record }) => {
      try {
        return [ticketInRow(record, null)];
      } catch (error) {
        onFault(error);
        return [];
      }
    });
  }

  return {
    /** @throws {StoreAway} when newer code wrote it, and while it moves to another store */
    find(id: string): Ticket | null {
      const row = select.get(id);
      if (row === undefined) return null;
      if (row["is_moving"] === 1) throw new StoreAway("The ticket is moving to another store");
      return ticketInRow(row["record"], row["texts"] ?? null);
    },

    /** Those that were last moved at this moment, or later. */
    movedSince: (atMs: number) => selectMovedSince.all(version, atMs).map(({ id }) => String(id)),

    /** The earliest first. */
    due: (nowMs: number, limit: number) => selectDue.all(nowMs, version, limit).map(({ id }) => String(id)),

    firstDueMs(): number | null {
      const row = selectFirstDue.get(version);
      return row === undefined ? null : Number(row["due_ms"]);
    },

    /** Of a tenant, or of all (`null`), in the order of lists: what is stored behind a position. */
    listed(tenant: string | null, after: ListPosition | null, limit: number): readonly ListedRow[] {
      const atMs = after?.acceptedAtMs ?? lastMs;
      const behind = [atMs, atMs, after?.id ?? "", limit] as const;
      const rows = tenant === null ? selectListedOfAll.all(...behind) : selectListed.all(tenant, ...behind);
      return rows.map(({ id, accepted_ms, record }) => ({
        id: String(id),
        acceptedAtMs: Number(accepted_ms),
        record: String(record),
      }));
    },

    /** Without their texts, which could be too much for the memory. */
    unfinished,

    inFlight: () =>
      unfinished()
        .filter(({ state }) => state.status === "processing")
        .map(({ about, progress }) => ({ id: about.id, fence: progress.fence })),
  };
}

function rowWriter(sql: DatabaseSync) {
  const insertTicket = sql.prepare(
    `INSERT INTO tickets (id, version, is_ended, due_ms, record, tenant, accepted_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
  );
  const updateTicket = sql.prepare(
    "UPDATE tickets SET version = ?, is_ended = ?, due_ms = ?, record = ? WHERE id = ?",
  );
  // Its number in the feed stands in an index, so no other update has it. Two statements that return nothing cost half of one that does.
  const countEnd = sql.prepare(
    "INSERT INTO feeds (tenant, last) VALUES (?, 1) ON CONFLICT (tenant) DO UPDATE SET last = last + 1",
  );
  const endTicket = sql.prepare(
    `UPDATE tickets SET version = ?, is_ended = ?, due_ms = ?, record = ?,
       ended_seq = (SELECT last FROM feeds WHERE feeds.tenant = tickets.tenant) WHERE id = ?`,
  );
  const deleteTicket = sql.prepare("DELETE FROM tickets WHERE id = ?");
  const insertTexts = sql.prepare("INSERT INTO texts (ticket_number, texts) VALUES (?, ?)");
  const deleteTexts = sql.prepare(
    "DELETE FROM texts WHERE ticket_number = (SELECT number FROM tickets WHERE id = ?)",
  );
  const insertEvent = sql.prepare("INSERT INTO events (ticket_id, number, event) VALUES (?, ?, ?)");

  function append(id: string, events: readonly TicketEvent[]): void {
    for (const event of events) insertEvent.run(id, event.number, JSON.stringify(event));
  }

  return {
    /** @returns false: there is one of this id. Nothing changed */
    insert(ticket: Ticket, events: readonly TicketEvent[]): boolean {
      const { id, tenant, acceptedAtMs } = ticket.about;
      const inserted = insertTicket.run(
        id,
        ticket.version,
        Number(isEnded(ticket.state)),
        ticketDueMs(ticket),
        encodedTicket(ticket),
        tenant,
        acceptedAtMs,
      );
      if (inserted.changes === 0) return false;
      const texts = textsOf(ticket);
      if (texts !== null) insertTexts.run(inserted.lastInsertRowid, encodeTexts(texts));
      append(id, events);
      return true;
    },

    /** Erases the texts of a ticket that has ended. */
    update(ticket: Ticket, events: readonly TicketEvent[]): void {
      const { id, tenant } = ticket.about;
      const hasEnded = isEnded(ticket.state);
      const columns = [ticket.version, Number(hasEnded), ticketDueMs(ticket), encodedTicket(ticket)] as const;
      if (endsBy({ ticket, events })) {
        countEnd.run(tenant);
        endTicket.run(...columns, id);
      } else {
        updateTicket.run(...columns, id);
      }
      if (hasEnded) deleteTexts.run(id);
      append(id, events);
    },

    /** Its texts and events go with it. */
    remove: (id: string) => void deleteTicket.run(id),
  };
}

/** What has happened to a ticket, in order. */
export function eventsReader(sql: DatabaseSync): (id: string) => readonly TicketEvent[] {
  const select = sql.prepare("SELECT event FROM events WHERE ticket_id = ? ORDER BY number");
  return (id) => select.all(id).map(({ event }) => JSON.parse(String(event)) as TicketEvent);
}

/** @param texts `null`: it has none, or nobody wants them */
export function ticketInRow(record: unknown, texts: unknown): Ticket {
  return decodedTicket(String(record), texts === null ? null : decodeTexts(texts as Uint8Array));
}
