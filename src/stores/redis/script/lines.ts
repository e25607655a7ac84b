/**
 * Tenants' lines at a gate, packed into one hash: `[places, bytes, tokens, waiting, start tag, since, models]` for each tenant with places; `models`
 * are those of its tickets that wait and are no suspects. Beside it a sorted set has those with tickets that wait in the order of their turns. Read where it
 * is asked for, and written once by a run of the script.
 */
import { lineAfter, newLine, type TenantLine } from "../../../domain/gate/fair-order.ts";
import type { Group, Place } from "../../../domain/gate/places.ts";
import { count, exactly, list, read } from "./commands.ts";
import type { RedisSums } from "./sums.ts";

/** So many lines are read one by one. */
const few = 8;

/** No list in JSON that may be empty: Lua would write it as an object. */
type Packed = readonly [number, number, number, number, number, number, (readonly string[] | "")?];

export interface RedisLines {
  /** A place comes (1) or goes (-1). */
  weigh(place: Place, times: 1 | -1): void;
  of(tenants: readonly string[] | null): readonly TenantLine[];
  /** As `Places` has them. */
  count(): number;
  each(isWanted: (line: TenantLine) => boolean): void;
  before(tenant: string): number;
  /** A group of waiting tickets that are no suspects has come about (true), or has ended. */
  noteGroup(group: Group, isThere: boolean): void;
  /** Models of a tenant's groups; `null`: older code has written its line, and forgot them. */
  modelsOf(tenant: string): readonly string[] | null;
  putTag(tenant: string, startTag: number, sinceMs: number, virtualTime: number): void;
  virtualTime(): number;
  /** Writes what has changed. Call it last, but before the sums are written. */
  flush(): void;
}

/**
 * @param key of the hash
 * @param all every place, for when the sums show that older code, which knows no lines, has changed some
 * @param groups that there are
 */
export function redisLines(
  key: string,
  sums: RedisSums,
  all: () => readonly Place[],
  groups: () => readonly Group[],
): RedisLines {
  const order = lineOrder(`${key}:order`, () => sums.of("virtual_time"));
  const rows = packedLines(key, order);
  let isSure = false;

  /** Before anything else: are these the lines of the places that there are? */
  function makeSure(): void {
    if (isSure) return;
    isSure = true;
    const isTrue = counted.every((name) => sums.of(`lines_${name}`) === sums.of(name));
    if (!isTrue) countAnew();
  }

  function countAnew(): void {
    const before = rows.all();
    for (const name of counted) sums.add(`lines_${name}`, -sums.of(`lines_${name}`));
    order.clear();
    for (const { tenant, sinceMs } of before) rows.put(newLine(tenant, sinceMs), []);
    for (const place of all()) add(place, 1);
    for (const { tenant, startTag, sinceMs } of before) {
      const line = rows.find(tenant);
      if (line !== undefined && startTag > 0) rows.put({ ...line, startTag, sinceMs });
    }
    for (const group of groups()) rows.noteGroup(group, true);
  }

  function add(place: Place, times: 1 | -1): void {
    rows.put(lineAfter(rows.find(place.tenant), place, times));
    sums.add("lines_size", times);
    sums.add("lines_bytes", times * place.sizeBytes);
    if (place.standing.state === "waiting") sums.add("lines_waiting", times);
  }

  return {
    weigh(place, times) {
      makeSure();
      add(place, times);
    },
    of(tenants) {
      makeSure();
      if (tenants === null) return rows.all();
      // One command that reads all costs less than many that read one each.
      if (tenants.length > few) rows.all();
      const lines: TenantLine[] = [];
      for (const tenant of tenants) {
        const line = rows.find(tenant);
        if (line !== undefined) lines.push(line);
      }
      return lines;
    },
    count() {
      makeSure();
      return rows.count();
    },
    each(isWanted) {
      makeSure();
      order.eachPage((tenants) => {
        rows.readAll(tenants);
        for (const tenant of tenants) {
          const line = rows.find(tenant);
          if (line !== undefined && !isWanted(line)) return false;
        }
        return true;
      });
    },
    before(tenant) {
      makeSure();
      const line = rows.find(tenant);
      return line === undefined ? 0 : order.before(line);
    },
    noteGroup(group, isThere) {
      makeSure();
      rows.noteGroup(group, isThere);
    },
    modelsOf(tenant) {
      makeSure();
      return rows.modelsOf(tenant);
    },
    putTag(tenant, startTag, sinceMs, virtualTime) {
      makeSure();
      sums.add("virtual_time", virtualTime - sums.of("virtual_time"));
      order.moveTo(virtualTime);
      const line = rows.find(tenant);
      if (line !== undefined) rows.put({ ...line, startTag, sinceMs });
    },
    virtualTime: () => sums.of("virtual_time"),
    flush: rows.flush,
  };
}

/** Sums by which it is seen that older code has changed places. */
const counted = ["size", "bytes", "waiting"];

