/**
 * What is still to be sent to the bus: a sorted set in the order in which it happened, written with the move that it is about. A process reads it
 * (`outbox.ts`) and says what is said of each, for the script can't read records.
 */
import type { BusEntry } from "./calls.ts";
import { exactly, list } from "./commands.ts";
import type { Run } from "./ticket-rows.ts";

export function outboxKey({ root }: Pick<Run, "root">): string {
  return `${root}queue:bus`;
}

/** Said where processes listen (`readMessage`), as the first word. */
const filled = "bus";

/** @param event as JSON @param record of a ticket that is about to be deleted */
export function noteForBus(
  run: Run,
  id: BusEntry["id"],
  event: string,
  record: BusEntry["record"] | null = null,
): void {
  if (run.busMs === 0) return;
  const key = outboxKey(run);
  const [, last] = list("ZRANGE", key, -1, -1, "WITHSCORES");
  const number = (last === undefined ? 0 : (tonumber(last) ?? 0)) + 1;
  const withRecord = record === null ? "" : `,"record":${cjson.encode(record)}`;
  const entry = `{"id":${cjson.encode(id)},"at":${exactly(run.nowMs)},"event":${event}${withRecord}}`;
  redis.call("ZADD", key, exactly(number), entry);
  // Should nobody ever send it, it goes as tickets do.
  redis.call("PEXPIRE", key, exactly(run.busMs));
  if (last === undefined) redis.call("PUBLISH", `${run.root}gate:wake`, filled);
}
