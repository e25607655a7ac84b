/**
 * Looks at each tenant's feed in Redis after each script: every end once, as soon as Redis has it, behind all that came before. So a ticket that
 * was kept elsewhere while Redis was away enters when it has moved, and one that was withdrawn never does.
 */
import { isEnded } from "../../../../src/domain/ticket/ticket.ts";
import { root } from "../../../../src/stores/redis/redis.ts";
import type { World } from "../world.ts";
import type { RedisData } from "./redis-data.ts";
import type { StoreWatch } from "./watch-stores.ts";

export interface FeedWatch {
  /** A script or a command of Redis is over. */
  look(keys: readonly string[]): void;
  /** Redis has lost some of what it had, as its settings allow: nothing is known of feeds any more. */
  lost(): void;
}

const feeds = `${root}queue:feed:`;
const requests = `${root}queue:requests:`;

export function watchFeed(
  world: World,
  data: () => RedisData,
  watch: Pick<StoreWatch, "inRedis" | "known">,
): FeedWatch {
  const broken = (sentence: string, about: string) => world.violate("feed", sentence, about);
  /** Of each ticket its number. */
  const numbers = new Map<string, number>();
  /** Of each tenant the highest number that was given. */
  const highest = new Map<string, number>();
  let hasLost = false;

  function lookAt(key: string): void {
    const tenant = key.slice(feeds.length);
    const rows = data().call("ZRANGE", key, 0, -1, "WITHSCORES") as readonly string[];
    for (let at = 0; at + 1 < rows.length; at += 2) lookAtOne(tenant, rows[at] ?? "", Number(rows[at + 1]));
  }

  function lookAtOne(tenant: string, id: string, number: number): void {
    const known = numbers.get(id);
    if (known === number) return;
    if (known !== undefined) return broken(`told as ${number}, and was told as ${known}`, id);
    numbers.set(id, number);
    const before = highest.get(tenant) ?? 0;
    if (number !== before + 1) broken(`told as ${number} after ${before}`, id);
    highest.set(tenant, Math.max(before, number));
    const ticket = watch.inRedis().get(id);
    if (ticket === undefined || !isEnded(ticket.state)) broken("told, and has not ended in Redis", id);
    else if (ticket.about.tenant !== tenant) broken("in another's feed", id);
  }

  /** Whatever has ended in Redis is in the feed from that moment on. */
  function lookForEnd(id: string): void {
    const ticket = watch.inRedis().get(id);
    if (ticket !== undefined && isEnded(ticket.state) && !numbers.has(id))
      broken("has ended, and is not told", id);
  }

  return {
    look(keys) {
      if (hasLost) return;
      for (const key of keys) if (key.startsWith(feeds)) lookAt(key);
      for (const key of keys) if (key.startsWith(requests)) lookForEnd(key.slice(requests.length));
    },
    lost() {
      hasLost = true;
    },
  };
}
