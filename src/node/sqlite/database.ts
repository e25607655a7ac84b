/** The SQLite file that keeps everything on Node: opened, checked, and owned by one process. Not for network file systems, whose locks lie. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "../../domain/result.ts";
import { raiseSchema } from "./schema.ts";

export interface Database {
  readonly sql: DatabaseSync;
  /** Closes the file and lets another process have it. */
  close(): void;
}

/**
 * What the promises rest on, and what SQLite answers when a setting took. FULL: a commit is on the disk when it returns (on a Mac that takes
 * `fullfsync`). `secure_delete`: what is deleted is overwritten. In WAL mode a reader (a backup, a curious person) stops no writer.
 */
const pragmas: readonly (readonly [name: string, value: string, took: string | number])[] = [
  // Only readers from outside are ever in the way, and only of the log's erasure; the event loop stands still meanwhile.
  ["busy_timeout", "100", 100],
  ["journal_mode", "WAL", "wal"],
  ["synchronous", "FULL", 2],
  ["fullfsync", "ON", 1],
  ["secure_delete", "ON", 1],
  ["foreign_keys", "ON", 1],
  // Nothing is sorted in files that nobody erases.
  ["temp_store", "MEMORY", 2],
];

/** Held here as well: one that nobody refers to would be collected as garbage, and with it the lock on the file let go. */
const locks = new Set<DatabaseSync>();

/** @returns why it can't be used, as a sentence for whoever runs the service */
export function openDatabase(directory: string): Result<Database, string> {
  const opened: DatabaseSync[] = [];
  const close = () => {
    for (const database of opened.toReversed()) {
      if (database.isOpen) database.close();
      locks.delete(database);
    }
  };
  const refuse = (why: string) => {
    close();
    return err(`The data in ${directory} can't be used. ${why}`);
  };
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = new DatabaseSync(join(directory, "llm-provider-service.lock"), { timeout: 0 });
    opened.push(lock);
    locks.add(lock);
    if (!isTaken(lock)) return refuse("Another process has it: each needs a DATA_DIR of its own.");

    const sql = new DatabaseSync(join(directory, "llm-provider-service.sqlite"));
    opened.push(sql);
    for (const [name, value, took] of pragmas) {
      sql.exec(`PRAGMA ${name} = ${value}`);
      const found = Object.values(sql.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      if (found !== took) {
        return refuse(`SQLite does not take ${name} = ${value} here: it stays at ${String(found)}.`);
      }
    }
    const raised = raiseSchema(sql);
    if (!raised.ok) return refuse(raised.error);
    if (sql.prepare("PRAGMA foreign_key_check").get() !== undefined) {
      return refuse("Rows in it belong to tickets that are not there: it is damaged.");
    }
    // Texts erased just before a predecessor died may still be in its log.
    eraseLog(sql);
    return ok({ sql, close });
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** Moves the write-ahead log into the file and empties it: what was deleted is gone from both then. @returns false: it can't be done now */
export function eraseLog(sql: DatabaseSync): boolean {
  try {
    return sql.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] === 0;
  } catch {
    return false;
  }
}

/**
 * The transaction is never ended, so the system keeps the lock as long as the process lives, and no longer, however it dies. It is on a file
 * beside the data, so that the data can be read and backed up meanwhile.
 */
function isTaken(lock: DatabaseSync): boolean {
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    const busy = 5;
    if (error instanceof Error && "errcode" in error && error.errcode === busy) return false;
    throw error;
  }
}
