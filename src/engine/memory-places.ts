/** Places in memory, with an order kept for every question that is asked often: no answer needs a look at all of them. */
import { lineAfter, newLine, type TenantLine } from "../domain/gate/fair-order.ts";
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
import { lineOrder, type LineOrder } from "./line-order.ts";
import { sortedList, type SortedList } from "./sorted-list.ts";

/** One group's. */
interface Waiting extends Group {
  readonly byReady: SortedList<Place>;
  readonly byTurn: SortedList<Place>;
}

/** One tenant's. */
interface OwnLine {
  line: TenantLine;
  readonly waiting: SortedList<Place>;
  /** Its groups, by model. */
  readonly groups: Map<string, Waiting>;
}

export function memoryPlaces(): Places {
  const lists = createLists();
  return { ...table(lists), ...turns(lists), ...shares(lists), ...moments(lists) };
}

/** All places, in every order that is asked for. */
interface Lists {
  readonly rows: Map<string, Place>;
  /** Dispatched or running. */
  readonly leased: SortedList<Place>;
  /** The same: at most as many as there are permits. */
  readonly flying: Set<Place>;
  readonly waitingByHeard: SortedList<Place>;
  /** Of tenants with places. */
  readonly lines: Map<string, OwnLine>;
  readonly order: LineOrder;
  /** Waiting ones of a model and tenant; suspects, which are few, are looked through instead. */
  readonly waitingByGroup: Map<string, Waiting>;
  readonly suspects: Set<Place>;
  readonly byAge: SortedList<Place>;
  bytes: number;
  put(place: Place): void;
  remove(ticketId: string): void;
}

function createLists(): Lists {
  const lists: Lists = {
    rows: new Map(),
    leased: sortedList(byMoment(lapseMs)),
    flying: new Set(),
    waitingByHeard: sortedList(byMoment((place) => place.heardAtMs)),
    lines: new Map(),
    order: lineOrder(),
    waitingByGroup: new Map(),
    suspects: new Set(),
    byAge: sortedList(byMoment((place) => place.acceptedAtMs)),
    bytes: 0,

    put(place) {
      const before = lists.rows.get(place.ticketId);
      // Before the old one goes: with its last place a line ends.
      const own = lineOf(lists, place);
      own.line = lineAfter(own.line, place, 1);
      if (before !== undefined) takeOut(lists, before);
      lists.order.put(place.tenant, own.line);
      putIn(lists, place);
    },

    remove(ticketId) {
      const place = lists.rows.get(ticketId);
      if (place !== undefined) takeOut(lists, place);
    },
  };
  return lists;
}

/** But for its line's load. */
function putIn(lists: Lists, place: Place): void {
  lists.rows.set(place.ticketId, place);
  lists.bytes += place.sizeBytes;
  lists.byAge.add(place);
  if (place.standing.state !== "waiting") {
    lists.leased.add(place);
    lists.flying.add(place);
    return;
  }
  lineOf(lists, place).waiting.add(place);
  lists.waitingByHeard.add(place);
  if (place.suspect) lists.suspects.add(place);
  else {
    const group = groupOf(lists, place);
    group.byReady.add(place);
    group.byTurn.add(place);
  }
}

function takeOut(lists: Lists, place: Place): void {
  lists.rows.delete(place.ticketId);
  lists.bytes -= place.sizeBytes;
  lists.byAge.remove(place);
  const own = lineOf(lists, place);
  own.line = lineAfter(own.line, place, -1);
  if (own.line.size === 0) lists.lines.delete(place.tenant);
  lists.order.put(place.tenant, own.line);
  if (place.standing.state !== "waiting") {
    lists.leased.remove(place);
    lists.flying.delete(place);
    return;
  }
  own.waiting.remove(place);
  lists.waitingByHeard.remove(place);
  if (lists.suspects.delete(place)) return;
  const group = groupOf(lists, place);
  group.byReady.remove(place);
  group.byTurn.remove(place);
  if (group.byTurn.values.length > 0) return;
  lists.waitingByGroup.delete(nameOf(place));
  own.groups.delete(place.model);
}

function lineOf({ lines }: Lists, { tenant, acceptedAtMs }: Place): OwnLine {
  const known = lines.get(tenant);
  if (known) return known;
  const made = { line: newLine(tenant, acceptedAtMs), waiting: sortedList(byTurn), groups: new Map() };
  lines.set(tenant, made);
  return made;
}

