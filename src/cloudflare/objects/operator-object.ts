/** What operators alone ask for, as one Durable Object: which tenants have an index of tickets, and what operators did. */
import { DurableObject } from "cloudflare:workers";
import { mostActions, type OperatorAction } from "../../gateway/ports.ts";
import { clock } from "../clock.ts";
import { configOf, type Environment } from "../environment.ts";

export class OperatorObject extends DurableObject<Environment> {
  constructor(ctx: DurableObjectState, env: Environment) {
    super(ctx, env);
    const { sql } = ctx.storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS tenants (name TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
    );
    sql.exec(
      "CREATE TABLE IF NOT EXISTS actions (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, json TEXT NOT NULL)",
    );
  }

  /** A tenant's index has tickets, until then at least. */
  noteTenant(tenant: string, untilMs: number): void {
    this.ctx.storage.sql.exec(
      "INSERT INTO tenants VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET until = max(until, excluded.until)",
      tenant,
      untilMs,
    );
  }

  tenants(): readonly string[] {
    const { sql } = this.ctx.storage;
    sql.exec("DELETE FROM tenants WHERE until <= ?", clock.nowMs());
    return sql
      .exec<{ name: string }>("SELECT name FROM tenants")
      .toArray()
      .map(({ name }) => name);
  }

  noteAction(action: OperatorAction): void {
    const { sql } = this.ctx.storage;
    sql.exec("INSERT INTO actions (at, json) VALUES (?, ?)", action.atMs, JSON.stringify(action));
    sql.exec(
      "DELETE FROM actions WHERE at <= ? OR number <= (SELECT max(number) FROM actions) - ?",
      this.#firstMs(),
      mostActions,
    );
  }

  /** The newest first. */
  actions(most: number): readonly OperatorAction[] {
    return this.ctx.storage.sql
      .exec<{ json: string }>(
        "SELECT json FROM actions WHERE at > ? ORDER BY at DESC, number DESC LIMIT ?",
        this.#firstMs(),
        most,
      )
      .toArray()
      .map(({ json }) => JSON.parse(json) as OperatorAction);
  }

  #firstMs(): number {
    return clock.nowMs() - configOf(this.env).queue.retentionMs;
  }
}
