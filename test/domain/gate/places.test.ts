import * as fc from "fast-check";
import { expect, it } from "vitest";
import {
  byProbeTurn,
  byTurn,
  lapsedPlace,
  type Place,
  type PlaceState,
} from "../../../src/domain/gate/places.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import { place } from "../durable-builders.ts";

it("starts suspects first, then higher priorities, then older ones, then by id", () => {
  const inOrder = [
    place("s", { suspect: true, acceptedAtMs: 9 }),
    place("p", { priority: 5, acceptedAtMs: 9 }),
    place("z", { acceptedAtMs: 1 }),
    place("a", { acceptedAtMs: 2 }),
    place("b", { acceptedAtMs: 2 }),
  ];
  expect(inOrder.toReversed().toSorted(byTurn)).toEqual(inOrder);
});

it("lets who probed least often probe first, before anything else counts", () => {
  const inOrder = [
    place("b", { acceptedAtMs: 5 }),
    place("a", { probes: 1, priority: 9 }),
    place("s", { probes: 2, suspect: true }),
  ];
  expect(inOrder.toReversed().toSorted(byProbeTurn)).toEqual(inOrder);
});

const anyPlace: fc.Arbitrary<Place> = fc
  .record({
    id: fc.constantFrom("a", "b", "c"),
    priority: fc.nat(2),
    acceptedAtMs: fc.nat(2),
    suspect: fc.boolean(),
    probes: fc.nat(2),
  })
  .map(({ id, ...given }) => place(id, given));

it("orders totally: every two places one way only, and transitively", () => {
  fc.assert(
    fc.property(anyPlace, anyPlace, anyPlace, (a, b, c) => {
      for (const order of [byTurn, byProbeTurn]) {
        expect(Math.sign(order(a, b)) + Math.sign(order(b, a))).toBe(0);
        const inOrder = order(a, b) <= 0 && order(b, c) <= 0;
        expect(!inOrder || order(a, c) <= 0).toBe(true);
      }
    }),
  );
});

const standings: [PlaceState, PlaceState][] = [
  [{ state: "waiting" }, { state: "waiting" }],
  [{ state: "dispatched", untilMs: 5 }, { state: "waiting" }],
  [{ state: "running", untilMs: 5, permit: "p" }, { state: "waiting" }],
];
it.each(standings)("a place that is %j becomes, when its time is over, %j", (standing, after) => {
  expect(lapsedPlace(place("a", { standing })).standing).toEqual(after);
});

const running: PlaceState = { state: "running", untilMs: 70, permit: "p" };
const filled = () => {
  const places = memoryPlaces();
  places.put(place("late", { acceptedAtMs: 9, notBeforeMs: 30, heardAtMs: 7, sizeBytes: 2 }));
  places.put(place("early", { acceptedAtMs: 8, heardAtMs: 4, model: "n", sizeBytes: 4 }));
  places.put(
    place("suspect", { suspect: true, acceptedAtMs: 20, heardAtMs: 5, notBeforeMs: 10, sizeBytes: 8 }),
  );
  places.put(
    place("sent", { standing: { state: "dispatched", untilMs: 60 }, acceptedAtMs: 5, sizeBytes: 16 }),
  );
  places.put(place("runs", { standing: running, suspect: true, acceptedAtMs: 4, sizeBytes: 32 }));
  return places;
};
const ids = (places: readonly Place[]) => places.map(({ ticketId }) => ticketId);

it("sums the table", () => {
  expect(filled().load()).toEqual({
    size: 5,
    bytes: 62,
    waiting: 3,
    inFlight: 2,
    suspectsInFlight: 1,
    oldestAcceptedAtMs: 4,
  });
});

it("lists what is ready: over its backoff, of a free model, suspects or others, in order, so many", () => {
  const query = { nowMs: 30, blocked: [], only: null, suspect: false, forProbe: false, limit: 9 };
  const places = filled();
  expect(ids(places.ready(query))).toEqual(["early", "late"]);
  expect(ids(places.ready({ ...query, nowMs: 29 }))).toEqual(["early"]);
  expect(ids(places.ready({ ...query, blocked: [{ model: "n", untilMs: 99 }] }))).toEqual(["late"]);
  expect(ids(places.ready({ ...query, limit: 1 }))).toEqual(["early"]);
  expect(ids(places.ready({ ...query, suspect: true }))).toEqual(["suspect"]);
});

it("knows what lapses, what is next, who is silent and who is in flight", () => {
  const places = filled();
  expect(ids(places.lapsed(60, 9)).toSorted()).toEqual(["sent"]);
  expect(places.lapsed(70, 2)).toHaveLength(2);
  expect(places.firstLapseMs()).toBe(60);
  expect(places.firstReadyMs([], true)).toBe(0);
  expect(places.firstReadyMs([{ model: "n", untilMs: 99 }], true)).toBe(10);
  expect(places.firstReadyMs([{ model: "n", untilMs: 99 }], false)).toBe(30);
  expect(places.firstHeardMs()).toBe(4);
  expect(ids(places.silent(5, 9))).toEqual(["early", "suspect"]);
  expect(ids(places.inFlight()).toSorted()).toEqual(["runs", "sent"]);
  expect(places.ahead(place("late", { acceptedAtMs: 9 }))).toBe(3);
  expect(memoryPlaces().firstLapseMs()).toBeNull();
});
