/** Records of keyed requests in SQLite, one row each. */
import type { DatabaseSync } from "node:sqlite";
import {
  beginKeyed,
  decodeKeyed,
  endKeyed,
  ownsKey,
  ownerDied,
  type Keyed,
} from "../../domain/idempotency.ts";
import { StoreAway, type Keys } from "../../gateway/ports.ts";
import type { GroupCommit } from "./group-commit.ts";

export interface SqliteKeys extends Keys {
  /** When the next record is forgotten; `null`: there is none. */
  firstDueMs(): number | null;
  /** Deletes those whose time is over. */
  forgetDue(): Promise<void>;
  /** Whoever had a request of these under way is dead: its keys may be used again at once. */
  ownersDied(): Promise<void>;
}

/** A record without an answer, with what SQLite has beside it. */
const keyBytes = 1_000;

/** @param onErased something was deleted that should leave no trace */
export function sqliteKeys(
  sql: DatabaseSync,
  commits: GroupCommit,
  nowMs: () => number,
  onErased: () => void,
): SqliteKeys {
  const select = sql.prepare("SELECT record FROM keys WHERE name = ?");
  const put = sql.prepare(
    "INSERT INTO keys (name, forget_at_ms, record) VALUES (?, ?, ?)" +
      " ON CONFLICT (name) DO UPDATE SET forget_at_ms = excluded.forget_at_ms, record = excluded.record",
  );
  const remove = sql.prepare("DELETE FROM keys WHERE name = ?");
  const removeDue = sql.prepare("DELETE FROM keys WHERE forget_at_ms <= ?");
  const selectOpen = sql.prepare(
    "SELECT name FROM keys WHERE json_extract(record, '$.state.kind') = 'open' AND json_extract(record, '$.version') = 1",
  );
  const selectFirstDue = sql.prepare("SELECT MIN(forget_at_ms) AS due_ms FROM keys");

  function find(name: string): Keyed | null {
    const row = select.get(name);
    if (row === undefined) return null;
    const keyed = decodeKeyed(JSON.parse(String(row["record"])));
    switch (keyed.kind) {
      case "known":
        return keyed.value;
      case "newer":
        throw new StoreAway(`A keyed request is of version ${keyed.version}, which newer code wrote`);
      case "unreadable":
        throw new Error("A row of keys holds no record");
    }
  }

  const firstDueMs = () =>
    commits.read(() => {
      const dueMs = selectFirstDue.get()?.["due_ms"];
      return typeof dueMs === "number" ? dueMs : null;
    });

  return {
    begin: (name, requestSha256, queueId, leaseMs) =>
      commits.write(() => {
        const known = find(name);
        const { record, reply } = beginKeyed(known, requestSha256, queueId, leaseMs, nowMs());
        if (record !== known) put.run(name, record.forgetAtMs, JSON.stringify(record));
        return reply;
      }, keyBytes),

    end: (name, fence, end) =>
      commits.write(() => {
        const known = find(name);
        const record = endKeyed(known, fence, end);
        if (record === null && known !== null) remove.run(name);
        if (record !== null && record !== known) {
          put.run(name, record.forgetAtMs, JSON.stringify(record));
        }
        return ownsKey(known, fence);
      }),

    firstDueMs,

    async ownersDied() {
      const names = commits.read(() => selectOpen.all().map(({ name }) => String(name)));
      // Most often there is none, which need not cost a write.
      if (names.length === 0) return;
      await commits.write(() => {
        for (const name of names) {
          const known = find(name);
          if (known !== null) put.run(name, known.forgetAtMs, JSON.stringify(ownerDied(known, nowMs())));
        }
      });
    },

    async forgetDue() {
      if (nowMs() < (firstDueMs() ?? Infinity)) return;
      await commits.write(() => removeDue.run(nowMs()));
      onErased();
    },
  };
}
