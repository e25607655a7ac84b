/** `npm run load`: an open-loop load test of a running service. Exit code 0: all limits are kept; 1: one is not; 2: it could not begin. */
import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { realClock } from "./clock.ts";
import { judgeLimits } from "./limits.ts";
import { help, readOptions, type Options } from "./options.ts";
import { pictureOf } from "./picture.ts";
import { reportOf } from "./report.ts";
import { run } from "./run.ts";
import { connectTo, lookAt } from "./service.ts";
import { summaryOf } from "./summary.ts";

const asked = readOptions(process.argv.slice(2), process.env);
switch (asked.kind) {
  case "help":
    console.log(help);
    break;
  case "wrong":
    giveUp(`${asked.sentence}\n\n${help}`);
    break;
  case "run":
    await load(asked.options);
    break;
}

async function load(options: Options): Promise<void> {
  const { jsonFile, svgFile } = options;
  const nowhere = [jsonFile, svgFile].find((file) => file !== null && !existsSync(dirname(file)));
  if (nowhere) return giveUp(`There is no directory for ${nowhere}.`);
  const service = connectTo(options);
  const looked = await lookAt(service, options);
  if ("fault" in looked) return giveUp(looked.fault);
  const stop = new AbortController();
  process.once("SIGINT", () => {
    console.error("Stopped: what is under way is waited for, tickets are not followed any more.");
    stop.abort();
  });
  const { rate, seconds, warmUpSeconds, mode } = options;
  const count = Math.round(rate * (seconds + warmUpSeconds));
  console.error(
    `${count} comparisons for ${looked.asks.join(", ")}, in ${seconds + warmUpSeconds} s (${mode}).`,
  );
  const ran = await run(options, looked.asks, service, realClock, stop.signal);
  await service.close();

  const summary = summaryOf(ran);
  const verdicts = judgeLimits(summary, options.limits);
  console.log(reportOf(options, summary, verdicts));
  if (jsonFile !== null) writeFileSync(jsonFile, `${JSON.stringify({ ...summary, verdicts }, null, 2)}\n`);
  if (svgFile !== null) {
    const title = `${rate} comparisons a second for ${seconds} s, ${mode}`;
    writeFileSync(svgFile, pictureOf(ran.arrivals, { seconds, title, p95LimitMs: options.limits.p95Ms }));
  }
  if (stop.signal.aborted) process.exitCode = 130;
  else if (verdicts.some(({ isKept }) => !isKept)) process.exitCode = 1;
}

function giveUp(sentence: string): void {
  console.error(sentence);
  process.exitCode = 2;
}
