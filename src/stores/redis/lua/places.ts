/**
 * The places of one provider in Redis. Every place is JSON in a hash; sorted sets beside it say who is next, what lapses and who is oldest.
 * All that is read of the table is of the present: a script runs alone.
 */
import type { ModelHold } from "../../../domain/holds.ts";
import {
  byProbeTurn,
  byTurn,
  isInFlight,
  type Place,
  type Places,
  type Tally,
} from "../../../domain/places.ts";
import { count, exactly, firstScore, list, read } from "./commands.ts";
import { redisSums } from "./sums.ts";

export interface RedisPlaces extends Places {
  /** Writes the sums, if they have changed. Call it last. */
  flush(): void;
}

/** Rows that are looked at in one go for who is next. */
const page = 50;

/**
 * @param prefix of the keys of this gate
 * @param suspectsKey the suspects in flight at all gates: a process that dies, dies for all of them
 * @param nowMs of this script
 */
export function redisPlaces(prefix: string, suspectsKey: string, nowMs: number): RedisPlaces {
  const placesKey = `${prefix}places`;
  /** Waiting and dispatched ones by turn: suspects, who go first, and the others. */
  const linesKeys = { suspects: `${prefix}line:suspects`, others: `${prefix}line` };
  /** Held, dispatched and running ones by the end of that. */
  const endsKey = `${prefix}ends`;
  /** All but held ones by acceptance. */
  const agesKey = `${prefix}ages`;
  /** Models that somebody waits for, suspects left out, and for each of them its tickets by the end of their backoff, and by turn. */
  const modelsKey = `${prefix}models`;
  const waitsOf = (model: string) => `${prefix}waits:${model}`;
  const turnsOf = (model: string) => `${prefix}turns:${model}`;

  // The script runs alone, at one moment: what it has read, or written itself, it need not read again.
  const known: Record<string, Place | undefined> = {};
  let suspectsInFlight: number | null = null;
  let oldest: { readonly acceptedAtMs: number | null } | null = null;
  /** There is none left that has lapsed by now. */
  let isPresent = false;
  const sums = redisSums(`${prefix}sums`);

  function weigh(place: Place, sign: 1 | -1): void {
    sums.add("size", sign);
    sums.add("bytes", sign * place.sizeBytes);
    if (place.standing.state === "waiting") sums.add("waiting", sign);
    if (isInFlight(place)) sums.add("in_flight", sign);
  }

  function find(ticketId: string): Place | null {
    const seen = known[ticketId];
    if (seen !== undefined) return seen;
    const stored = read("HGET", placesKey, ticketId);
    if (stored === null) return null;
    const place = cjson.decode(stored) as Place;
    known[ticketId] = place;
    return place;
  }

  /** What may have changed with a place. */
  function forget(): void {
    suspectsInFlight = null;
    oldest = null;
  }

  /** Beside its line, for who must know which is next, and when it is ready: of a model that is held all could be looked at in vain. */
  function join(place: Place): void {
    redis.call("HSET", modelsKey, place.model, 1);
    redis.call("ZADD", waitsOf(place.model), exactly(place.notBeforeMs), place.ticketId);
    redis.call("ZADD", turnsOf(place.model), exactly(turnScore(place)), place.ticketId);
  }

  function leave(place: Place): void {
    for (const key of [waitsOf(place.model), turnsOf(place.model)]) redis.call("ZREM", key, place.ticketId);
    if (count("ZCARD", waitsOf(place.model)) === 0) redis.call("HDEL", modelsKey, place.model);
  }

  function lineOf(place: Place): string {
    return place.suspect ? linesKeys.suspects : linesKeys.others;
  }

  function put(place: Place): void {
    const { ticketId, standing } = place;
    const before = find(ticketId);
    known[ticketId] = place;
    forget();
    if (standing.state !== "waiting" && standing.untilMs <= nowMs) isPresent = false;
    if (before !== null) {
      weigh(before, -1);
      if (joins(before)) leave(before);
      if (before.suspect !== place.suspect) redis.call("ZREM", lineOf(before), ticketId);
    }
    weigh(place, 1);
    if (joins(place)) join(place);
    redis.call("HSET", placesKey, ticketId, cjson.encode(place));
    if (isInLine(place)) redis.call("ZADD", lineOf(place), exactly(turnScore(place)), ticketId);
    else redis.call("ZREM", lineOf(place), ticketId);
    if (standing.state === "waiting") redis.call("ZREM", endsKey, ticketId);
    else redis.call("ZADD", endsKey, exactly(standing.untilMs), ticketId);
    if (standing.state !== "held") redis.call("ZADD", agesKey, exactly(place.acceptedAtMs), ticketId);
    if (place.suspect && isInFlight(place)) redis.call("SADD", suspectsKey, ticketId);
    else if (before?.suspect === true) redis.call("SREM", suspectsKey, ticketId);
  }

  function remove(ticketId: string): void {
    const place = find(ticketId);
    if (place === null) return;
    known[ticketId] = undefined;
    forget();
    weigh(place, -1);
    if (joins(place)) leave(place);
    redis.call("HDEL", placesKey, ticketId);
    for (const key of [lineOf(place), endsKey, agesKey]) redis.call("ZREM", key, ticketId);
    if (place.suspect) redis.call("SREM", suspectsKey, ticketId);
  }

  /** Waiting ones in order, a page at a time, for as long as they are wanted. */
  function eachWaiting(line: string, isWanted: (place: Place) => boolean): void {
    for (let from = 0; ; from += page) {
      const ids = list("ZRANGE", line, from, from + page - 1);
      for (const id of ids) {
        const place = find(id);
        if (place !== null && place.standing.state === "waiting" && !isWanted(place)) return;
      }
      if (ids.length < page) return;
    }
  }

  return {
    find,
    put,
    remove,

    tally(): Tally {
      suspectsInFlight ??= count("SCARD", suspectsKey);
      oldest ??= { acceptedAtMs: firstScore(agesKey) };
      return {
        size: sums.of("size"),
        bytes: sums.of("bytes"),
        waiting: sums.of("waiting"),
        inFlight: sums.of("in_flight"),
        suspectsInFlight,
        oldestAcceptedAtMs: oldest.acceptedAtMs,
      };
    },

    lapsed(untilMs, limit) {
      if (isPresent && untilMs <= nowMs) return [];
      const found = placesOf(list("ZRANGEBYSCORE", endsKey, "-inf", exactly(untilMs), "LIMIT", 0, limit));
      isPresent = found.length === 0 && untilMs >= nowMs;
      return found;
    },

    ready({ withoutModels, suspect, forProbe, limit }) {
      const found: Place[] = [];
      const look = (line: string) => {
        let first = 0;
        eachWaiting(line, (place) => {
          if (place.notBeforeMs > nowMs || withoutModels.includes(place.model)) return true;
          found.push(place);
          // Nobody behind one that has never probed can come before it. So only those are looked through that have.
          if (!forProbe || place.probes === 0) first++;
          return first < limit;
        });
      };
      if (suspect) look(linesKeys.suspects);
      else {
        for (const model of list("HKEYS", modelsKey)) {
          const firstMs = withoutModels.includes(model) ? null : firstScore(waitsOf(model));
          if (firstMs !== null && firstMs <= nowMs) look(turnsOf(model));
        }
      }
      return found.toSorted(forProbe ? byProbeTurn : byTurn).slice(0, limit);
    },

    ahead(place) {
      const rank = read("ZRANK", lineOf(place), place.ticketId);
      const before = rank === null ? 0 : (tonumber(rank) ?? 0);
      return place.suspect ? before : before + count("ZCARD", linesKeys.suspects);
    },

    firstLapseMs: () => firstScore(endsKey),

    firstReadyMs(holds: readonly ModelHold[], suspects: boolean) {
      let firstMs = Infinity;
      const look = (wanted: string, notBeforeMs: number) => {
        const heldMs = holds.find(({ model }) => model === wanted)?.untilMs ?? 0;
        firstMs = Math.min(firstMs, Math.max(notBeforeMs, heldMs));
        // Whom nobody can precede.
        return firstMs > nowMs;
      };
      if (suspects) eachWaiting(linesKeys.suspects, ({ model, notBeforeMs }) => look(model, notBeforeMs));
      const models = list("HGETALL", modelsKey);
      for (let i = 0; i < models.length; i += 2) {
        if (firstMs <= nowMs) break;
        const model = models[i] ?? "";
        const notBeforeMs = firstScore(waitsOf(model));
        if (notBeforeMs !== null) look(model, notBeforeMs);
      }
      return firstMs === Infinity ? null : firstMs;
    },

    // Tickets and places are changed in the same script: none can have been lost without the other.
    firstHeardMs: () => null,
    silent: () => [],

    inFlight: () => placesOf(list("ZRANGE", endsKey, 0, -1)).filter(isInFlight),

    flush: () => sums.flush(),
  };

  function placesOf(ids: readonly string[]): Place[] {
    const found: Place[] = [];
    for (const id of ids) {
      const place = find(id);
      if (place !== null) found.push(place);
    }
    return found;
  }
}

function joins({ standing, suspect }: Place): boolean {
  return standing.state === "waiting" && !suspect;
}

function isInLine({ standing }: Place): boolean {
  return standing.state === "waiting" || standing.state === "dispatched";
}

/** By priority, then by age. Ties go by id, as sorted sets do. Exact: below 2^53. */
function turnScore({ priority, acceptedAtMs }: Place): number {
  return (10 - priority) * 1e13 + acceptedAtMs;
}
