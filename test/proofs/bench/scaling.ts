/**
 * `npx node test/proofs/bench/scaling.ts`: what a scale and a report cost. CPU beside the clock, since a machine that does other work says little by the
 * clock alone. Nothing is asserted.
 */
import { fitOf } from "../../../src/domain/scaling/bradley-terry.ts";
import { covarianceOf } from "../../../src/domain/scaling/errors.ts";
import { evidenceOf } from "../../../src/domain/scaling/evidence.ts";
import { expectedErrorOf } from "../../../src/domain/scaling/expected-error.ts";
import { scaleOf } from "../../../src/domain/scaling/scale.ts";
import { judgedBy, noisy, plannedSet, regular, reported } from "../../domain/scaling/made-up-judges.ts";

const rounds = 9;

for (const [essays, perEssay] of [
  [100, 10],
  [300, 20],
  [500, 10],
  [500, 20],
] as const) {
  const plan = plannedSet(essays, { design: regular(perEssay), auditShare: 0 });
  const calls = judgedBy(plan, noisy(essays, { order: 0.8 }));
  const model = scaleOf(evidenceOf(calls, plan.judges), [])?.model;
  const fit = model && fitOf(model);
  if (model === undefined || fit === null || fit === undefined) throw new Error("There are no verdicts.");
  console.log(`\n${essays} essays, ${calls.length} verdicts, an order effect`);
  measured("a plan", () => plannedSet(essays, { design: regular(perEssay) }));
  measured("a plan's expected error", () => expectedErrorOf(plan));
  measured("a fit", () => fitOf(model));
  measured("its errors", () => covarianceOf(model, fit)?.ofScores(0, 0));
  measured("a report", () => reported(plan, calls));
}

/** Medians, after a round to warm up. */
function measured(what: string, work: () => unknown): void {
  work();
  const [wall, cpu]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const [startMs, used] = [performance.now(), process.cpuUsage()];
    work();
    wall.push(performance.now() - startMs);
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / 1000);
  }
  console.log(`${what.padEnd(26)}${median(wall)} ms by the clock, ${median(cpu)} ms of CPU`);
}

function median(values: readonly number[]): string {
  const middle = values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
  return (middle ?? 0).toFixed(1).padStart(8);
}
