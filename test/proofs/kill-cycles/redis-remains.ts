/** What is left in Redis, and in the files behind it. */
import { DatabaseSync } from "node:sqlite";
import type { Ticket, TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import type { RedisClient } from "../../support/redis/client.ts";
import type { Plain } from "../../support/redis/resp.ts";
import { canaryPrefix } from "./comparison.ts";
import type { History } from "./evidence.ts";
import { databasesBelow } from "./remains.ts";

const tickets = "llm-provider-service:queue:requests:";
const events = "llm-provider-service:queue:events:";

/** Keys, of whatever type, that hold a canary, with how many. */
export async function canariesIn(redis: RedisClient): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const key of await keysIn(redis, "*")) {
    const count = JSON.stringify(await valueOf(redis, key)).split(canaryPrefix).length - 1;
    if (count > 0) found.set(key, count);
  }
  return found;
}

/** Of every ticket in Redis. One that was withdrawn has no record. */
export async function historiesIn(redis: RedisClient): Promise<History[]> {
  const found: History[] = [];
  for (const key of await keysIn(redis, `${tickets}*`)) {
    const record = await redis.command("HGET", key, "record");
    if (typeof record !== "string") continue;
    const { about, progress } = JSON.parse(record) as Ticket;
    const stored = await redis.command("LRANGE", `${events}${about.id}`, 0, -1);
    found.push({
      number: Number(about.metadata["number"]),
      queueId: about.id,
      expiresAtMs: about.expiresAtMs,
      attempts: progress.attempts,
      events: listOf(stored).map((event) => JSON.parse(String(event)) as TicketEvent),
    });
  }
  return found;
}

/** Rows of a table in the databases below the folder, also while the service has them open. */
export function rowsIn(folder: string, table: "tickets" | "moving" | "spool" | "doubtful"): number {
  return databasesBelow(folder).reduce((sum, file) => {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 2_000 });
    try {
      const known = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table);
      if (known === undefined) return sum;
      return sum + Number(database.prepare(`SELECT COUNT(*) AS count FROM ${table}`).get()?.["count"]);
    } finally {
      database.close();
    }
  }, 0);
}

async function keysIn(redis: RedisClient, pattern: string): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = "0";
  do {
    const [next, some] = listOf(await redis.command("SCAN", cursor, "MATCH", pattern, "COUNT", 1000));
    for (const key of listOf(some ?? null)) keys.add(String(key));
    cursor = String(next);
  } while (cursor !== "0");
  return [...keys];
}

/** Not by `DUMP`, which compresses. */
async function valueOf(redis: RedisClient, key: string): Promise<Plain> {
  const type = await redis.command("TYPE", key);
  switch (type) {
    case "string":
      return await redis.command("GET", key);
    case "hash":
      return await redis.command("HGETALL", key);
    case "list":
      return await redis.command("LRANGE", key, 0, -1);
    case "set":
      return await redis.command("SMEMBERS", key);
    case "zset":
      return await redis.command("ZRANGE", key, 0, -1);
    case "none":
      return null;
    default:
      throw new Error(`${key} is a ${String(type)}, which nobody looks into`);
  }
}

function listOf(reply: Plain): readonly Plain[] {
  return Array.isArray(reply) ? (reply as readonly Plain[]) : [];
}
