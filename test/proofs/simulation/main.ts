/** `npm run sim`: lives through seeded histories of the whole core, and says which promises were broken. */
import { optionsOf, wholeNumber } from "../../../tools/command-line.ts";
import { bugs } from "./bugs.ts";
import { runSeeds } from "./pool.ts";
import { regressions } from "./regressions.ts";
import { simulate, type Report } from "./simulate.ts";
import { tellFailure } from "./story.ts";

const help = `npm run sim -- [options]
  --seeds 2000   how many histories
  --from 1       the first one's seed
  --seed N       tells this one alone
  --bugs         plants each deliberate bug instead, and looks for the first seed that finds it`;
const values = optionsOf(help, {
  seeds: { type: "string", default: "2000" },
  from: { type: "string", default: "1" },
  seed: { type: "string" },
  bugs: { type: "boolean", default: false },
});
const from = wholeNumber(help, "from", values.from, 0);
const count = wholeNumber(help, "seeds", values.seeds, 1);
const seeds = Array.from({ length: count }, (_, at) => from + at);
/** Failures that are told in full, and those that are listed. */
const mostTold = 3;
const mostListed = 30;

const failed = values.bugs ? await findBugs() : await keepPromises();
process.exitCode = failed === 0 ? 0 : 1;

async function keepPromises(): Promise<number> {
  if (values.seed !== undefined) return tellOne(wholeNumber(help, "seed", values.seed, 0));
  const all = [...regressions.map(({ seed }) => seed), ...seeds];
  const startedAtMs = performance.now();
  const failures: Report[] = [];
  const ends: Record<string, number> = {};
  for await (const report of runSeeds(all, null)) {
    if (report.violation !== null) failures.push(report);
    for (const [end, count] of Object.entries(report.ends)) ends[end] = (ends[end] ?? 0) + count;
  }
  for (const { seed } of failures.slice(0, mostTold)) console.log(await tellFailure(seed));
  for (const { seed, violation } of failures.slice(mostTold, mostListed)) {
    console.log(`seed ${seed}: ${violation?.promise}: ${violation?.sentence}`);
  }
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  const told = Object.entries(ends).map(([end, count]) => `${count} ${end}`);
  console.log(`${all.length} histories in ${seconds} s; tickets: ${told.join(", ")}`);
  return summary(all.length - failures.length, failures.length);
}

async function tellOne(seed: number): Promise<number> {
  const { violation, traceHash, ends } = await simulate(seed);
  if (violation !== null) console.log(await tellFailure(seed));
  else
    console.log(`seed ${seed}: every promise was kept; trace ${traceHash}, tickets ${JSON.stringify(ends)}`);
  return summary(violation === null ? 1 : 0, violation === null ? 0 : 1);
}

async function findBugs(): Promise<number> {
  console.log(`${"seed".padStart(6)}  bug, and what was seen of it`);
  let missed = 0;
  for (const { name } of bugs) {
    const found = await firstFinding(name);
    if (found === null) missed++;
    console.log(`${(found?.seed.toString() ?? "-").padStart(6)}  ${name}`);
    console.log(
      `        ${found === null ? "NOT FOUND" : `${found.violation?.promise}: ${found.violation?.sentence}`}`,
    );
  }
  return summary(bugs.length - missed, missed);
}

async function firstFinding(bug: string): Promise<Report | null> {
  for await (const report of runSeeds(seeds, bug)) if (report.violation !== null) return report;
  return null;
}

function summary(passed: number, failed: number): number {
  console.log(`${passed} passed, ${failed} failed`);
  return failed;
}
