/** Places of suspects: their line at one gate, and those in flight at all gates, for a process that dies, dies for all of them. */
import { isInFlight, type Place } from "../../../domain/gate/places.ts";
import { count, exactly, list } from "./commands.ts";
import { page, turnScore } from "./groups.ts";
import type { PlaceRows } from "./place-rows.ts";

export interface RedisSuspects {
  /** A place was one and is another now; `null`: it was not there, or is there no more. */
  change(before: Place | null, after: Place | null): void;
  /** Those that wait in order, for as long as they are wanted. */
  eachWaiting(isWanted: (place: Place) => boolean): void;
  /** At all gates. */
  countInFlight(): number;
}

/**
 * @param lineKey waiting and dispatched ones by turn
 * @param inFlightKey those in flight at all gates
 */
export function redisSuspects(lineKey: string, inFlightKey: string, rows: PlaceRows): RedisSuspects {
  return {
    change(before, after) {
      const was = before?.suspect === true ? before.ticketId : null;
      const suspect = after?.suspect === true ? after : null;
      if (suspect !== null && isInLine(suspect)) {
        redis.call("ZADD", lineKey, exactly(turnScore(suspect)), suspect.ticketId);
      } else if (was !== null) redis.call("ZREM", lineKey, was);
      if (suspect !== null && isInFlight(suspect)) redis.call("SADD", inFlightKey, suspect.ticketId);
      else if (was !== null) redis.call("SREM", inFlightKey, was);
    },

    eachWaiting(isWanted) {
      for (let from = 0; ; from += page) {
        const ids = list("ZRANGE", lineKey, from, from + page - 1);
        for (const id of ids) {
          const place = rows.find(id);
          if (place !== null && place.standing.state === "waiting" && !isWanted(place)) return;
        }
        if (ids.length < page) return;
      }
    },

    countInFlight: () => count("SCARD", inFlightKey),
  };
}

function isInLine({ standing }: Place): boolean {
  return standing.state === "waiting" || standing.state === "dispatched";
}
