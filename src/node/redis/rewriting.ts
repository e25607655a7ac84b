/**
 * Has Redis rewrite its append-only file after texts were erased: until then they are in that file, on a quiet system for weeks. At most once an
 * hour, whichever of the processes asks; only where there is such a file, and where our user may (`BGREWRITEAOF`).
 */
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import { root } from "../../stores/redis/redis.ts";
import type { RedisConnection } from "./connection.ts";

export interface Rewriting {
  /** Texts were erased just now. */
  noteErased(): void;
  stop(): void;
}

/** Tickets often end together. */
const gatherMs = 60_000;
/** Where another process has asked within the hour, or Redis could not be asked. */
const againMs = 600_000;
const hourMs = 3_600_000;

/** There as long as nobody is to ask. */
const key = `${root}rewritten`;

/** @param onFault hears of bugs */
export function createRewriting(
  redis: Pick<RedisConnection, "command">,
  clock: Clock,
  onFault: (error: unknown) => void,
): Rewriting {
  let cancel: (() => void) | null = null;
  let isStopped = false;

  function planIn(delayMs: number): void {
    if (isStopped) return;
    cancel ??= clock.after(delayMs, () => {
      cancel = null;
      ask().catch((error: unknown) => {
        if (error instanceof StoreAway) planIn(againMs);
        else onFault(error);
      });
    });
  }

  async function ask(): Promise<void> {
    if (!(await hasFile(redis))) return;
    if ((await redis.command("SET", key, "1", "NX", "PX", String(hourMs))) !== "OK") return planIn(againMs);
    await redis.command("BGREWRITEAOF").catch((error: unknown) => {
      // Without the right for it nothing will be different in ten minutes.
      if (!isDenied(error)) throw error;
    });
  }

  return {
    noteErased: () => planIn(gatherMs),
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}

/** Where Redis does not say, it is taken to have one. */
async function hasFile(redis: Pick<RedisConnection, "command">): Promise<boolean> {
  try {
    const [, value] = (await redis.command("CONFIG", "GET", "appendonly")) as readonly string[];
    return value !== "no";
  } catch (error) {
    if (isDenied(error)) return true;
    throw error;
  }
}

/** Our user may not, or where Redis is hosted by others nobody may. */
function isDenied(error: unknown): boolean {
  return error instanceof Error && /unknown command|NOPERM/i.test(error.message);
}
