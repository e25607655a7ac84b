/**
 * The places of one provider in Redis. Every place is JSON in a hash; sorted sets beside it say who is next, what lapses and who is oldest.
 * All that is read of the table is of the present: a script runs alone.
 */
import { isInFlight, type Place, type Places, type QueueLoad } from "../../../domain/gate/places.ts";
import { exactly, firstScore, list } from "./commands.ts";
import { redisGroups, type RedisGroups } from "./groups.ts";
import { redisLines, type RedisLines } from "./lines.ts";
import { placeRows, type PlaceRows } from "./place-rows.ts";
import { redisSums, type RedisSums } from "./sums.ts";
import { redisSuspects, type RedisSuspects } from "./suspects.ts";
import { redisBackoffs, redisTurns } from "./turns.ts";

export interface RedisPlaces extends Places {
  /** Writes the sums, if they have changed. Call it last. */
  flush(): void;
}

/**
 * @param prefix of the keys of this gate
 * @param suspectsKey the suspects in flight at all gates: a process that dies, dies for all of them
 * @param nowMs of this script
 */
export function redisPlaces(prefix: string, suspectsKey: string, nowMs: number): RedisPlaces {
  const rows = placeRows(`${prefix}places`);
  const sums = redisSums(`${prefix}sums`);
  const lines = redisLines(`${prefix}lines`, sums, rows.all, () => groups.own());
  const groups = redisGroups(prefix, rows, lines);
  const suspects = redisSuspects(`${prefix}line:suspects`, suspectsKey, rows);
  const table = placeTable(prefix, { rows, sums, lines, groups, suspects }, nowMs);
  const turns = redisTurns(groups, suspects, nowMs);
  const backoffs = redisBackoffs({ lines, groups, suspects }, table.put, nowMs);

  return {
    find: table.find,
    put: table.put,
    remove: table.remove,
    load: table.load,
    lapsed: table.lapsed,
    firstLapseMs: table.firstLapseMs,
    inFlight: table.inFlight,
    all: rows.all,

    ready: turns.ready,
    groups: turns.groups,
    ownBefore: turns.ownBefore,
    hasWaiting: groups.has,
    endWaits: backoffs.endWaits,
    firstReadyMs: backoffs.firstReadyMs,

    lines: lines.of,
    lineCount: lines.count,
    eachLine: lines.each,
    linesBefore: lines.before,
    putTag: lines.putTag,
    virtualTime: lines.virtualTime,

    // A ticket and its place are written in the same script: what was withdrawn can't be asked for again (`tickets.ts`).
    withdrawn: () => {},
    wasWithdrawn: () => false,
    // Likewise: neither can have been lost without the other.
    firstHeardMs: () => null,
    silent: () => [],

    flush() {
      lines.flush();
      sums.flush();
    },
  };
}

interface Parts {
  readonly rows: PlaceRows;
  readonly sums: RedisSums;
  readonly lines: RedisLines;
  readonly groups: RedisGroups;
  readonly suspects: RedisSuspects;
}

/** What changes with a place, all of it; and what lapses. */
function placeTable(
  prefix: string,
  { rows, sums, lines, groups, suspects }: Parts,
  nowMs: number,
): Pick<Places, "find" | "put" | "remove" | "load" | "lapsed" | "firstLapseMs" | "inFlight"> {
  /** All others' line, where older code runs beside this one: it alone asks it. */
  const olderLineKey = `${prefix}line`;
  /** Dispatched and running ones by the end of that. */
  const endsKey = `${prefix}ends`;
  /** All by acceptance. */
  const agesKey = `${prefix}ages`;
  let knownLoad: QueueLoad | null = null;
  /** There is none left that has lapsed by now. */
  let isPresent = false;

  function weigh(place: Place, sign: 1 | -1): void {
    knownLoad = null;
    // First, for it may count all as they were.
    lines.weigh(place, sign);
    sums.add("size", sign);
    sums.add("bytes", sign * place.sizeBytes);
    if (place.standing.state === "waiting") sums.add("waiting", sign);
    if (isInFlight(place)) sums.add("in_flight", sign);
  }

  function remove(ticketId: string): void {
    const place = rows.find(ticketId);
    if (place === null) return;
    weigh(place, -1);
    rows.remove(ticketId);
    groups.change(place, null);
    suspects.change(place, null);
    for (const key of [olderLineKey, endsKey, agesKey]) redis.call("ZREM", key, ticketId);
  }

  return {
    find(ticketId) {
      const place = rows.find(ticketId);
      return place === null || keepsRoom(place) ? null : place;
    },

    put(place) {
      const { ticketId, standing } = place;
      const before = rows.find(ticketId);
      // The new one first: with a tenant's last place its line would end.
      weigh(place, 1);
      if (before !== null) weigh(before, -1);
      rows.put(place);
      groups.change(before, place);
      suspects.change(before, place);
      if (standing.state === "waiting") redis.call("ZREM", endsKey, ticketId);
      else {
        if (standing.untilMs <= nowMs) isPresent = false;
        redis.call("ZADD", endsKey, exactly(standing.untilMs), ticketId);
      }
      redis.call("ZADD", agesKey, exactly(place.acceptedAtMs), ticketId);
    },

    remove,

    load(): QueueLoad {
      knownLoad ??= loadIn(sums, suspects, agesKey);
      return knownLoad;
    },

    lapsed(untilMs, limit) {
      if (isPresent && untilMs <= nowMs) return [];
      const found = rows.of(list("ZRANGEBYSCORE", endsKey, "-inf", exactly(untilMs), "LIMIT", 0, limit));
      isPresent = found.length === 0 && untilMs >= nowMs;
      for (const place of found) if (keepsRoom(place)) remove(place.ticketId);
      return found.filter((place) => !keepsRoom(place));
    },

    firstLapseMs: () => firstScore(endsKey),
    inFlight: () => rows.of(list("ZRANGE", endsKey, 0, -1)).filter(isInFlight),
  };
}

function loadIn(sums: RedisSums, suspects: RedisSuspects, agesKey: string): QueueLoad {
  return {
    size: sums.of("size"),
    bytes: sums.of("bytes"),
    waiting: sums.of("waiting"),
    inFlight: sums.of("in_flight"),
    suspectsInFlight: suspects.countInFlight(),
    oldestAcceptedAtMs: firstScore(agesKey),
  };
}

/** Of a script of older code that has failed half-way: room for a ticket that was not stored yet, until that lapses. */
function keepsRoom({ standing }: Place): boolean {
  return (standing.state as string) === "held";
}
