/** What tenants used each day, in Redis: a hash for each tenant and day. */
import { byTimer, gatheredTotals, type GatheredTotals, type Use } from "../../accounts/totals.ts";
import type { Clock } from "../../gateway/ports.ts";
import { root, type Redis } from "./redis.ts";

const keptSeconds = 2 * 86_400;

export function redisTotals(redis: Redis, clock: Clock): GatheredTotals {
  /** @returns false: it is not stored, or that isn't known. A use is then added again: rather too much than too little */
  async function stores({ tenant, day, requests, costUsd }: Use): Promise<boolean> {
    const key = keyOf(tenant, day);
    try {
      await Promise.all([
        redis.command("HINCRBY", key, "requests", String(requests)),
        redis.command("HINCRBYFLOAT", key, "cost_usd", String(costUsd)),
        redis.command("EXPIRE", key, String(keptSeconds)),
      ]);
      return true;
    } catch {
      return false;
    }
  }

  return gatheredTotals(
    {
      async add(uses) {
        const areStored = await Promise.all(uses.map(stores));
        return uses.filter((_, at) => !areStored[at]);
      },
      async read(tenant, day) {
        const fields = await redis.command("HMGET", keyOf(tenant, day), "requests", "cost_usd");
        const [requests, costUsd] = fields as readonly (string | null)[];
        return { requests: Number(requests ?? 0), costUsd: Number(costUsd ?? 0) };
      },
    },
    clock,
    byTimer(clock),
  );
}

function keyOf(tenant: string, day: string): string {
  return `${root}totals:${day}:${tenant}`;
}
