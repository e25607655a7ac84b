/** The section about tickets in Redis: one process and three that share it, beside the least that keeping them there can cost. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { redisProgram } from "../../support/redis/program.ts";
import type { Options } from "./options.ts";
import type { Running } from "./processes.ts";
import { keep, keepBare, type Kept } from "./redis-keep.ts";
import { callsOfLives, callsOfSingleLives, liveThrough, type Life } from "./redis-life.ts";
import { callsTable, keptTable, lifeTable, type CallsOfCrew, type Round } from "./redis-report.ts";
import { crews, withRedis, withServices, type Crew } from "./redis-world.ts";

const singleTickets = 20;
const mostTries = 3;

/** @returns the tables as Markdown */
export async function benchRedis(options: Options, upstream: Running, folder: string): Promise<string> {
  if (redisProgram() === null) return "### Redis\n\nNot measured: there is no redis-server here.\n";
  const folderOfThis = join(folder, "redis");
  await mkdir(folderOfThis);
  const rounds: Round[] = [];
  const calls: CallsOfCrew[] = [];
  const tickets = options.drainTickets.node;
  for (let round = 1; round <= options.rounds; round++) {
    const bare = await withRedis((world) => keepBare(world, options));
    const kept = new Map<Crew, Kept>();
    const lives = new Map<Crew, Life>();
    for (const crew of round % 2 === 1 ? crews : crews.toReversed()) {
      await withRedis((world) =>
        withServices(crew, world, upstream, folderOfThis, async (services) => {
          kept.set(crew, await keep(world, services, upstream, options));
        }),
      );
      const found = await untilInTime(() =>
        withRedis((world) =>
          withServices(crew, world, upstream, folderOfThis, async (services) => {
            // What runs for each ticket is compiled by then.
            if ((await liveThrough(world, services, upstream, tickets)) === null) return null;
            const life = await liveThrough(world, services, upstream, tickets);
            if (life === null || calls.some((known) => known.crew === crew))
              return life && { life, calls: null };
            const many = await callsOfLives(world, services, upstream, tickets);
            return (
              many && {
                life,
                calls: { many, single: await callsOfSingleLives(world, services, singleTickets) },
              }
            );
          }),
        ),
      );
      if (found) lives.set(crew, found.life);
      if (found?.calls) calls.push({ crew, ...found.calls });
      console.error(`round ${round} of ${options.rounds}: Redis, ${crew} of the service`);
    }
    rounds.push({ bare, kept, lives });
  }
  return [keptTable(rounds), lifeTable(rounds, tickets), callsTable(calls, tickets)].join("\n");
}

/**
 * On a busy machine Redis, or a process that waits for it, may be late, and then that is what would be measured: a new one is tried.
 *
 * @returns `null`: it was late each time
 */
async function untilInTime<Found>(attempt: () => Promise<Found | null>): Promise<Found | null> {
  for (let tries = 1; tries <= mostTries; tries++) {
    const found = await attempt();
    if (found !== null) return found;
    console.error("Redis was late, and is tried again");
  }
  return null;
}
