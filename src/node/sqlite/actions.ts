/** What operators did, in SQLite: a row each. What is past its time goes with the next that comes. */
import type { DatabaseSync } from "node:sqlite";
import { mostActions, type Actions, type OperatorAction } from "../../gateway/ports.ts";
import type { GroupCommit } from "./group-commit.ts";

export function sqliteActions(
  sql: DatabaseSync,
  commits: GroupCommit,
  nowMs: () => number,
  retentionMs: number,
): Actions {
  const insert = sql.prepare("INSERT INTO actions (at_ms, action) VALUES (?, ?)");
  const removeOld = sql.prepare(
    "DELETE FROM actions WHERE at_ms <= ? OR number <= (SELECT max(number) FROM actions) - ?",
  );
  const selectLatest = sql.prepare(
    "SELECT action FROM actions WHERE at_ms > ? ORDER BY at_ms DESC, number DESC LIMIT ?",
  );

  return {
    note: (action) =>
      commits.write(() => {
        insert.run(action.atMs, JSON.stringify(action));
        removeOld.run(nowMs() - retentionMs, mostActions);
      }),
    latest: async (most) =>
      commits
        .read(() => selectLatest.all(nowMs() - retentionMs, most))
        .map(({ action }) => JSON.parse(String(action)) as OperatorAction),
  };
}
