import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { TenantLine } from "../../src/domain/gate/fair-order.ts";
import type { Block, Group, Place, Places, PlaceState } from "../../src/domain/gate/places.ts";
import { memoryPlaces } from "../../src/engine/memory-places.ts";
import { plainPlaces } from "../support/plain-places.ts";

const moment = fc.integer({ min: 0, max: 20 });
const standing: fc.Arbitrary<PlaceState> = fc.oneof(
  fc.constant({ state: "waiting" as const }),
  fc.constant({ state: "waiting" as const }),
  fc.record({ state: fc.constant("dispatched" as const), untilMs: moment }),
  fc.record({ state: fc.constant("running" as const), untilMs: moment, permit: fc.constant("p") }),
);
const place: fc.Arbitrary<Place> = fc.record({
  ticketId: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
  priority: fc.integer({ min: 0, max: 2 }),
  acceptedAtMs: moment,
  sizeBytes: fc.integer({ min: 1, max: 9 }),
  model: fc.constantFrom("m", "n"),
  tenant: fc.constantFrom("", "a", "b"),
  comparison: fc.constantFrom("", "c"),
  tokens: fc.integer({ min: 1, max: 9 }),
  standing,
  notBeforeMs: moment,
  suspect: fc.boolean(),
  probes: fc.integer({ min: 0, max: 2 }),
  heardAtMs: moment,
});
const blocked: readonly Block[] = [
  { model: "n", tenant: "b", untilMs: 15 },
  { model: "x", untilMs: 99 },
];
const nameOf = ({ model, tenant }: Group) => `${model} ${tenant}`;
const change: fc.Arbitrary<(table: Places) => void> = fc.oneof(
  { weight: 8, arbitrary: place.map((put) => (table: Places) => table.put(put)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("a", "b", "c").map((id) => (table: Places) => table.remove(id)),
  },
  {
    weight: 1,
    arbitrary: place.map((gone) => (table: Places) => table.withdrawn(gone, 0, gone.acceptedAtMs + 1)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(moment, fc.constantFrom(null, "m")).map(
      ([nowMs, model]) =>
        (table: Places) =>
          table.endWaits(nowMs, model),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("", "a", "b"), fc.integer({ min: 1, max: 99 }), moment).map(
      ([tenant, tag, nowMs]) =>
        (table: Places) =>
          table.putTag(tenant, tag, nowMs, tag - 1),
    ),
  },
);

it("answers every question as the plain table does, after any changes", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), moment, place, (changes, nowMs, asked) => {
      const tables = [memoryPlaces(), plainPlaces()] as const;
      for (const change of changes) for (const table of tables) change(table);
      const answers = tables.map((table) => ({
        load: table.load(),
        lapsed: byId(table.lapsed(nowMs, 100)),
        ready: [true, false].flatMap((suspect) =>
          [true, false].map((forProbe) =>
            [null, "m"].map((model) =>
              table.ready({ nowMs, blocked, tenant: "a", model, suspect, forProbe, limit: 3 }),
            ),
          ),
        ),
        groups: [null, "m"].flatMap((model) =>
          [true, false].map((suspect) => table.groups(nowMs, model, suspect).map(nameOf).toSorted()),
        ),
        hasWaiting: ["", "a"].map((tenant) => table.hasWaiting({ model: "n", tenant })),
        ownBefore: table.ownBefore(asked),
        lines: [null, ["a", "x"]].map((tenants) => byTenant(table.lines(tenants))),
        lineCount: table.lineCount(),
        order: inOrder(table),
        linesBefore: ["", "a", "b", "x"].map(table.linesBefore),
        virtualTime: table.virtualTime(),
        wasWithdrawn: table.wasWithdrawn(asked, asked.acceptedAtMs),
        firstLapseMs: table.firstLapseMs(),
        firstReadyMs: [true, false].map((suspects) =>
          table.firstReadyMs([...blocked, { model: "m", untilMs: 10 }], suspects),
        ),
        firstHeardMs: table.firstHeardMs(),
        silent: table.silent(nowMs, 100).map(({ heardAtMs }) => heardAtMs),
        inFlight: byId(table.inFlight()),
        found: "abcdefgh".split("").map((id) => table.find(id)),
      }));
      expect(answers[0]).toEqual(answers[1]);
    }),
    { numRuns: 500 },
  );
});

function inOrder(table: Places): readonly TenantLine[] {
  const lines: TenantLine[] = [];
  table.eachLine((line) => lines.push(line) > 0);
  return lines;
}

function byId(places: readonly Place[]): readonly Place[] {
  return places.toSorted((a, b) => (a.ticketId < b.ticketId ? -1 : 1));
}

function byTenant(lines: readonly TenantLine[]): readonly TenantLine[] {
  return lines.toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1));
}

it.each([
  ["back off", 9_000, []],
  ["ask for a model that is paused", 0, [{ model: "m", untilMs: 9_000 }]],
] as const)(
  "looks at none of a thousand tickets that %s, to find that nobody can be sent",
  (_, notBeforeMs, pauses) => {
    const places = memoryPlaces();
    let looks = 0;
    for (let at = 0; at < 1_000; at++) {
      const [base] = fc.sample(place, { numRuns: 1, seed: 1 });
      const one = {
        ...base,
        ticketId: `t${at}`,
        standing: { state: "waiting" },
        model: "m",
        tenant: "a",
        suspect: false,
      } as Place;
      places.put(
        Object.defineProperty(one, "notBeforeMs", {
          get() {
            looks++;
            return notBeforeMs;
          },
        }),
      );
    }
    looks = 0;
    const query = { nowMs: 5_000, blocked: pauses, tenant: "a", model: null, suspect: false } as const;
    expect(places.ready({ ...query, forProbe: false, limit: 1 })).toEqual([]);
    expect(looks).toBeLessThan(5);
  },
);
