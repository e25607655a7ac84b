/**
 * The places of one provider in Redis. Every place is JSON in a hash; sorted sets beside it say who is next, what lapses and who is oldest.
 * All that is read of the table is of the present: a script runs alone.
 */
import { defaultMaxTokens, tokensOf } from "../../../domain/gate/fair-order.ts";
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
import { redisLines } from "./lines.ts";
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
  /** Waiting and dispatched suspects by turn. */
  const suspectsLineKey = `${prefix}line:suspects`;
  /** All others', where older code runs beside this one: it alone asks it. */
  const olderLineKey = `${prefix}line`;
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
  const lines = redisLines(`${prefix}lines`, sums, () => placesOf(list("HKEYS", placesKey)), ownGroups);
  const bareGroups: Record<string, boolean | undefined> = {};

  function weigh(place: Place, sign: 1 | -1): void {
    // First, for it may count all as they were.
    lines.weigh(place, sign);
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
    place.tokens ??= tokensOf(place.sizeBytes, defaultMaxTokens);
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
    lines.noteGroup(place, true);
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
    if (count("ZCARD", waitsOf(group)) > 0) return;
    lines.noteGroup(groupIn(group), false);
    redis.call("HDEL", modelsKey, group);
  }

  /** Older code, which may run beside this one, makes them: asked once in a run. */
  function hasBareGroup(model: string): boolean {
    return (bareGroups[model] ??= count("HEXISTS", modelsKey, model) === 1);
  }

  function put(place: Place): void {
    const { ticketId, standing } = place;
    const before = find(ticketId);
    forget();
    if (standing.state !== "waiting" && standing.untilMs <= nowMs) isPresent = false;
    // The new one first: with a tenant's last place its line would end.
    weigh(place, 1);
    if (before !== null) {
      weigh(before, -1);
      if (joins(before)) leave(before);
      if (before.suspect && !place.suspect) redis.call("ZREM", suspectsLineKey, ticketId);
    }
    known[ticketId] = place;
    if (joins(place)) join(place);
    redis.call("HSET", placesKey, ticketId, cjson.encode(place));
    if (place.suspect && isInLine(place)) {
      redis.call("ZADD", suspectsLineKey, exactly(turnScore(place)), ticketId);
    } else if (place.suspect) redis.call("ZREM", suspectsLineKey, ticketId);
    if (standing.state === "waiting") redis.call("ZREM", endsKey, ticketId);
    else redis.call("ZADD", endsKey, exactly(standing.untilMs), ticketId);
    redis.call("ZADD", agesKey, exactly(place.acceptedAtMs), ticketId);
    if (place.suspect && isInFlight(place)) redis.call("SADD", suspectsKey, ticketId);
    else if (before?.suspect === true) redis.call("SREM", suspectsKey, ticketId);
  }

  function remove(ticketId: string): void {
    const place = find(ticketId);
    if (place === null) return;
    forget();
    weigh(place, -1);
    known[ticketId] = undefined;
    if (joins(place)) leave(place);
    redis.call("HDEL", placesKey, ticketId);
    if (place.suspect) redis.call("ZREM", suspectsLineKey, ticketId);
    for (const key of [olderLineKey, endsKey, agesKey]) redis.call("ZREM", key, ticketId);
    if (place.suspect) redis.call("SREM", suspectsKey, ticketId);
  }

  /** Waiting suspects in order, a page at a time, for as long as they are wanted. */
  function eachSuspect(isWanted: (place: Place) => boolean): void {
    for (let from = 0; ; from += page) {
      const ids = list("ZRANGE", suspectsLineKey, from, from + page - 1);
      for (const id of ids) {
        const place = find(id);
        if (place !== null && place.standing.state === "waiting" && !isWanted(place)) return;
      }
      if (ids.length < page) return;
    }
  }

  /** Groups that somebody waits in, suspects left out. */
  function groupNames(): readonly string[] {
    return list("HKEYS", modelsKey);
  }

  /** All groups, after what older code has put into one group for each model is in those of its tenants. */
  function ownGroups(): readonly Group[] {
    for (const name of groupNames()) {
      if (groupIn(name).tenant !== "") continue;
      for (const place of placesOf(list("ZRANGE", turnsOf(name), 0, -1))) {
        if (place.tenant === "" || !joins(place)) continue;
        leaveGroup(name, place.ticketId);
        join(place);
      }
    }
    return groupNames().map(groupIn);
  }

  /** Those of one tenant, as far as is known. */
  function groupsOf(tenant: string): readonly string[] {
    const models = lines.modelsOf(tenant);
    if (models !== null) return models.map((model) => nameOf({ model, tenant }));
    // Older code puts all of a model into one group.
    return groupNames().filter((name) => {
      const group = groupIn(name);
      return group.tenant === tenant || group.tenant === "";
    });
  }

  function isReady(group: string): boolean {
    const firstMs = firstScore(waitsOf(group));
    return firstMs !== null && firstMs <= nowMs;
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

    ready({ blocked, tenant, model, suspect, forProbe, limit }) {
      const found: Place[] = [];
      const seen: Record<string, boolean | undefined> = {};
      let first = 0;
      const look = (place: Place): boolean => {
        if (place.notBeforeMs > nowMs || isBlocked(place, blocked)) return true;
        if (place.tenant !== tenant || (model !== null && place.model !== model)) return true;
        if (seen[place.ticketId] !== true) found.push(place);
        seen[place.ticketId] = true;
        // Nobody behind one that has never probed can come before it. So only those are looked through that have.
        if (!forProbe || place.probes === 0) first++;
        return first < limit;
      };
      if (suspect) eachSuspect(look);
      else {
        for (const name of groupsOf(tenant)) {
          const group = groupIn(name);
          if ((model !== null && group.model !== model) || isBlocked(group, blocked)) continue;
          first = 0;
          if (isReady(name)) eachOfGroup(name, look);
        }
      }
      return found.toSorted(forProbe ? byProbeTurn : byTurn).slice(0, limit);
    },

    groups(_, model, suspect) {
      const groups: Group[] = [];
      const seen: Record<string, boolean | undefined> = {};
      const add = (group: Group): void => {
        const name = nameOf(group);
        if (seen[name] !== true) groups.push({ model: group.model, tenant: group.tenant });
        seen[name] = true;
      };
      const look = (place: Place): boolean => {
        if (place.notBeforeMs <= nowMs && (model === null || place.model === model)) add(place);
        return true;
      };
      if (suspect) eachSuspect(look);
      else {
        for (const name of groupNames()) {
          const group = groupIn(name);
          if ((model !== null && group.model !== model) || !isReady(name)) continue;
          // What older code has put may be of any tenant.
          if (group.tenant === "") eachOfGroup(name, look);
          else add(group);
        }
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
      eachSuspect(look);
      for (const name of groupNames()) {
        if (model !== null && groupIn(name).model !== model) continue;
        const ids = list("ZRANGEBYSCORE", waitsOf(name), `(${exactly(nowMs)}`, "+inf");
        for (const place of placesOf(ids)) if (joins(place)) look(place);
      }
      for (const place of over) put({ ...place, notBeforeMs: nowMs });
    },

    ownBefore(place) {
      let before = 0;
      eachSuspect((other) => {
        if (other.tenant === place.tenant && byTurn(other, place) < 0) before++;
        return true;
      });
      if (place.suspect) return before;
      const score = exactly(turnScore(place));
      for (const name of groupsOf(place.tenant)) {
        if (groupIn(name).tenant !== place.tenant) continue;
        before += count("ZCOUNT", turnsOf(name), "-inf", `(${score}`);
        // Ties go by id.
        for (const id of list("ZRANGEBYSCORE", turnsOf(name), score, score))
          if (id < place.ticketId) before++;
      }
      return before;
    },

    lines: (tenants) => lines.of(tenants),
    lineCount: () => lines.count(),
    eachLine: (isWanted) => lines.each(isWanted),
    linesBefore: (tenant) => lines.before(tenant),
    putTag: (tenant, startTag, sinceMs, virtualTime) => lines.putTag(tenant, startTag, sinceMs, virtualTime),
    virtualTime: () => lines.virtualTime(),

    firstLapseMs: () => firstScore(endsKey),

    firstReadyMs(blocked, suspects: boolean) {
      let firstMs = Infinity;
      const look = (group: Group, notBeforeMs: number) => {
        firstMs = Math.min(firstMs, Math.max(notBeforeMs, blockedUntilMs(group, blocked)));
        // Whom nobody can precede.
        return firstMs > nowMs;
      };
      if (suspects) eachSuspect((place) => look(place, place.notBeforeMs));
      // In the order of turns, for the first of them can nearly always be sent.
      lines.each(({ tenant }) => {
        for (const name of groupsOf(tenant)) {
          const notBeforeMs = firstMs <= nowMs ? null : firstScore(waitsOf(name));
          if (notBeforeMs !== null) look(groupIn(name), notBeforeMs);
        }
        return firstMs > nowMs;
      });
      return firstMs === Infinity ? null : firstMs;
    },

    // Tickets and places are changed in the same script: none can have been lost without the other.
    firstHeardMs: () => null,
    silent: () => [],

    inFlight: () => placesOf(list("ZRANGE", endsKey, 0, -1)).filter(isInFlight),

    all: () => placesOf(list("HKEYS", placesKey)),

    flush() {
      lines.flush();
      sums.flush();
    },
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
