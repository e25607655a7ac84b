/**
 * Many writes in one transaction, for what a write costs is the disk's confirmation. Those of one turn of the event loop share it; what comes
 * in while the disk is busy is the next turn's, so the slower the disk, the larger the groups.
 */
import type { DatabaseSync } from "node:sqlite";
import type { StoreTrouble } from "../../gateway/ports.ts";
import { sqliteBatches, type BatchesParts, type Write } from "./batches.ts";
import { createCondition } from "./condition.ts";
import { removed, awayFor, troubleIn } from "./faults.ts";
import type { Reserve } from "./reserve.ts";
import { diskRoom } from "./disk-room.ts";

export interface GroupCommit {
  /**
   * Runs `work` in the next transaction. It can run more than once, so all that it does must be done to the database.
   *
   * @param addsBytes how much it adds that was not there before, roughly: such a write is refused where the disk is full. `null`: it works on
   * what is there
   * @returns what it returned, once that is on the disk. Rejects with what it threw, or with `StoreAway`: then nothing of it is kept, and its
   * neighbours are as they would be without it.
   */
  write<T>(work: () => T, addsBytes?: number | null): Promise<T>;
  /** What is committed. @throws {StoreAway} */
  read<T>(work: () => T): T;
  /** What is the matter with the file; `null`: it is well. What was refused last is tried again, as far as that costs nothing. */
  check(): Promise<StoreTrouble | null>;
  /** As it was found last. */
  trouble(): StoreTrouble | null;
  /** When no write is waiting any more. */
  idle(): Promise<void>;
}

export interface GroupCommitParts extends Pick<BatchesParts, "isInPlace"> {
  readonly reserve: Pick<Reserve, "refill" | "give" | "wholeBytes">;
  /** Hears of each change of what is the matter, once. */
  readonly onTrouble: (trouble: StoreTrouble | null) => void;
}

export function groupCommit(
  sql: DatabaseSync,
  { reserve, isInPlace, onTrouble }: GroupCommitParts,
): GroupCommit {
  const condition = createCondition(onTrouble);
  const room = diskRoom(sql, reserve);
  const batches = sqliteBatches({ sql, room, isInPlace, condition });
  let waiting: Write[] = [];
  let idlers: (() => void)[] = [];

  function flush(): void {
    const batch = waiting;
    waiting = [];
    for (const tell of batches.store(batch)) tell();
    const done = idlers;
    idlers = [];
    for (const tell of done) tell();
  }

  function write<T>(work: () => T, addsBytes: number | null = null): Promise<T> {
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      const run = () => {
        const value = work();
        return () => resolve(value);
      };
      waiting.push({ run, reject, addsBytes });
    });
  }

  function read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const trouble = troubleIn(error);
      if (trouble === null) throw error;
      condition.refused(trouble, 0);
      throw awayFor(error);
    }
  }

  /** Tries what costs nothing, and says by itself how it went. */
  async function recheck(trouble: StoreTrouble | null): Promise<void> {
    if (!isInPlace()) return condition.refused(removed, 0);
    if (trouble === null) return read(() => sql.exec("SELECT version FROM schema"));
    if (trouble === removed) return condition.recovered();
    if (trouble.error !== "full")
      return void (await write(() => sql.exec("UPDATE schema SET version = version")));
    if (room.has(condition.refusedBytes())) condition.recovered();
  }

  return {
    write,
    read,
    async check() {
      // Whoever refuses has noted it.
      await recheck(condition.trouble()).catch(() => {});
      return condition.trouble();
    },
    trouble: condition.trouble,
    idle: () =>
      waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => void idlers.push(resolve)),
  };
}
