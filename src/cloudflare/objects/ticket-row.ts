/** A ticket in the SQLite of its own Durable Object: its JSON, its texts beside it, and its events; before it is admitted, what its gate is asked. */
import {
  isEnded,
  isForgotten,
  type Texts,
  type Ticket,
  type TicketEvent,
} from "../../domain/ticket/ticket.ts";
import { decodedTicket, encodedTicket, textsOf } from "../../engine/ticket-codec.ts";
import type { TicketListener } from "../../engine/ticket-listeners.ts";
import type { AdmissionQuestion, AskedRow, OpenRow, TicketRow } from "../../engine/ticket-parts.ts";

interface StoredAsked extends AskedRow {
  /** What is stored may be another than was read: something was rolled back, or erased. */
  forget(): void;
}

/** `null` is read without writing anything. */
export function askedRow(sql: SqlStorage): StoredAsked {
  let known: AdmissionQuestion | null | undefined;

  function stored(): AdmissionQuestion | null {
    if (!hasTable(sql, "asked")) return null;
    const [row] = sql.exec<{ json: string }>("SELECT json FROM asked").toArray();
    return row === undefined ? null : (JSON.parse(row.json) as AdmissionQuestion);
  }

  return {
    read: () => (known === undefined ? (known = stored()) : known),
    write(asked) {
      makeTable(sql, "asked");
      sql.exec("DELETE FROM asked");
      if (asked !== null) sql.exec("INSERT INTO asked VALUES (1, ?)", JSON.stringify(asked));
      known = asked;
    },
    forget() {
      known = undefined;
    },
  };
}

/**
 * `null` is read without writing anything. Reading throws where newer code has written the ticket.
 *
 * @param onErased its alarm is gone, too
 */
export function ticketRow(
  storage: DurableObjectStorage,
  asked: StoredAsked,
  onErased: () => void,
): TicketRow {
  const { sql } = storage;
  let known: Ticket | null | undefined;

  function stored(): Ticket | null {
    if (!hasTable(sql, "ticket")) return null;
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
        asked.forget();
        throw error;
      }
    },
    async erase() {
      if (read() === null && asked.read() === null) return;
      known = undefined;
      asked.forget();
      onErased();
      await storage.deleteAll();
    },
  };
}

/** What has happened to the ticket, in order. Of one that is stored: there is a table then. */
export function eventsIn(sql: SqlStorage): readonly TicketEvent[] {
  return sql
    .exec<{ json: string }>("SELECT json FROM events ORDER BY number")
    .toArray()
    .map(({ json }) => JSON.parse(json) as TicketEvent);
}

/** How far a listener has heard of the ticket: its cursor. Reading writes nothing. */
export function cursorIn(
  { sql }: DurableObjectStorage,
  listener: string,
): Pick<TicketListener, "heard" | "noteHeard"> {
  return {
    heard() {
      if (!hasTable(sql, "listeners")) return 0;
      const [row] = sql
        .exec<{ heard: number }>("SELECT heard FROM listeners WHERE name = ?", listener)
        .toArray();
      return row?.heard ?? 0;
    },
    noteHeard(event) {
      sql.exec(
        "CREATE TABLE IF NOT EXISTS listeners (name TEXT PRIMARY KEY, heard INTEGER NOT NULL) WITHOUT ROWID",
      );
      sql.exec("INSERT OR REPLACE INTO listeners VALUES (?, ?)", listener, event);
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
  for (const name of ["ticket", "texts"] as const) {
    makeTable(sql, name);
    sql.exec(`DELETE FROM ${name}`);
  }
  sql.exec("CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, json TEXT NOT NULL)");
  sql.exec("DELETE FROM events");
}

/** One row of JSON. */
function makeTable(sql: SqlStorage, name: "ticket" | "texts" | "asked"): void {
  sql.exec(
    `CREATE TABLE IF NOT EXISTS ${name} (only INTEGER PRIMARY KEY CHECK (only = 1), json TEXT NOT NULL)`,
  );
}

function hasTable(sql: SqlStorage, name: string): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", name).toArray().length > 0;
}
