/** Brings what waits for the bus to the process that sends it: one at a time, who has the lease. */
import { outboxKey } from "./bus.ts";
import type { BusCall } from "./calls.ts";
import { count, exactly, list, read } from "./commands.ts";
import { ticketKey, type Run } from "./ticket-rows.ts";

function leaseKey({ root }: Run): string {
  return `${root}queue:bus:relay`;
}

/** @returns `held`; or how many wait, and then each of the oldest with its ticket's record (empty: there is none) */
export function takeForBus(run: Run, call: Extract<BusCall, { verb: "bus_take" }>): readonly string[] {
  const lease = leaseKey(run);
  const holder = read("GET", lease);
  if (holder !== null && holder !== call.relay) return ["held"];
  redis.call("SET", lease, call.relay, "PX", exactly(call.leaseMs));
  const key = outboxKey(run);
  const taken = [exactly(count("ZCARD", key))];
  if (call.most === 0) return taken;
  for (const entry of list("ZRANGE", key, 0, call.most - 1)) {
    const { id } = cjson.decode(entry) as { readonly id: string };
    taken.push(entry, read("HGET", ticketKey(run, id), "record") ?? "");
  }
  return taken;
}

export function sentToBus(run: Run, entries: readonly string[]): void {
  for (const entry of entries) redis.call("ZREM", outboxKey(run), entry);
}

export function releaseBus(run: Run, relay: string): void {
  if (read("GET", leaseKey(run)) === relay) redis.call("DEL", leaseKey(run));
}
