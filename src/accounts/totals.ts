/**
 * What tenants used, gathered in memory and handed to a store every five seconds: nothing of it is on the path of an answer, and a store is
 * written to once for many requests.
 */
import type { Clock, Totals } from "../gateway/ports.ts";

export interface Used {
  readonly requests: number;
  readonly costUsd: number;
}

/** What one tenant used on one day, as `Totals.add` takes it. */
export interface Use extends Used {
  readonly tenant: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
}

/** What a store brings. */
export interface TotalsStore {
  /** Adds to what is stored. @returns the uses that are to be gathered again, for they could not be stored. Never throws */
  add(uses: readonly Use[]): Promise<readonly Use[]>;
  /** @throws {StoreAway} */
  read(tenant: string, day: string): Promise<Used>;
}

export interface GatheredTotals extends Totals {
  /** As `add`, for a caller that flushes by itself: no flush is set off. */
  gather(tenant: string, day: string, requests: number, costUsd: number): void;
  /** Stores what is gathered, now, if the store can be reached. Never throws. */
  flush(): Promise<void>;
}

/** Sets off a flush in five seconds. @returns what calls the flush off */
export type Later = (flush: () => Promise<void>) => () => void;

export const gatherMs = 5_000;

/** For processes whose timers live as long as they do. */
export function byTimer(clock: Clock): Later {
  return (flush) => clock.after(gatherMs, () => void flush());
}

export function gatheredTotals(
  store: TotalsStore,
  clock: Pick<Clock, "monotonicMs">,
  later: Later,
): GatheredTotals {
  let gathered = new Map<string, Use>();
  /** On their way to the store. */
  const leaving = new Set<readonly Use[]>();
  let due: { readonly sinceMs: number; readonly callOff: () => void } | null = null;

  function gather(tenant: string, day: string, requests: number, costUsd: number): void {
    const key = `${day} ${tenant}`;
    const known = gathered.get(key);
    gathered.set(key, {
      tenant,
      day,
      requests: requests + (known?.requests ?? 0),
      costUsd: costUsd + (known?.costUsd ?? 0),
    });
  }

  function add(tenant: string, day: string, requests: number, costUsd: number): void {
    gather(tenant, day, requests, costUsd);
    // A flush that is overdue by so much died with the request that had set it off.
    const nowMs = clock.monotonicMs();
    if (due !== null && Math.abs(nowMs - due.sinceMs) < 2 * gatherMs) return;
    due = { sinceMs: nowMs, callOff: later(flush) };
  }

  async function flush(): Promise<void> {
    due?.callOff();
    due = null;
    const uses = [...gathered.values()];
    if (uses.length === 0) return;
    gathered = new Map();
    leaving.add(uses);
    const again = await store.add(uses);
    leaving.delete(uses);
    for (const { tenant, day, requests, costUsd } of again) add(tenant, day, requests, costUsd);
  }

  return {
    gather,
    add,
    flush,
    async of(tenant, day) {
      const stored = await store.read(tenant, day);
      const unstored = [...gathered.values(), ...[...leaving].flat()];
      return unstored
        .filter((use) => use.tenant === tenant && use.day === day)
        .reduce((sum, use) => plus(sum, use), stored);
    },
  };
}

function plus(a: Used, b: Used): Used {
  return { requests: a.requests + b.requests, costUsd: a.costUsd + b.costUsd };
}
