/** What tenants used, gathered in this isolate and stored behind the answers. */
import type { Clock, Totals } from "../../gateway/ports.ts";
import { askObject } from "./ask-object.ts";
import type { Environment } from "../environment.ts";
import type { TotalsObject, Used } from "../objects/totals-object.ts";

/** How long uses are gathered: a request to an object is what they cost. */
const gatherMs = 5_000;

export interface StoredTotals extends Totals {
  /** Stores what is gathered, now. Never throws. */
  flush(): Promise<void>;
}

/** @param later lets work that follows an answer finish, within 30 s */
export function durableTotals(
  env: Environment,
  clock: Clock,
  later: (work: Promise<unknown>) => void,
): StoredTotals {
  let gathered = new Map<string, Used & { readonly tenant: string; readonly day: string }>();
  /** Somebody will store what is gathered; whoever it was may be gone after twice that time. */
  let startedAtMs: number | null = null;

  async function store(): Promise<void> {
    const all = [...gathered.values()];
    gathered = new Map();
    startedAtMs = null;
    await Promise.allSettled(
      all.map(({ tenant, day, requests, costUsd }) =>
        askObject<TotalsObject, void>(env.TOTALS_OBJECTS, nameOf(tenant), (totals) =>
          totals.add(day, requests, costUsd),
        ),
      ),
    );
  }

  return {
    add(tenant, day, requests, costUsd) {
      const key = `${day} ${tenant}`;
      const known = gathered.get(key) ?? { requests: 0, costUsd: 0 };
      gathered.set(key, {
        tenant,
        day,
        requests: known.requests + requests,
        costUsd: known.costUsd + costUsd,
      });
      // What tickets cost is stored at the end of their batch, which would otherwise be held up for as long.
      if (requests === 0) return;
      const nowMs = clock.nowMs();
      if (startedAtMs !== null && Math.abs(nowMs - startedAtMs) < 2 * gatherMs) return;
      startedAtMs = nowMs;
      later(new Promise<void>((resolve) => clock.after(gatherMs, resolve)).then(store));
    },
    flush: store,
    async of(tenant, day) {
      await store();
      return askObject<TotalsObject, Used>(env.TOTALS_OBJECTS, nameOf(tenant), (totals) => totals.of(day));
    },
  };
}

/** Without keys there is one tenant, and it may have no name. */
function nameOf(tenant: string): string {
  return `tenant:${tenant}`;
}
