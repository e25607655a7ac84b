/**
 * `npm run demo`: an outage lived through, first as it comes, then with the service killed in the middle of it. Real processes and real HTTP;
 * only the provider is a fake. Ends with 1 where a comparison was lost or judged twice.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dice } from "../kill-cycles/random.ts";
import { openOutage, type Outage, type Outcome } from "./outage.ts";
import { heading, say, type Row } from "./screen.ts";

const folder = mkdtempSync(join(tmpdir(), "demo-"));
// Also after Ctrl-C, and after the service's own end, which writes there.
process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const outcomes = [
  await act("an outage", false),
  await act("an outage, and kill -9 in the middle of it", true),
];
const isGood = outcomes.every(({ lost, judgedTwice }) => lost.length + judgedTwice.length === 0);
heading(
  isGood ? "Nothing was lost and nothing was judged twice." : "THIS SHOULD NOT HAVE HAPPENED: see above.",
);
process.exit(isGood ? 0 : 1);

async function act(title: string, withKill: boolean): Promise<Outcome> {
  heading(`${withKill ? "Second" : "First"} act: ${title}`);
  const outage = await openOutage(join(folder, withKill ? "second" : "first"), dice(1, title));

  say("The provider is well. Each comparison is judged at once, and its answer is a 200 with the winner.");
  await outage.send(3);

  say("\nNow the provider is down: it answers every call with 503. We go on asking.");
  await outage.provider("down");
  await outage.send(8);
  say(
    "\nNobody was turned away. A 202 means: your comparison is stored on disk, and here is a ticket for its judgement. The first ones took a moment, because the service asked the provider and tried again. After three failures in a row its circuit breaker opened; since then it answers at once and leaves the provider alone.",
  );

  say(
    "\nWhile the provider is down the tickets wait. Now and then one of them is sent as a probe, to ask whether the provider is back. Waiting costs a ticket none of its attempts.\n",
  );
  await outage.watchUntil((_, watchedMs) => watchedMs > 3_500);

  say(
    "\nThe provider is well again. The next probe will find out; two good ones close the breaker. Then the tickets are judged, first one at a time, then more, so that the provider isn't knocked over again.\n",
  );
  await outage.provider("healthy");
  if (withKill) await killHalfWay(outage);
  await outage.watchUntil(areAllEnded);

  const callReport = await outage.settle();
  await outage.close();
  tell(callReport, withKill);
  return callReport;
}

async function killHalfWay(outage: Outage): Promise<void> {
  await outage.watchUntil((rows) => rows.filter(({ status }) => status === "processing").length > 1);
  const cutOff = await outage.kill();
  say(
    `\nkill -9. The service is gone, without a moment to tidy up. ${calls(cutOff)} with the provider at that moment, and what it answers reaches nobody. We start the service again on the same data.`,
  );
  const startedInMs = await outage.restart();
  say(
    `It is back after ${(startedInMs / 1000).toFixed(1)} s, and so is every ticket. What was in flight is asked for again, one ticket at a time, in case it was one of them that killed the service.\n`,
  );
}

function tell({ tickets, lost, judgedTwice, cutOff }: Outcome, withKill: boolean): void {
  say("");
  if (lost.length > 0) say(`LOST, or given the judgement of another: comparison ${lost.join(", ")}.`);
  if (judgedTwice.length > 0) say(`JUDGED TWICE: comparison ${judgedTwice.join(", ")}.`);
  if (lost.length + judgedTwice.length > 0) return;
  say(
    `We fetched the results of all ${tickets} tickets. Each is a judgement of its own two essays, and the provider's own record shows that it gave each of them once.`,
  );
  if (withKill && cutOff > 0)
    say(
      `${calls(cutOff)} cut off by the kill and made again: that no judgement came of them is why they had to be.`,
    );
}

function areAllEnded(rows: readonly Row[]): boolean {
  return rows.every(({ status }) => status !== "queued" && status !== "processing");
}

function calls(count: number): string {
  if (count === 0) return "No call was";
  return count === 1 ? "One call was" : `${count} calls were`;
}
