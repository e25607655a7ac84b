import { describe, expect, it } from "vitest";
import {
  countParty,
  isAnotherAnswered,
  noParties,
  sightOfOne,
  sightWithoutWorst,
  type Parties,
} from "../../src/domain/parties.ts";

/** Calls in order, each by its party's letter: capital for an answer, small for a fault. */
function told(calls: string, atMs = 0, before: Parties = noParties): Parties {
  return [...calls].reduce(
    (parties, one) => countParty(parties, one.toLowerCase(), one === one.toLowerCase(), atMs),
    before,
  );
}

describe("what is left without the worst", () => {
  it.each([
    ["nobody's, where one party made all calls", "aaaaa", null],
    ["nobody's, where there were no faults", "ABAB", null],
    ["the others', whatever the worst did", "aaaaaBB", { calls: 2, faults: 0, faultsInRow: 0 }],
    [
      "the others' faults in a row, counted past the worst's answers",
      "bAbAbaaaa",
      { calls: 3, faults: 3, faultsInRow: 3 },
    ],
    ["the others' faults since their own answer", "bBbaaaab", { calls: 4, faults: 3, faultsInRow: 2 }],
    [
      "of equally many faults the fewer answers are the worse",
      "aabbB",
      { calls: 3, faults: 2, faultsInRow: 0 },
    ],
  ] as const)("is %s: %s", (_, calls, sight) => {
    expect(sightWithoutWorst(told(calls), 0)).toEqual(sight);
  });

  it("is of the last ten seconds, but for what is in a row", () => {
    const before = told("aab", 0);
    expect(sightWithoutWorst(told("aa", 9_999, before), 9_999)).toMatchObject({ calls: 1, faults: 1 });
    // Nobody else has called within ten seconds: all count.
    expect(sightWithoutWorst(told("aa", 10_000, before), 10_000)).toBeNull();
  });
});

it("tells six apart; one with faults takes the place of one that has none", () => {
  const six = told("ABCDEF");
  expect(six.all).toHaveLength(6);
  const more = told("GHIJK", 0, six);
  expect(more.all.map(({ n }) => n).toSorted()).toEqual(["", "a", "b", "c", "d", "e", "f"]);
  const faulty = told("gg", 0, more);
  expect(faulty.all).toHaveLength(7);
  expect(sightOfOne(faulty, "g", 0)).toEqual({ calls: 2, faults: 2, faultsInRow: 2 });
  // No call is lost, nor a fault: whoever is not told apart is one of the others.
  expect(sightWithoutWorst(faulty, 0)).toEqual({ calls: 11, faults: 0, faultsInRow: 0 });
});

it("knows one party's own faults in a row, and whether anybody else was answered lately", () => {
  const parties = told("aAaaB");
  expect(sightOfOne(parties, "a", 0)).toEqual({ calls: 4, faults: 3, faultsInRow: 2 });
  expect(isAnotherAnswered(parties, "a", 0)).toBe(true);
  expect(isAnotherAnswered(parties, "b", 0)).toBe(true);
  expect(isAnotherAnswered(told("aab"), "a", 0)).toBe(false);
  expect(isAnotherAnswered(parties, "a", 10_000)).toBe(false);
});

it("forgets who is quiet, and is not misled by a clock that was set back", () => {
  const parties = told("AB", 100_000);
  expect(countParty(parties, "c", false, 200_000).all.map(({ n }) => n)).toEqual(["b", "c"]);
  expect(sightOfOne(countParty(parties, "a", true, 0), "a", 0)).toMatchObject({ calls: 1, faults: 1 });
});
