/** Places in a Map: the plainest reading of what every table must answer, and slow with many. */
import {
  blockedUntilMs,
  byProbeTurn,
  byTurn,
  isBlocked,
  isInFlight,
  type Group,
  type Place,
  type Places,
} from "../../src/domain/gate/places.ts";

export function plainPlaces(): Places {
  const rows = new Map<string, Place>();
  const withdrawn = new Map<string, number>();
  const all = () => [...rows.values()];
  const waiting = () => all().filter(({ standing }) => standing.state === "waiting");

  return {
    find: (ticketId) => rows.get(ticketId) ?? null,
    put: (place) => void rows.set(place.ticketId, place),
    remove: (ticketId) => void rows.delete(ticketId),
    withdrawn: ({ ticketId, acceptedAtMs }, _, untilMs) =>
      void withdrawn.set(`${ticketId} ${acceptedAtMs}`, untilMs),
    wasWithdrawn: ({ ticketId, acceptedAtMs }, nowMs) =>
      nowMs < (withdrawn.get(`${ticketId} ${acceptedAtMs}`) ?? 0),
    load() {
      const inFlight = all().filter(isInFlight);
      return {
        size: rows.size,
        bytes: all().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        waiting: waiting().length,
        inFlight: inFlight.length,
        suspectsInFlight: inFlight.filter(({ suspect }) => suspect).length,
        oldestAcceptedAtMs: earliest(all().map(({ acceptedAtMs }) => acceptedAtMs)),
      };
    },
    lapsed: (nowMs, limit) =>
      all()
        .filter((place) => (lapsesAtMs(place) ?? Infinity) <= nowMs)
        .slice(0, limit),
    ready: ({ nowMs, blocked, only, suspect, forProbe, limit }) =>
      waiting()
        .filter((place) => place.suspect === suspect && place.notBeforeMs <= nowMs)
        .filter((place) => !isBlocked(place, blocked))
        .filter((place) => only === null || place.model === only.model)
        .filter((place) => (only?.tenant ?? place.tenant) === place.tenant)
        .toSorted(forProbe ? byProbeTurn : byTurn)
        .slice(0, limit),
    ahead: (place) =>
      all().filter(
        (other) =>
          (other.standing.state === "waiting" || other.standing.state === "dispatched") &&
          byTurn(other, place) < 0,
      ).length,
    firstLapseMs: () =>
      earliest(
        all()
          .map(lapsesAtMs)
          .filter((atMs) => atMs !== null),
      ),
    groups(nowMs, model) {
      const ready = waiting().filter((place) => !place.suspect && place.notBeforeMs <= nowMs);
      const names = ready
        .filter((place) => model === null || place.model === model)
        .map((place) => JSON.stringify({ model: place.model, tenant: place.tenant }));
      return [...new Set(names)].map((name) => JSON.parse(name) as Group);
    },
    hasWaiting: ({ model, tenant }) =>
      waiting().some((place) => !place.suspect && place.model === model && place.tenant === tenant),
    endWaits(nowMs, model) {
      for (const place of waiting()) {
        if ((model !== null && place.model !== model) || place.notBeforeMs <= nowMs) continue;
        rows.set(place.ticketId, { ...place, notBeforeMs: nowMs });
      }
    },
    firstReadyMs: (blocked, suspects) =>
      earliest(
        waiting()
          .filter((place) => suspects || !place.suspect)
          .map((place) => Math.max(place.notBeforeMs, blockedUntilMs(place, blocked))),
      ),
    firstHeardMs: () => earliest(waiting().map(({ heardAtMs }) => heardAtMs)),
    silent: (heardUntilMs, limit) =>
      waiting()
        .filter(({ heardAtMs }) => heardAtMs <= heardUntilMs)
        .toSorted((a, b) => a.heardAtMs - b.heardAtMs)
        .slice(0, limit),
    inFlight: () => all().filter(isInFlight),
  };
}

function lapsesAtMs({ standing }: Place): number | null {
  return standing.state === "waiting" ? null : standing.untilMs;
}

function earliest(moments: readonly number[]): number | null {
  return moments.length === 0 ? null : moments.reduce((a, b) => Math.min(a, b));
}
