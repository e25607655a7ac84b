/** What one tenant used today, as a Durable Object named after it. */
import { DurableObject } from "cloudflare:workers";
import type { Used } from "../../accounts/totals.ts";
import type { Environment } from "../environment.ts";

export class TotalsObject extends DurableObject<Environment> {
  /** @param day `YYYY-MM-DD`, UTC. Days before the one before it are forgotten. */
  add(day: string, requests: number, costUsd: number): void {
    const { sql } = this.ctx.storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS used (day TEXT PRIMARY KEY, requests INTEGER, cost REAL) WITHOUT ROWID",
    );
    sql.exec(
      `INSERT INTO used VALUES (?1, ?2, ?3)
       ON CONFLICT (day) DO UPDATE SET requests = requests + ?2, cost = cost + ?3`,
      day,
      requests,
      costUsd,
    );
    sql.exec("DELETE FROM used WHERE day < date(?, '-1 day')", day);
  }

  /** Writes nothing where there is nothing. */
  of(day: string): Used {
    const { sql } = this.ctx.storage;
    const isNew = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'used'").toArray().length === 0;
    const [used] = isNew
      ? []
      : sql
          .exec<{ requests: number; costUsd: number }>(
            "SELECT requests, cost AS costUsd FROM used WHERE day = ?",
            day,
          )
          .toArray();
    return used ?? { requests: 0, costUsd: 0 };
  }
}
