/** What endpoints are to be told, in Redis: all processes work on it. Each verb is one run of the script. */
import type { Delivery } from "../../domain/push/delivery.ts";
import type {
  DeliveryMoments,
  DeliveryPosition,
  DeliveryStore,
  EndpointChange,
  EndpointHealth,
  Redelivered,
  SettledAttempt,
  TakenDelivery,
} from "../../gateway/delivery-store.ts";
import type { DeliveryCall } from "./script/calls.ts";
import type { ScriptRunner } from "./script-runner.ts";

type Asked<Call> = Call extends unknown ? Omit<Call, "random"> : never;

/**
 * @param nowMs this machine's clock, epoch milliseconds: moments are given by it
 * @param random uniform in [0, 1)
 */
export function redisDeliveries(
  script: Pick<ScriptRunner, "call">,
  nowMs: () => number,
  random: () => number,
): DeliveryStore {
  const ask = async (call: Asked<DeliveryCall>): Promise<readonly string[]> =>
    (await script.call({ ...call, random: random() } as DeliveryCall)) as readonly string[];

  return {
    async take(endpoints, most, leaseMs) {
      const all = await ask({ verb: "take_deliveries", endpoints, most, leaseMs });
      return all.map((taken) => JSON.parse(taken) as TakenDelivery);
    },
    async settle(id, lease, end) {
      const [settled = ""] = await ask({ verb: "settle_delivery", id, lease, end });
      const { delivery = null, change = null } = JSON.parse(settled) as Partial<SettledAttempt>;
      return { delivery, change: changeIn(change) };
    },
    async tidy(endpoints) {
      const [isDone] = await ask({ verb: "tidy_deliveries", endpoints });
      return isDone === "1";
    },
    async next(endpoints) {
      const [next = "", storeNowMs] = await ask({ verb: "next_delivery", endpoints });
      const { sendAtMs = null, tidyAtMs = null } = JSON.parse(next) as Partial<DeliveryMoments>;
      const hereMs = nowMs() - Number(storeNowMs);
      const here = (atMs: number | null) => (atMs === null ? null : atMs + hereMs);
      return { sendAtMs: here(sendAtMs), tidyAtMs: here(tidyAtMs) };
    },
    async redeliver(tenant, id) {
      const [redelivered = ""] = await ask({ verb: "redeliver", tenant, id });
      return JSON.parse(redelivered) as Redelivered;
    },
    async testedWell(endpoint) {
      const [change = ""] = await ask({ verb: "endpoint_tested", endpoint });
      return changeIn(JSON.parse(change) as EndpointChange | null);
    },
    async page(query) {
      const [next = "", ...deliveries] = await ask({ verb: "page_deliveries", query });
      return {
        deliveries: deliveries.map((delivery) => JSON.parse(delivery) as Delivery),
        next: JSON.parse(next) as DeliveryPosition | null,
      };
    },
    async health(endpoints) {
      const all = await ask({ verb: "endpoint_health", endpoints });
      return all.map((health) => ({ ...notSaid, ...(JSON.parse(health) as EndpointHealth) }));
    },
  };
}

/** In Lua what is `null` is not there. */
const notSaid = { failingSinceMs: null, offBecause: null, lastDroppedAtMs: null, lastDeliveredAtMs: null };

function changeIn(change: EndpointChange | null): EndpointChange | null {
  return change && { ...change, because: change.because ?? null };
}
