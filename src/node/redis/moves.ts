/** Hears from Redis which tickets something has happened to, at whichever process: only while somebody here waits for that. */
import type { Clock } from "../../gateway/ports.ts";
import type { Hints } from "../../push/hub.ts";
import { movesChannel, readMove } from "../../stores/redis/redis.ts";
import type { RedisConnection } from "./connection.ts";

export interface MovesHeard {
  /** @param isWanted somebody waits; or nobody does any more */
  want(isWanted: boolean): void;
  stop(): void;
}

/** A connection is kept for so long after the last who waited: the next comes soon. */
const keptMs = 60_000;

export function hearMoves(redis: Pick<RedisConnection, "listen">, clock: Clock, hints: Hints): MovesHeard {
  let listening: ReturnType<RedisConnection["listen"]> | null = null;
  let cancelEnd: (() => void) | null = null;

  function hear(message: string): void {
    const { ticketId, endedOf } = readMove(message);
    hints.ticketMoved(ticketId);
    if (endedOf !== null) hints.feedGrew(endedOf);
  }

  function stop(): void {
    cancelEnd?.();
    cancelEnd = null;
    listening?.stop();
    listening = null;
  }

  return {
    want(isWanted) {
      cancelEnd?.();
      // What has happened before it hears is found by looking.
      if (isWanted) listening ??= redis.listen(movesChannel, hear, hints.mayHaveMissed);
      cancelEnd = isWanted ? null : clock.after(keptMs, stop);
    },
    stop,
  };
}
