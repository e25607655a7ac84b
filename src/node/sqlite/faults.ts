/** What SQLite says where it is the disk or the file that fails, not a statement. */
import { StoreAway, type StoreError, type StoreTrouble } from "../../gateway/ports.ts";

/** By primary result codes. Source: https://www.sqlite.org/rescode.html */
const faults: ReadonlyMap<number, StoreTrouble> = new Map(
  (
    [
      [5, "SQLITE_BUSY", "other"],
      [6, "SQLITE_LOCKED", "other"],
      [7, "SQLITE_NOMEM", "other"],
      [8, "SQLITE_READONLY", "read_only"],
      [10, "SQLITE_IOERR", "other"],
      [11, "SQLITE_CORRUPT", "other"],
      [13, "SQLITE_FULL", "full"],
      [14, "SQLITE_CANTOPEN", "other"],
      [26, "SQLITE_NOTADB", "other"],
    ] satisfies readonly (readonly [number, string, StoreError])[]
  ).map(([resultCode, code, error]) => [resultCode, { error, code }]),
);

/** The file that is open is not, or no longer, the one in its directory. */
export const removed: StoreTrouble = { error: "other", code: "REMOVED" };

/** There is no room for anything new: what is left is for what is there. */
export const noRoom: StoreTrouble = { error: "full", code: "SQLITE_FULL" };

/** The database is closed: the process is about to end. */
const closed: StoreTrouble = { error: "other", code: "CLOSED" };

/** `null`: it is no fault of the store. */
export function troubleIn(error: unknown): StoreTrouble | null {
  if (!(error instanceof Error)) return null;
  if ("errcode" in error && typeof error.errcode === "number")
    return faults.get(error.errcode & 0xff) ?? null;
  return "code" in error && error.code === "ERR_INVALID_STATE" ? closed : null;
}

/** The file has pages that can't be what was written: that does not pass. */
export function isDamage({ code: word }: StoreTrouble): boolean {
  return word === "SQLITE_CORRUPT" || word === "SQLITE_NOTADB";
}

/** The process ends, and nothing is the matter with the file. */
export function isEnd(trouble: StoreTrouble): boolean {
  return trouble === closed;
}

export function awayFor(error: unknown): StoreAway {
  const trouble = troubleIn(error);
  return new StoreAway(trouble?.code ?? "The transaction failed", {
    cause: error,
    ...(trouble && { trouble }),
  });
}
