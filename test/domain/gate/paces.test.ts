import { expect, it } from "vitest";
import { paced, quickened, slowed, type Pace } from "../../../src/domain/gate/paces.ts";

const none: readonly Pace[] = [];
const limited = (paces: readonly Pace[], askedMs: number, nowMs: number, beganAtMs = nowMs) =>
  slowed(paces, "t", "m", askedMs, beganAtMs, nowMs);
const every = (paces: readonly Pace[]) => paces[0]?.everyMs ?? null;

it("begins with an eighth of what the vendor asked for, and is doubled at most by each further 429", () => {
  const first = limited(none, 1_000, 0);
  expect(first).toEqual([{ tenant: "t", model: "m", everyMs: 125, nextAtMs: 125, sinceMs: 0 }]);
  const second = limited(first, 1_000, 125);
  expect([every(second), every(limited(second, 1_000, 400))]).toEqual([250, 500]);
  // It was too quick by so much, and no more.
  expect(every(limited(second, 40, 400))).toBe(290);
});

it("counts one of several calls that were under way together", () => {
  const first = limited(none, 1_000, 100);
  expect(limited(first, 1_000, 110, 99)).toBe(first);
  expect(every(limited(first, 1_000, 110, 100))).toBe(250);
});

it("is eased by each answer, until there is none", () => {
  let paces = limited(none, 1_000, 0);
  const seen = [];
  while (paces.length > 0) {
    seen.push(every(paces));
    paces = quickened(paces, "t", "m");
  }
  expect(seen).toEqual([125, 113, 102, 92, 83, 75, 68, 61, 55, 50]);
});

it("is never further from its next start than one start is from another", () => {
  let paces = limited(none, 1_000_000, 0);
  while (paces.length > 0) {
    expect(paces[0]?.nextAtMs).toBe(every(paces));
    paces = quickened(paces, "t", "m");
  }
});

it("is one tenant's of one model, and starts are told to it", () => {
  const paces = limited(none, 1_000, 0);
  expect(quickened(paces, "other", "m")).toBe(paces);
  expect(paced(paces, "t", "n", 500)).toBe(paces);
  expect(paced(paces, "t", "m", 500)[0]?.nextAtMs).toBe(625);
});

it("keeps the six that were changed last", () => {
  const many = Array.from({ length: 9 }, (_, i) => `t${i}`).reduce<readonly Pace[]>(
    (paces, tenant) => slowed(paces, tenant, "m", 1_000, 0, 0),
    none,
  );
  expect(many.map(({ tenant }) => tenant)).toEqual(["t3", "t4", "t5", "t6", "t7", "t8"]);
});
