/** The table against the plainest one there is, and the ways in which SQLite finds its rows. */
import { runInDurableObject } from "cloudflare:test";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { sqlPlaces } from "../../../src/cloudflare/objects/gate-places.ts";
import type { Place, Places, PlaceState } from "../../../src/domain/gate/places.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import { env, freshWorld } from "../objects.ts";

const id = fc.constantFrom("a", "b", "c", "d", "e", "f", "g");
const model = fc.constantFrom("m1", "m2", "m3");
const moment = fc.integer({ min: 0, max: 20 });
const standing: fc.Arbitrary<PlaceState> = fc.oneof(
  fc.constant({ state: "waiting" } as const),
  moment.map((untilMs) => ({ state: "dispatched", untilMs }) as const),
  moment.map((untilMs) => ({ state: "running", untilMs, permit: "p" }) as const),
);
const place: fc.Arbitrary<Place> = fc.record({
  ticketId: id,
  priority: fc.integer({ min: 0, max: 10 }),
  acceptedAtMs: fc.constantFrom(0, 9, 10, 1_700_000_000_000),
  sizeBytes: fc.nat(100),
  model,
  tenant: fc.constantFrom("", "0123456789abcdef", "fedcba9876543210"),
  comparison: fc.constantFrom("", "00000000000000aa"),
  tokens: fc.integer({ min: 1, max: 2_000_000 }),
  standing,
  notBeforeMs: moment,
  suspect: fc.boolean(),
  probes: fc.nat(2),
  heardAtMs: moment,
});
const change = fc.oneof(
  {
    weight: 1,
    arbitrary: place.map(
      (gone) => (places: Places) => places.withdrawn(gone, 0, gone.acceptedAtMs + gone.notBeforeMs),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(moment, fc.constantFrom(null, "m2")).map(
      ([nowMs, only]) =>
        (places: Places) =>
          places.endWaits(nowMs, only),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("", "0123456789abcdef"), fc.integer({ min: 1, max: 99 }), moment).map(
      ([tenant, tag, nowMs]) =>
        (places: Places) =>
          places.putTag(tenant, tag, nowMs, tag - 1),
    ),
  },
  { weight: 8, arbitrary: place.map((value) => (places: Places) => places.put(value)) },
  { weight: 2, arbitrary: id.map((value) => (places: Places) => places.remove(value)) },
);

/** All that can be asked, where an order isn't promised in one of our own. */
function answers(places: Places, nowMs: number, hasForgotten = false): unknown {
  const all = ["a", "b", "c", "d", "e", "f", "g"].map((name) => places.find(name));
  const holds = [
    { model: "m1", untilMs: 15 },
    { model: "m2", tenant: "0123456789abcdef", untilMs: 18 },
  ];
  const blocked = [...holds, { model: "m3", untilMs: 99 }];
  const query = { nowMs, tenant: "fedcba9876543210", model: null };
  const group = { model: "m2", tenant: "fedcba9876543210" };
  return {
    all,
    load: places.load(),
    lapsed: byId(places.lapsed(nowMs, 100)),
    ready: [true, false].flatMap((suspect) =>
      [true, false].flatMap((forProbe) => [
        places.ready({ ...query, blocked: [], suspect, forProbe, limit: 100 }),
        places.ready({ ...query, blocked, suspect, forProbe, limit: 2 }),
        places.ready({ ...query, ...group, blocked: [], suspect, forProbe, limit: 2 }),
        places.ready({ ...query, tenant: "", blocked, suspect, forProbe, limit: 2 }),
      ]),
    ),
    groups: [null, "m2"].flatMap((only) =>
      [true, false].map((suspect) =>
        places
          .groups(nowMs, only, suspect)
          .map(({ model, tenant }) => `${model} ${tenant}`)
          .toSorted(),
      ),
    ),
    hasWaiting: places.hasWaiting(group),
    ownBefore: all.map((one) => one && places.ownBefore(one)),
    lines: [null, ["", "0123456789abcdef"]].map((tenants) =>
      places
        .lines(tenants)
        // Before it has sent anything, a line is as old as its oldest ticket: the oldest of those that are left, for who has forgotten the others.
        .map((line) => (hasForgotten && line.startTag === 0 ? { ...line, sinceMs: 0 } : line))
        .toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1)),
    ),
    lineCount: places.lineCount(),
    // By age, which who has forgotten some tickets may tell otherwise.
    linesBefore: hasForgotten ? null : places.linesBefore("0123456789abcdef"),
    order: hasForgotten ? null : inOrder(places),
    wereWithdrawn: all.map((one) => one && places.wasWithdrawn(one, one.acceptedAtMs + 10)),
    firstLapseMs: places.firstLapseMs(),
    firstReadyMs: [
      places.firstReadyMs([], true),
      places.firstReadyMs(holds, true),
      places.firstReadyMs(holds, false),
    ],
    firstHeardMs: places.firstHeardMs(),
    silent: byId(places.silent(nowMs, 100)),
    inFlight: byId(places.inFlight()),
  };
}

function inOrder(places: Places): readonly string[] {
  const tenants: string[] = [];
  places.eachLine(({ tenant }) => tenants.push(tenant) > 0);
  return tenants;
}

function byId(rows: readonly Place[]): readonly Place[] {
  return rows.toSorted((a, b) => (a.ticketId < b.ticketId ? -1 : 1));
}

function withTable(work: (sql: SqlStorage) => void): Promise<void> {
  const stub = env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(crypto.randomUUID()));
  return runInDurableObject(stub, (_, { storage }) => work(storage.sql));
}

it("answers as the table in memory does, after any changes, also with its sums forgotten", async () => {
  await freshWorld();
  await withTable((sql) => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), moment, fc.boolean(), (changes, nowMs, forgets) => {
        for (const name of ["places", "lines", "withdrawn"]) sql.exec(`DROP TABLE IF EXISTS ${name}`);
        const table = sqlPlaces(sql);
        const plain = memoryPlaces();
        for (const apply of changes) {
          apply(table);
          apply(plain);
          if (forgets) table.forgetSums();
        }
        expect(answers(table, nowMs, forgets)).toEqual(answers(plain, nowMs, forgets));
      }),
      { numRuns: 150 },
    );
  });
}, 150_000);

it("finds every row by an index, and sorts none, however many there are", async () => {
  await freshWorld();
  await withTable((sql) => {
    const queries = new Map<string, unknown[]>();
    const watched = {
      exec(query: string, ...given: unknown[]) {
        if (/^\s*(SELECT|WITH|DELETE)/.test(query)) queries.set(query, given);
        return sql.exec(query, ...given);
      },
    } as unknown as SqlStorage;
    const table = sqlPlaces(watched);
    for (const one of fc.sample(place, { numRuns: 20, seed: 1 })) table.put(one);
    table.remove("a");
    answers(table, 20);
    // Once in an object's life the sums are made from all rows.
    const plans = [...queries]
      .filter(([query]) => !query.includes("count(*) AS size"))
      .flatMap(([query, given]) =>
        sql
          .exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...given)
          .toArray()
          .map(({ detail }) => detail),
      );
    expect(plans.length).toBeGreaterThan(10);
    expect(plans.filter((detail) => /SCAN (places|p)\b|TEMP B-TREE/.test(detail))).toEqual([]);
  });
});
