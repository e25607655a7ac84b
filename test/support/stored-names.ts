/**
 * By which names the service stores: of tables and columns, of Redis' keys and fields, and within stored JSON. What stands in place of a name
 * in a map (an id, a model, a hash) is a star.
 */
import { DatabaseSync } from "node:sqlite";
import type { RedisFixture, Rows, SqliteFixture, WorkerdFixture } from "../migration/fixture.ts";

/** Each list is sorted, and under the place that it is about. */
export interface StoredNames {
  /** Of a table: its columns. */
  readonly tables: NamesByPlace;
  /** `key (type)`, of Redis. */
  readonly keys: readonly string[];
  /** Of a shape, or else of a column or a kind of Redis' keys: the paths in what JSON is there. */
  readonly json: NamesByPlace;
}

type NamesByPlace = Readonly<Record<string, readonly string[]>>;

export function storedNames(left: SqliteFixture | RedisFixture | WorkerdFixture): StoredNames {
  const found: Found = { tables: new Map(), keys: new Set(), json: new Map() };
  if ("objects" in left) for (const object of left.objects) addRows(found, `${object.class}.`, object);
  if ("file" in left) addRows(found, "", left.file);
  if ("keys" in left) addKeys(found, left);
  return { tables: sortedMap(found.tables), keys: sorted(found.keys), json: sortedMap(found.json) };
}

const root = "llm-provider-service:";

interface Found {
  readonly tables: Map<string, Set<string>>;
  readonly keys: Set<string>;
  readonly json: Map<string, Set<string>>;
}

function addRows({ tables, json }: Found, prefix: string, { schema, tables: rows }: Rows): void {
  const sql = new DatabaseSync(":memory:");
  for (const statement of schema) sql.exec(statement);
  for (const [table, stored] of Object.entries(rows)) {
    const columns = sql.prepare("SELECT name FROM pragma_table_info(?)").all(table);
    addAll(
      tables,
      prefix + table,
      columns.map(({ name }) => String(name)),
    );
    for (const row of stored) {
      for (const [column, value] of Object.entries(row)) {
        const text = typeof value === "object" && value !== null ? value.utf8 : value;
        if (typeof text === "string") addJson(json, `${prefix}${table}.${column}`, text);
      }
    }
  }
  sql.close();
}

function addKeys({ keys, json }: Found, { keys: stored }: RedisFixture): void {
  for (const each of stored) {
    const key = keyPattern(each.key);
    keys.add(`${key} (${each.type})`);
    switch (each.type) {
      case "string":
        addJson(json, key, each.value);
        break;
      case "list":
      case "set":
        for (const value of each.value) addJson(json, key, value);
        break;
      case "hash":
        for (let at = 0; at < each.value.length; at += 2) {
          const field = ofTenants.includes(key) ? "*" : nameOrStar(each.value[at] ?? "");
          addAll(json, key, [field]);
          addJson(json, `${key} ${field}`, each.value[at + 1] ?? "");
        }
        break;
      case "zset":
        break;
    }
  }
}

/** What is stored in one shape in several places. */
const shapes: Readonly<Record<string, string>> = {
  "tickets.record": "ticket",
  "TicketObject.ticket.json": "ticket",
  [`${root}queue:requests:* record`]: "ticket",
  "events.event": "ticket's event",
  "TicketObject.events.json": "ticket's event",
  [`${root}queue:events:*`]: "ticket's event",
  "TicketObject.texts.json": "ticket's texts",
  [`${root}queue:requests:* texts`]: "ticket's texts",
  "gates.core": "gate's state",
  "ProviderGate.core.json": "gate's state",
  [`${root}gate:*:core`]: "gate's state",
  "keys.record": "keyed request",
  "KeyObject.record.json": "keyed request",
  "actions.action": "operator's action",
  "OperatorObject.actions.json": "operator's action",
  [`${root}keys:* record`]: "keyed request",
  "TenantIndex.deliveries.record": "deliveries.record",
  "TenantIndex.endpoints.record": "endpoints.record",
  [`${root}push:delivery:*`]: "deliveries.record",
  [`${root}push:endpoints *`]: "endpoints.record",
};

/** Hashes whose fields are tenants. */
const ofTenants: readonly string[] = [`${root}queue:feeds`];

/** An answer is stored as it was sent, and so is an event of the feed. */
function isAnswer(place: string): boolean {
  return place.endsWith(" body") || place === "TenantIndex.feed.event";
}

/** Ids, hashes, days and whatever else is data. */
function keyPattern(key: string): string {
  return key
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, "*")
    .replace(/[0-9a-f]{64}/, "*")
    .replace(/\d{4}-\d\d-\d\d/, "*")
    .replace(/(gate:)(anthropic|openai|google|openrouter|mock):/, "$1*:")
    .replace(/(:(?:waits|turns)):.*$/, "$1:*")
    .replace(/(queue:(?:tenant|feed):).*$/, "$1*")
    .replace(/(push:(?:due|sending|tenant):).*$/, "$1*")
    .replace(/(totals:\*:).*$/, "$1*");
}

function addJson(json: Map<string, Set<string>>, place: string, text: string): void {
  if (!/^[{[]/.test(text) || isAnswer(place)) return;
  const value = parsed(text);
  if (value !== undefined) addAll(json, shapes[place] ?? place, pathsIn(value, ""));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pathsIn(value: unknown, path: string): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((inner) => pathsIn(inner, `${path}[]`));
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = path === "" ? nameOrStar(key) : `${path}.${nameOrStar(key)}`;
    // The client's own.
    return /^(about|data)\.metadata$|\.about\.metadata$/.test(name)
      ? [name]
      : [name, ...pathsIn(inner, name)];
  });
}

function nameOrStar(key: string): string {
  return /^[a-z][A-Za-z0-9_]*$/.test(key) && !/^[0-9a-f]{16,}$/.test(key) ? key : "*";
}

function addAll(places: Map<string, Set<string>>, place: string, names: readonly string[]): void {
  const known = places.get(place) ?? new Set();
  places.set(place, known);
  for (const name of names) known.add(name);
}

const sorted = (names: Iterable<string>) => [...names].toSorted();

function sortedMap(places: ReadonlyMap<string, ReadonlySet<string>>): NamesByPlace {
  return Object.fromEntries(
    [...places].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([place, names]) => [place, sorted(names)]),
  );
}

/** @returns what was found and is not in the list: a line for each name, with its place */
export function newStoredNames(found: StoredNames, list: StoredNames): readonly string[] {
  const missing = (kind: "tables" | "json") =>
    Object.entries(found[kind]).flatMap(([place, names]) =>
      names.filter((name) => list[kind][place]?.includes(name) !== true).map((name) => `${place}: ${name}`),
    );
  return [...missing("tables"), ...found.keys.filter((key) => !list.keys.includes(key)), ...missing("json")];
}
