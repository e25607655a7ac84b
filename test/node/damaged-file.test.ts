/** A file under `DATA_DIR` that is not, or no longer, what the service left there: a sentence for whoever runs it, and nothing invented. */
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished, vi } from "vitest";
import { endedEventJson } from "../../src/http/notices.ts";
import { openSqlite } from "../../src/node/sqlite/store.ts";
import { openStores } from "../../src/node/stores.ts";
import { draftOf } from "../contracts/tickets.ts";
import { manualClock } from "../support/clock.ts";
import { config, directoryForTest } from "../support/sqlite-store.ts";
import { runNodeService, startNodeService } from "../support/node-service.ts";

const hints = { ticketMoved() {}, feedGrew() {}, mayHaveMissed() {} };
const fileIn = (directory: string) => join(directory, "llm-provider-service.sqlite");
const patience = { timeout: 60_000, interval: 50 };

const partsIn = (dataDir: string) => ({
  settings: { ...config, dataDir },
  clock: manualClock(),
  random: () => 0.5,
  newId: () => crypto.randomUUID(),
  endedEvent: endedEventJson,
  onFault: () => {},
  tell: () => {},
});

const open = (dataDir: string) => openSqlite(partsIn(dataDir));

/** Tickets, keys and totals of a life that has ended, and one process that died. */
async function usedDirectory(): Promise<string> {
  const directory = directoryForTest();
  const opened = await open(directory);
  if (!opened.ok) throw new Error(opened.error);
  const { tickets, keys, gate, close } = opened.value;
  for (let count = 0; count < 20; count++) await tickets.create(draftOf());
  for (let count = 0; count < 20; count++) await keys.begin(`name ${count}`, "hash", `id ${count}`, 60_000);
  await gate("mock").report({ permit: null, epoch: null, finding: { kind: "fault" }, durationMs: 1 });
  await close();
  return directory;
}

