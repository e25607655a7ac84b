/**
 * `npx node test/migration/mixed.ts --old PATH --minutes 10`: a process of an old checkout (with its packages installed) and one of this code on
 * one real Redis, with clients of all modes, through outages of their vendor. In the end nothing may be lost, failed, judged twice or thrown,
 * and what one process knows of the breaker the other must know too. Ends with 1 where that does not hold.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openFleet } from "./mixed/fleet.ts";
import { liveThrough } from "./mixed/life.ts";
import { judge } from "./mixed/rules.ts";

const usage = `usage: npx node test/migration/mixed.ts --old PATH [--new PATH] [--minutes N | --seconds N] [--seed N]

  --old PATH     a checkout of the older code, after npm ci
  --new PATH     of the newer code: this checkout unless told
  --minutes N    how long the vendor's outages go on: 10 unless told
  --seed N       of the clients' choices: another each time unless told`;

const { values } = parseArgs({
  options: {
    old: { type: "string" },
    new: { type: "string", default: resolve(import.meta.dirname, "../..") },
    minutes: { type: "string", default: "10" },
    seconds: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const seconds = values.seconds === undefined ? Number(values.minutes) * 60 : Number(values.seconds);
if (values.old === undefined || !(seconds > 0)) {
  console.error(usage);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "mixed-"));
const fleet = await openFleet(folder, [resolve(values.old), resolve(values.new)]);
const evidence = await liveThrough(fleet, seconds * 1_000, Number(values.seed));
const rulings = judge(evidence);
const broken = rulings.filter(({ violations }) => violations.length > 0);
for (const { rule, violations } of rulings) {
  console.log(`${violations.length === 0 ? "ok    " : "BROKEN"}  ${rule}`);
  for (const line of violations.slice(0, 10)) console.log(`          ${line}`);
}
if (broken.length === 0) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
else console.log(`What the run left is in ${folder}, seed ${values.seed}`);
process.exit(broken.length === 0 ? 0 : 1);
