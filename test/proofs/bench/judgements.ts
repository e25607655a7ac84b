/** The section about immediate judgements: what they cost, beside the least that they can cost and beside Portkey's gateway. */
import { judgeBudgets, type Verdict } from "./budgets.ts";
import { directRequest, prepareCandidates } from "./candidates.ts";
import { measure, secondsOf, type Sample, type Setting } from "./measure.ts";
import type { Options } from "./options.ts";
import type { Running } from "./processes.ts";
import { noiseLine, settingName, tables, trustedSamples } from "./report.ts";

/** @returns the tables as Markdown, and what they say of the budgets */
export async function benchJudgements(
  options: Options,
  upstream: Running,
  folder: string,
): Promise<{ readonly report: string; readonly verdicts: readonly Verdict[] }> {
  const candidates = await prepareCandidates(options.only, upstream.origin, folder);
  const settings: Setting[] = options.latenciesMs.flatMap((latencyMs) =>
    options.connections.map((connections) => ({ connections, latencyMs })),
  );
  const turns = [
    { candidate: null, request: directRequest, command: null, name: "direct call" },
    ...candidates.map((candidate) => ({ ...candidate, candidate })),
  ];
  const samples: Sample[] = [];
  const minutes = (options.rounds * turns.length * secondsOf(settings, options)) / 60;
  console.error(`measuring, about ${minutes.toFixed(1)} minutes`);
  for (let round = 1; round <= options.rounds; round++) {
    for (const { candidate, request, command, name } of round % 2 === 1 ? turns : turns.toReversed()) {
      const measured = await measure(command, request, settings, options, upstream);
      samples.push(...measured.map((one) => ({ ...one, round, candidate })));
      console.error(`round ${round} of ${options.rounds}: ${name}`);
    }
  }

  const trusted = trustedSamples(samples);
  const hardest: Setting = {
    connections: Math.max(...options.connections),
    latencyMs: Math.min(...options.latenciesMs),
  };
  const report = [
    noiseLine(samples),
    `Budgets of CPU time are held at ${settingName(hardest)}.`,
    "",
    tables(trusted, candidates, settings),
  ].join("\n");
  return { report, verdicts: judgeBudgets(trusted, candidates, hardest) };
}
