/** Places in a Map: the plainest reading of what every table must answer, and slow with many. */
import { byProbeTurn, byTurn, isInFlight, type Place, type Places } from "../../src/domain/places.ts";

export function plainPlaces(): Places {
  const rows = new Map<string, Place>();
  const all = () => [...rows.values()];
  const waiting = () => all().filter(({ standing }) => standing.state === "waiting");

  return {
    find: (ticketId) => rows.get(ticketId) ?? null,
    put: (place) => void rows.set(place.ticketId, place),
    remove: (ticketId) => void rows.delete(ticketId),
    tally() {
      const inFlight = all().filter(isInFlight);
      return {
        size: rows.size,
        bytes: all().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        waiting: waiting().length,
        inFlight: inFlight.length,
        suspectsInFlight: inFlight.filter(({ suspect }) => suspect).length,
        oldestAcceptedAtMs: earliest(
          all()
            .filter(({ standing }) => standing.state !== "held")
            .map(({ acceptedAtMs }) => acceptedAtMs),
        ),
      };
    },
    lapsed: (nowMs, limit) =>
      all()
        .filter((place) => (lapsesAtMs(place) ?? Infinity) <= nowMs)
        .slice(0, limit),
    ready: ({ nowMs, withoutModels, suspect, forProbe, limit }) =>
      waiting()
        .filter((place) => place.suspect === suspect && place.notBeforeMs <= nowMs)
        .filter((place) => !withoutModels.includes(place.model))
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
    firstReadyMs: (holds, suspects) =>
      earliest(
        waiting()
          .filter((place) => suspects || !place.suspect)
          .map((place) => {
            const hold = holds.find(({ model }) => model === place.model);
            return Math.max(place.notBeforeMs, hold?.untilMs ?? 0);
          }),
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
