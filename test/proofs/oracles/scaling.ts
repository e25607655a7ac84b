/**
 * choix and R: do they find the same scores, errors and order effects in the same verdicts, and can they read our tables? choix is installed once by pip, into a
 * folder of its own; R's packages are Debian's.
 */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitOf } from "../../../src/domain/scaling/bradley-terry.ts";
import { covarianceOf, errorOfDifference } from "../../../src/domain/scaling/errors.ts";
import {
  choixCsv,
  itemsCsv,
  judgementsCsv,
  scoresCsv,
  sirtCsv,
  type CsvLayout,
} from "../../../src/domain/scaling/csv.ts";
import { evidenceOf, type JudgedCall } from "../../../src/domain/scaling/evidence.ts";
import { coinP, wilson } from "../../../src/domain/scaling/intervals.ts";
import { scaleOf } from "../../../src/domain/scaling/scale.ts";
import { judgedBy, noisy, plannedSet, reported } from "../../domain/scaling/made-up-judges.ts";
import { run } from "../bench/processes.ts";
import type { Oracle } from "./oracle.ts";
import { pythonTool, pythonWith } from "./python.ts";

const scripts = join(import.meta.dirname, "scaling");
const choixVersion = "0.4.1";
const folder = mkdtempSync(join(tmpdir(), "oracle-scaling-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Sets whose verdicts, each counted once, have a finite maximum without a penalty. */
const sets = [
  { name: "20 essays, all pairs", essays: 20, seed: 1, spread: 1, order: 0 },
  { name: "40 essays, an order effect of .8", essays: 40, seed: 2, spread: 1, order: 0.8 },
  { name: "12 essays, all pairs, an order effect of -1", essays: 12, seed: 3, spread: 0.5, order: -1 },
].map(({ name, essays, seed, spread, order }) => {
  const plan = plannedSet(essays, {
    design: { kind: "regular", perEssay: 20 },
    seed,
    auditShare: 0,
    repeatShare: 0,
  });
  return { name, plan, calls: judgedBy(plan, noisy(essays, { spread, order }), { seed }) };
});

export const oracle: Oracle = {
  tools: [
    {
      command: "Rscript",
      versionArgs: ["--version"],
      debianPackage: "r-cran-bradleyterry2",
      howToGet: "apt-get install --no-install-recommends r-cran-bradleyterry2",
    },
    pythonTool,
  ],
  async ask(check) {
    let python = "";
    const isThere = await check(`choix ${choixVersion} can be installed`, async () => {
      python = await pythonWith("choix", choixVersion);
      console.log(`with    ${(await said(python, [join(scripts, "versions.py")])).trim()}`);
    });
    await check("BradleyTerry2 is there", async () => {
      const version = await said("Rscript", ["-e", 'cat(as.character(packageVersion("BradleyTerry2")))']);
      console.log(`with    BradleyTerry2 ${version}`);
    });
    for (const { name, plan, calls } of sets) {
      const ids = plan.essays.map(({ id }) => id);
      if (isThere) {
        await check(`choix finds our scores of ${name}`, async () => {
          const rows = written("choix.csv", tableOf(choixCsv(ids), calls));
          const items = written("items.csv", itemsCsv(ids));
          const found = await figures(python, [join(scripts, "scores.py"), rows, items]);
          agree(found, scoresWithoutOrder(calls));
        });
      }
      const rows = written("sirt.csv", tableOf(sirtCsv, calls));
      await check(`R's BTm finds our differences, errors and order effect of ${name}`, async () => {
        agree(await figures("Rscript", [join(scripts, "bradley-terry.R"), rows, "0"]), differences(calls));
      });
      await check(`R's glm finds our penalised scores, errors and order effect of ${name}`, async () => {
        agree(await figures("Rscript", [join(scripts, "bradley-terry.R"), rows, "0.25"]), penalised(calls));
      });
    }
    await check("R's binom.test and prop.test have our p and intervals", sharesAgree);
    await check("R reads our tables, whatever a judge has written", tablesAreRead);
  },
};

/** Far more than R takes to start on a machine that does other work. */
const mostSeconds = 300;

async function said(file: string, args: readonly string[]): Promise<string> {
  return run({ file, args, env: process.env }, null, mostSeconds);
}

/** Lines of a name, a tab and a number. */
async function figures(file: string, args: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const lines = (await said(file, args)).trim().split("\n");
  return new Map(lines.map((line) => line.split("\t")).map(([name = "", value]) => [name, Number(value)]));
}

function agree(found: ReadonlyMap<string, number>, ours: ReadonlyMap<string, number>): void {
  assert.deepEqual([...found.keys()].sort(), [...ours.keys()].sort());
  for (const [name, value] of found) {
    const own = ours.get(name) ?? NaN;
    assert.ok(Math.abs(value - own) < 1e-6, `${name} is ${value} there, and ${own} here`);
  }
}

function tableOf({ head, lineOf }: CsvLayout, calls: readonly JudgedCall[]): string {
  return [head, ...calls.map(lineOf)].join("");
}

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function fitted(calls: readonly JudgedCall[], penalty: number, hasOrder: boolean) {
  const evidence = evidenceOf(calls, ["judge"]);
  const scale = scaleOf(evidence, []);
  if (scale === null) throw new Error("There are no verdicts.");
  const model = { ...scale.model, penalty, columns: hasOrder ? scale.model.columns : [] };
  const fit = fitOf(model);
  const covariance = fit && covarianceOf(model, fit);
  if (fit === null || covariance === null) throw new Error("There is no maximum.");
  return { essays: evidence.essays, fit, covariance };
}

function scoresWithoutOrder(calls: readonly JudgedCall[]): ReadonlyMap<string, number> {
  const { essays, fit } = fitted(calls, 0, false);
  return new Map(essays.map((id, at) => [id, fit.theta[at] ?? NaN]));
}

/** To the first essay by name. */
function differences(calls: readonly JudgedCall[]): ReadonlyMap<string, number> {
  const { essays, fit, covariance } = fitted(calls, 0, true);
  const first = essays.indexOf(essays.toSorted()[0] ?? "");
  const found = new Map([
    ["eta", fit.effects[0] ?? NaN],
    ["eta_se", Math.sqrt(covariance.ofEffect(0))],
  ]);
  for (const [at, id] of essays.entries()) {
    if (at === first) continue;
    found.set(`difference ${id}`, (fit.theta[at] ?? NaN) - (fit.theta[first] ?? NaN));
    found.set(`error ${id}`, errorOfDifference(covariance, at, first));
  }
  return found;
}

function penalised(calls: readonly JudgedCall[]): ReadonlyMap<string, number> {
  const { essays, fit, covariance } = fitted(calls, 0.25, true);
  const found = new Map([
    ["eta", fit.effects[0] ?? NaN],
    ["eta_se", Math.sqrt(covariance.ofEffect(0))],
  ]);
  for (const [at, id] of essays.entries()) {
    found.set(`score ${id}`, fit.theta[at] ?? NaN);
    found.set(`error ${id}`, Math.sqrt(covariance.ofScores(at, at)));
  }
  return found;
}

async function sharesAgree(): Promise<void> {
  for (const [first, second, pairs] of [
    [20, 10, 419],
    [83, 32, 415],
    [0, 3, 30],
    [5, 6, 11],
    [700, 800, 4000],
  ] as const) {
    const consistent = pairs - first - second;
    const found = await figures("Rscript", [
      join(scripts, "shares.R"),
      ...[first, second, consistent, pairs].map(String),
    ]);
    const [low = NaN, high = NaN] = wilson(consistent, pairs) ?? [];
    agree(
      found,
      new Map([
        ["p", coinP(first, second)],
        ["low", low],
        ["high", high],
      ]),
    );
  }
}

async function tablesAreRead(): Promise<void> {
  const [set] = sets;
  if (set === undefined) return;
  const texts = ['She wrote "no", then\nwent on; a, b', "räksmörgås – ½", "=1+1", "'", '"', "a\r\nb"];
  const calls = set.calls
    .slice(0, texts.length)
    .map((call, at) => ({ ...call, justification: texts[at] ?? "" }));
  const table = written("judgements.csv", tableOf(judgementsCsv, calls));
  const cells = await said("Rscript", [join(scripts, "table.R"), table, "justification"]);
  const [rows, ...read] = cells.trim().split("\n");
  assert.equal(rows, `rows\t${calls.length}`);
  assert.deepEqual(
    read.map((line) => String.fromCodePoint(...(line.split("\t")[1] ?? "").split(" ").map(Number))),
    // R takes every end of a line for its own.
    texts.map((text) => (text.startsWith("=") ? `'${text}` : text.replaceAll("\r\n", "\n"))),
  );
  const scores = written("scores.csv", scoresCsv(reported(set.plan, set.calls).scores));
  const essays = await said("Rscript", [join(scripts, "table.R"), scores, "essay"]);
  assert.equal(essays.split("\n")[0], `rows\t${set.plan.essays.length}`);
}
