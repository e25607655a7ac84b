/** The SQLite file that keeps everything on Node: opened, checked, and owned by one process. Not for network file systems, whose locks lie. */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "../../domain/result.ts";
import { isDamage, troubleIn } from "./faults.ts";
import { openReserve, type Reserve } from "./reserve.ts";
import { isForeign, raiseSchema } from "./schema.ts";

export interface Database {
  readonly sql: DatabaseSync;
  /** As whole as there is room. */
  readonly reserve: Reserve;
  /** Is the file that is open still the one in the directory? False: what it holds is lost when the process ends. */
  isInPlace(): boolean;
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

const fileName = "llm-provider-service.sqlite";

/** @returns why it can't be used, as a sentence for whoever runs the service */
export function openDatabase(directory: string): Result<Database, string> {
  const toClose: (() => void)[] = [];
  const close = () => {
    for (const closeOne of toClose.splice(0).toReversed()) closeOne();
  };
  const refuse = (why: string) => {
    close();
    return err(`The data in ${directory} can't be used. ${why}`);
  };
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = new DatabaseSync(join(directory, "llm-provider-service.lock"), { timeout: 0 });
    locks.add(lock);
    toClose.push(() => {
      lock.close();
      locks.delete(lock);
    });
    if (!isTaken(lock)) return refuse("Another process has it: each needs a DATA_DIR of its own.");

    const file = join(directory, fileName);
    const reserve = openReserve(join(directory, "llm-provider-service.reserve"));
    toClose.push(reserve.close);
    if (reserve.bytes() > 0 && (sizeOf(file) ?? 0) === 0) return refuse(emptied);
    const opened = openFile(file, reserve);
    if (!opened.ok) return refuse(opened.error);
    const sql = opened.value;
    toClose.push(() => {
      if (sql.isOpen) sql.close();
    });
    // Only now: where there is a reserve, there are tables.
    reserve.refill(0);
    const inode = inodeOf(file);
    return ok({ sql, reserve, isInPlace: () => inodeOf(file) === inode, close });
  } catch (error) {
    return refuse(whyNot(error));
  }
}

/** Opens the file with its tables as they are now. Where the disk is full, with the help of the reserve. */
function openFile(file: string, reserve: Reserve): Result<DatabaseSync, string> {
  for (let given = 0; ; given++) {
    const sql = new DatabaseSync(file);
    try {
      const why = prepared(sql);
      if (why === null) return ok(sql);
      sql.close();
      return err(why);
    } catch (error) {
      sql.close();
      const trouble = troubleIn(error);
      if (trouble === null || isDamage(trouble) || !reserve.give(given)) throw error;
    }
  }
}

/** @returns why the file can't be used, as a sentence; `null`: it can */
function prepared(sql: DatabaseSync): string | null {
  // Before anything of it is changed.
  if (isForeign(sql)) return `${fileName} belongs to another application: its tables are not ours.`;
  for (const [name, value, took] of pragmas) {
    sql.exec(`PRAGMA ${name} = ${value}`);
    const found = Object.values(sql.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    if (found !== took) return `SQLite does not take ${name} = ${value} here: it stays at ${String(found)}.`;
  }
  const raised = raiseSchema(sql);
  if (!raised.ok) return raised.error;
  if (sql.prepare("PRAGMA foreign_key_check").get() !== undefined)
    return "Rows in it belong to tickets that are not there: it is damaged.";
  // Texts erased just before a predecessor died may still be in its log.
  eraseLog(sql);
  return null;
}

const emptied =
  `${fileName} is empty or gone, though this directory has been in use: the tickets that were in it are lost with it. ` +
  "Put the file back, or delete everything here to begin anew.";

/** What was thrown while the file was opened or read, as a sentence. */
export function whyNot(error: unknown): string {
  const trouble = troubleIn(error);
  const said = error instanceof Error ? error.message : String(error);
  switch (trouble?.code) {
    case "SQLITE_CORRUPT":
      return `${fileName} is damaged (${said}): put a backup in its place, or move it away to begin anew.`;
    case "SQLITE_NOTADB":
      return `${fileName} is not a database of SQLite (${said}), or lost its header: put a backup in its place, or move it away to begin anew.`;
    case "SQLITE_FULL":
      return `The disk is full (${said}).`;
    default:
      return `${said}.`;
  }
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

function inodeOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev} ${found.ino}`;
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
