/** The tables of the SQLite file, described like an API in docs/storage.md. */
import type { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "../../domain/result.ts";

/**
 * Each step leads from the version that is its index to the next one. A step that was released is never changed.
 *
 * Texts have a table of their own because SQLite rewrites a row whole: beside the record, a ticket's essays would be written again with every
 * move, and read with every status.
 */
const steps: readonly string[] = [
  `
  CREATE TABLE schema (version INTEGER NOT NULL) STRICT;
  INSERT INTO schema VALUES (0);

  CREATE TABLE tickets (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    is_ended INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX tickets_by_due ON tickets (due_ms);
  CREATE INDEX unfinished_tickets ON tickets (id) WHERE is_ended = 0;

  CREATE TABLE texts (
    ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
    texts TEXT NOT NULL
  ) STRICT;

  CREATE TABLE events (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (ticket_id, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    forget_at_ms INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX keys_by_end ON keys (forget_at_ms);

  CREATE TABLE gates (
    provider TEXT PRIMARY KEY,
    core TEXT NOT NULL
  ) STRICT;

  CREATE TABLE totals (
    tenant TEXT NOT NULL,
    day TEXT NOT NULL,
    requests INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    PRIMARY KEY (tenant, day)
  ) STRICT, WITHOUT ROWID;
  `,
  // Fewer pages are written for a new ticket: its texts have a number as their key instead of an index of ids, and are not JSON.
  `
  DROP INDEX tickets_by_due;
  DROP INDEX unfinished_tickets;
  ALTER TABLE tickets RENAME TO tickets_1;
  ALTER TABLE texts RENAME TO texts_1;
  ALTER TABLE events RENAME TO events_1;

  CREATE TABLE tickets (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    is_ended INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX tickets_by_due ON tickets (due_ms);
  CREATE INDEX unfinished_tickets ON tickets (number) WHERE is_ended = 0;
  INSERT INTO tickets (id, version, is_ended, due_ms, record)
    SELECT id, version, is_ended, due_ms, record FROM tickets_1 ORDER BY rowid;

  CREATE TABLE texts (
    ticket_number INTEGER PRIMARY KEY REFERENCES tickets (number) ON DELETE CASCADE,
    texts BLOB NOT NULL
  ) STRICT;
  INSERT INTO texts (ticket_number, texts)
    SELECT number, CAST(texts AS BLOB) FROM texts_1 JOIN tickets ON id = ticket_id ORDER BY number;

  CREATE TABLE events (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (ticket_id, number)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO events SELECT ticket_id, number, event FROM events_1;

  DROP TABLE events_1;
  DROP TABLE texts_1;
  DROP TABLE tickets_1;
  `,
  // Where Redis is the primary store: what must still be brought there.
  `
  CREATE TABLE moving (
    ticket_number INTEGER PRIMARY KEY REFERENCES tickets (number) ON DELETE CASCADE
  ) STRICT;

  CREATE TABLE spool (
    number INTEGER PRIMARY KEY,
    ticket_id TEXT NOT NULL,
    fence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (ticket_id, fence)
  ) STRICT;

  CREATE TABLE doubtful (
    ticket_id TEXT PRIMARY KEY,
    provider TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // Each tenant's tickets, newest first.
  `
  ALTER TABLE tickets ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
  ALTER TABLE tickets ADD COLUMN accepted_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE tickets SET
    tenant = json_extract(record, '$.about.tenant'),
    accepted_ms = json_extract(record, '$.about.acceptedAtMs');
  CREATE INDEX tickets_by_tenant ON tickets (tenant, accepted_ms);
  `,
  // What operators did; and, for their lists, all tenants' tickets, newest first.
  `
  CREATE INDEX tickets_by_age ON tickets (accepted_ms);

  CREATE TABLE actions (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    action TEXT NOT NULL
  ) STRICT;
  `,
  // Each tenant's feed of ended tickets, numbered in the order of their ends.
  `
  ALTER TABLE tickets ADD COLUMN ended_seq INTEGER;
  WITH ends AS (
    SELECT number, row_number() OVER (
      PARTITION BY tenant
      ORDER BY iif(json_valid(record), json_extract(record, '$.state.endedAtMs'), 0), number
    ) AS seq FROM tickets WHERE is_ended = 1
  )
  UPDATE tickets SET ended_seq = seq FROM ends WHERE ends.number = tickets.number;
  CREATE INDEX tickets_by_end ON tickets (tenant, ended_seq) WHERE ended_seq IS NOT NULL;

  CREATE TABLE feeds (
    tenant TEXT PRIMARY KEY,
    last INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO feeds SELECT tenant, max(ended_seq) FROM tickets WHERE ended_seq IS NOT NULL GROUP BY tenant;
  `,
  // What endpoints are to be told of tickets that have ended, and how each endpoint fares.
  `
  CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    forget_at_ms INTEGER NOT NULL,
    due_ms INTEGER,
    lease_ends_ms INTEGER,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX deliveries_by_due ON deliveries (tenant, endpoint, due_ms) WHERE due_ms IS NOT NULL;
  CREATE INDEX deliveries_by_lease ON deliveries (lease_ends_ms) WHERE lease_ends_ms IS NOT NULL;
  CREATE INDEX deliveries_by_end ON deliveries (forget_at_ms);
  CREATE INDEX deliveries_by_age ON deliveries (tenant, created_ms, id);

  CREATE TABLE endpoints (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
  ) STRICT, WITHOUT ROWID;
  `,
  // What is still to be sent to the bus. Not of a ticket's row: it outlives the ticket's move to another store.
  `
  CREATE TABLE bus (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL
  ) STRICT;
  `,
];

/** Brings the tables to the present version, each step whole or not at all. @returns why the file can't be used, as a sentence */
export function raiseSchema(database: DatabaseSync): Result<null, string> {
  const found = versionOf(database);
  if (found > steps.length) {
    return err(
      `Its tables are of version ${found}, and this version of the service knows them up to ${steps.length}: run the newer one.`,
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < found) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(step);
      database.prepare("UPDATE schema SET version = ?").run(index + 1);
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
  return ok(null);
}

/** Ours has had tickets in every version. */
export function isForeign(database: DatabaseSync): boolean {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const names = tables.map(({ name }) => name);
  return names.length > 0 && !["schema", "tickets", "gates"].every((name) => names.includes(name));
}

function versionOf(database: DatabaseSync): number {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema'").get();
  if (table === undefined) return 0;
  return Number(database.prepare("SELECT version FROM schema").get()?.["version"]);
}
