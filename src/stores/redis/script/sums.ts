/** Sums by name in a hash, read once and written once by a run of the script. */
import { exactly, list } from "./commands.ts";

export interface RedisSums {
  of(name: string): number;
  add(name: string, amount: number): void;
  /** Writes them, if they have changed. Call it last. */
  flush(): void;
}

export function redisSums(key: string): RedisSums {
  let sums: Record<string, number> | null = null;
  let hasChanged = false;

  function present(): Record<string, number> {
    sums ??= stored();
    return sums;
  }

  function stored(): Record<string, number> {
    const rows = list("HGETALL", key);
    const found: Record<string, number> = {};
    for (let i = 0; i + 1 < rows.length; i += 2) found[rows[i] ?? ""] = tonumber(rows[i + 1]) ?? 0;
    return found;
  }

  return {
    of: (name) => present()[name] ?? 0,
    add(name, amount) {
      if (amount === 0) return;
      const all = present();
      all[name] = (all[name] ?? 0) + amount;
      hasChanged = true;
    },
    flush() {
      if (!hasChanged) return;
      const written: string[] = [];
      for (const [name, value] of Object.entries(present())) written.push(name, exactly(value));
      redis.call("HSET", key, ...written);
    },
  };
}
