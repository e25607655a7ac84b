/** A mixed run: outages in turn under load, then a vendor that is well, until every ticket has ended. It gathers evidence and judges nothing. */
import { setTimeout as pause } from "node:timers/promises";
import { lookAtEnd } from "../../proofs/kill-cycles/answers.ts";
import { drain } from "../../proofs/kill-cycles/drain.ts";
import type { End } from "../../proofs/kill-cycles/evidence.ts";
import { startClients, type Asked } from "./clients.ts";
import type { Fleet, GivenJudgement, Mood } from "./fleet.ts";
import { watchBreaker, type Watched } from "./watch.ts";

export interface Evidence {
  readonly asked: readonly Asked[];
  readonly unlike: readonly string[];
  readonly judgements: readonly GivenJudgement[];
  /** Of every ticket, as the process says that did not accept it. */
  readonly ends: readonly End[];
  readonly watched: Watched;
  readonly thrown: readonly string[];
}

const outages: readonly Mood[] = ["down", "limiting", "refusing"];
const outageMs = 5_000;
const wellMs = 3_000;
const patienceMs = 120_000;

export async function liveThrough(fleet: Fleet, forMs: number, seed: number): Promise<Evidence> {
  const { origins } = fleet;
  const clients = startClients(origins, seed);
  const breaker = watchBreaker(origins);
  const endsAtMs = performance.now() + forMs;
  for (let turn = 0; performance.now() < endsAtMs; turn++) {
    await pause(wellMs);
    const mood = outages[turn % outages.length] ?? "down";
    await fleet.feel(mood);
    if (mood === "down") await breaker.throughOutage(outageMs);
    else await pause(outageMs);
    await fleet.feel("well");
    await breaker.untilClosed();
  }
  await clients.stop();

  const tickets = new Map(
    clients.asked.flatMap(({ queueId, process }) => (queueId === null ? [] : [[queueId, process] as const])),
  );
  await drain(origins[0], new Set(tickets.keys()), patienceMs);
  const ends: End[] = [];
  for (const [queueId, process] of tickets) ends.push(await lookAtEnd(origins[1 - process] ?? "", queueId));
  await fleet.stop();
  return {
    asked: clients.asked,
    unlike: clients.unlike,
    judgements: fleet.judgements,
    ends,
    watched: breaker.watched(),
    thrown: fleet.thrown(),
  };
}
