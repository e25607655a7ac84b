/** After the drain of a run with Redis: what every process says, and what is left when all of them have stopped. */
import { setTimeout as pause } from "node:timers/promises";
import type { RedisClient } from "../../support/redis/client.ts";
import { ask, lookAtEnd } from "./answers.ts";
import type { End, Evidence } from "./evidence.ts";
import { readHistories } from "./histories.ts";
import type { Away, Warnings } from "./redis-evidence.ts";
import { processes, type Fleet } from "./redis-fleet.ts";
import { canariesIn, historiesIn, rowsIn } from "./redis-remains.ts";
import { findCanaries, findDamage } from "./remains.ts";

/** Until what the files hold has moved, once all is well. */
const emptyMs = 30_000;

/** What the files still hold when time enough was given, a sentence each. */
export async function leftIn(fleet: Fleet): Promise<string[]> {
  const deadline = performance.now() + emptyMs;
  for (;;) {
    const left = processes.flatMap((process) =>
      (["tickets", "moving", "spool", "doubtful"] as const)
        .map((table) => ({ table, rows: rowsIn(fleet.dataOf(process), table) }))
        .filter(({ rows }) => rows > 0)
        .map(({ table, rows }) => `process ${process}: ${rows} rows in ${table}`),
    );
    if (left.length === 0 || performance.now() > deadline) return left;
    await pause(500);
  }
}

/** Status and result of each ticket, as each process has them. */
export async function endsAt(fleet: Fleet, queueIds: readonly string[]): Promise<End[][]> {
  const all: End[][] = [];
  for (const origin of fleet.origins()) {
    const ends: End[] = [];
    for (const queueId of queueIds) ends.push(await lookAtEnd(origin ?? "", queueId));
    all.push(ends);
  }
  return all;
}

export function warningsOf(fleet: Fleet): Promise<Warnings[]> {
  return Promise.all(
    fleet.origins().map(async (origin, process) => {
      const { body } = await ask(`${origin}/healthz`);
      const logged = fleet.logged(process, ["store_warnings"]).flatMap(({ warnings }) => textsIn(warnings));
      return { process, shown: textsIn(body["warnings"]), logged };
    }),
  );
}

/** From a log's `store_away` to its next `store_back`, or to the kill. One that has found no Redis says so just before it says that it has started. */
export function awaysOf(fleet: Fleet): Away[] {
  return processes.flatMap((process) => {
    const kills = fleet.kills.filter((kill) => kill.process === process);
    const aways: Away[] = [];
    let sinceMs: number | null = null;
    for (const { event, time } of fleet.logged(process, ["store_away", "store_back", "started"])) {
      const atMs = Date.parse(String(time));
      const fromMs = sinceMs ?? atMs;
      const hasDied = kills.some((kill) => fromMs <= kill.atMs && kill.atMs <= atMs);
      if (event === "started" && !hasDied) continue;
      if (sinceMs !== null) aways.push({ process, atMs: sinceMs - noticeMs, untilMs: atMs });
      sinceMs = event === "store_away" ? atMs : null;
    }
    return aways;
  });
}

/** It takes two calls, one after the other. */
const noticeMs = 1_000;

/** The processes have stopped, and Redis has not. */
export async function remainsOf(
  fleet: Fleet,
  client: RedisClient,
): Promise<
  Pick<Evidence, "histories"> & {
    readonly canaries: string[];
    readonly damage: string[];
    readonly databases: number;
  }
> {
  const files = processes.map((process) => ({ process, data: fleet.dataOf(process) }));
  const damages = files.map(({ data }) => findDamage(data));
  return {
    histories: [...(await historiesIn(client)), ...files.flatMap(({ data }) => readHistories(data))],
    canaries: [
      ...[...(await canariesIn(client))].map(([key, count]) => `Redis' ${key} (${count} times)`),
      ...files.flatMap(({ process, data }) =>
        [...findCanaries(data)].map(([file, count]) => `process ${process}'s ${file} (${count} times)`),
      ),
    ],
    damage: damages.flatMap(({ damage }) => damage),
    databases: damages.reduce((all, { checked }) => all + checked, 0),
  };
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
