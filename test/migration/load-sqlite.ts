/** The SQLite fixture, as a file that the service on Node finds in its data folder. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Rows } from "./fixture.ts";
import { loadRows } from "./load-rows.ts";
import { movedRows, type Move } from "./moments.ts";

/** @param folder DATA_DIR of a service that is not running; made where it is missing */
export function loadSqlite(folder: string, file: Rows, move: Move): void {
  mkdirSync(folder, { recursive: true });
  const sql = new DatabaseSync(join(folder, "llm-provider-service.sqlite"), {
    // Rows come by table, not in the order in which they refer to each other.
    enableForeignKeyConstraints: false,
  });
  // As the service has it, or pages that are split keep copies of texts.
  sql.exec("PRAGMA secure_delete = ON");
  sql.exec("BEGIN");
  loadRows(movedRows(file, move), (statement, values) => void sql.prepare(statement).run(...values));
  sql.exec("COMMIT");
  sql.close();
}
