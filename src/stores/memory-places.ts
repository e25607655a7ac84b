/** Places in memory, with an order kept for every question that is asked often: no answer needs a look at all of them. */
import type { ModelHold } from "../domain/holds.ts";
import { byProbeTurn, byTurn, isInFlight, type Place, type Places } from "../domain/places.ts";
import { sortedList, type SortedList } from "./sorted-list.ts";

export function memoryPlaces(): Places {
  const rows = new Map<string, Place>();
  /** Held, dispatched or running. */
  const leased = sortedList(byMoment(lapseMs));
  /** Dispatched or running: at most as many as there are permits. */
  const flying = new Set<Place>();
  const waiting = sortedList(byTurn);
  const waitingByHeard = sortedList(byMoment((place) => place.heardAtMs));
  /** Waiting ones of a model; suspects, which are few, are looked through instead. */
  const waitingByModel = new Map<string, SortedList<Place>>();
  const suspects = new Set<Place>();
  /** All but held ones. */
  const byAge = sortedList(byMoment((place) => place.acceptedAtMs));
  let bytes = 0;

  function modelList(model: string): SortedList<Place> {
    const known = waitingByModel.get(model);
    if (known) return known;
    const made = sortedList(byMoment((place) => place.notBeforeMs));
    waitingByModel.set(model, made);
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
    else modelList(place.model).add(place);
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
    const list = modelList(place.model);
    list.remove(place);
    if (list.values.length === 0) waitingByModel.delete(place.model);
  }

  return {
    find: (ticketId) => rows.get(ticketId) ?? null,
    put(place) {
      remove(place.ticketId);
      insert(place);
    },
    remove,
    tally() {
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
    ready({ nowMs, withoutModels, suspect, forProbe, limit }) {
      const isReady = (place: Place) =>
        place.suspect === suspect && place.notBeforeMs <= nowMs && !withoutModels.includes(place.model);
      const found: Place[] = [];
      let first = 0;
      for (const place of waiting.values) {
        // Suspects come first.
        if (first >= limit || (suspect && !place.suspect)) break;
        if (!isReady(place)) continue;
        found.push(place);
        // Nobody behind one that has never probed can come before it. So only those are looked through that have.
        if (!forProbe || place.probes === 0) first++;
      }
      return forProbe ? found.toSorted(byProbeTurn).slice(0, limit) : found;
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
    firstReadyMs(holds, withSuspects) {
      const firsts = Array.from(waitingByModel.values(), (list) => list.first());
      const candidates = [...firsts, ...(withSuspects ? suspects : [])];
      return earliest(candidates.flatMap((place) => (place ? [readyMs(place, holds)] : [])));
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

function readyMs(place: Place, holds: readonly ModelHold[]): number {
  return Math.max(place.notBeforeMs, holds.find(({ model }) => model === place.model)?.untilMs ?? 0);
}

function lapseMs({ standing }: Place): number {
  return standing.state === "waiting" ? Infinity : standing.untilMs;
}

function earliest(moments: readonly number[]): number | null {
  return moments.length === 0 ? null : moments.reduce((a, b) => Math.min(a, b));
}
