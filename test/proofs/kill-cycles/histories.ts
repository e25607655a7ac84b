/** What the service itself has stored of its tickets, read from the files that it left. */
import { DatabaseSync } from "node:sqlite";
import type { Ticket, TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import type { History } from "./evidence.ts";
import { databasesBelow } from "./remains.ts";

/** Of every ticket in the databases below the folder. Nobody else may have them open. */
export function readHistories(folder: string): History[] {
  return databasesBelow(folder).flatMap((file) => {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
      const names = new Set(tables.map(({ name }) => name));
      // A tenant's index on Cloudflare has a table of tickets too, and no events.
      if (names.has("tickets") && names.has("events")) return ofOneFile(database);
      return names.has("ticket") ? ofOneObject(database) : [];
    } finally {
      database.close();
    }
  });
}

/** On Node all tickets are in one file. */
function ofOneFile(database: DatabaseSync): History[] {
  const select = database.prepare("SELECT event FROM events WHERE ticket_id = ? ORDER BY number");
  const rows = database.prepare("SELECT id, record FROM tickets").all();
  return rows.map(({ id, record }) =>
    historyOf(
      record,
      select.all(String(id)).map(({ event }) => event),
    ),
  );
}

/** On Cloudflare each ticket has a Durable Object with a file of its own. */
function ofOneObject(database: DatabaseSync): History[] {
  const events = database.prepare("SELECT json FROM events ORDER BY number").all();
  const rows = database.prepare("SELECT json FROM ticket").all();
  return rows.map(({ json }) =>
    historyOf(
      json,
      events.map((row) => row["json"]),
    ),
  );
}

function historyOf(record: unknown, events: readonly unknown[]): History {
  const { about, progress } = JSON.parse(String(record)) as Ticket;
  return {
    number: Number(about.metadata["number"]),
    queueId: about.id,
    expiresAtMs: about.expiresAtMs,
    attempts: progress.attempts,
    events: events.map((event) => JSON.parse(String(event)) as TicketEvent),
  };
}
