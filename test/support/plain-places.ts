/** Places in a Map: the plainest reading of what every table must answer, and slow with many. */
import { comesBefore, type TenantLine } from "../../src/domain/gate/fair-order.ts";
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
  /** By tenant; gone with the tenant's last place. */
  const tags = new Map<string, Pick<TenantLine, "startTag" | "sinceMs">>();
  let virtualTime = 0;
  const withdrawn = new Map<string, number>();
  const all = () => [...rows.values()];
  const waiting = () => all().filter(({ standing }) => standing.state === "waiting");

  function forgetTags(): void {
    for (const tenant of tags.keys()) {
      if (!all().some((place) => place.tenant === tenant)) tags.delete(tenant);
    }
  }

  const inOrder = (): readonly TenantLine[] =>
    table
      .lines(null)
      .filter((line) => line.waiting > 0)
      .toSorted((a, b) => (comesBefore(a, b, virtualTime) ? -1 : 1));

  const table: Places = {
    find: (ticketId) => rows.get(ticketId) ?? null,
    put(place) {
      rows.set(place.ticketId, place);
      forgetTags();
      const known = tags.get(place.tenant);
      if (known !== undefined && known.startTag > 0) return;
      const sinceMs = Math.min(known?.sinceMs ?? Infinity, place.acceptedAtMs);
      tags.set(place.tenant, { startTag: 0, sinceMs });
    },
    remove(ticketId) {
      rows.delete(ticketId);
      forgetTags();
    },
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
    ready: ({ nowMs, blocked, tenant, model, suspect, forProbe, limit }) =>
      waiting()
        .filter((place) => place.suspect === suspect && place.notBeforeMs <= nowMs)
        .filter((place) => !isBlocked(place, blocked))
        .filter((place) => place.tenant === tenant && (model === null || place.model === model))
        .toSorted(forProbe ? byProbeTurn : byTurn)
        .slice(0, limit),
    ownBefore: (place) =>
      waiting().filter((other) => other.tenant === place.tenant && byTurn(other, place) < 0).length,
    lines(wanted) {
      const tenants = [...new Set(all().map(({ tenant }) => tenant))];
      return tenants
        .filter((tenant) => wanted?.includes(tenant) ?? true)
        .map((tenant) => {
          const own = all().filter((place) => place.tenant === tenant);
          const sum = (of: (place: Place) => number) => own.reduce((total, place) => total + of(place), 0);
          return {
            tenant,
            size: own.length,
            bytes: sum(({ sizeBytes }) => sizeBytes),
            tokens: sum(({ tokens }) => tokens),
            waiting: own.filter(({ standing }) => standing.state === "waiting").length,
            ...(tags.get(tenant) ?? { startTag: 0, sinceMs: 0 }),
          };
        });
    },
    lineCount: () => new Set(all().map(({ tenant }) => tenant)).size,
    eachLine(isWanted) {
      for (const line of inOrder()) if (!isWanted(line)) return;
    },
    linesBefore: (tenant) =>
      Math.max(
        0,
        inOrder().findIndex((line) => line.tenant === tenant),
      ),
    putTag(tenant, startTag, sinceMs, nextVirtualTime) {
      virtualTime = nextVirtualTime;
      if (tags.has(tenant)) tags.set(tenant, { startTag, sinceMs });
    },
    virtualTime: () => virtualTime,
    firstLapseMs: () =>
      earliest(
        all()
          .map(lapsesAtMs)
          .filter((atMs) => atMs !== null),
      ),
    groups(nowMs, model, suspect) {
      const ready = waiting().filter((place) => place.suspect === suspect && place.notBeforeMs <= nowMs);
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
    all,
  };
  return table;
}

function lapsesAtMs({ standing }: Place): number | null {
  return standing.state === "waiting" ? null : standing.untilMs;
}

function earliest(moments: readonly number[]): number | null {
  return moments.length === 0 ? null : moments.reduce((a, b) => Math.min(a, b));
}
