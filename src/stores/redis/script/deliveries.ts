/** What endpoints are to be told, in the script: entered with the end of a ticket, and worked on by whichever process asks. */
import { createDeliveryKeeper, type DeliveryKeeper } from "../../../engine/deliveries.ts";
import type { DeliveryCall, ToldEnd } from "./calls.ts";
import { exactly } from "./commands.ts";
import { redisDeliveryTables } from "./delivery-rows.ts";
import type { Run } from "./ticket-rows.ts";

/** To one endpoint, from all processes. */
const atOnce = 10;
/** Of a new delivery in Redis, at most: its row, and its places in three sorted sets. */
const bytesEach = 2_000;

function keeperOf(run: Run, random: number): DeliveryKeeper {
  return createDeliveryKeeper({
    tables: redisDeliveryTables(run),
    // The script is one.
    atomically: (work) => work(),
    nowMs: () => run.nowMs,
    random: () => random,
    atOnce,
  });
}

/**
 * A ticket has ended. Where memory is full, a script that ends tickets goes on, for it makes room: so what is entered must take less than that, or it
 * is not entered, and counted as dropped.
 *
 * @param freedBytes that the end of the ticket has made free
 */
export function enterEnd(run: Run, { event, endpoints, maxPending }: ToldEnd, freedBytes: number): void {
  const keeper = keeperOf(run, 0);
  if (freedBytes < endpoints.length * bytesEach && isFull()) keeper.leaveOut(event, endpoints);
  else keeper.enter(event, endpoints, maxPending);
}

/** Where Redis does not let us ask: no. */
function isFull(): boolean {
  try {
    const info = redis.call("INFO", "memory") as string;
    const most = figure(info, "maxmemory");
    return most > 0 && figure(info, "used_memory") - figure(info, "mem_not_counted_for_evict") >= most;
  } catch {
    return false;
  }
}

/** @returns 0: it is not there */
function figure(info: string, name: string): number {
  const sign = `\n${name}:`;
  const at = info.indexOf(sign);
  if (at < 0) return 0;
  const from = at + sign.length;
  return tonumber(info.slice(from, info.indexOf("\r", from))) ?? 0;
}

/** @returns texts, most of them JSON */
export function answerDeliveries(run: Run, call: DeliveryCall): readonly string[] {
  const keeper = keeperOf(run, call.random);
  switch (call.verb) {
    case "take_deliveries":
      return keeper.take(call.endpoints, call.most, call.leaseMs).map((taken) => cjson.encode(taken));
    case "settle_delivery":
      return [cjson.encode(keeper.settle(call.id, call.lease, call.end))];
    case "tidy_deliveries":
      return [keeper.tidy(call.endpoints) ? "1" : "0"];
    case "next_delivery":
      return [cjson.encode(keeper.next(call.endpoints)), exactly(run.nowMs)];
    case "redeliver":
      return [cjson.encode(keeper.redeliver(call.tenant, call.id))];
    case "endpoint_tested":
      return [cjson.encode(keeper.testedWell(call.endpoint))];
    case "endpoint_health":
      return keeper.health(call.endpoints).map((health) => cjson.encode(health));
    case "page_deliveries": {
      const { deliveries, next } = keeper.page(call.query);
      return [cjson.encode(next), ...deliveries.map((delivery) => cjson.encode(delivery))];
    }
  }
}
