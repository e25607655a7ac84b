/** What a shared store is to be told when it is back: the tables `spool` and `doubtful` (docs/storage.md). */
import type { DatabaseSync } from "node:sqlite";
import { providerNames } from "../../domain/judging/comparison.ts";
import { decodeRecord } from "../../domain/record.ts";
import type { AttemptOutcome } from "../../domain/ticket/moves.ts";
import type { Doubtful, FallbackNotes } from "../../stores/failover/fallback-store.ts";
import type { GroupCommit } from "./group-commit.ts";

interface SpoolRecord {
  readonly version: 1;
  readonly outcome: AttemptOutcome;
  readonly atMs: number;
}

const version: SpoolRecord["version"] = 1;

export interface SqliteNotes extends FallbackNotes {
  /** To be called within a transaction. */
  noteDoubt(doubtful: Doubtful): void;
  /** How many there are. */
  count(): number;
}

/** @param onErased something was deleted that should leave no trace */
export function sqliteNotes(sql: DatabaseSync, commits: GroupCommit, onErased: () => void): SqliteNotes {
  const insertSpooled = sql.prepare(
    "INSERT INTO spool (ticket_id, fence, version, record) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const selectSpooled = sql.prepare(
    "SELECT ticket_id, fence, record FROM spool WHERE version <= ? ORDER BY number",
  );
  const deleteSpooled = sql.prepare("DELETE FROM spool WHERE ticket_id = ? AND fence = ?");
  const insertDoubtful = sql.prepare(
    "INSERT INTO doubtful (ticket_id, provider) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const selectDoubtful = sql.prepare("SELECT ticket_id, provider FROM doubtful");
  const deleteDoubtful = sql.prepare("DELETE FROM doubtful WHERE ticket_id = ?");
  const selectCount = sql.prepare(
    "SELECT (SELECT COUNT(*) FROM spool) + (SELECT COUNT(*) FROM doubtful) AS count",
  );

  function noteDoubt({ id, provider }: Doubtful): void {
    insertDoubtful.run(id, provider);
  }

  return {
    noteDoubt,

    async spool({ id, fence, outcome, atMs }) {
      const record: SpoolRecord = { version, outcome, atMs };
      await commits.write(() => insertSpooled.run(id, fence, version, JSON.stringify(record)));
    },

    spooled: () =>
      commits
        .read(() => selectSpooled.all(version))
        .flatMap((row) => {
          const record = decodeRecord<SpoolRecord>(JSON.parse(String(row["record"])), version);
          if (record.kind !== "known") return [];
          const { outcome, atMs } = record.value;
          return [{ id: String(row["ticket_id"]), fence: Number(row["fence"]), outcome, atMs }];
        }),

    async unspool({ id, fence }) {
      await commits.write(() => deleteSpooled.run(id, fence));
      onErased();
    },

    async doubt(doubtful) {
      await commits.write(() => noteDoubt(doubtful));
    },

    doubtful: () =>
      commits
        .read(() => selectDoubtful.all())
        .flatMap((row) => {
          const provider = providerNames.find((name) => name === row["provider"]);
          return provider === undefined ? [] : [{ id: String(row["ticket_id"]), provider }];
        }),

    async undoubt(id) {
      await commits.write(() => deleteDoubtful.run(id));
    },

    count: () => commits.read(() => Number(selectCount.get()?.["count"] ?? 0)),
  };
}
