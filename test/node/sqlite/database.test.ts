/** The file itself: who may have it, in what state, and with which guarantees. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { openDatabase } from "../../../src/node/sqlite/database.ts";
import { directoryForTest } from "../../support/sqlite-store.ts";

function open(directory: string) {
  const opened = openDatabase(directory);
  if (!opened.ok) throw new Error(opened.error);
  onTestFinished(() => {
    if (opened.value.sql.isOpen) opened.value.close();
  });
  return opened.value;
}

const fileIn = (directory: string) => join(directory, "llm-provider-service.sqlite");

it("is made in a directory that was not there, for its owner alone", () => {
  const directory = join(directoryForTest(), "deep", "data");
  const { sql } = open(directory);
  expect(sql.prepare("SELECT version FROM schema").get()).toEqual({ version: 8 });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

it.each([
  ["journal_mode", "wal"],
  ["synchronous", 2],
  ["fullfsync", 1],
  ["secure_delete", 1],
  ["foreign_keys", 1],
  ["temp_store", 2],
  ["busy_timeout", 100],
])("has %s at %s", (name, value) => {
  const { sql } = open(directoryForTest());
  expect(Object.values(sql.prepare(`PRAGMA ${name}`).get() ?? {})).toEqual([value]);
});

it("keeps what is in it when it is opened again", () => {
  const directory = directoryForTest();
  const first = open(directory);
  first.sql.exec("INSERT INTO gates VALUES ('mock', 'core')");
  first.close();
  expect(open(directory).sql.prepare("SELECT core FROM gates").all()).toEqual([{ core: "core" }]);
});

it("refuses tables of a newer version, and leaves them as they are", () => {
  const directory = directoryForTest();
  const { sql, close } = open(directory);
  sql.exec("UPDATE schema SET version = 9");
  close();
  const before = readFileSync(fileIn(directory));
  const error = `The data in ${directory} can't be used. Its tables are of version 9, and this version of the service knows them up to 8: run the newer one.`;
  expect(openDatabase(directory)).toEqual({ ok: false, error });
  expect(readFileSync(fileIn(directory)).equals(before)).toBe(true);
});

it("refuses a file that is no database, and one whose rows belong to nothing", () => {
  const damaged = directoryForTest();
  writeFileSync(fileIn(damaged), "no database".repeat(1000));
  expect(openDatabase(damaged)).toMatchObject({ error: expect.stringContaining("not a database") as string });

  const orphaned = directoryForTest();
  open(orphaned).close();
  const sql = new DatabaseSync(fileIn(orphaned), { enableForeignKeyConstraints: false });
  sql.exec("INSERT INTO texts VALUES (1, x'')");
  sql.close();
  expect(openDatabase(orphaned)).toMatchObject({ error: expect.stringContaining("it is damaged") as string });
});

it("refuses a directory that can't be one", () => {
  const file = join(directoryForTest(), "file");
  writeFileSync(file, "");
  expect(openDatabase(file)).toMatchObject({ ok: false });
});

it("is not left half locked by a refusal", () => {
  const directory = directoryForTest();
  writeFileSync(fileIn(directory), "no database".repeat(1000));
  openDatabase(directory);
  writeFileSync(fileIn(directory), "");
  expect(open(directory).sql.isOpen).toBe(true);
});

it("belongs to one process, and is free at once when that is killed", async () => {
  const directory = directoryForTest();
  const script = `
    import { openDatabase } from ${JSON.stringify(resolve("src/node/sqlite/database.ts"))};
    const has = () => openDatabase(${JSON.stringify(directory)}).ok;
    const said = has() ? "has it" : "is refused";
    // What nobody refers to is collected. The lock must not be.
    setTimeout(() => (gc(), setTimeout(() => (gc(), process.stdout.write(said)))));
    setInterval(() => {}, 1000);
  `;
  const owner = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void owner.kill("SIGKILL"));
  const [said] = (await once(owner.stdout, "data")) as [Buffer];
  expect(said.toString()).toBe("has it");
  const error = `The data in ${directory} can't be used. Another process has it: each needs a DATA_DIR of its own.`;
  expect(openDatabase(directory)).toEqual({ ok: false, error });
  owner.kill("SIGKILL");
  await once(owner, "exit");
  open(directory);
});

it("can be read and backed up by others meanwhile", () => {
  const directory = directoryForTest();
  const { sql } = open(directory);
  sql.exec("INSERT INTO gates VALUES ('mock', 'core')");
  const reader = new DatabaseSync(fileIn(directory), { readOnly: true });
  expect(reader.prepare("SELECT core FROM gates").all()).toEqual([{ core: "core" }]);
  reader.close();
});
