/**
 * Places that wait, by model and tenant, suspects left out: of each group its tickets by turn, and by the end of their backoff. Of a model that
 * is paused all could be looked at in vain.
 */
import type { Group, Place } from "../../../domain/gate/places.ts";
import { count, exactly, firstScore, list } from "./commands.ts";
import type { RedisLines } from "./lines.ts";
import type { PlaceRows } from "./place-rows.ts";

export interface RedisGroups {
  /** A place was one and is another now; `null`: it was not there, or is there no more. */
  change(before: Place | null, after: Place | null): void;
  /** Of those that somebody waits in. */
  names(): readonly string[];
  named(name: string): Group;
  /** All, after what older code has put into one group for each model is in those of its tenants. */
  own(): readonly Group[];
  /** Those of one tenant, as far as is known. */
  of(tenant: string): readonly string[];
  has(group: Group): boolean;
  /** When the first backoff in it is over; `null`: nobody waits in it. */
  firstReadyMs(name: string): number | null;
  /** Its places in order, for as long as they are wanted. */
  each(name: string, isWanted: (place: Place) => boolean): void;
  /** Those whose backoff is not over at this moment. */
  backingOff(name: string, nowMs: number): readonly Place[];
  /** How many in it come before this place. */
  before(name: string, place: Place): number;
}

/** Rows that are looked at in one go for who is next. */
export const page = 50;

/** @param prefix of the keys of this gate */
export function redisGroups(
  prefix: string,
  rows: PlaceRows,
  lines: Pick<RedisLines, "noteGroup" | "modelsOf">,
): RedisGroups {
  const namesKey = `${prefix}models`;
  const waits = `${prefix}waits:`;
  const turns = `${prefix}turns:`;
  const known: Record<string, Group | undefined> = {};
  const bare: Record<string, boolean | undefined> = {};

  function leaveGroup(name: string, ticketId: string): void {
    for (const key of [waits + name, turns + name]) redis.call("ZREM", key, ticketId);
    if (count("ZCARD", waits + name) > 0) return;
    lines.noteGroup(named(name), false);
    redis.call("HDEL", namesKey, name);
  }

  /** Older code, which may run beside this one, makes groups of a model alone: asked once in a run. */
  function isBare(model: string): boolean {
    return (bare[model] ??= count("HEXISTS", namesKey, model) === 1);
  }

  function join(place: Place): void {
    const name = nameOf(place);
    lines.noteGroup(place, true);
    redis.call("HSET", namesKey, name, 1);
    redis.call("ZADD", waits + name, exactly(place.notBeforeMs), place.ticketId);
    redis.call("ZADD", turns + name, exactly(turnScore(place)), place.ticketId);
  }

  function leave(place: Place): void {
    const name = nameOf(place);
    leaveGroup(name, place.ticketId);
    // Where older code has put it.
    if (name !== place.model && isBare(place.model)) leaveGroup(place.model, place.ticketId);
  }

  const names = () => list("HKEYS", namesKey);

  function named(name: string): Group {
    return (known[name] ??= groupIn(name));
  }

  return {
    change(before, after) {
      if (before !== null && isInGroup(before)) leave(before);
      if (after !== null && isInGroup(after)) join(after);
    },

    names,
    named,
    own() {
      for (const name of names()) {
        if (named(name).tenant !== "") continue;
        for (const place of rows.of(list("ZRANGE", turns + name, 0, -1))) {
          if (place.tenant === "" || !isInGroup(place)) continue;
          leaveGroup(name, place.ticketId);
          join(place);
        }
      }
      return names().map(named);
    },
    of(tenant) {
      const models = lines.modelsOf(tenant);
      if (models !== null) return models.map((model) => nameOf({ model, tenant }));
      // Older code puts all of a model into one group.
      return names().filter((name) => {
        const group = named(name);
        return group.tenant === tenant || group.tenant === "";
      });
    },
    has: (group) => count("HEXISTS", namesKey, nameOf(group)) === 1,

    firstReadyMs: (name) => firstScore(waits + name),

    /** One that is no longer there was taken out by older code, which knows no groups. */
    each(name, isWanted) {
      const gone: string[] = [];
      for (let from = 0; ; from += page) {
        const ids = list("ZRANGE", turns + name, from, from + page - 1);
        let wanted = true;
        for (const id of ids) {
          const place = rows.find(id);
          if (place === null || !isInGroup(place)) gone.push(id);
          else wanted = isWanted(place);
          if (!wanted) break;
        }
        if (!wanted || ids.length < page) break;
      }
      for (const id of gone) leaveGroup(name, id);
    },

    backingOff: (name, nowMs) =>
      rows.of(list("ZRANGEBYSCORE", waits + name, `(${exactly(nowMs)}`, "+inf")).filter(isInGroup),

    before(name, place) {
      const score = exactly(turnScore(place));
      let before = count("ZCOUNT", turns + name, "-inf", `(${score}`);
      // Ties go by id.
      for (const id of list("ZRANGEBYSCORE", turns + name, score, score)) if (id < place.ticketId) before++;
      return before;
    },
  };
}

/** Of a place that older code has made: its model alone, as that calls it. */
export function nameOf({ model, tenant }: Group): string {
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

function isInGroup({ standing, suspect }: Place): boolean {
  return standing.state === "waiting" && !suspect;
}

/** By priority, then by age. Ties go by id, as sorted sets do. Exact: below 2^53. */
export function turnScore({ priority, acceptedAtMs }: Place): number {
  return (10 - priority) * 1e13 + acceptedAtMs;
}
