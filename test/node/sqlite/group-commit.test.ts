/** Many writes, one transaction: what is shared, what is not, and what happens when the disk says no. */
import { join } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { expect, it, onTestFinished, vi } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { openDatabase } from "../../../src/node/sqlite/database.ts";
import { groupCommit } from "../../../src/node/sqlite/group-commit.ts";
import { directoryForTest } from "../../support/sqlite-store.ts";

function storeForTest() {
  const directory = directoryForTest();
  const opened = openDatabase(directory);
  if (!opened.ok) throw new Error(opened.error);
  const { sql, close } = opened.value;
  onTestFinished(close);
  const troubles: (string | null)[] = [];
  const put = sql.prepare("INSERT INTO gates (provider, core) VALUES (?, ?)");
  const reader = new DatabaseSync(join(directory, "llm-provider-service.sqlite"), { readOnly: true });
  onTestFinished(() => reader.close());
  return {
    sql,
    commits: groupCommit(sql, {
      ...opened.value,
      onTrouble: (trouble) => troubles.push(trouble?.code ?? null),
    }),
    troubles,
    put:
      (name: string, state = "") =>
      () =>
        void put.run(name, state),
    /** As another process sees it. */
    names: () =>
      reader
        .prepare("SELECT provider FROM gates ORDER BY rowid")
        .all()
        .map((row) => row["provider"]),
  };
}

/** Statements of this text that were run since. */
function counted(text: string): () => number {
  const run = vi.spyOn(StatementSync.prototype, "run");
  onTestFinished(() => run.mockRestore());
  return () =>
    run.mock.contexts.filter((statement) => (statement as StatementSync).sourceSQL === text).length;
}

it("stores the writes of one turn of the event loop in one transaction", async () => {
  const { commits, put, names } = storeForTest();
  const transactions = counted("COMMIT");
  const all = Array.from({ length: 100 }, (_, number) => `w${number}`);
  await Promise.all(all.map((name) => commits.write(put(name))));
  await new Promise((resolve) => setImmediate(resolve));
  expect(transactions()).toBe(1);
  expect(names()).toEqual(all);
  await commits.write(put("later"));
  expect(transactions()).toBe(2);
});

it("answers a write only when it is committed, with what it returned", async () => {
  const { commits, put, names } = storeForTest();
  const seen: unknown[] = [];
  await Promise.all(
    ["a", "b"].map((name) =>
      commits
        .write(() => {
          put(name)();
          return `did ${name}`;
        })
        .then((value) => seen.push(value, names())),
    ),
  );
  expect(seen).toEqual(["did a", ["a", "b"], "did b", ["a", "b"]]);
});

it("lets a write see those before it", async () => {
  const { commits, put, sql } = storeForTest();
  const [, count] = await Promise.all([
    commits.write(put("a")),
    commits.write(() => sql.prepare("SELECT COUNT(*) AS n FROM gates").get()?.["n"]),
  ]);
  expect(count).toBe(1);
});

it("undoes a write that throws, whole, and none of its neighbours", async () => {
  const { commits, put, names } = storeForTest();
  const bug = new Error("a bug");
  const settled = await Promise.allSettled([
    commits.write(put("before")),
    commits.write(() => {
      put("half")();
      throw bug;
    }),
    commits.write(put("before")),
    commits.write(put("after")),
  ]);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  expect(settled[1]).toMatchObject({ reason: bug });
  expect(settled[2]).toMatchObject({ reason: { message: expect.stringContaining("UNIQUE") as string } });
  expect(names()).toEqual(["before", "after"]);
});

it("refuses what has no room, keeps what has, and goes on when there is room again", async () => {
  const { commits, put, names, sql } = storeForTest();
  const pages = Number(sql.prepare("PRAGMA page_count").get()?.["page_count"]);
  sql.exec(`PRAGMA max_page_count = ${pages + 1}`);
  const settled = await Promise.allSettled([
    commits.write(put("small")),
    commits.write(put("big", "x".repeat(100_000))),
    commits.write(put("small too")),
  ]);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(settled[1]).toMatchObject({ reason: expect.any(StoreAway) as StoreAway });
  expect(names()).toEqual(["small", "small too"]);
  sql.exec("PRAGMA max_page_count = 100000");
  await commits.write(put("big", "x".repeat(100_000)));
  expect(names()).toEqual(["small", "small too", "big"]);
});

it("refuses all writes while the file can't be written, reads on, and recovers by itself", async () => {
  const { commits, put, names, sql } = storeForTest();
  await commits.write(put("before"));
  sql.exec("PRAGMA query_only = ON");
  expect(await commits.check()).toBeNull();
  for (const refused of await Promise.allSettled([commits.write(put("a")), commits.write(put("b"))])) {
    expect(refused).toMatchObject({ status: "rejected", reason: expect.any(StoreAway) as StoreAway });
  }
  expect(await commits.check()).toEqual({ error: "read_only", code: "SQLITE_READONLY" });
  expect(commits.read(() => sql.prepare("SELECT provider FROM gates").all())).toEqual([
    { provider: "before" },
  ]);
  sql.exec("PRAGMA query_only = OFF");
  expect(await commits.check()).toBeNull();
  await commits.write(put("after"));
  expect(names()).toEqual(["before", "after"]);
  const transactions = counted("COMMIT");
  expect(await commits.check()).toBeNull();
  expect(transactions()).toBe(0);
});

it("says that the store is away when another keeps the file locked, and when it is closed", async () => {
  const { commits, put, sql, names } = storeForTest();
  const other = new DatabaseSync(String(sql.location()));
  other.exec("BEGIN IMMEDIATE");
  await expect(commits.write(put("a"))).rejects.toThrow(StoreAway);
  other.close();
  await commits.write(put("a"));
  expect(names()).toEqual(["a"]);
  const select = sql.prepare("SELECT 1");
  sql.close();
  await expect(commits.write(put("b"))).rejects.toThrow(StoreAway);
  expect(() => commits.read(() => select.get())).toThrow(StoreAway);
  sql.open();
});

it("is idle when nothing waits to be written", async () => {
  const { commits, put, names } = storeForTest();
  await commits.idle();
  void commits.write(put("a"));
  await commits.idle();
  expect(names()).toEqual(["a"]);
});
