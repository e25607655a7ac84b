/** The old service over each of its stores: started, killed, and what it has stored then. */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { dataFolder, startService, type ServiceProcess } from "../../support/processes.ts";
import { redisClient, type RedisClient } from "../../support/redis/client.ts";
import { startRedis } from "../../support/redis/server.ts";
import type {
  RedisFixture,
  RedisKey,
  Row,
  Rows,
  SqliteFixture,
  StoredObject,
  Value,
  WorkerdFixture,
} from "../fixture.ts";

export type StoreName = "sqlite" | "redis" | "workerd";

export interface OldStore {
  readonly name: StoreName;
  /** The service, on what those before it have left. */
  start(settings: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  /** From now on the service must do without Redis; `null`: it has no Redis. */
  readonly shutDown: (() => Promise<void>) | null;
  /** What is stored, once nobody works on it. Frees all that the store has taken. */
  take(madeAtMs: number): Promise<SqliteFixture | RedisFixture | WorkerdFixture>;
}

export const oldStores: Readonly<Record<StoreName, (checkout: string, folder: string) => Promise<OldStore>>> =
  {
    async sqlite(checkout, folder) {
      return {
        name: "sqlite",
        start: (settings) => startService("node", { folder, settings, checkout }),
        shutDown: null,
        take: (madeAtMs) => Promise.resolve({ madeAtMs, file: fileIn(folder) }),
      };
    },

    async redis(checkout, folder) {
      const redis = await startRedis();
      return {
        name: "redis",
        start: (settings) =>
          startService("node", { folder, checkout, settings: { ...settings, REDIS_URL: redis.url } }),
        shutDown: redis.kill,
        async take(madeAtMs) {
          await redis.restart();
          const client = redisClient(redis.url);
          const keys = await keysIn(client);
          client.close();
          await redis.close();
          return { madeAtMs, keys, file: fileIn(folder) };
        },
      };
    },

    async workerd(checkout, folder) {
      return {
        name: "workerd",
        start: (settings) => startService("workerd", { folder, settings, checkout }),
        shutDown: null,
        take: (madeAtMs) => Promise.resolve({ madeAtMs, objects: objectsIn(folder) }),
      };
    },
  };

const fileIn = (folder: string) => inCopy(join(folder, dataFolder, "llm-provider-service.sqlite"), rowsIn);

/** To open a file brings its log into it, and a look must change nothing. Nobody else may have it open. */
function inCopy<T>(file: string, look: (sql: DatabaseSync) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "fixture-copy-"));
  for (const end of ["", "-wal"]) if (existsSync(file + end)) cpSync(file + end, join(folder, `copy${end}`));
  const sql = new DatabaseSync(join(folder, "copy"));
  try {
    return look(sql);
  } finally {
    sql.close();
    rmSync(folder, { recursive: true });
  }
}

function rowsIn(sql: DatabaseSync): Rows {
  const all = sql
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
    .all();
  const ours = all.filter(({ name }) => !/^(_cf|__miniflare|sqlite)_/.test(String(name)));
  const tables = ours.filter(({ type }) => type === "table").map(({ name }) => String(name));
  const rowsOf = (table: string) => sql.prepare(`SELECT * FROM ${table}`).all().map(rowOf);
  return {
    schema: ours.map(({ sql }) => String(sql)),
    tables: Object.fromEntries(tables.map((table) => [table, rowsOf(table)])),
  };
}

function rowOf(row: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, valueOf(value)]));
}

function valueOf(value: unknown): Value {
  if (value instanceof Uint8Array) return { utf8: utf8.decode(value) };
  if (typeof value === "string" || typeof value === "number" || value === null) return value;
  throw new Error(`A column holds a ${typeof value}`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function objectsIn(folder: string): StoredObject[] {
  return [
    "ProviderGate",
    "TicketObject",
    "KeyObject",
    "TotalsObject",
    "TenantIndex",
    "MetricsObject",
    "OperatorObject",
  ].flatMap((of) => {
    const at = join(folder, dataFolder, `v3/do/llm-provider-service-${of}`);
    // Older code has no such class.
    if (!existsSync(at)) return [];
    const files = readdirSync(at).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file));
    return files
      .flatMap((file) =>
        inCopy(join(at, file), (sql) =>
          isEmpty(sql) ? [] : [{ class: of, ...standing(sql), ...rowsIn(sql) }],
        ),
      )
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  });
}

/** One that has deleted all that it had, its name included: a ticket that was forgotten, or for which there was no room. */
function isEmpty(sql: DatabaseSync): boolean {
  return sql.prepare("SELECT 1 FROM sqlite_schema WHERE name = '__miniflare_do_name'").get() === undefined;
}

/** workerd and miniflare have tables of their own in an object's file: for its alarm, in nanoseconds, and for its name. */
function standing(sql: DatabaseSync): Pick<StoredObject, "name" | "alarmMs"> {
  const name = sql.prepare("SELECT name FROM __miniflare_do_name").get()?.["name"];
  if (typeof name !== "string") throw new Error("An object has no name");
  const hasAlarms =
    sql.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_cf_METADATA'").get() !== undefined;
  if (!hasAlarms) return { name, alarmMs: null };
  const alarm = sql.prepare("SELECT value / 1000000 AS ms FROM _cf_METADATA WHERE key = 1").get()?.["ms"];
  return { name, alarmMs: typeof alarm === "number" ? alarm : null };
}

async function keysIn(client: RedisClient): Promise<RedisKey[]> {
  const names = ((await client.command("KEYS", "*")) as string[]).toSorted();
  return Promise.all(
    names.map(async (key): Promise<RedisKey> => {
      const endsAtMs = Number(await client.command("PEXPIRETIME", key));
      const known = { key, expiresAtMs: endsAtMs < 0 ? null : endsAtMs };
      const type = String(await client.command("TYPE", key));
      switch (type) {
        case "string":
          return { ...known, type, value: String(await client.command("GET", key)) };
        case "hash":
          return { ...known, type, value: (await client.command("HGETALL", key)) as string[] };
        case "list":
          return { ...known, type, value: (await client.command("LRANGE", key, 0, -1)) as string[] };
        case "set":
          return { ...known, type, value: (await client.command("SMEMBERS", key)) as string[] };
        case "zset":
          return {
            ...known,
            type,
            value: (await client.command("ZRANGE", key, 0, -1, "WITHSCORES")) as string[],
          };
        default:
          throw new Error(`${key} is a ${type}`);
      }
    }),
  );
}
