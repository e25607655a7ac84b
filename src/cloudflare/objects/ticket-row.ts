/** A ticket in the SQLite of its own Durable Object: its JSON, its texts beside it, and its events. */
import {
  isEnded,
  isForgotten,
  type Texts,
  type Ticket,
  type TicketEvent,
} from "../../domain/ticket/ticket.ts";
import { decodedTicket, encodedTicket, textsOf } from "../../engine/ticket-codec.ts";
import type { TicketListener } from "../../engine/ticket-listeners.ts";
import type { OpenRow, TicketRow } from "../../engine/ticket-keeper.ts";

/** `null` is read without writing anything. Reading throws where newer code has written the ticket. */
export function ticketRow(storage: DurableObjectStorage): TicketRow {
  const { sql } = storage;
  let known: Ticket | null | undefined;

  function stored(): Ticket | null {
    if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'ticket'").toArray().length === 0) return null;
    const [row] = sql.exec<{ json: string }>("SELECT json FROM ticket").toArray();
    if (row === undefined) return null;
    const [texts] = sql.exec<{ json: string }>("SELECT json FROM texts").toArray();
    return decodedTicket(row.json, texts === undefined ? null : (JSON.parse(texts.json) as Texts));
  }

  function read(): Ticket | null {
    return known === undefined ? (known = stored()) : known;
  }

  /** A ticket's texts never change, so most writes leave them alone. */
  function put(ticket: Ticket): void {
    sql.exec("INSERT OR REPLACE INTO ticket VALUES (1, ?)", encodedTicket(ticket));
    known = ticket;
  }

  /** A move and what happened in it. The texts go with the end. */
  function write(ticket: Ticket, events: readonly TicketEvent[]): void {
    put(ticket);
    for (const event of events)
      sql.exec("INSERT INTO events VALUES (?, ?)", event.number, JSON.stringify(event));
    if (events.length > 0 && isEnded(ticket.state)) eraseTexts(sql);
  }

  const open: OpenRow = {
    read,
    insert(ticket, events, nowMs) {
      const there = read();
      if (there !== null && !isForgotten(there, nowMs)) return there;
      begin(sql);
      write(ticket, events);
      const texts = textsOf(ticket);
      if (texts !== null) sql.exec("INSERT INTO texts VALUES (1, ?)", JSON.stringify(texts));
      return null;
    },
    write,
  };

  return {
    read,
    async change(work) {
      try {
        return storage.transactionSync(() => work(open));
      } catch (error) {
        known = undefined;
        throw error;
      }
    },
    async erase() {
      if (read() === null) return;
      known = undefined;
      await storage.deleteAll();
    },
  };
}

/** How far a listener has heard of the ticket: its cursor. Reading writes nothing. */
export function cursorIn(
  { sql }: DurableObjectStorage,
  listener: string,
): Pick<TicketListener, "heard" | "noteHeard"> {
  let known: number | null = null;
  return {
    heard() {
      if (known !== null) return known;
      const isNew = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'listeners'").toArray().length === 0;
      const [row] = isNew
        ? []
        : sql.exec<{ heard: number }>("SELECT heard FROM listeners WHERE name = ?", listener).toArray();
      return (known = row?.heard ?? 0);
    },
    noteHeard(event) {
      sql.exec(
        "CREATE TABLE IF NOT EXISTS listeners (name TEXT PRIMARY KEY, heard INTEGER NOT NULL) WITHOUT ROWID",
      );
      sql.exec("INSERT OR REPLACE INTO listeners VALUES (?, ?)", listener, event);
      known = event;
    },
  };
}

/*
 * Texts are kept as JSON: SQLite's own would lose lone surrogates. Their JSON is never longer than the request body that brought them (JSON.stringify
 * escapes only what must be escaped, as shortly as can be), so at most 1.5 MiB and our own system prompt, where a row holds 2 MB.
 */
/** Texts are overwritten first: what is only deleted stays readable in the file's free pages. */
function eraseTexts(sql: SqlStorage): void {
  sql.exec("UPDATE texts SET json = CAST(zeroblob(octet_length(json)) AS TEXT)");
  sql.exec("DELETE FROM texts");
}

function begin(sql: SqlStorage): void {
  for (const name of ["ticket", "texts"]) {
    sql.exec(
      `CREATE TABLE IF NOT EXISTS ${name} (only INTEGER PRIMARY KEY CHECK (only = 1), json TEXT NOT NULL)`,
    );
    sql.exec(`DELETE FROM ${name}`);
  }
  sql.exec("CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, json TEXT NOT NULL)");
  sql.exec("DELETE FROM events");
}
