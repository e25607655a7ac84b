/** What tenants used each day, in Redis: gathered in memory, and added every few seconds. */
import type { Clock, Totals } from "../../gateway/ports.ts";
import { root, type Redis } from "./redis.ts";

export interface RedisTotals extends Totals {
  /** Adds what is not added yet, if it can. */
  flush(): Promise<void>;
}

interface Total {
  readonly key: string;
  readonly requests: number;
  readonly costUsd: number;
}

const storeMs = 5_000;
const keptSeconds = 2 * 86_400;

export function redisTotals(redis: Redis, clock: Clock): RedisTotals {
  let gathered = new Map<string, Total>();
  let cancel: (() => void) | null = null;

  function gather(key: string, requests: number, costUsd: number): void {
    const known = gathered.get(key);
    gathered.set(key, {
      key,
      requests: requests + (known?.requests ?? 0),
      costUsd: costUsd + (known?.costUsd ?? 0),
    });
    cancel ??= clock.after(storeMs, () => void flush());
  }

  async function flush(): Promise<void> {
    cancel?.();
    cancel = null;
    const leaving = [...gathered.values()];
    gathered = new Map();
    await Promise.all(leaving.map(store));
  }

  /** Where the outcome isn't known it is added again: rather too much than too little. */
  async function store({ key, requests, costUsd }: Total): Promise<void> {
    try {
      await Promise.all([
        redis.command("HINCRBY", key, "requests", String(requests)),
        redis.command("HINCRBYFLOAT", key, "cost_usd", String(costUsd)),
        redis.command("EXPIRE", key, String(keptSeconds)),
      ]);
    } catch {
      gather(key, requests, costUsd);
    }
  }

  return {
    add: (tenant, day, requests, costUsd) => gather(keyOf(tenant, day), requests, costUsd),
    flush,

    async of(tenant, day) {
      const key = keyOf(tenant, day);
      const [requests, costUsd] = (await redis.command("HMGET", key, "requests", "cost_usd")) as readonly (
        | string
        | null
      )[];
      const unsaid = gathered.get(key);
      return {
        requests: Number(requests ?? 0) + (unsaid?.requests ?? 0),
        costUsd: Number(costUsd ?? 0) + (unsaid?.costUsd ?? 0),
      };
    },
  };
}

function keyOf(tenant: string, day: string): string {
  return `${root}totals:${day}:${tenant}`;
}
