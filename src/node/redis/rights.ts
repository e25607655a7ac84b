/**
 * May Redis' user do all that the service does? Tried, command by command, before the first call: a script that may not do its last step has
 * done the steps before it. The list stands in docs/operate.md too.
 */
import type { StoreTrouble } from "../../gateway/ports.ts";
import { movesChannel, root, wakeChannel } from "../../stores/redis/redis.ts";
import { NotDone } from "../../stores/failover/primary-store.ts";
import type { RedisConnection } from "./connection.ts";

const keyOf = (type: string) => `${root}rights:${type}`;
const [text, hash, list, set, sorted] = ["text", "hash", "list", "set", "sorted"].map(keyOf) as [
  string,
  string,
  string,
  string,
  string,
];

/** Every command that the script or a process runs. They leave nothing behind; what is published is news of nobody. */
const tries: readonly (readonly string[])[] = [
  ["SET", text, "1"],
  ["GET", text],
  ["EXISTS", text],
  ["HSET", hash, "field", "1"],
  ["HGET", hash, "field"],
  ["HMGET", hash, "field"],
  ["HGETALL", hash],
  ["HKEYS", hash],
  ["HLEN", hash],
  ["HEXISTS", hash, "field"],
  ["HINCRBY", hash, "field", "1"],
  ["HINCRBYFLOAT", hash, "field", "1"],
  ["HDEL", hash, "field"],
  ["RPUSH", list, "1"],
  ["LRANGE", list, "0", "0"],
  ["SADD", set, "1"],
  ["SCARD", set],
  ["SREM", set, "1"],
  ["ZADD", sorted, "1", "one"],
  ["ZCARD", sorted],
  ["ZCOUNT", sorted, "0", "1"],
  ["ZRANGE", sorted, "0", "0"],
  ["ZRANGEBYSCORE", sorted, "0", "1"],
  ["ZRANK", sorted, "one"],
  ["ZREM", sorted, "one"],
  ["EXPIRE", text, "60"],
  ["PEXPIRE", list, "60000"],
  ["PTTL", list],
  ["TIME"],
  ["PUBSUB", "NUMSUB", wakeChannel],
  ["PUBLISH", wakeChannel, ""],
  ["PUBLISH", movesChannel, ""],
  ["DEL", text, hash, list, set, sorted],
];

/**
 * Asked once for each connection: a new one may be another user's.
 *
 * @param runScript runs the script, with nothing to do
 * @returns what throws `StoreAway` where Redis is there, but its user may not do what the service needs; with the names of that
 */
export function rightsAt(
  redis: Pick<RedisConnection, "denied" | "onReady">,
  listening: ReturnType<RedisConnection["listen"]>,
  runScript: () => Promise<unknown>,
): () => Promise<void> {
  let areKnown = false;
  redis.onReady(() => {
    areKnown = false;
  });

  return async () => {
    if (!areKnown) {
      const [denied] = await Promise.all([redis.denied(tries).then((names) => new Set(names)), runScript()]);
      if (denied.size > 0)
        throw notAllowed({ error: "wrong_credentials", code: `NOPERM ${[...denied].join(" ")}` });
      areKnown = true;
    }
    const trouble = listening.trouble();
    if (trouble?.code === "NOPERM") throw notAllowed({ ...trouble, code: "NOPERM SUBSCRIBE" });
    if (trouble !== null) throw notAllowed(trouble);
  };
}

function notAllowed(trouble: StoreTrouble): NotDone {
  return new NotDone("not_connected", `Redis does not let us: ${trouble.code}`, { trouble });
}
