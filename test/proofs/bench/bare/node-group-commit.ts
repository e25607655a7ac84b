/**
 * The limit of what keeps rows durably on Node: `node node-group-commit.ts FOLDER SECONDS`. Comparisons of the usual size go into SQLite as they
 * are, 32 in a transaction (WAL, `synchronous=FULL`), and nothing else is done. Prints a `LoadResult` as JSON.
 */
import { randomUUID } from "node:crypto";
import { cpus } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { LoadResult } from "../load.ts";
import { comparisonBody } from "../payload.ts";
import { cpuNanoseconds, machineBusyNanoseconds, residentBytes } from "../usage.ts";

const [folder = ".", seconds = "1"] = process.argv.slice(2);
const groupRows = 32;

const sql = new DatabaseSync(join(folder, "bare.sqlite"));
sql.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
sql.exec("CREATE TABLE kept (id TEXT PRIMARY KEY, due_ms INTEGER NOT NULL, texts TEXT NOT NULL) STRICT");
sql.exec("CREATE INDEX kept_by_due ON kept (due_ms)");
const insert = sql.prepare("INSERT INTO kept (id, due_ms, texts) VALUES (?, ?, ?)");

commitFor(Number(seconds) / 4);
process.stdout.write(JSON.stringify(measured(Number(seconds))));

function measured(timedSeconds: number): LoadResult {
  const before = reading();
  const groupsMs = commitFor(timedSeconds).sort();
  const after = reading();
  const elapsedMs = after.atMs - before.atMs;
  const rows = groupsMs.length * groupRows;
  const percentile = (share: number): number =>
    groupsMs[Math.ceil(share * groupsMs.length) - 1] ?? Number.NaN;
  const foreign = after.machine - before.machine - (after.cpu - before.cpu);
  return {
    requests: rows,
    answered: rows,
    requestsPerSecond: (rows / elapsedMs) * 1000,
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
    cpuMicrosecondsPerRequest: (after.cpu - before.cpu) / 1000 / rows,
    residentMegabytes: residentBytes(process.pid) / 1e6,
    foreignShare: Math.max(0, foreign) / (elapsedMs * 1e6 * cpus().length),
  };
}

/** @returns what each transaction took, in milliseconds */
function commitFor(forSeconds: number): Float64Array {
  const groupsMs: number[] = [];
  const endsAtMs = performance.now() + forSeconds * 1000;
  while (performance.now() < endsAtMs) {
    const startedAtMs = performance.now();
    sql.exec("BEGIN IMMEDIATE");
    for (let row = 0; row < groupRows; row++) insert.run(randomUUID(), Date.now(), comparisonBody);
    sql.exec("COMMIT");
    groupsMs.push(performance.now() - startedAtMs);
  }
  return Float64Array.from(groupsMs);
}

function reading() {
  return { atMs: performance.now(), cpu: cpuNanoseconds(process.pid), machine: machineBusyNanoseconds() };
}
