/** The Redis fixture, key by key, into an empty Redis. */
import type { RedisClient } from "../support/redis/client.ts";
import { plain, type Argument } from "../support/redis/resp.ts";
import type { RedisKey } from "./fixture.ts";
import { movedKey, type Move } from "./moments.ts";

export async function loadRedis(client: RedisClient, keys: readonly RedisKey[], move: Move): Promise<void> {
  const replies = await client.pipeline(keys.flatMap((key) => commandsFor(movedKey(key, move))));
  for (const reply of replies) plain(reply);
}

/** One whose time to live is over by now is gone with the second command. */
function commandsFor(stored: RedisKey): Argument[][] {
  const { key, expiresAtMs } = stored;
  return [
    commandFor(stored),
    ...(expiresAtMs === null ? [] : [["PEXPIREAT", key, Math.max(1, Math.round(expiresAtMs))]]),
  ];
}

function commandFor(stored: RedisKey): Argument[] {
  const { key } = stored;
  switch (stored.type) {
    case "string":
      return ["SET", key, stored.value];
    case "hash":
      return ["HSET", key, ...stored.value];
    case "list":
      return ["RPUSH", key, ...stored.value];
    case "set":
      return ["SADD", key, ...stored.value];
    case "zset":
      // Redis wants the score first, and says it last.
      return ["ZADD", key, ...pairs(stored.value).flatMap(([member, score]) => [score, member])];
  }
}

function pairs(values: readonly string[]): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (let i = 0; i < values.length; i += 2) found.push([values[i] ?? "", values[i + 1] ?? ""]);
  return found;
}
