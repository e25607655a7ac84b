/**
 * `npm run bench`: what the service costs, beside the least that its work can cost and beside Portkey's gateway, in one run.
 * Every part is a process of its own; the candidates take turns over several rounds, in reversed order every second round, because the
 * same program differs by a third from one minute to the next.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { budgetTable, type Verdict } from "./budgets.ts";
import { ourNode } from "./candidates.ts";
import { benchDrain } from "./drain.ts";
import { benchDurable, roomySettings } from "./durable.ts";
import { benchJudgements } from "./judgements.ts";
import { simulateIsolates } from "./isolates.ts";
import { machineLines } from "./machine.ts";
import { startUpstream } from "./measure.ts";
import { help, readOptions, wants, wantsJudgements, wantsSection, type Options } from "./options.ts";
import { benchRedis } from "./redis.ts";
import { soak, soakRetentionHours } from "./soak.ts";

const options = readOptions(process.argv.slice(2));
if (typeof options === "string") {
  console.error(`${options}\n\n${help}`.trim());
  process.exit(options === "" ? 0 : 2);
}
const folder = mkdtempSync(join(tmpdir(), "bench-"));
// Also after a signal, and after the children's own end, who write there.
process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
try {
  process.exit(await bench(options, folder));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

/** @returns the exit code */
async function bench(options: Options, folder: string): Promise<number> {
  if (options.isolates) {
    console.log(await simulateIsolates());
    return 0;
  }
  const upstream = await startUpstream();
  const parts: string[] = [...machineLines(options), ""];
  const verdicts: Verdict[] = [];
  let isFlat = true;
  console.error("building …");
  if (options.soakTickets !== null) {
    const env = { ...roomySettings, RESULT_RETENTION_HOURS: String(soakRetentionHours) };
    const soaked = await soak(ourNode(upstream.origin, folder, env), upstream, options.soakTickets);
    parts.push(soaked.report);
    isFlat = soaked.isFlat;
  } else {
    if (wantsJudgements(options.only)) {
      const judged = await benchJudgements(options, upstream, folder);
      parts.push(judged.report, "");
      verdicts.push(...judged.verdicts);
    }
    if (wantsSection(options.only, "durable")) {
      const kept = await benchDurable(options, upstream, folder);
      parts.push(kept.report);
      verdicts.push(...kept.verdicts);
    }
    if (wantsSection(options.only, "drain")) parts.push(await benchDrain(options, folder));
    if (wantsSection(options.only, "redis") && wants(options.only, ["node", "workerd"]).includes("node")) {
      parts.push(await benchRedis(options, upstream, folder));
    }
    if (verdicts.length > 0) parts.push("### Budgets", "", budgetTable(verdicts));
  }
  const report = parts.join("\n");
  console.log(report);
  if (options.markdownFile !== null) await writeFile(options.markdownFile, `${report}\n`);
  return options.assert && !(isFlat && verdicts.every(({ kept }) => kept)) ? 1 : 0;
}
