/** The record of one `Idempotency-Key` of one tenant, as a Durable Object named by the hash of both. */
import { DurableObject } from "cloudflare:workers";
import {
  beginKeyed,
  decodeKeyed,
  endKeyed,
  ownsKey,
  type Begun,
  type Keyed,
  type KeyedEnd,
} from "../../domain/idempotency.ts";
import { clock } from "../clock.ts";
import { logFault, type Environment } from "../environment.ts";

/** After an alarm that came to nothing. */
const againMs = 30_000;

export class KeyObject extends DurableObject<Environment> {
  async begin(requestSha256: string, queueId: string, leaseMs: number): Promise<Begun> {
    const known = this.#read();
    const { record, reply } = beginKeyed(known, requestSha256, queueId, leaseMs, clock.nowMs());
    if (record !== known) await this.#write(record);
    return reply;
  }

  async end(fence: number, end: KeyedEnd): Promise<boolean> {
    const known = this.#read();
    const record = endKeyed(known, fence, end);
    if (record === null && known !== null) await this.ctx.storage.deleteAll();
    if (record !== null && record !== known) await this.#write(record);
    return ownsKey(known, fence);
  }

  /** Never throws: the platform gives an alarm up that fails seven times. */
  override async alarm(): Promise<void> {
    try {
      const known = this.#read();
      if (known === null) return;
      if (clock.nowMs() >= known.forgetAtMs) await this.ctx.storage.deleteAll();
      else await this.ctx.storage.setAlarm(known.forgetAtMs);
    } catch (error) {
      logFault(this.env, "key_alarm_failed", error);
      await this.ctx.storage.setAlarm(clock.nowMs() + againMs);
    }
  }

  /** Writes nothing where there is nothing. @throws {Error} newer code has written it */
  #read(): Keyed | null {
    const { sql } = this.ctx.storage;
    if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'record'").toArray().length === 0) return null;
    const [row] = sql.exec<{ json: string }>("SELECT json FROM record").toArray();
    if (row === undefined) return null;
    const decoded = decodeKeyed(JSON.parse(row.json));
    if (decoded.kind !== "known") throw new Error(`this record can't be read: ${decoded.kind}`);
    return decoded.value;
  }

  /** Row and alarm in one breath: the platform stores both or neither. */
  async #write(record: Keyed): Promise<void> {
    const { sql } = this.ctx.storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS record (only INTEGER PRIMARY KEY CHECK (only = 1), json TEXT NOT NULL)",
    );
    sql.exec("INSERT OR REPLACE INTO record VALUES (1, ?)", JSON.stringify(record));
    await this.ctx.storage.setAlarm(Math.max(record.forgetAtMs, clock.nowMs() + 1));
  }
}
