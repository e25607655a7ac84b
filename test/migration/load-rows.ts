/** Rows into an SQLite database, on whichever runtime. */
import type { Rows, Value } from "./fixture.ts";

/** @param run executes one statement with its values; a BLOB is bytes by then */
export function loadRows(
  { schema, tables }: Rows,
  run: (statement: string, values: readonly (string | number | null | Uint8Array)[]) => void,
): void {
  for (const statement of schema) run(statement, []);
  for (const [table, rows] of Object.entries(tables)) {
    for (const row of rows) {
      const columns = Object.keys(row);
      const places = columns.map(() => "?").join();
      run(`INSERT INTO ${table} (${columns.join()}) VALUES (${places})`, Object.values(row).map(bound));
    }
  }
}

const encoder = new TextEncoder();

function bound(value: Value): string | number | null | Uint8Array {
  return typeof value === "object" && value !== null ? encoder.encode(value.utf8) : value;
}