/** The hash, of which nothing is read twice in a run. */
function packedLines(key: string, order: LineOrder) {
  /** What was read or put. One without places is gone. */
  const known: Record<string, TenantLine | undefined> = {};
  const models: Record<string, readonly string[] | undefined> = {};
  const changed: Record<string, boolean | undefined> = {};
  /** Of those that have changed: were they there before? */
  const isStored: Record<string, boolean | undefined> = {};
  let isWhole = false;

  function unpack(tenant: string, text: string): TenantLine {
    const [size, bytes, tokens, waiting, startTag, sinceMs, named] = cjson.decode(text) as Packed;
    models[tenant] ??= named === "" ? [] : named;
    return { tenant, size, bytes, tokens, waiting, startTag, sinceMs };
  }

  function find(tenant: string): TenantLine | undefined {
    let line = known[tenant];
    if (line === undefined && !isWhole) {
      const text = read("HGET", key, tenant);
      if (text !== null) line = unpack(tenant, text);
      known[tenant] = line;
    }
    return line !== undefined && line.size > 0 ? line : undefined;
  }

  function packed({ tenant, size, bytes, tokens, waiting, startTag, sinceMs }: TenantLine): string {
    const row: (number | string | readonly string[])[] = [size, bytes, tokens, waiting, startTag, sinceMs];
    const named = models[tenant];
    if (named !== undefined) row.push(named.length === 0 ? "" : named);
    return cjson.encode(row);
  }

  return {
    find,
    all(): readonly TenantLine[] {
      if (!isWhole) {
        const rows = list("HGETALL", key);
        for (let at = 0; at + 1 < rows.length; at += 2) {
          const tenant = rows[at] ?? "";
          known[tenant] ??= unpack(tenant, rows[at + 1] ?? "");
        }
        isWhole = true;
      }
      const lines: TenantLine[] = [];
      for (const line of Object.values(known)) if (line !== undefined && line.size > 0) lines.push(line);
      return lines;
    },
    count(): number {
      // Those that have come or gone in this run are not written yet.
      let lines = count("HLEN", key);
      for (const tenant of Object.keys(changed)) {
        const isThere = find(tenant) !== undefined;
        if (isThere !== (isStored[tenant] === true)) lines += isThere ? 1 : -1;
      }
      return lines;
    },
    put(line: TenantLine, named?: readonly string[]): void {
      const { tenant } = line;
      const before = find(tenant);
      if (changed[tenant] !== true) isStored[tenant] = before !== undefined;
      order.put(before, line);
      known[tenant] = line;
      changed[tenant] = true;
      if (named !== undefined) models[tenant] = named;
      else if (before === undefined) models[tenant] = [];
    },
    noteGroup({ tenant, model }: Group, isThere: boolean): void {
      const line = find(tenant);
      const named = models[tenant];
      if (line === undefined || named === undefined || named.includes(model) === isThere) return;
      models[tenant] = isThere ? [...named, model] : named.filter((other) => other !== model);
      if (changed[tenant] !== true) isStored[tenant] = true;
      changed[tenant] = true;
    },
    modelsOf(tenant: string): readonly string[] | null {
      return find(tenant) === undefined ? [] : (models[tenant] ?? null);
    },
    /** In one command. */
    readAll(tenants: readonly string[]): void {
      const unread = tenants.filter((tenant) => known[tenant] === undefined);
      if (isWhole || unread.length === 0) return;
      // Redis' list may have gaps, which Lua's length does not see.
      const texts = list("HMGET", key, ...unread) as readonly (string | false)[];
      for (let at = 0; at < unread.length; at++) {
        const text = texts[at];
        const tenant = unread[at] ?? "";
        if (text !== undefined && text !== false) known[tenant] = unpack(tenant, text);
      }
    },
    flush(): void {
      for (const tenant of Object.keys(changed)) {
        const line = find(tenant);
        if (line === undefined) redis.call("HDEL", key, tenant);
        else redis.call("HSET", key, tenant, packed(line));
      }
    },
  };
}

/** The sorted set. What virtual time has come to stands at 0, what lies ahead at its tag; those at one place stand by age. */
interface LineOrder {
  put(before: TenantLine | undefined, after: TenantLine): void;
  moveTo(virtualTime: number): void;
  eachPage(areMoreWanted: (tenants: readonly string[]) => boolean): void;
  before(line: TenantLine): number;
  clear(): void;
}

/** Lines that are looked at in one go for who is next. */
const page = 8;

function lineOrder(key: string, virtualTime: () => number): LineOrder {
  const scoreOf = ({ startTag }: TenantLine) => (startTag <= virtualTime() ? 0 : startTag);

  return {
    put(before, after) {
      const wasIn = before !== undefined && before.waiting > 0;
      const isIn = after.size > 0 && after.waiting > 0;
      if (wasIn && (!isIn || before.sinceMs !== after.sinceMs)) redis.call("ZREM", key, nameOf(before));
      const isNew = !wasIn || before.startTag !== after.startTag || before.sinceMs !== after.sinceMs;
      if (isIn && isNew) redis.call("ZADD", key, exactly(scoreOf(after)), nameOf(after));
    },
    moveTo(next) {
      for (const name of list("ZRANGEBYSCORE", key, "(0", exactly(next))) redis.call("ZADD", key, 0, name);
    },
    eachPage(areMoreWanted) {
      for (let from = 0; ; from += page) {
        const names = list("ZRANGE", key, from, from + page - 1);
        if (!areMoreWanted(names.map((name) => name.slice(sinceLength + 1))) || names.length < page) return;
      }
    },
    before: (line) => tonumber(read("ZRANK", key, nameOf(line))) ?? 0,
    clear() {
      redis.call("DEL", key);
    },
  };
}

const sinceLength = 16;

function nameOf({ tenant, sinceMs }: TenantLine): string {
  return `${string.format("%016.0f", sinceMs)} ${tenant}`;
}
