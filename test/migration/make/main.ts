/**
 * Makes the fixtures again: `npx node test/migration/make/main.ts --old PATH [--store sqlite|redis|workerd]`, where PATH is a checkout of the
 * old code in which `npm ci` was run. The old service is lived with over HTTP, before its own fake upstream, and killed; what it left is written
 * to `test/migration/fixtures`, in a folder named after the old code's commit. Every run makes other ids and moments.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type * as Fake from "../../../tools/fake-upstream/server.ts";
import type { Manifest } from "../fixture.ts";
import { oldStores, type StoreName } from "./stores.ts";
import { liveThrough } from "./story.ts";

const { values } = parseArgs({ options: { old: { type: "string" }, store: { type: "string" } } });
if (values.old === undefined) {
  console.error("usage: npx node test/migration/make/main.ts --old PATH [--store sqlite|redis|workerd]");
  process.exit(2);
}
const old = resolve(values.old);
const commit = execFileSync("git", ["-C", old, "rev-parse", "HEAD"], { encoding: "utf8" }).trim();
const { startFakeUpstream } = (await import(
  join(
    old,
    existsSync(join(old, "tools")) ? "tools/fake-upstream/server.ts" : "test/support/fake-upstream/server.ts",
  )
)) as typeof Fake;

for (const name of Object.keys(oldStores) as StoreName[]) {
  if (values.store === undefined || values.store === name) await make(name);
}
process.exit(0);

async function make(name: StoreName): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), `fixture-${name}-`));
  const upstream = await startFakeUpstream();
  try {
    const store = await oldStores[name](old, folder);
    const told = await liveThrough(store, upstream.lane("fixture"), commit.startsWith("1df0c65"));
    const manifest: Manifest = { commit, ...told };
    write(`${name}.json`, await store.take(told.madeAtMs));
    write(`${name}.manifest.json`, manifest);
  } finally {
    await upstream.close();
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** A value to a line where it is short: a person can read it, and a line that changed can be seen. */
function write(file: string, value: unknown): void {
  const folder = join(import.meta.dirname, "../fixtures", commit.slice(0, 7));
  mkdirSync(folder, { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, `${JSON.stringify(value, null, 1)}\n`);
  console.log(path);
}
