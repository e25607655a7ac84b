/** Places in memory, with an order kept for every question that is asked often: no answer needs a look at all of them. */
import {
  blockedUntilMs,
  byProbeTurn,
  byTurn,
  isBlocked,
  type Acceptance,
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
  const lists = createLists();
  return { ...table(lists), ...turns(lists), ...moments(lists) };
}

/** All places, in every order that is asked for. */
interface Lists {
  readonly rows: Map<string, Place>;
  /** Dispatched or running. */
  readonly leased: SortedList<Place>;
  /** The same: at most as many as there are permits. */
  readonly flying: Set<Place>;
  readonly waiting: SortedList<Place>;
  readonly waitingByHeard: SortedList<Place>;
  /** Waiting ones of a model and tenant; suspects, which are few, are looked through instead. */
  readonly waitingByGroup: Map<string, Waiting>;
  readonly suspects: Set<Place>;
  readonly byAge: SortedList<Place>;
  bytes: number;
  insert(place: Place): void;
  remove(ticketId: string): void;
}

function createLists(): Lists {
  const lists: Lists = {
    rows: new Map(),
    leased: sortedList(byMoment(lapseMs)),
    flying: new Set(),
    waiting: sortedList(byTurn),
    waitingByHeard: sortedList(byMoment((place) => place.heardAtMs)),
    waitingByGroup: new Map(),
    suspects: new Set(),
    byAge: sortedList(byMoment((place) => place.acceptedAtMs)),
    bytes: 0,

    insert(place) {
      lists.rows.set(place.ticketId, place);
      lists.bytes += place.sizeBytes;
      lists.byAge.add(place);
      if (place.standing.state !== "waiting") {
        lists.leased.add(place);
        lists.flying.add(place);
        return;
      }
      lists.waiting.add(place);
      lists.waitingByHeard.add(place);
      if (place.suspect) lists.suspects.add(place);
      else {
        const group = groupOf(lists, place);
        group.byReady.add(place);
        group.byTurn.add(place);
      }
    },

    remove(ticketId) {
      const place = lists.rows.get(ticketId);
      if (place === undefined) return;
      lists.rows.delete(ticketId);
      lists.bytes -= place.sizeBytes;
      lists.byAge.remove(place);
      if (place.standing.state !== "waiting") {
        lists.leased.remove(place);
        lists.flying.delete(place);
        return;
      }
      lists.waiting.remove(place);
      lists.waitingByHeard.remove(place);
      if (lists.suspects.delete(place)) return;
      const group = groupOf(lists, place);
      group.byReady.remove(place);
      group.byTurn.remove(place);
      if (group.byTurn.values.length === 0) lists.waitingByGroup.delete(nameOf(place));
    },
  };
  return lists;
}

function groupOf({ waitingByGroup }: Lists, { model, tenant }: Group): Waiting {
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

function table(
  lists: Lists,
): Pick<Places, "find" | "put" | "remove" | "load" | "withdrawn" | "wasWithdrawn"> {
  const { rows, flying, waiting, byAge } = lists;
  /** Until when each is known. All are known for equally long, so the first is over first. */
  const withdrawn = new Map<string, number>();
  return {
    find: (ticketId) => rows.get(ticketId) ?? null,
    put(place) {
      lists.remove(place.ticketId);
      lists.insert(place);
    },
    remove: lists.remove,
    load() {
      let suspectsInFlight = 0;
      for (const { suspect } of flying) if (suspect) suspectsInFlight++;
      return {
        size: rows.size,
        bytes: lists.bytes,
        waiting: waiting.values.length,
        inFlight: flying.size,
        suspectsInFlight,
        oldestAcceptedAtMs: byAge.first()?.acceptedAtMs ?? null,
      };
    },
    withdrawn(acceptance, nowMs, untilMs) {
      for (const [name, overMs] of withdrawn) {
        if (overMs > nowMs) break;
        withdrawn.delete(name);
      }
      withdrawn.set(acceptanceName(acceptance), untilMs);
    },
    wasWithdrawn: (acceptance, nowMs) => nowMs < (withdrawn.get(acceptanceName(acceptance)) ?? -Infinity),
  };
}

function turns(
  lists: Lists,
): Pick<Places, "ready" | "groups" | "hasWaiting" | "endWaits" | "ahead" | "inFlight"> {
  const { flying, waiting, waitingByGroup, suspects } = lists;
  return {
    ready({ nowMs, blocked, only, suspect, forProbe, limit }) {
      const isReady = (place: Place) =>
        place.suspect === suspect &&
        place.notBeforeMs <= nowMs &&
        (only === null || isOf(only, place)) &&
        !isBlocked(place, blocked);
      const found: Place[] = [];
      let first = 0;
      for (const place of linesOf(lists, only, suspect)) {
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
        lists.remove(place.ticketId);
        lists.insert({ ...place, notBeforeMs: nowMs });
      }
    },
    ahead(place) {
      let dispatched = 0;
      for (const other of flying) {
        if (other.standing.state === "dispatched" && byTurn(other, place) < 0) dispatched++;
      }
      return waiting.before(place) + dispatched;
    },
    inFlight: () => [...flying],
  };
}

/** Those among which the wanted ones are, in order. */
function linesOf(
  { waiting, waitingByGroup }: Lists,
  only: { readonly model: string; readonly tenant: string | null } | null,
  suspect: boolean,
): readonly Place[] {
  if (suspect || only === null || only.tenant === null) return waiting.values;
  return waitingByGroup.get(nameOf({ model: only.model, tenant: only.tenant }))?.byTurn.values ?? [];
}

function moments(
  lists: Lists,
): Pick<Places, "lapsed" | "firstLapseMs" | "firstReadyMs" | "firstHeardMs" | "silent"> {
  const { leased, waitingByGroup, waitingByHeard, suspects } = lists;
  return {
    lapsed(nowMs, limit) {
      const first = leased.first();
      if (first === undefined || lapseMs(first) > nowMs) return [];
      return leased.values.slice(0, limit).filter((place) => lapseMs(place) <= nowMs);
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
  };
}

function byMoment(momentOf: (place: Place) => number) {
  return (a: Place, b: Place): number =>
    momentOf(a) - momentOf(b) || (a.ticketId < b.ticketId ? -1 : a.ticketId > b.ticketId ? 1 : 0);
}

function acceptanceName({ ticketId, acceptedAtMs }: Acceptance): string {
  return `${ticketId} ${acceptedAtMs}`;
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
