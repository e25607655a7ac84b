/**
 * Tenants' lines at a gate, packed into one hash: `[places, bytes, tokens, waiting, start tag, since]` for each tenant with places. Read where it
 * is asked for, and written once by a run of the script.
 */
import { lineAfter, newLine, type TenantLine } from "../../../domain/gate/fair-order.ts";
import type { Place } from "../../../domain/gate/places.ts";
import { list, read } from "./commands.ts";
import type { RedisSums } from "./sums.ts";

/** So many lines are read one by one. */
const few = 8;

type Packed = readonly [number, number, number, number, number, number];

export interface RedisLines {
  /** A place comes (1) or goes (-1). */
  weigh(place: Place, times: 1 | -1): void;
  of(tenants: readonly string[] | null): readonly TenantLine[];
  putTag(tenant: string, startTag: number, sinceMs: number, virtualTime: number): void;
  virtualTime(): number;
  /** Writes what has changed. Call it last, but before the sums are written. */
  flush(): void;
}

/** @param all every place, for when the sums show that older code, which knows no lines, has changed some */
export function redisLines(key: string, sums: RedisSums, all: () => readonly Place[]): RedisLines {
  const rows = packedLines(key);
  let isSure = false;

  /** Before anything else: are these the lines of the places that there are? */
  function makeSure(): void {
    if (isSure) return;
    isSure = true;
    const isTrue = sums.of("lines_size") === sums.of("size") && sums.of("lines_bytes") === sums.of("bytes");
    if (!isTrue) countAnew();
  }

  function countAnew(): void {
    const before = rows.all();
    sums.add("lines_size", -sums.of("lines_size"));
    sums.add("lines_bytes", -sums.of("lines_bytes"));
    for (const { tenant, sinceMs } of before) rows.put(newLine(tenant, sinceMs));
    for (const place of all()) add(place, 1);
    for (const { tenant, startTag, sinceMs } of before) {
      const line = rows.find(tenant);
      if (line !== undefined && startTag > 0) rows.put({ ...line, startTag, sinceMs });
    }
  }

  function add(place: Place, times: 1 | -1): void {
    rows.put(lineAfter(rows.find(place.tenant), place, times));
    sums.add("lines_size", times);
    sums.add("lines_bytes", times * place.sizeBytes);
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
    putTag(tenant, startTag, sinceMs, virtualTime) {
      makeSure();
      sums.add("virtual_time", virtualTime - sums.of("virtual_time"));
      const line = rows.find(tenant);
      if (line !== undefined) rows.put({ ...line, startTag, sinceMs });
    },
    virtualTime: () => sums.of("virtual_time"),
    flush: rows.flush,
  };
}

/** The hash, of which nothing is read twice in a run. */
function packedLines(key: string) {
  /** What was read or put. One without places is gone. */
  const known: Record<string, TenantLine | undefined> = {};
  const changed: Record<string, boolean | undefined> = {};
  let isWhole = false;

  function find(tenant: string): TenantLine | undefined {
    let line = known[tenant];
    if (line === undefined && !isWhole) {
      const text = read("HGET", key, tenant);
      if (text !== null) line = unpacked(tenant, text);
      known[tenant] = line;
    }
    return line !== undefined && line.size > 0 ? line : undefined;
  }

  return {
    find,
    all(): readonly TenantLine[] {
      if (!isWhole) {
        const rows = list("HGETALL", key);
        for (let at = 0; at + 1 < rows.length; at += 2) {
          const tenant = rows[at] ?? "";
          known[tenant] ??= unpacked(tenant, rows[at + 1] ?? "");
        }
        isWhole = true;
      }
      const lines: TenantLine[] = [];
      for (const line of Object.values(known)) if (line !== undefined && line.size > 0) lines.push(line);
      return lines;
    },
    put(line: TenantLine): void {
      known[line.tenant] = line;
      changed[line.tenant] = true;
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

function packed({ size, bytes, tokens, waiting, startTag, sinceMs }: TenantLine): string {
  return cjson.encode([size, bytes, tokens, waiting, startTag, sinceMs]);
}

function unpacked(tenant: string, text: string): TenantLine {
  const [size, bytes, tokens, waiting, startTag, sinceMs] = cjson.decode(text) as Packed;
  return { tenant, size, bytes, tokens, waiting, startTag, sinceMs };
}
