/** Redis' commands as the script uses them. Redis answers an absent value with `false`. */

export function read(name: string, ...args: readonly (string | number)[]): string | null {
  const value = redis.call(name, ...args);
  return value === false ? null : (value as string);
}

export function list(name: string, ...args: readonly (string | number)[]): string[] {
  return redis.call(name, ...args) as string[];
}

/** For commands that answer with an integer. */
export function count(name: string, ...args: readonly (string | number)[]): number {
  return redis.call(name, ...args) as number;
}

/** A score or a moment as Redis reads it: Lua itself would write `1e+14`. */
export function exactly(value: number): string {
  return string.format("%.17g", value);
}

/** The lowest score of a sorted set; `null`: it is empty. */
export function firstScore(key: string): number | null {
  const [, score] = list("ZRANGE", key, 0, 0, "WITHSCORES");
  return score === undefined ? null : (tonumber(score) ?? null);
}
