/** Places in memory, with an order kept for every question that is asked often: no answer needs a look at all of them. */
import {
  blockedUntilMs,
  byProbeTurn,
  byTurn,
  isBlocked,
  isInFlight,
  type Group,
  type Place,
  type Places,
} from "../domain/gate/places.ts";
import { sortedList, type SortedList } from "./sorted-list.ts";

/** One group's. */
interface Waiting extends Group {
  readonly byReady: SortedList<Place>;
  readonly byTurn: SortedList<Place>;
}

export function memoryPlaces(): Places {
  const rows = new Map<string, Place>();
  /** Held, dispatched or running. */
  const leased = sortedList(byMoment(lapseMs));
  /** Dispatched or running: at most as many as there are permits. */
  const flying = new Set<Place>();
  const waiting = sortedList(byTurn);
  const waitingByHeard = sortedList(byMoment((place) => place.heardAtMs));
  /** Waiting ones of a model and tenant; suspects, which are few, are looked through instead. */
  const waitingByGroup = new Map<string, Waiting>();
  const suspects = new Set<Place>();
  /** All but held ones. */
  const byAge = sortedList(byMoment((place) => place.acceptedAtMs));
  let bytes = 0;

  function groupOf({ model, tenant }: Group): Waiting {
    const name = nameOf({ model, tenant });
    const known = waitingByGroup.get(name);
    if (known) return known;
    const made = {
      model,
      tenant,
      byReady: sortedList(byMoment((place) => place.notBeforeMs)),
      byTurn: sortedList(byTurn),
    };
    waitingByGroup.set(name, made);
    return made;
  }

  function insert(place: Place): void {
    rows.set(place.ticketId, place);
    bytes += place.sizeBytes;
    if (place.standing.state !== "held") byAge.add(place);
    if (place.standing.state !== "waiting") {
      leased.add(place);
      if (isInFlight(place)) flying.add(place);
      return;
    }
    waiting.add(place);
    waitingByHeard.add(place);
    if (place.suspect) suspects.add(place);
    else {
      const group = groupOf(place);
      group.byReady.add(place);
      group.byTurn.add(place);
    }
  }

  function remove(ticketId: string): void {
    const place = rows.get(ticketId);
    if (place === undefined) return;
    rows.delete(ticketId);
    bytes -= place.sizeBytes;
    if (place.standing.state !== "held") byAge.remove(place);
    if (place.standing.state !== "waiting") {
      leased.remove(place);
      flying.delete(place);
      return;
    }
    waiting.remove(place);
    waitingByHeard.remove(place);
    if (suspects.delete(place)) return;
    const group = groupOf(place);
    group.byReady.remove(place);
    group.byTurn.remove(place);
    if (group.byTurn.values.length === 0) waitingByGroup.delete(nameOf(place));
  }

  /** Those among which the wanted ones are, in order. */
  function linesOf(
    only: { readonly model: string; readonly tenant: string | null } | null,
    suspect: boolean,
  ): readonly Place[] {
    if (suspect || only === null || only.tenant === null) return waiting.values;
    return waitingByGroup.get(nameOf({ model: only.model, tenant: only.tenant }))?.byTurn.values ?? [];
  }

  return {
    find: (ticketId) => rows.get(ticketId) ?? null,
    put(place) {
      remove(place.ticketId);
      insert(place);
    },
    remove,
    load() {
      let suspectsInFlight = 0;
      for (const { suspect } of flying) if (suspect) suspectsInFlight++;
      return {
        size: rows.size,
        bytes,
        waiting: waiting.values.length,
        inFlight: flying.size,
        suspectsInFlight,
        oldestAcceptedAtMs: byAge.first()?.acceptedAtMs ?? null,
      };
    },
    lapsed(nowMs, limit) {
      const first = leased.first();
      if (first === undefined || lapseMs(first) > nowMs) return [];
      return leased.values.slice(0, limit).filter((place) => lapseMs(place) <= nowMs);
    },
    ready({ nowMs, blocked, only, suspect, forProbe, limit }) {
      const isReady = (place: Place) =>
        place.suspect === suspect &&
        place.notBeforeMs <= nowMs &&
        (only === null || isOf(only, place)) &&
        !isBlocked(place, blocked);
      const found: Place[] = [];
      let first = 0;
      for (const place of linesOf(only, suspect)) {
        // Suspects come first.
        if (first >= limit || (suspect && !place.suspect)) break;
        if (!isReady(place)) continue;
        found.push(place);
        // Nobody behind one that has never probed can come before it. So only those are looked through that have.
        if (!forProbe || place.probes === 0) first++;
      }
      return forProbe ? found.toSorted(byProbeTurn).slice(0, limit) : found;
    },
    groups(nowMs, model) {
      const groups: Group[] = [];
      for (const group of waitingByGroup.values()) {
        const first = group.byReady.first();
        if ((model !== null && group.model !== model) || first === undefined) continue;
        if (first.notBeforeMs <= nowMs) groups.push({ model: group.model, tenant: group.tenant });
      }
      return groups;
    },
    hasWaiting: (group) => waitingByGroup.has(nameOf(group)),
    endWaits(nowMs, model) {
      const over: Place[] = [];
      for (const place of suspects) if (place.notBeforeMs > nowMs) over.push(place);
      for (const { byReady } of waitingByGroup.values()) {
        for (let at = byReady.values.length - 1; at >= 0; at--) {
          const place = byReady.values[at];
          if (place === undefined || place.notBeforeMs <= nowMs) break;
          over.push(place);
        }
      }
      for (const place of over) {
        if (model !== null && place.model !== model) continue;
        remove(place.ticketId);
        insert({ ...place, notBeforeMs: nowMs });
      }
    },
    ahead(place) {
      let dispatched = 0;
      for (const other of flying) {
        if (other.standing.state === "dispatched" && byTurn(other, place) < 0) dispatched++;
      }
      return waiting.before(place) + dispatched;
    },
    firstLapseMs() {
      const first = leased.first();
      return first === undefined ? null : lapseMs(first);
    },
    firstReadyMs(blocked, withSuspects) {
      const firsts = Array.from(waitingByGroup.values(), ({ byReady }) => byReady.first());
      const candidates = [...firsts, ...(withSuspects ? suspects : [])];
      return earliest(
        candidates.flatMap((place) =>
          place ? [Math.max(place.notBeforeMs, blockedUntilMs(place, blocked))] : [],
        ),
      );
    },
    firstHeardMs: () => waitingByHeard.first()?.heardAtMs ?? null,
    silent(heardUntilMs, limit) {
      const silent: Place[] = [];
      for (const place of waitingByHeard.values) {
        if (silent.length >= limit || place.heardAtMs > heardUntilMs) break;
        silent.push(place);
      }
      return silent;
    },
    inFlight: () => [...flying],
  };
}

function byMoment(momentOf: (place: Place) => number) {
  return (a: Place, b: Place): number =>
    momentOf(a) - momentOf(b) || (a.ticketId < b.ticketId ? -1 : a.ticketId > b.ticketId ? 1 : 0);
}

/** No model's key holds a line feed. */
function nameOf({ model, tenant }: Group): string {
  return `${model}\n${tenant}`;
}

function isOf(only: { readonly model: string; readonly tenant: string | null }, place: Place): boolean {
  return only.model === place.model && (only.tenant === null || only.tenant === place.tenant);
}

function lapseMs({ standing }: Place): number {
  return standing.state === "waiting" ? Infinity : standing.untilMs;
}

function earliest(moments: readonly number[]): number | null {
  return moments.length === 0 ? null : moments.reduce((a, b) => Math.min(a, b));
}
