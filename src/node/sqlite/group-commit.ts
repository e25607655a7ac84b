/**
 * Many writes in one transaction, for what a write costs is the disk's confirmation. Those of one turn of the event loop share it; what comes
 * in while the disk is busy is the next turn's, so the slower the disk, the larger the groups.
 */
import type { DatabaseSync } from "node:sqlite";
import { StoreAway } from "../../gateway/ports.ts";

export interface GroupCommit {
  /**
   * Runs `work` in the next transaction. It can run more than once, so all that it does must be done to the database.
   *
   * @returns what it returned, once that is on the disk. Rejects with what it threw, or with `StoreAway`: then nothing of it is kept, and its
   * neighbours are as they would be without it.
   */
  write<T>(work: () => T): Promise<T>;
  /** What is committed. @throws {StoreAway} */
  read<T>(work: () => T): T;
  /** Can the file be read and, where its last write was refused, written again? */
  check(): Promise<boolean>;
  /** When no write is waiting any more. */
  idle(): Promise<void>;
}

interface Write {
  /** Does the work, and returns what tells its caller. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
}

export function groupCommit(sql: DatabaseSync): GroupCommit {
  const batches = sqliteBatches(sql);
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

  function write<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      const run = () => {
        const value = work();
        return () => resolve(value);
      };
      waiting.push({ run, reject });
    });
  }

  return {
    write,
    read,
    async check() {
      try {
        if (batches.isAway()) await write(() => sql.exec("UPDATE schema SET version = version"));
        else read(() => sql.exec("SELECT version FROM schema"));
        return true;
      } catch {
        return false;
      }
    },
    idle: () =>
      waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => void idlers.push(resolve)),
  };
}

interface Batches {
  /** Stores all of them in one transaction, where that goes. @returns what tells each of them how it went */
  store(batch: readonly Write[]): readonly (() => void)[];
  /** Was the last one refused? */
  isAway(): boolean;
}

function sqliteBatches(sql: DatabaseSync): Batches {
  const savepoint = sql.prepare("SAVEPOINT write");
  const release = sql.prepare("RELEASE write");
  const rollbackTo = sql.prepare("ROLLBACK TO write");
  const begin = sql.prepare("BEGIN IMMEDIATE");
  const commit = sql.prepare("COMMIT");
  const rollback = sql.prepare("ROLLBACK");
  let isAway = false;

  function store(batch: readonly Write[]): readonly (() => void)[] {
    try {
      begin.run();
    } catch (error) {
      return refused(batch, error);
    }
    try {
      const told = runAll(batch);
      commit.run();
      isAway = false;
      return told;
    } catch (error) {
      if (sql.isTransaction) sql.exec("ROLLBACK");
      // What has no room may be one of them, so each has a try of its own.
      return batch.length > 1 ? batch.flatMap((write) => store([write])) : refused(batch, error);
    }
  }

  function refused(batch: readonly Write[], error: unknown): readonly (() => void)[] {
    isAway = true;
    return batch.map(
      ({ reject }) =>
        () =>
          reject(storeAway(error)),
    );
  }

  /** One that throws is seldom, and what could undo it alone costs each of them: only after one has thrown is it paid for. */
  function runAll(batch: readonly Write[]): readonly (() => void)[] {
    try {
      return batch.map(({ run }) => run());
    } catch (error) {
      if (isStoreFault(error)) throw error;
      rollback.run();
      begin.run();
      return batch.map(runOne);
    }
  }

  /** @returns what to do after the commit. @throws when it is the store that fails: then the transaction may be gone with it */
  function runOne({ run, reject }: Write): () => void {
    savepoint.run();
    try {
      const tell = run();
      release.run();
      return tell;
    } catch (error) {
      if (isStoreFault(error)) throw error;
      rollbackTo.run();
      release.run();
      return () => reject(error);
    }
  }

  return { store, isAway: () => isAway };
}

function read<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isStoreFault(error) ? storeAway(error) : error;
  }
}

/** The primary result codes of SQLite that tell of the disk or the file, not of a statement. Source: https://www.sqlite.org/rescode.html */
const faults = new Map([
  [5, "SQLITE_BUSY"],
  [6, "SQLITE_LOCKED"],
  [7, "SQLITE_NOMEM"],
  [8, "SQLITE_READONLY"],
  [10, "SQLITE_IOERR"],
  [11, "SQLITE_CORRUPT"],
  [13, "SQLITE_FULL"],
  [14, "SQLITE_CANTOPEN"],
  [26, "SQLITE_NOTADB"],
]);

function isStoreFault(error: unknown): boolean {
  return faultIn(error) !== null;
}

/** The name of the fault; `null`: it is none of the store. */
function faultIn(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ("errcode" in error && typeof error.errcode === "number")
    return faults.get(error.errcode & 0xff) ?? null;
  // The database is closed: the process is about to end.
  return "code" in error && error.code === "ERR_INVALID_STATE" ? "CLOSED" : null;
}

function storeAway(error: unknown): StoreAway {
  return new StoreAway(faultIn(error) ?? "The transaction failed", { cause: error });
}