function groupOf(lists: Lists, place: Place): Waiting {
  const { waitingByGroup } = lists;
  const { model, tenant } = place;
  const name = nameOf(place);
  const known = waitingByGroup.get(name);
  if (known) return known;
  const made = {
    model,
    tenant,
    byReady: sortedList(byMoment((place) => place.notBeforeMs)),
    byTurn: sortedList(byTurn),
  };
  waitingByGroup.set(name, made);
  lineOf(lists, place).groups.set(model, made);
  return made;
}

function table(
  lists: Lists,
): Pick<Places, "find" | "all" | "put" | "remove" | "load" | "withdrawn" | "wasWithdrawn"> {
  const { rows, flying, waitingByHeard, byAge } = lists;
  /** Until when each is known. All are known for equally long, so the first is over first. */
  const withdrawn = new Map<string, number>();
  return {
    find: (ticketId) => rows.get(ticketId) ?? null,
    all: () => [...rows.values()],
    put: lists.put,
    remove: lists.remove,
    load() {
      let suspectsInFlight = 0;
      for (const { suspect } of flying) if (suspect) suspectsInFlight++;
      return {
        size: rows.size,
        bytes: lists.bytes,
        waiting: waitingByHeard.values.length,
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

function turns(lists: Lists): Pick<Places, "ready" | "groups" | "hasWaiting" | "endWaits" | "inFlight"> {
  const { flying, lines, waitingByGroup, suspects } = lists;
  return {
    ready({ nowMs, blocked, tenant, model, suspect, forProbe, limit }) {
      const own = lines.get(tenant);
      const isReady = (place: Place) => place.notBeforeMs <= nowMs && !isBlocked(place, blocked);
      const found: Place[] = [];
      function look(places: readonly Place[]): void {
        let first = 0;
        for (const place of places) {
          // Suspects come first.
          if (first >= limit || (suspect && !place.suspect)) break;
          if ((model !== null && place.model !== model) || !isReady(place)) continue;
          found.push(place);
          // Nobody behind one that has never probed can come before it. So only those are looked through that have.
          if (!forProbe || place.probes === 0) first++;
        }
      }
      if (suspect) look(own?.waiting.values ?? []);
      else {
        for (const group of own?.groups.values() ?? []) {
          // Of a model that is paused, or while all back off, all could be looked at in vain.
          const first = group.byReady.first();
          if ((model !== null && group.model !== model) || isBlocked(group, blocked)) continue;
          if (first !== undefined && first.notBeforeMs <= nowMs) look(group.byTurn.values);
        }
      }
      return found.toSorted(forProbe ? byProbeTurn : byTurn).slice(0, limit);
    },
    groups(nowMs, model, suspect) {
      if (suspect) return groupsOf(suspects, nowMs, model);
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
        if (model === null || place.model === model) lists.put({ ...place, notBeforeMs: nowMs });
      }
    },
    inFlight: () => [...flying],
  };
}

type Shares = Pick<
  Places,
  "ownBefore" | "lines" | "lineCount" | "eachLine" | "linesBefore" | "putTag" | "virtualTime"
>;

function shares({ lines, order }: Lists): Shares {
  let virtualTime = 0;
  return {
    ownBefore: (place) => lines.get(place.tenant)?.waiting.before(place) ?? 0,
    lines(tenants) {
      if (tenants === null) return Array.from(lines.values(), ({ line }) => line);
      const found: TenantLine[] = [];
      for (const tenant of tenants) {
        const own = lines.get(tenant);
        if (own) found.push(own.line);
      }
      return found;
    },
    lineCount: () => lines.size,
    eachLine(isWanted) {
      order.each((tenant) => {
        const own = lines.get(tenant);
        return own === undefined || isWanted(own.line);
      });
    },
    linesBefore: order.before,
    putTag(tenant, startTag, sinceMs, nextVirtualTime) {
      virtualTime = nextVirtualTime;
      order.moveTo(nextVirtualTime);
      const own = lines.get(tenant);
      if (own === undefined) return;
      own.line = { ...own.line, startTag, sinceMs };
      order.put(tenant, own.line);
    },
    virtualTime: () => virtualTime,
  };
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

/** The groups of some places, each once. */
function groupsOf(places: Iterable<Place>, nowMs: number, only: string | null): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const { model, tenant, notBeforeMs } of places) {
    if (notBeforeMs > nowMs || (only !== null && model !== only)) continue;
    groups.set(nameOf({ model, tenant }), { model, tenant });
  }
  return [...groups.values()];
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

function lapseMs({ standing }: Place): number {
  return standing.state === "waiting" ? Infinity : standing.untilMs;
}

function earliest(moments: readonly number[]): number | null {
  return moments.length === 0 ? null : moments.reduce((a, b) => Math.min(a, b));
}
