/** A chapter for a process that keeps its tickets in Redis: Redis dies, a ticket is kept without it, and moves there when it is back. */
import { setTimeout as pause } from "node:timers/promises";
import type { RedisServer } from "../../../support/redis/server.ts";
import { endOf, ticketOf, untilEnded, type Scene } from "./chapters.ts";

export async function tellOfStoreTrouble({ ledger, lanes, seenMs }: Scene, redis: RedisServer) {
  const ask = (mode: "queue" | "immediate", status: number) =>
    ledger.compare({ provider: "openai", mode }, status);
  await ask("immediate", 200);
  const before = ticketOf((await ask("queue", 202)).body);
  const tickets = [before];
  await untilEnded(ledger, before, 20_000);
  await lanes.openai.rescript([{ fault: "unavailable", times: "forever" }]);
  await redis.kill();
  tickets.push(ticketOf((await ask("queue", 202)).body));
  await pause(seenMs);
  await redis.restart();
  // The process looks for it each few seconds, and moves what it kept.
  await pause(seenMs);
  await lanes.openai.rescript([]);
  return Promise.all(tickets.map((ticket) => endOf({ ledger }, ticket)));
}
