/** Who of those that wait is next, and when: suspects one by one, all others by the groups that they wait in. */
import {
  blockedUntilMs,
  byProbeTurn,
  byTurn,
  isBlocked,
  type Group,
  type Place,
  type Places,
} from "../../../domain/gate/places.ts";
import { nameOf, type RedisGroups } from "./groups.ts";
import type { RedisLines } from "./lines.ts";
import type { RedisSuspects } from "./suspects.ts";

/** @param nowMs of this script */
export function redisTurns(
  groups: RedisGroups,
  suspects: RedisSuspects,
  nowMs: number,
): Pick<Places, "ready" | "groups" | "ownBefore"> {
  function isReady(name: string): boolean {
    const firstMs = groups.firstReadyMs(name);
    return firstMs !== null && firstMs <= nowMs;
  }

  return {
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
      if (suspect) suspects.eachWaiting(look);
      else {
        for (const name of groups.of(tenant)) {
          const group = groups.named(name);
          if ((model !== null && group.model !== model) || isBlocked(group, blocked)) continue;
          first = 0;
          if (isReady(name)) groups.each(name, look);
        }
      }
      return found.toSorted(forProbe ? byProbeTurn : byTurn).slice(0, limit);
    },

    groups(_, model, suspect) {
      const found: Group[] = [];
      const seen: Record<string, boolean | undefined> = {};
      const add = (group: Group): void => {
        const name = nameOf(group);
        if (seen[name] !== true) found.push({ model: group.model, tenant: group.tenant });
        seen[name] = true;
      };
      const look = (place: Place): boolean => {
        if (place.notBeforeMs <= nowMs && (model === null || place.model === model)) add(place);
        return true;
      };
      if (suspect) suspects.eachWaiting(look);
      else {
        for (const name of groups.names()) {
          const group = groups.named(name);
          if ((model !== null && group.model !== model) || !isReady(name)) continue;
          // What older code has put may be of any tenant.
          if (group.tenant === "") groups.each(name, look);
          else add(group);
        }
      }
      return found;
    },

    ownBefore(place) {
      let before = 0;
      suspects.eachWaiting((other) => {
        if (other.tenant === place.tenant && byTurn(other, place) < 0) before++;
        return true;
      });
      if (place.suspect) return before;
      for (const name of groups.of(place.tenant)) {
        if (groups.named(name).tenant === place.tenant) before += groups.before(name, place);
      }
      return before;
    },
  };
}

interface WaitingPlaces {
  readonly lines: RedisLines;
  readonly groups: RedisGroups;
  readonly suspects: RedisSuspects;
}

/**
 * @param put stores a place
 * @param nowMs of this script
 */
export function redisBackoffs(
  { lines, groups, suspects }: WaitingPlaces,
  put: (place: Place) => void,
  nowMs: number,
): Pick<Places, "endWaits" | "firstReadyMs"> {
  return {
    endWaits(_, model) {
      const over: Place[] = [];
      const look = (place: Place): boolean => {
        if (place.notBeforeMs > nowMs && (model === null || place.model === model)) over.push(place);
        return true;
      };
      suspects.eachWaiting(look);
      for (const name of groups.names()) {
        if (model !== null && groups.named(name).model !== model) continue;
        for (const place of groups.backingOff(name, nowMs)) look(place);
      }
      for (const place of over) put({ ...place, notBeforeMs: nowMs });
    },

    firstReadyMs(blocked, withSuspects) {
      let firstMs = Infinity;
      const look = (group: Group, notBeforeMs: number) => {
        firstMs = Math.min(firstMs, Math.max(notBeforeMs, blockedUntilMs(group, blocked)));
        // Whom nobody can precede.
        return firstMs > nowMs;
      };
      if (withSuspects) suspects.eachWaiting((place) => look(place, place.notBeforeMs));
      // In the order of turns, for the first of them can nearly always be sent.
      lines.each(({ tenant }) => {
        for (const name of groups.of(tenant)) {
          const notBeforeMs = firstMs <= nowMs ? null : groups.firstReadyMs(name);
          if (notBeforeMs !== null) look(groups.named(name), notBeforeMs);
        }
        return firstMs > nowMs;
      });
      return firstMs === Infinity ? null : firstMs;
    },
  };
}
