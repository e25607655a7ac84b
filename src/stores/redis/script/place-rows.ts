/** Places as they are stored: each as JSON in a hash. */
import { defaultMaxTokens, tokensOf } from "../../../domain/gate/fair-order.ts";
import type { Place } from "../../../domain/gate/places.ts";
import { list, read } from "./commands.ts";

export interface PlaceRows {
  find(ticketId: string): Place | null;
  /** Those of them that there are. */
  of(ticketIds: readonly string[]): readonly Place[];
  all(): readonly Place[];
  put(place: Place): void;
  remove(ticketId: string): void;
}

export function placeRows(key: string): PlaceRows {
  // The script runs alone, at one moment: what it has read, or written itself, it need not read again.
  const known: Record<string, Place | undefined> = {};

  function find(ticketId: string): Place | null {
    const seen = known[ticketId];
    if (seen !== undefined) return seen;
    const stored = read("HGET", key, ticketId);
    if (stored === null) return null;
    const place = cjson.decode(stored) as { -readonly [Field in keyof Place]: Place[Field] };
    // What older code has stored knows less.
    place.tenant ??= "";
    place.comparison ??= "";
    place.tokens ??= tokensOf(place.sizeBytes, defaultMaxTokens);
    known[ticketId] = place;
    return place;
  }

  function of(ticketIds: readonly string[]): readonly Place[] {
    const found: Place[] = [];
    for (const id of ticketIds) {
      const place = find(id);
      if (place !== null) found.push(place);
    }
    return found;
  }

  return {
    find,
    of,
    all: () => of(list("HKEYS", key)),
    put(place) {
      known[place.ticketId] = place;
      redis.call("HSET", key, place.ticketId, cjson.encode(place));
    },
    remove(ticketId) {
      known[ticketId] = undefined;
      redis.call("HDEL", key, ticketId);
    },
  };
}
