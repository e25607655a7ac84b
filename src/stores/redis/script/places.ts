/**
 * The places of one provider in Redis. Every place is JSON in a hash; sorted sets beside it say who is next, what lapses and who is oldest.
 * All that is read of the table is of the present: a script runs alone.
 */
import {
  blockedUntilMs,
  byProbeTurn,
  byTurn,
  isBlocked,
  isInFlight,
  type Group,
  type Place,
  type Places,
  type QueueLoad,
} from "../../../domain/gate/places.ts";
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
  /** Dispatched and running ones by the end of that. */
  const endsKey = `${prefix}ends`;
  /** All by acceptance. */
  const agesKey = `${prefix}ages`;
  /** Groups that somebody waits in, suspects left out, and for each of them its tickets by the end of their backoff, and by turn. */
  const modelsKey = `${prefix}models`;
  const waitsOf = (group: string) => `${prefix}waits:${group}`;
  const turnsOf = (group: string) => `${prefix}turns:${group}`;

  // The script runs alone, at one moment: what it has read, or written itself, it need not read again.
  const known: Record<string, Place | undefined> = {};
  let knownLoad: QueueLoad | null = null;
  /** There is none left that has lapsed by now. */
  let isPresent = false;
  const sums = redisSums(`${prefix}sums`);
  const bareGroups: Record<string, boolean | undefined> = {};

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
    const place = cjson.decode(stored) as { -readonly [Field in keyof Place]: Place[Field] };
    // What older code has stored knows less.
    place.tenant ??= "";
    place.comparison ??= "";
    known[ticketId] = place;
    return place;
  }

  /** What may have changed with a place. */
  function forget(): void {
    knownLoad = null;
  }

  /** Beside its line, for who must know which is next, and when it is ready: of a model that is paused all could be looked at in vain. */
  function join(place: Place): void {
    const group = nameOf(place);
    redis.call("HSET", modelsKey, group, 1);
    redis.call("ZADD", waitsOf(group), exactly(place.notBeforeMs), place.ticketId);
    redis.call("ZADD", turnsOf(group), exactly(turnScore(place)), place.ticketId);
  }

  function leave(place: Place): void {
    const group = nameOf(place);
    leaveGroup(group, place.ticketId);
    // Where older code has put it: that knows models only.
    if (group !== place.model && hasBareGroup(place.model)) leaveGroup(place.model, place.ticketId);
  }

  function leaveGroup(group: string, ticketId: string): void {
    for (const key of [waitsOf(group), turnsOf(group)]) redis.call("ZREM", key, ticketId);
    if (count("ZCARD", waitsOf(group)) === 0) redis.call("HDEL", modelsKey, group);
  }

  /** Older code, which may run beside this one, makes them: asked once in a run. */
  function hasBareGroup(model: string): boolean {
    return (bareGroups[model] ??= count("HEXISTS", modelsKey, model) === 1);
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
    redis.call("ZADD", agesKey, exactly(place.acceptedAtMs), ticketId);
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

  /** Those of one group. One that is no longer there was taken out by older code, which knows no groups. */
  function eachOfGroup(group: string, isWanted: (place: Place) => boolean): void {
    const gone: string[] = [];
    for (let from = 0; ; from += page) {
      const ids = list("ZRANGE", turnsOf(group), from, from + page - 1);
      let wanted = true;
      for (const id of ids) {
        const place = find(id);
        if (place === null || !joins(place)) gone.push(id);
        else wanted = isWanted(place);
        if (!wanted) break;
      }
      if (!wanted || ids.length < page) break;
    }
    for (const id of gone) leaveGroup(group, id);
  }

  return {
    find(ticketId) {
      const place = find(ticketId);
      return place === null || keepsRoom(place) ? null : place;
    },
    put,
    remove,

    // A ticket and its place are written in the same script: what was withdrawn can't be asked for again (`tickets.ts`).
    withdrawn: () => {},
    wasWithdrawn: () => false,

    load(): QueueLoad {
      knownLoad ??= {
        size: sums.of("size"),
        bytes: sums.of("bytes"),
        waiting: sums.of("waiting"),
        inFlight: sums.of("in_flight"),
        suspectsInFlight: count("SCARD", suspectsKey),
        oldestAcceptedAtMs: firstScore(agesKey),
      };
      return knownLoad;
    },

    lapsed(untilMs, limit) {
      if (isPresent && untilMs <= nowMs) return [];
      const found = placesOf(list("ZRANGEBYSCORE", endsKey, "-inf", exactly(untilMs), "LIMIT", 0, limit));
      isPresent = found.length === 0 && untilMs >= nowMs;
      for (const place of found) if (keepsRoom(place)) remove(place.ticketId);
      return found.filter((place) => !keepsRoom(place));
    },

    ready({ blocked, only, suspect, forProbe, limit }) {
      const found: Place[] = [];
      const seen: Record<string, boolean | undefined> = {};
      let first = 0;
      const look = (place: Place): boolean => {
        if (place.notBeforeMs > nowMs || isBlocked(place, blocked)) return true;
        if (only !== null && !isOf(only, place)) return true;
        if (seen[place.ticketId] !== true) found.push(place);
        seen[place.ticketId] = true;
        // Nobody behind one that has never probed can come before it. So only those are looked through that have.
        if (!forProbe || place.probes === 0) first++;
        return first < limit;
      };
      if (suspect) eachWaiting(linesKeys.suspects, look);
      else {
        for (const name of list("HKEYS", modelsKey)) {
          const group = groupIn(name);
          if ((only !== null && group.model !== only.model) || isBlocked(group, blocked)) continue;
          if (only !== null && only.tenant !== null && only.tenant !== group.tenant) continue;
          const firstMs = firstScore(waitsOf(name));
          first = 0;
          if (firstMs !== null && firstMs <= nowMs) eachOfGroup(name, look);
        }
      }
      return found.toSorted(forProbe ? byProbeTurn : byTurn).slice(0, limit);
    },

    groups(_, model) {
      const groups: Group[] = [];
      for (const name of list("HKEYS", modelsKey)) {
        const group = groupIn(name);
        if (model !== null && group.model !== model) continue;
        const firstMs = firstScore(waitsOf(name));
        if (firstMs !== null && firstMs <= nowMs) groups.push(group);
      }
      return groups;
    },

    hasWaiting: (group) => count("HEXISTS", modelsKey, nameOf(group)) === 1,

    endWaits(_, model) {
      const over: Place[] = [];
      const look = (place: Place): boolean => {
        if (place.notBeforeMs > nowMs && (model === null || place.model === model)) over.push(place);
        return true;
      };
      eachWaiting(linesKeys.suspects, look);
      for (const name of list("HKEYS", modelsKey)) {
        if (model !== null && groupIn(name).model !== model) continue;
        const ids = list("ZRANGEBYSCORE", waitsOf(name), `(${exactly(nowMs)}`, "+inf");
        for (const place of placesOf(ids)) if (joins(place)) look(place);
      }
      for (const place of over) put({ ...place, notBeforeMs: nowMs });
    },

    ahead(place) {
      const rank = read("ZRANK", lineOf(place), place.ticketId);
      const before = rank === null ? 0 : (tonumber(rank) ?? 0);
      return place.suspect ? before : before + count("ZCARD", linesKeys.suspects);
    },

    firstLapseMs: () => firstScore(endsKey),

    firstReadyMs(blocked, suspects: boolean) {
      let firstMs = Infinity;
      const look = (group: Group, notBeforeMs: number) => {
        firstMs = Math.min(firstMs, Math.max(notBeforeMs, blockedUntilMs(group, blocked)));
        // Whom nobody can precede.
        return firstMs > nowMs;
      };
      if (suspects) eachWaiting(linesKeys.suspects, (place) => look(place, place.notBeforeMs));
      for (const name of list("HKEYS", modelsKey)) {
        if (firstMs <= nowMs) break;
        const notBeforeMs = firstScore(waitsOf(name));
        if (notBeforeMs !== null) look(groupIn(name), notBeforeMs);
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

/** Of a place that older code has made: its model alone, as that calls it. */
function nameOf({ model, tenant }: Group): string {
  return tenant === "" ? model : `${model} ${tenant}`;
}

const tenantLength = 16;

/** A model's name here is a JSON text, so it ends in a quotation mark and holds no blank before sixteen other signs. */
function groupIn(name: string): Group {
  const at = name.length - tenantLength - 1;
  return at > 0 && name.slice(at, at + 1) === " " && name.slice(-1) !== '"'
    ? { model: name.slice(0, at), tenant: name.slice(at + 1) }
    : { model: name, tenant: "" };
}

function isOf(only: { readonly model: string; readonly tenant: string | null }, place: Place): boolean {
  return only.model === place.model && (only.tenant === null || only.tenant === place.tenant);
}

/** Of a script of older code that has failed half-way: room for a ticket that was not stored yet, until that lapses. */
function keepsRoom({ standing }: Place): boolean {
  return (standing.state as string) === "held";
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
