/** What Redis keeps, in memory: the commands that the script and the stores over Redis use, and the log that a restart reads. */

export interface RedisData {
  /** As the script sees it: what is not there is `false`. @throws for a command that isn't known here */
  call(name: string, ...args: readonly (string | number)[]): unknown;
  /** Keys that were written since this was last asked. */
  touched(): readonly string[];
  hash(key: string): ReadonlyMap<string, string>;
  list(key: string): readonly string[];
  /** Those that are there now, with what they hold as text. */
  dump(): readonly { readonly key: string; readonly text: string; readonly endsAtMs: number | null }[];
  /** All that was written after that moment, by its uptime, is gone. @returns the keys that it was written to */
  loseSince(atMs: number): ReadonlySet<string>;
}

export interface RedisDataParts {
  readonly nowMs: () => number;
  /** By a clock that nobody sets. */
  readonly uptimeMs: () => number;
  /** @returns how many hear it */
  readonly publish: (message: string) => number;
  readonly listeners: () => number;
  /** Writes are kept, to be read again after a restart. */
  readonly isLogged: boolean;
}

type Value =
  | { readonly kind: "text"; text: string }
  | { readonly kind: "hash"; readonly fields: Map<string, string> }
  | { readonly kind: "list"; readonly items: string[] }
  | { readonly kind: "set"; readonly members: Set<string> }
  | { readonly kind: "sorted"; readonly scores: Map<string, number>; order: readonly string[] | null };

interface Written {
  readonly uptimeMs: number;
  readonly atMs: number;
  readonly name: string;
  readonly args: readonly string[];
}

const writes = new Set(
  "SET DEL HSET HDEL HINCRBY HINCRBYFLOAT RPUSH SADD SREM ZADD ZREM PEXPIREAT".split(" "),
);

