/** The section about an outage: how fast the tickets go that waited for their provider, and whether they go as they should. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ourNode, ourWorkerInDevelopment, type Platform } from "./candidates.ts";
import { concurrency, drainSettings, measureDrain, type Drain } from "./drain-life.ts";
import { startUpstream } from "./measure.ts";
import { wants, type Options } from "./options.ts";
import type { CommandAt } from "./processes.ts";
import { shown, table } from "./report.ts";
import { figureOf } from "./statistics.ts";

interface Contestant {
  readonly name: string;
  readonly commandAt: (upstream: string, folder: string) => CommandAt;
}

const contestants: Readonly<Record<Platform, Contestant>> = {
  node: {
    name: "**this service**, Node",
    commandAt: (upstream, folder) => ourNode(upstream, folder, drainSettings),
  },
  // workerd alone has no queue.
  workerd: {
    name: "**this service**, workerd in `wrangler dev`",
    commandAt: (upstream, folder) => ourWorkerInDevelopment(upstream, folder, drainSettings),
  },
};

/** @returns the table as Markdown. @throws {Error} where a ticket is lost, judged twice, or begun out of turn */
export async function benchDrain(options: Options, folder: string): Promise<string> {
  const folderOfThis = join(folder, "drain");
  await mkdir(folderOfThis);
  const platforms = wants<Platform>(options.only, ["node", "workerd"]);
  const drains = new Map<Platform, Drain[]>(platforms.map((platform) => [platform, []]));
  // One of its own: it notes whom it judges, which the others are not to pay for.
  const upstream = await startUpstream();
  try {
    for (let round = 1; round <= options.rounds; round++) {
      for (const platform of round % 2 === 1 ? platforms : platforms.toReversed()) {
        const command = contestants[platform].commandAt(upstream.origin, folderOfThis);
        const drain = await measureDrain(command, upstream, options.drainTickets[platform]);
        drains.get(platform)?.push(drain);
        console.error(`round ${round} of ${options.rounds}: drain, ${platform}`);
      }
    }
  } finally {
    upstream.stop();
  }
  return report(drains, options);
}

function report(drains: ReadonlyMap<Platform, readonly Drain[]>, { drainTickets }: Options): string {
  const lines = Array.from(drains, ([platform, found]) => {
    const cell = (read: (drain: Drain) => number, digits = 0) => shown(figureOf(found.map(read)), digits);
    return [
      contestants[platform].name,
      String(drainTickets[platform]),
      cell((drain) => drain.keptPerSecond),
      cell((drain) => drain.ticketsPerSecond),
      cell((drain) => drain.cpuMicrosecondsPerTicket),
      cell((drain) => drain.firstAfterMs),
      cell((drain) => drain.overtakenBy),
      cell((drain) => drain.foreignShare * 100),
    ];
  });
  return [
    `### Tickets that waited for their provider, ${concurrency} at once`,
    "",
    table([header, ...lines]),
    "",
    `Checked in each round: every ticket completed, exactly one call judged it, and behind the probes that closed the breaker none was begun after one accepted more than ${concurrency} places later.`,
    "",
  ].join("\n");
}

const header = [
  "",
  "tickets",
  "kept/s, one by one",
  "judged/s",
  "CPU µs each",
  "first after ms",
  "overtaken by",
  "others' CPU %",
];
