/** Is there room on the disk, and where there is none, how is some made? */
import type { DatabaseSync } from "node:sqlite";
import type { Reserve } from "./reserve.ts";

export interface DiskRoom {
  /** Can so much be added, with all that is reserved left for other writes? As far as is known. */
  has(addsBytes: number): boolean;
  /**
   * So much of the file stands empty that it need not grow for what is there: then the reserve can be had for SQLite's log alone, which is
   * written anew again and again.
   */
  hasFreePages(addsBytes: number): boolean;
  /** For a write that found none. @param tries of the same write before @returns false: none can be made */
  make(tries: number): boolean;
}

const pageBytes = 4_096;

export function diskRoom(
  sql: DatabaseSync,
  reserve: Pick<Reserve, "refill" | "give" | "wholeBytes">,
): DiskRoom {
  const freePages = sql.prepare("PRAGMA freelist_count");

  function hasFreePages(addsBytes: number): boolean {
    const pages = Number(freePages.get()?.["freelist_count"] ?? 0);
    return pages * pageBytes >= reserve.wholeBytes + 2 * addsBytes;
  }

  /** False: the file has no room for it either. */
  function isLogEmptied(): boolean {
    try {
      sql.exec("PRAGMA wal_checkpoint(PASSIVE)");
      return true;
    } catch {
      return false;
    }
  }

  return {
    has: (addsBytes) => reserve.refill(addsBytes) || hasFreePages(addsBytes),
    hasFreePages,
    make(tries) {
      if (tries > 0) return reserve.give(tries - 1);
      // First in SQLite's log, which begins anew once all of it is in the file.
      for (let given = 0; !isLogEmptied(); given++) if (!reserve.give(given)) break;
      return true;
    },
  };
}
