/**
 * A batch of writes as one transaction.
 *
 * Where the disk is full, nothing new is added, and the reserve is there for all other writes: what is in the file already can be worked and
 * ended.
 */
import type { DatabaseSync } from "node:sqlite";
import { StoreAway } from "../../gateway/ports.ts";
import type { Condition } from "./condition.ts";
import { noRoom, removed, awayFor, troubleIn } from "./faults.ts";
import type { DiskRoom } from "./disk-room.ts";

export interface Write {
  /** Does the work, and returns what tells its caller. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
  /** How much it adds that was not there before, roughly; `null`: it works on what is there. */
  readonly addsBytes: number | null;
}

export interface Batches {
  /** Stores all of them in one transaction, where that goes. @returns what tells each of them how it went */
  store(batch: readonly Write[]): readonly (() => void)[];
}

export interface BatchesParts {
  readonly sql: DatabaseSync;
  readonly room: DiskRoom;
  /** Is the file that is open still the one that the next start will find? */
  readonly isInPlace: () => boolean;
  readonly condition: Condition;
}

export function sqliteBatches({ sql, room, isInPlace, condition }: BatchesParts): Batches {
  const begin = sql.prepare("BEGIN IMMEDIATE");
  const commit = sql.prepare("COMMIT");
  const runAll = sqliteRuns(sql, begin);

  function store(batch: readonly Write[]): readonly (() => void)[] {
    const adding = batch.filter(isAdding);
    const why = adding.length > 0 ? whyNothingNew() : null;
    if (why === null) return stored(batch);
    return [...refused(adding, why), ...stored(batch.filter((write) => !isAdding(write)))];
  }

  /** `null`: what is new can be added, as far as is known. */
  function whyNothingNew(): StoreAway | null {
    if (!isInPlace()) return new StoreAway(removed.code, { trouble: removed });
    return room.has(0) ? null : new StoreAway(noRoom.code, { trouble: noRoom });
  }

  function stored(batch: readonly Write[], tries = 0): readonly (() => void)[] {
    if (batch.length === 0) return [];
    try {
      begin.run();
    } catch (error) {
      return refused(batch, awayFor(error));
    }
    try {
      const told = runAll(batch);
      commit.run();
      condition.stored(largestOf(batch));
      return told;
    } catch (error) {
      if (sql.isTransaction) sql.exec("ROLLBACK");
      // What has no room may be one of them, so each has a try of its own.
      if (batch.length > 1) return batch.flatMap((write) => stored([write]));
      if (troubleIn(error)?.error === "full" && makesRoom(batch, tries)) return stored(batch, tries + 1);
      return refused(batch, awayFor(error));
    }
  }

  function makesRoom(batch: readonly Write[], tries: number): boolean {
    if (batch.some(isAdding)) return room.hasFreePages(largestOf(batch)) && room.make(tries);
    // Whoever reads the log is to know, though what is there goes on.
    condition.refused(noRoom, 0);
    return room.make(tries);
  }

  function refused(batch: readonly Write[], away: StoreAway): readonly (() => void)[] {
    if (away.trouble !== null) condition.refused(away.trouble, largestOf(batch));
    return batch.map(
      ({ reject }) =>
        () =>
          reject(away),
    );
  }

  return { store };
}

function sqliteRuns(sql: DatabaseSync, begin: { run(): unknown }) {
  const savepoint = sql.prepare("SAVEPOINT write");
  const release = sql.prepare("RELEASE write");
  const rollbackTo = sql.prepare("ROLLBACK TO write");
  const rollback = sql.prepare("ROLLBACK");

  /** @returns what to do after the commit. @throws when it is the store that fails: then the transaction may be gone with it */
  function runOne({ run, reject }: Write): () => void {
    savepoint.run();
    try {
      const tell = run();
      release.run();
      return tell;
    } catch (error) {
      if (troubleIn(error) !== null) throw error;
      rollbackTo.run();
      release.run();
      return () => reject(error);
    }
  }

  /** One that throws is seldom, and what could undo it alone costs each of them: only after one has thrown is it paid for. */
  return (batch: readonly Write[]): readonly (() => void)[] => {
    try {
      return batch.map(({ run }) => run());
    } catch (error) {
      if (troubleIn(error) !== null) throw error;
      rollback.run();
      begin.run();
      return batch.map(runOne);
    }
  };
}

function isAdding({ addsBytes }: Write): boolean {
  return addsBytes !== null;
}

function largestOf(batch: readonly Write[]): number {
  return Math.max(...batch.map(({ addsBytes }) => addsBytes ?? 0));
}