async function startFails(directory: string): Promise<string> {
  const { code, stdout, stderr } = await runNodeService({ DATA_DIR: directory, PORT: "0" });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  // A sentence, and no stack.
  expect(stderr).toMatch(/^The data in \S+ can't be used\. [^\n]+\n$/);
  return stderr;
}

it(
  "one page of it damaged, whichever it is: the start says so, or the service serves",
  { timeout: 150_000 },
  async () => {
    const source = await usedDirectory();
    const pages = statSync(fileIn(source)).size / 4_096;
    expect(pages).toBeGreaterThan(7);
    const said = new Set<string>();
    for (let page = 0; page < pages; page++) {
      const directory = directoryForTest();
      cpSync(source, directory, { recursive: true });
      const file = openSync(fileIn(directory), "r+");
      writeSync(file, Buffer.alloc(4_096, 0x5a), 0, 4_096, page * 4_096);
      closeSync(file);
      // As a start opens it, which reads more than the store alone.
      const opened = await openStores({
        ...partsIn(directory),
        redisUrl: null,
        onCancelled: () => {},
        hints,
      });
      said.add(opened.ok ? "serves" : opened.error.replace(directory, "…"));
      if (!opened.ok) continue;
      const { parts, close } = opened.value;
      await parts.tickets.create(draftOf()).catch(() => {});
      await parts.dependencies("all");
      await close();
    }
    expect([...said]).toContainEqual(
      expect.stringMatching(/^The data in … can't be used\. \S+ is damaged \(.+\): put a backup/),
    );
    for (const sentence of said) expect(sentence).toMatch(/^serves$|can't be used\. (\S+ is |Rows in it )/);
  },
);

it("damage that is found while it is used is what health says from then on", async () => {
  const directory = await usedDirectory();
  const opened = await open(directory);
  if (!opened.ok) throw new Error(opened.error);
  onTestFinished(() => opened.value.close());
  expect(await opened.value.health()).toMatchObject({ trouble: null });
  // Behind SQLite's back, and where it has not read before.
  const file = openSync(fileIn(directory), "r+");
  for (let page = 1; page < statSync(fileIn(directory)).size / 4_096; page++)
    writeSync(file, Buffer.alloc(4_096, 0x5a), 0, 4_096, page * 4_096);
  closeSync(file);
  const other = new DatabaseSync(fileIn(directory));
  expect(() => other.exec("UPDATE schema SET version = version")).toThrow("malformed");
  other.close();
  await vi.waitFor(async () => {
    await opened.value.tickets.create(draftOf()).catch(() => {});
    expect(await opened.value.health()).toMatchObject({
      trouble: { error: "other", code: "SQLITE_CORRUPT" },
    });
  });
  expect(opened.value.warnings()).toEqual([expect.stringMatching(/is damaged/)]);
});

it("emptied, where tickets were: it is no new one", { timeout: 150_000 }, async () => {
  const directory = await usedDirectory();
  truncateSync(fileIn(directory), 0);
  expect(await startFails(directory)).toContain("is empty or gone, though this directory has been in use");
  expect(statSync(fileIn(directory)).size).toBe(0);
  rmSync(fileIn(directory));
  expect(await open(directory)).toMatchObject({
    ok: false,
    error: expect.stringContaining("empty or gone") as string,
  });
});

it("without its header: it is no new one", async () => {
  const directory = await usedDirectory();
  const file = openSync(fileIn(directory), "r+");
  writeSync(file, Buffer.alloc(100), 0, 100, 0);
  closeSync(file);
  expect(await startFails(directory)).toContain("is not a database of SQLite");
});

it("another application's, or no database at all: it is refused, and not changed", async () => {
  const foreign = directoryForTest();
  const sql = new DatabaseSync(fileIn(foreign));
  sql.exec("CREATE TABLE recipes (name TEXT); CREATE TABLE schema (version TEXT)");
  sql.close();
  const text = directoryForTest();
  writeFileSync(fileIn(text), "a letter\n".repeat(1_000));
  for (const [directory, sentence] of [
    [foreign, "belongs to another application"],
    [text, "is not a database of SQLite"],
  ] as const) {
    const before = readFileSync(fileIn(directory));
    expect(await startFails(directory)).toContain(sentence);
    expect(readFileSync(fileIn(directory)).equals(before)).toBe(true);
  }
});

it.each([
  ["its directory is removed", (directory: string) => rmSync(directory, { recursive: true })],
  [
    "another stands in its place",
    (directory: string) => {
      renameSync(directory, `${directory}-moved`);
      mkdirSync(directory);
      writeFileSync(fileIn(directory), "");
      onTestFinished(() => rmSync(`${directory}-moved`, { recursive: true }));
    },
  ],
])(
  "while the service runs, %s: nothing is kept that would be lost, and health and log say so",
  async (_, remove) => {
    const directory = join(directoryForTest(), "data");
    const service = await startNodeService({ DATA_DIR: directory, MOCK_LATENCY_MS: "60000" });
    onTestFinished(() => service.kill("SIGKILL"));
    expect((await service.compare({ processing_mode: "queue" })).status).toBe(202);
    remove(directory);
    expect((await service.compare({ processing_mode: "queue" })).status).toBe(503);
    expect((await service.request("/healthz")).body).toMatchObject({
      status: "unhealthy",
      dependencies: { sqlite: { status: "down", error: "other" } },
      warnings: [expect.stringMatching(/was removed or replaced while the service runs/)],
    });
    await vi.waitFor(
      () =>
        expect(service.logged("store_refuses")).toMatchObject([{ store: "sqlite", failure_code: "REMOVED" }]),
      patience,
    );
  },
);

it("moved away and put back while the service runs: it goes on", async () => {
  const directory = await usedDirectory();
  const opened = await open(directory);
  if (!opened.ok) throw new Error(opened.error);
  onTestFinished(() => opened.value.close());
  renameSync(directory, `${directory}-moved`);
  await expect(opened.value.tickets.create(draftOf())).rejects.toThrow("REMOVED");
  renameSync(`${directory}-moved`, directory);
  await opened.value.tickets.create(draftOf());
  expect(await opened.value.health()).toMatchObject({ trouble: null });
});
