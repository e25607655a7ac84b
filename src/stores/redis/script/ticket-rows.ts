/** Tickets as they are stored: a hash each, its events in a list beside it, and when it is next due. Their records are JSON that only the service reads. */
import { noteForBus } from "./bus.ts";
import type { Facts } from "./calls.ts";
import { exactly, read } from "./commands.ts";

/** One run of the script: all of it happens at one moment. */
export interface Run {
  /** What all keys begin with. */
  readonly root: string;
  readonly nowMs: number;
  /** What waits for the bus is kept for so long; 0: there is no bus. */
  readonly busMs: number;
}

/** As stored: record, texts, revision, late claim. An empty text: there is none. */
export type Row = readonly string[];

export function ticketKey({ root }: Run, id: string): string {
  return `${root}queue:requests:${id}`;
}

export function eventsKey({ root }: Run, id: string): string {
  return `${root}queue:events:${id}`;
}

/** All of whose time something comes, by when it does. */
export function dueKey({ root }: Run): string {
  return `${root}queue:due`;
}

export function rowOf(run: Run, id: string): Row {
  const fields = redis.call("HMGET", ticketKey(run, id), "record", "texts", "revision", "claim") as (
    | string
    | false
  )[];
  return fields.map((field) => (field === false ? "" : field));
}

export function factsOf(run: Run, id: string): Facts | null {
  const stored = read("HGET", ticketKey(run, id), "facts");
  return stored === null ? null : (cjson.decode(stored) as Facts);
}

/** Tells processes that something has happened to it. A message that is lost costs time alone. @param owner its tenant; `null`: it has not ended */
export function tellMoved({ root }: Run, id: string, event: number, owner: string | null): void {
  redis.call("PUBLISH", `${root}ticket:moves`, `${id} ${exactly(event)}${owner === null ? "" : ` ${owner}`}`);
}

/** @param texts the record, the essays (empty: as they were) and the new events */
export function writeTicket(
  run: Run,
  id: string,
  facts: Facts,
  dueMs: number | null,
  texts: readonly string[],
): void {
  const key = ticketKey(run, id);
  const events = eventsKey(run, id);
  const [record = "", essays = "", ...newEvents] = texts;
  redis.call("HSET", key, "record", record, "facts", cjson.encode(facts));
  redis.call("HINCRBY", key, "revision", 1);
  if (essays !== "") redis.call("HSET", key, "texts", essays);
  for (const event of newEvents) {
    redis.call("RPUSH", events, event);
    noteForBus(run, id, event);
  }
  if (dueMs === null) redis.call("ZREM", dueKey(run), id);
  else redis.call("ZADD", dueKey(run), exactly(dueMs), id);
  if (facts.forgetAtMs === null) return;
  const keptMs = exactly(Math.max(1, Math.ceil(facts.forgetAtMs - run.nowMs)));
  redis.call("PEXPIRE", key, keptMs);
  redis.call("PEXPIRE", events, keptMs);
}
