/** What tenants used each day, in SQLite: today's, and what only a shared store that is away has still to be told. */
import type { DatabaseSync } from "node:sqlite";
import { byTimer, gatheredTotals, type GatheredTotals } from "../../accounts/totals.ts";
import type { Clock } from "../../gateway/ports.ts";
import type { FallbackTotals } from "../../stores/failover/fallback-store.ts";
import type { GroupCommit } from "./group-commit.ts";

export type SqliteTotals = FallbackTotals & GatheredTotals;

export function sqliteTotals(sql: DatabaseSync, commits: GroupCommit, clock: Clock): SqliteTotals {
  const select = sql.prepare("SELECT requests, cost_usd FROM totals WHERE tenant = ? AND day = ?");
  const put = sql.prepare(
    "INSERT INTO totals (tenant, day, requests, cost_usd) VALUES (?, ?, ?, ?) ON CONFLICT (tenant, day)" +
      " DO UPDATE SET requests = requests + excluded.requests, cost_usd = cost_usd + excluded.cost_usd",
  );
  const selectAll = sql.prepare("SELECT tenant, day, requests, cost_usd FROM totals");
  const removeAll = sql.prepare("DELETE FROM totals");
  const removeBefore = sql.prepare("DELETE FROM totals WHERE day < ?");

  const totals = gatheredTotals(
    {
      async add(uses) {
        try {
          await commits.write(() => {
            for (const { tenant, day, requests, costUsd } of uses) put.run(tenant, day, requests, costUsd);
            removeBefore.run(uses.map(({ day }) => day).reduce((a, b) => (a < b ? a : b)));
          });
          return [];
        } catch {
          return uses;
        }
      },
      async read(tenant, day) {
        const row = commits.read(() => select.get(tenant, day));
        return { requests: Number(row?.["requests"] ?? 0), costUsd: Number(row?.["cost_usd"] ?? 0) };
      },
    },
    clock,
    byTimer(clock),
  );

  return {
    ...totals,
    async take() {
      await totals.flush();
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
  };
}
