/** What tenants used each day, in SQLite: gathered in memory, and stored every few seconds. */
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../gateway/ports.ts";
import type { LocalTotals, Used } from "../../stores/failover/local-store.ts";
import type { GroupCommit } from "./group-commit.ts";

export interface SqliteTotals extends LocalTotals {
  /** Stores what is not stored yet, if it can. */
  flush(): Promise<void>;
}

const storeMs = 5_000;
const nothing = { requests: 0, costUsd: 0 };

export function sqliteTotals(sql: DatabaseSync, commits: GroupCommit, clock: Clock): SqliteTotals {
  const select = sql.prepare("SELECT requests, cost_usd FROM totals WHERE tenant = ? AND day = ?");
  const put = sql.prepare(
    "INSERT INTO totals (tenant, day, requests, cost_usd) VALUES (?, ?, ?, ?) ON CONFLICT (tenant, day)" +
      " DO UPDATE SET requests = requests + excluded.requests, cost_usd = cost_usd + excluded.cost_usd",
  );
  const selectAll = sql.prepare("SELECT tenant, day, requests, cost_usd FROM totals");
  const removeAll = sql.prepare("DELETE FROM totals");
  const removeBefore = sql.prepare("DELETE FROM totals WHERE day < ?");
  /** Not stored yet; and those of them that are being stored. */
  let gathered = new Map<string, Used>();
  let leaving = new Map<string, Used>();
  let cancel: (() => void) | null = null;

  function add(tenant: string, day: string, requests: number, costUsd: number): void {
    const key = `${day} ${tenant}`;
    const known = gathered.get(key) ?? nothing;
    gathered.set(key, {
      tenant,
      day,
      requests: known.requests + requests,
      costUsd: known.costUsd + costUsd,
    });
    cancel ??= clock.after(storeMs, () => void flush());
  }

  async function flush(): Promise<void> {
    cancel?.();
    cancel = null;
    if (gathered.size === 0 || leaving.size > 0) return;
    const totals = [...gathered.values()];
    leaving = gathered;
    gathered = new Map();
    try {
      await commits.write(() => {
        for (const { tenant, day, requests, costUsd } of totals) put.run(tenant, day, requests, costUsd);
        removeBefore.run(totals.map(({ day }) => day).reduce((a, b) => (a < b ? a : b)));
      });
      leaving = new Map();
    } catch {
      leaving = new Map();
      for (const { tenant, day, requests, costUsd } of totals) add(tenant, day, requests, costUsd);
    }
  }

  return {
    add,
    flush,

    async take() {
      await flush();
      const rows = await commits.write(() => {
        const all = selectAll.all();
        if (all.length > 0) removeAll.run();
        return all;
      });
      return rows.map((row) => ({
        tenant: String(row["tenant"]),
        day: String(row["day"]),
        requests: Number(row["requests"]),
        costUsd: Number(row["cost_usd"]),
      }));
    },

    async of(tenant, day) {
      const key = `${day} ${tenant}`;
      const row = commits.read(() => select.get(tenant, day));
      const stored = { requests: Number(row?.["requests"] ?? 0), costUsd: Number(row?.["cost_usd"] ?? 0) };
      return [gathered.get(key) ?? nothing, leaving.get(key) ?? nothing].reduce(
        (sum, { requests, costUsd }) => ({
          requests: sum.requests + requests,
          costUsd: sum.costUsd + costUsd,
        }),
        stored,
      );
    },
  };
}
