/**
 * `npm run bench`: what the service costs, beside the least that its work can cost and beside Portkey's gateway, in one run.
 * Every part is a process of its own; the candidates take turns over several rounds, in reversed order every second round, because the
 * same program differs by a third from one minute to the next.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { budgetTable, judgeBudgets } from "./budgets.ts";
import { directRequest, prepareCandidates } from "./candidates.ts";
import { machineLines } from "./machine.ts";
import { measure, secondsOf, startUpstream, type Sample, type Setting } from "./measure.ts";
import { help, readOptions, type Options } from "./options.ts";
import { noiseLine, settingName, tables, trustedSamples } from "./report.ts";

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
  const upstream = await startUpstream();
  console.error("building …");
  const candidates = await prepareCandidates(options.only, upstream.origin, folder);
  const settings: Setting[] = options.latenciesMs.flatMap((latencyMs) =>
    options.connections.map((connections) => ({ connections, latencyMs })),
  );
  const turns = [
    { candidate: null, request: directRequest, name: "direct call" },
    ...candidates.map((candidate) => ({ ...candidate, candidate })),
  ];
  const samples: Sample[] = [];
  const minutes = (options.rounds * turns.length * secondsOf(settings, options)) / 60;
  console.error(`measuring, about ${minutes.toFixed(1)} minutes`);
  for (let round = 1; round <= options.rounds; round++) {
    for (const { candidate, request, name } of round % 2 === 1 ? turns : turns.toReversed()) {
      const measured = await measure(candidate, request, settings, options, upstream);
      samples.push(...measured.map((one) => ({ ...one, round, candidate })));
      console.error(`round ${round} of ${options.rounds}: ${name}`);
    }
  }

  const trusted = trustedSamples(samples);
  const hardest: Setting = {
    connections: Math.max(...options.connections),
    latencyMs: Math.min(...options.latenciesMs),
  };
  const verdicts = judgeBudgets(trusted, candidates, hardest);
  const report = [
    ...machineLines(options),
    noiseLine(samples),
    "",
    tables(trusted, candidates, settings),
    "",
    `### Budgets, ${settingName(hardest)}`,
    "",
    budgetTable(verdicts),
  ].join("\n");
  console.log(report);
  if (options.markdownFile !== null) await writeFile(options.markdownFile, `${report}\n`);
  return options.assert && verdicts.some(({ kept }) => !kept) ? 1 : 0;
}
