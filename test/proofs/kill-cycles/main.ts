/**
 * `npm run kill-cycles`: the service under load, killed with SIGKILL at random moments and started again on the same data, while its provider
 * is healthy, down, busy, refusing, stalling or hidden behind a page in turn. In the end the provider is healthy, and a judge who took no part holds what clients were told, what
 * the provider heard and what the files hold against the promises.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveAlone } from "./alone.ts";
import { aloneRow } from "./alone-report.ts";
import { judgeAlone } from "./alone-rules.ts";
import { judge } from "./judge.ts";
import { withoutLateEars } from "./late-ears.ts";
import { help, readOptions, type Options } from "./options.ts";
import { table, verdict } from "./report.ts";
import { redisRows } from "./redis-report.ts";
import { judgeRedis } from "./redis-rules.ts";
import { runWithRedis } from "./redis-run.ts";
import { heardIn } from "./redis-unheard.ts";
import { run } from "./run.ts";

const options = readOptions(process.argv.slice(2));
if (typeof options === "string") {
  console.error(`${options}\n\n${help}`.trim());
  process.exit(options === "" ? 0 : 2);
}
const folder = mkdtempSync(join(tmpdir(), "kill-cycles-"));
process.exit((await passes(options)) ? 0 : 1);

async function passes(options: Options): Promise<boolean> {
  const fromMs = performance.now();
  try {
    const { ran, found, rulings, rows } = await judged(options);
    writeFileSync(join(folder, "evidence.json"), JSON.stringify(found));
    console.log(`${table(options, ran, (performance.now() - fromMs) / 1000, rows)}\n\n${verdict(rulings)}`);
    if (rulings.every(({ violations }) => violations.length === 0)) {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      return true;
    }
    console.error(`What the run left is in ${folder}`);
  } catch (error) {
    console.log(`${error instanceof Error ? error.message : String(error)}\n\n0 passed, 1 failed`);
    console.error(`What the run left is in ${folder}, seed ${options.seed}`);
  }
  return false;
}

/** The lone ticket mostly waits, so it lives beside the others. */
async function judged(options: Options) {
  const others = judgedRun(options);
  const [{ ran, found, rulings, rows }, heardAlone] = await Promise.all([
    others,
    liveAlone(options, join(folder, "alone"), others),
  ]);
  const alone = { ...heardAlone, evidence: withoutLateEars(heardAlone.evidence) };
  return {
    ran,
    found: { run: found, alone: heardAlone },
    rulings: [...rulings, ...judgeAlone(alone)],
    rows: [...rows, aloneRow(alone)],
  };
}

async function judgedRun(options: Options) {
  if (options.platform !== "redis") {
    const ran = await run(options, folder);
    const evidence = withoutLateEars(ran.evidence);
    return { ran: { ...ran, evidence }, found: ran.evidence, rulings: judge(evidence, ran.terms), rows: [] };
  }
  const { found: foundLate, ...ran } = await runWithRedis(options, folder);
  const found = { ...foundLate, evidence: withoutLateEars(foundLate.evidence) };
  const { evidence } = heardIn(found);
  return {
    ran: { ...ran, evidence },
    found: foundLate,
    rulings: judgeRedis(found, ran.terms),
    rows: redisRows(found),
  };
}
