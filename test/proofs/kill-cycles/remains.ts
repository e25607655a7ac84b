/** What a service has left in its data folder. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { canaryPrefix } from "./comparison.ts";

/** Files below the folder that hold a canary, with how many. */
export function findCanaries(folder: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const file of filesBelow(folder)) {
    const text = readFileSync(file, "latin1");
    const count = text.split(canaryPrefix).length - 1;
    if (count > 0) found.set(file.slice(folder.length + 1), count);
  }
  return found;
}

/** Every SQLite file below the folder, by its own `PRAGMA integrity_check`. Nobody else may have it open. */
export function findDamage(folder: string): { readonly checked: number; readonly damage: string[] } {
  const databases = databasesBelow(folder);
  const damage = databases.flatMap((file) => {
    const database = new DatabaseSync(file);
    try {
      const rows = database.prepare("PRAGMA integrity_check").all();
      return rows
        .map((row) => String(row["integrity_check"]))
        .filter((line) => line !== "ok")
        .map((line) => `${file.slice(folder.length + 1)}: ${line}`);
    } finally {
      database.close();
    }
  });
  return { checked: databases.length, damage };
}

export function databasesBelow(folder: string): string[] {
  return filesBelow(folder).filter(isDatabase);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function isDatabase(file: string): boolean {
  return readFileSync(file).subarray(0, 15).toString("latin1") === "SQLite format 3";
}
