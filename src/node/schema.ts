/** The tables of the SQLite file, described like an API in docs/storage.md. */
import type { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "../domain/result.ts";

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

function versionOf(database: DatabaseSync): number {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema'").get();
  if (table === undefined) return 0;
  return Number(database.prepare("SELECT version FROM schema").get()?.["version"]);
}
