/** What operators did, in Redis: a sorted set by moment, which is forgotten with the last of it. */
import { mostActions, type Actions, type OperatorAction } from "../../gateway/ports.ts";
import { root, type Redis } from "./redis.ts";
import type { ScriptRunner } from "./script-runner.ts";

const key = `${root}operator:actions`;

export function redisActions(
  redis: Redis,
  script: Pick<ScriptRunner, "nowMs">,
  retentionMs: number,
): Actions {
  /** In the order in which they are given: all that is past its time, and all that is too many. */
  async function forget(): Promise<void> {
    const [old, many] = await Promise.all([
      redis.command("ZRANGEBYSCORE", key, "-inf", String(script.nowMs() - retentionMs)),
      redis.command("ZRANGE", key, "0", String(-1 - mostActions)),
    ]);
    const gone = [...(old as readonly string[]), ...(many as readonly string[])];
    if (gone.length > 0) await redis.command("ZREM", key, ...gone);
  }

  return {
    async note(action) {
      await redis.command("ZADD", key, String(action.atMs), JSON.stringify(action));
      await redis.command("PEXPIRE", key, String(retentionMs));
      await forget();
    },
    async latest(most) {
      const from = `(${script.nowMs() - retentionMs}`;
      const found = await redis.command(
        "ZRANGE",
        key,
        "+inf",
        from,
        "BYSCORE",
        "REV",
        "LIMIT",
        "0",
        String(most),
      );
      return (found as readonly string[]).map((action) => JSON.parse(action) as OperatorAction);
    },
  };
}
