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
  const keys = { names: `${prefix}models`, waits: `${prefix}waits:`, turns: `${prefix}turns:` };
  const members = groupMembers(keys, rows, lines);
  const { waits, turns } = keys;

  return {
    change: members.change,
    names: members.names,
    named: members.named,
    own: members.own,
    of(tenant) {
      const models = lines.modelsOf(tenant);
      if (models !== null) return models.map((model) => nameOf({ model, tenant }));
      // Older code puts all of a model into one group.
      return members.names().filter((name) => {
        const group = members.named(name);
        return group.tenant === tenant || group.tenant === "";
      });
    },
    has: (group) => count("HEXISTS", keys.names, nameOf(group)) === 1,

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
      for (const id of gone) members.leave(name, id);
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

/** Who comes into a group, and leaves it; and which groups there are. */
function groupMembers(
  keys: { readonly names: string; readonly waits: string; readonly turns: string },
  rows: PlaceRows,
  lines: Pick<RedisLines, "noteGroup">,
) {
  const known: Record<string, Group | undefined> = {};
  const bare: Record<string, boolean | undefined> = {};
  const names = () => list("HKEYS", keys.names);

  function named(name: string): Group {
    return (known[name] ??= groupIn(name));
  }

  function leave(name: string, ticketId: string): void {
    for (const key of [keys.waits + name, keys.turns + name]) redis.call("ZREM", key, ticketId);
    if (count("ZCARD", keys.waits + name) > 0) return;
    lines.noteGroup(named(name), false);
    redis.call("HDEL", keys.names, name);
  }

  /** Older code, which may run beside this one, makes groups of a model alone: asked once in a run. */
  function isBare(model: string): boolean {
    return (bare[model] ??= count("HEXISTS", keys.names, model) === 1);
  }

  function join(place: Place): void {
    const name = nameOf(place);
    lines.noteGroup(place, true);
    redis.call("HSET", keys.names, name, 1);
    redis.call("ZADD", keys.waits + name, exactly(place.notBeforeMs), place.ticketId);
    redis.call("ZADD", keys.turns + name, exactly(turnScore(place)), place.ticketId);
  }

  return {
    names,
    named,
    leave,
    change(before: Place | null, after: Place | null): void {
      if (before !== null && isInGroup(before)) {
        const name = nameOf(before);
        leave(name, before.ticketId);
        // Where older code has put it.
        if (name !== before.model && isBare(before.model)) leave(before.model, before.ticketId);
      }
      if (after !== null && isInGroup(after)) join(after);
    },
    own(): readonly Group[] {
      for (const name of names()) {
        if (named(name).tenant !== "") continue;
        for (const place of rows.of(list("ZRANGE", keys.turns + name, 0, -1))) {
          if (place.tenant === "" || !isInGroup(place)) continue;
          leave(name, place.ticketId);
          join(place);
        }
      }
      return names().map(named);
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
