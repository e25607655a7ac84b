/**
 * Records the story anew: `npx node test/recorded/main.ts [--of PATH] [--store sqlite|redis|workerd]`, where PATH is a checkout in which `npm ci`
 * was run, and this one unless told.
 */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startFakeUpstream } from "../../tools/fake-upstream/server.ts";
import { oldStores, type StoreName } from "../migration/make/stores.ts";
import { liveThrough } from "./live.ts";

const { values } = parseArgs({ options: { of: { type: "string" }, store: { type: "string" } } });
const checkout = resolve(values.of ?? join(import.meta.dirname, "../.."));
const upstream = await startFakeUpstream();
for (const name of Object.keys(oldStores) as StoreName[]) {
  if (values.store !== undefined && values.store !== name) continue;
  const { recording } = await liveThrough(name, checkout, upstream.lane(name));
  const path = join(import.meta.dirname, `${name}.txt`);
  writeFileSync(path, recording);
  console.log(path);
}
await upstream.close();
process.exit(0);