export function redisData({ nowMs, uptimeMs, publish, listeners, isLogged }: RedisDataParts): RedisData {
  let values = new Map<string, Value>();
  let ends = new Map<string, number>();
  let log: Written[] = [];
  let touched = new Set<string>();

  function call(name: string, ...given: readonly (string | number)[]): unknown {
    const args = given.map(String);
    if (name === "PEXPIRE" || name === "EXPIRE") {
      const keptMs = Number(args[1]) * (name === "EXPIRE" ? 1_000 : 1);
      return call("PEXPIREAT", args[0] ?? "", nowMs() + keptMs);
    }
    const atMs = nowMs();
    expire(args[0] ?? "", atMs);
    if (writes.has(name)) {
      for (const key of name === "DEL" ? args : args.slice(0, 1)) touched.add(key);
      if (isLogged) log.push({ uptimeMs: uptimeMs(), atMs, name, args });
    }
    return run(name, args);
  }

  function expire(key: string, atMs: number): void {
    const endsAtMs = ends.get(key);
    if (endsAtMs === undefined || atMs < endsAtMs) return;
    values.delete(key);
    ends.delete(key);
  }

  function of<Kind extends Value["kind"]>(kind: Kind, key: string, make?: () => Value) {
    let value = values.get(key);
    if (value === undefined && make !== undefined) values.set(key, (value = make()));
    if (value !== undefined && value.kind !== kind) throw new Error(`WRONGTYPE of ${key}`);
    return value as Extract<Value, { kind: Kind }> | undefined;
  }
  const hashOf = (key: string) => of("hash", key)?.fields ?? new Map<string, string>();
  const newHash = (key: string) =>
    of("hash", key, () => ({ kind: "hash", fields: new Map() }))?.fields ?? new Map<string, string>();

  function sorted(key: string): { readonly order: readonly string[]; readonly scores: Map<string, number> } {
    const value = of("sorted", key);
    if (value === undefined) return { order: [], scores: new Map() };
    const { scores } = value;
    value.order ??= [...scores.keys()].toSorted(
      (a, b) => (scores.get(a) ?? 0) - (scores.get(b) ?? 0) || (a < b ? -1 : 1),
    );
    return { order: value.order, scores };
  }

  function clean(key: string, size: number): void {
    if (size > 0) return;
    values.delete(key);
    ends.delete(key);
  }

  function run(name: string, args: readonly string[]): unknown {
    const [key = "", first = "", second = ""] = args;
    const rest = args.slice(1);
    switch (name) {
      case "TIME":
        return [String(Math.floor(nowMs() / 1000)), String((nowMs() % 1000) * 1000)];
      case "PUBLISH":
        return publish(first);
      case "PUBSUB":
        return [first, listeners()];
      case "GET":
        return of("text", key)?.text ?? false;
      case "SET":
        ends.delete(key);
        return void values.set(key, { kind: "text", text: first });
      case "DEL":
        for (const each of args) clean(each, 0);
        return;
      case "PTTL":
        return values.has(key) ? (ends.get(key) ?? nowMs() - 1) - nowMs() : -2;
      case "PEXPIREAT":
        return values.has(key) ? void ends.set(key, Number(first)) : undefined;
      case "HGET":
        return hashOf(key).get(first) ?? false;
      case "HMGET":
        return rest.map((field) => hashOf(key).get(field) ?? false);
      case "HKEYS":
        return [...hashOf(key).keys()];
      case "HLEN":
        return hashOf(key).size;
      case "HEXISTS":
        return hashOf(key).has(first) ? 1 : 0;
      case "EXISTS":
        return values.has(key) ? 1 : 0;
      case "HGETALL":
        return [...hashOf(key)].flat();
      case "HSET": {
        const fields = newHash(key);
        for (let at = 0; at + 1 < rest.length; at += 2) fields.set(rest[at] ?? "", rest[at + 1] ?? "");
        return;
      }
      case "HINCRBY":
      case "HINCRBYFLOAT": {
        const sum = Number(hashOf(key).get(first) ?? 0) + Number(second);
        newHash(key).set(first, String(sum));
        return name === "HINCRBY" ? sum : String(sum);
      }
      case "HDEL":
        for (const field of rest) hashOf(key).delete(field);
        return clean(key, hashOf(key).size);
      case "RPUSH":
        return of("list", key, () => ({ kind: "list", items: [] }))?.items.push(...rest);
      case "LRANGE":
        return [...(of("list", key)?.items ?? [])];
      case "SADD":
        return of("set", key, () => ({ kind: "set", members: new Set() }))?.members.add(first);
      case "SREM": {
        const members = of("set", key)?.members;
        members?.delete(first);
        return clean(key, members?.size ?? 0);
      }
      case "SCARD":
        return of("set", key)?.members.size ?? 0;
      default:
        return runSorted(name, key, rest);
    }
  }

  function runSorted(name: string, key: string, rest: readonly string[]): unknown {
    const [first = "", second = ""] = rest;
    switch (name) {
      case "ZADD": {
        const value = of("sorted", key, () => ({ kind: "sorted", scores: new Map(), order: null }));
        const isOnlyNew = first === "NX";
        const [score = "", member = ""] = isOnlyNew ? rest.slice(1) : rest;
        if (value === undefined || value.scores.get(member) === Number(score)) return 0;
        if (isOnlyNew && value.scores.has(member)) return 0;
        value.scores.set(member, Number(score));
        value.order = null;
        return 1;
      }
      case "ZREM": {
        const value = of("sorted", key);
        if (value === undefined || !value.scores.delete(first)) return;
        value.order = null;
        return clean(key, value.scores.size);
      }
      case "ZCARD":
        return sorted(key).order.length;
      case "ZRANK": {
        const rank = sorted(key).order.indexOf(first);
        return rank === -1 ? false : rank;
      }
      case "ZRANGE": {
        const { order, scores } = sorted(key);
        const last = Number(second);
        const found = order.slice(Number(first), last === -1 ? undefined : last + 1);
        return rest[2] === "WITHSCORES"
          ? found.flatMap((member) => [member, String(scores.get(member))])
          : found;
      }
      case "ZCOUNT":
        return between(sorted(key), first, second).length;
      case "ZRANGEBYSCORE": {
        const found = between(sorted(key), first, second);
        const [, , limit, from = "", most = ""] = rest;
        return limit === undefined ? found : found.slice(Number(from), Number(from) + Number(most));
      }
      default:
        throw new Error(`Redis here does not know ${name}`);
    }
  }

  return {
    call,
    touched() {
      const keys = [...touched];
      touched = new Set();
      return keys;
    },
    hash(key) {
      expire(key, nowMs());
      return hashOf(key);
    },
    list(key) {
      expire(key, nowMs());
      return of("list", key)?.items ?? [];
    },
    dump() {
      for (const key of ends.keys()) expire(key, nowMs());
      return Array.from(values, ([key, value]) => ({
        key,
        text: textOf(value),
        endsAtMs: ends.get(key) ?? null,
      }));
    },
    loseSince(lostFromMs) {
      const lost = new Set(
        log
          .filter((written) => written.uptimeMs > lostFromMs)
          .flatMap(({ name, args }) => (name === "DEL" ? args : args.slice(0, 1))),
      );
      log = log.filter((written) => written.uptimeMs <= lostFromMs);
      values = new Map();
      ends = new Map();
      for (const { name, args, atMs } of log) {
        expire(args[0] ?? "", atMs);
        run(name, args);
      }
      touched = new Set();
      return lost;
    },
  };
}

/** `(5` is above 5, `-inf` and `+inf` are all. */
function between(
  { order, scores }: { readonly order: readonly string[]; readonly scores: ReadonlyMap<string, number> },
  lowest: string,
  highest: string,
): readonly string[] {
  const bound = (text: string) => Number(text.replace("(", "").replace("inf", "Infinity"));
  return order.filter((member) => {
    const score = scores.get(member) ?? 0;
    const isAbove = lowest.startsWith("(") ? score > bound(lowest) : score >= bound(lowest);
    return isAbove && (highest.startsWith("(") ? score < bound(highest) : score <= bound(highest));
  });
}

function textOf(value: Value): string {
  switch (value.kind) {
    case "text":
      return value.text;
    case "hash":
      return [...value.fields].flat().join("\n");
    case "list":
      return value.items.join("\n");
    case "set":
      return [...value.members].join("\n");
    case "sorted":
      return [...value.scores.keys()].join("\n");
  }
}
