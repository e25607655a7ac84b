/** What a service says of itself, held against the books of clients and vendors. */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Check } from "../oracle.ts";
import { entriesOf, type Books } from "../story/books.ts";
import type { Entry } from "../story/entries.ts";
import { disagreements, inNoStory } from "../story/log-lines.ts";
import { samplesIn, summed } from "../story/metrics-text.ts";
import { spanDisagreements } from "../story/span-books.ts";
import type { Stage } from "../story/stage.ts";
import { none } from "./questions.ts";

/** A stage, and how the tickets of its story have ended. */
export interface Told {
  readonly stage: Stage;
  readonly ended: Books["ended"];
}

export async function booksOf({ stage, ended }: Told): Promise<Books> {
  return { heard: [...stage.ledger.heard], calls: await stage.calls(), ended };
}

/** What isolates of a Worker have counted arrives within about five seconds. */
export async function countsAgree(stage: Stage, books: Books): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const samples = samplesIn(await stage.metrics());
    const wrong = entriesOf(books, stage.platform === "node").flatMap((entry) =>
      differencesIn(entry, summed(samples, entry.metric, entry.by)),
    );
    if (wrong.length === 0) return;
    if (performance.now() > deadline) none(wrong);
    await pause(500);
  }
}

function differencesIn(
  { metric, by, sums }: Entry,
  shown: Readonly<Record<string, number>>,
): readonly string[] {
  const keys = [...new Set([...Object.keys(sums), ...Object.keys(shown)])];
  // Who waits for a start asks for `/`, and Prometheus for `/metrics`.
  const notAsked = (key: string) => metric.startsWith("http_") && /^(\/|\/metrics|unmatched) GET/.test(key);
  // Dollars are summed up in another order.
  const differs = (key: string) => Math.abs((sums[key] ?? 0) - (shown[key] ?? 0)) > 1e-9;
  return keys
    .filter((key) => !notAsked(key) && differs(key))
    .map(
      (key) =>
        `${metric} by ${by.join(", ")}: ${key}: ${shown[key] ?? 0} shown, ${sums[key] ?? 0} in the books`,
    );
}

/** To be asked when the service has been stopped, and so has sent all that it had. */
export async function checkSpans(check: Check, told: Told): Promise<void> {
  const { collector } = told.stage;
  if (collector === null) return;
  await check(
    "spans are what clients and vendors have in their books, each ticket's linked to what kept it",
    async () => {
      none(spanDisagreements(collector.spans(), await booksOf(told)));
    },
  );
}

export async function checkLogs(check: Check, all: readonly Told[]): Promise<void> {
  for (const { stage, ended } of all) {
    await check(
      `${stage.folder.split("/").at(-1)}: the log says what clients and vendors have in their books`,
      async () => {
        none(disagreements(stage.events(), await booksOf({ stage, ended })));
      },
    );
  }
  await check("every event of the log was there, but those that are on the list", () => {
    const { logEvents } = JSON.parse(readFileSync("test/kept-names.json", "utf8")) as {
      logEvents: readonly string[];
    };
    const seen = new Set(all.flatMap(({ stage }) => stage.events().map(({ event }) => event)));
    none(logEvents.filter((event) => seen.has(event) === event in inNoStory));
  });
}
