import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawn, type Design, type Drawn, type Pair } from "../../../src/domain/scaling/designs.ts";
import { diceOf } from "../../../src/domain/scaling/dice.ts";
import { oriented } from "../../../src/domain/scaling/orient.ts";
import { regular } from "./made-up-judges.ts";

const idsOf = (count: number) => Array.from({ length: count }, (_, at) => `E${at + 1}`);

function drawnFrom(design: Design, essays: number, seed = 1): Drawn {
  const found = drawn(design, idsOf(essays), diceOf(seed, "pairs"));
  if (!found.ok) throw new Error(found.error.kind);
  return found.value;
}

function faultOf(design: Design, ids: readonly string[]) {
  const found = drawn(design, ids, diceOf(1, "pairs"));
  return found.ok ? null : found.error;
}

function counts(pairs: readonly Pair[], essays: number): readonly number[] {
  return Array.from({ length: essays }, (_, essay) => pairs.filter((pair) => pair.includes(essay)).length);
}

function keysOf(pairs: readonly Pair[]): ReadonlySet<string> {
  return new Set(pairs.map(([one, two]) => `${Math.min(one, two)}/${Math.max(one, two)}`));
}

function reached(pairs: readonly Pair[]): number {
  const found = new Set([0]);
  for (const essay of found) {
    for (const pair of pairs) if (pair.includes(essay)) for (const other of pair) found.add(other);
  }
  return found.size;
}

describe("a regular design", () => {
  it("compares each essay with as many others as was asked, no pair twice, and leaves nobody apart", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 60 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(),
        (essays, half, seed) => {
          const { kind, layers } = drawnFrom(regular(2 * half), essays, seed);
          const pairs = layers.flat();
          const most = essays % 2 === 1 ? essays - 1 : essays - 2;
          expect(kind).toBe(2 * half <= most ? "regular" : "complete");
          const each = kind === "regular" ? 2 * half : essays - 1;
          expect(new Set(counts(pairs, essays))).toEqual(new Set([each]));
          expect(keysOf(pairs).size).toBe(pairs.length);
          expect(reached(pairs)).toBe(essays);
        },
      ),
    );
  });

  it.each([
    [30, 28, "regular"],
    [30, 29, "complete"],
    [30, 30, "complete"],
    [31, 30, "regular"],
    [31, 31, "complete"],
    [2, 10, "complete"],
    [3, 2, "regular"],
  ] as const)("of %d essays with %d comparisons each is %s", (essays, perEssay, kind) => {
    expect(drawnFrom(regular(perEssay), essays).kind).toBe(kind);
  });

  it("needs an even number of comparisons, and names its neighbours", () => {
    expect(faultOf(regular(9), idsOf(30))).toEqual({ kind: "odd_per_essay", below: 8, above: 10 });
    expect(faultOf(regular(1), idsOf(30))).toEqual({ kind: "odd_per_essay", below: 2, above: 2 });
    expect(faultOf(regular(0), idsOf(30))).toEqual({ kind: "bad_per_essay" });
    expect(faultOf(regular(2.5), idsOf(30))).toEqual({ kind: "bad_per_essay" });
    expect(faultOf(regular(2), idsOf(1))).toEqual({ kind: "too_few_essays" });
  });
});

it("a complete design has every pair once", () => {
  for (const essays of [2, 3, 4, 5, 20, 21]) {
    const pairs = drawnFrom({ kind: "complete" }, essays).layers.flat();
    expect(pairs).toHaveLength((essays * (essays - 1)) / 2);
    expect(keysOf(pairs).size).toBe(pairs.length);
  }
});

describe("an anchored design", () => {
  const anchors = [0, 1, 2, 3, 4].map((at) => ({ id: `E${at + 1}`, theta: at - 2 }));

  it("compares each other essay with so many anchors, and each anchor as often as the others", () => {
    const pairs = drawnFrom({ kind: "anchored", perEssay: 3, anchors }, 15).layers.flat();
    const [ofAnchors, ofOthers] = [counts(pairs, 15).slice(0, 5), counts(pairs, 15).slice(5)];
    expect(new Set(ofOthers)).toEqual(new Set([3]));
    expect(Math.max(...ofAnchors) - Math.min(...ofAnchors)).toBeLessThanOrEqual(1);
    expect(keysOf(pairs).size).toBe(30);
  });

  it("takes all anchors where fewer are there", () => {
    expect(drawnFrom({ kind: "anchored", perEssay: 10, anchors }, 8).layers.flat()).toHaveLength(15);
  });

  it.each([
    ["no anchor", { perEssay: 2, anchors: [] }, { kind: "no_anchors" }],
    ["nobody else", { perEssay: 2, anchors: anchors.slice(0, 3) }, { kind: "only_anchors" }],
    [
      "an anchor who isn't there",
      { perEssay: 2, anchors: [{ id: "X", theta: 0 }] },
      { kind: "unknown_essay", id: "X" },
    ],
    [
      "an anchor without a score",
      { perEssay: 2, anchors: [{ id: "E1", theta: NaN }] },
      { kind: "bad_anchor", id: "E1" },
    ],
    [
      "an anchor twice",
      { perEssay: 2, anchors: [anchors[0], anchors[0]].flatMap((one) => one ?? []) },
      { kind: "bad_anchor", id: "E1" },
    ],
    ["no comparison", { perEssay: 0, anchors }, { kind: "bad_per_essay" }],
  ])("is refused with %s", (_, design, fault) => {
    expect(faultOf({ kind: "anchored", ...design }, idsOf(3))).toEqual(fault);
  });
});

describe("given pairs", () => {
  it("are taken as they are", () => {
    const pairs = [
      ["E3", "E1"],
      ["E2", "E3"],
    ] as const;
    expect(drawnFrom({ kind: "pairs", pairs }, 3)).toEqual({
      kind: "pairs",
      layers: [
        [
          [2, 0],
          [1, 2],
        ],
      ],
    });
  });

  it.each([
    ["nobody", [], { kind: "no_pairs" }],
    ["somebody unknown", [["E1", "X"]], { kind: "unknown_essay", id: "X" }],
    ["an essay and itself", [["E1", "E1"]], { kind: "pair_with_itself", id: "E1" }],
    [
      "a pair twice, in whichever order",
      [
        ["E1", "E2"],
        ["E2", "E1"],
      ],
      { kind: "pair_twice", ids: ["E2", "E1"] },
    ],
  ] as const)("are refused with %s", (_, pairs, fault) => {
    expect(faultOf({ kind: "pairs", pairs }, idsOf(3))).toEqual(fault);
  });
});

describe("the order of presentation", () => {
  const graphs = fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
      .filter(([one, two]) => one !== two),
    { minLength: 1, maxLength: 60 },
  );

  it("shows every essay first as often as second, but for one where that can't be", () => {
    fc.assert(
      fc.property(graphs, fc.nat(), (pairs, seed) => {
        const turned = oriented(pairs, diceOf(seed, "order"));
        for (const [essay, count] of counts(pairs, 10).entries()) {
          const skew = turned.reduce(
            (sum, [first, second]) => sum + (first === essay ? 1 : 0) - (second === essay ? 1 : 0),
            0,
          );
          expect(Math.abs(skew)).toBe(count % 2);
        }
      }),
    );
  });

  it("keeps every pair, once", () => {
    fc.assert(
      fc.property(graphs, fc.nat(), (pairs, seed) => {
        const sorted = (all: readonly Pair[]) =>
          all.map(([one, two]) => `${Math.min(one, two)}/${Math.max(one, two)}`).sort();
        expect(sorted(oriented(pairs, diceOf(seed, "order")))).toEqual(sorted(pairs));
      }),
    );
  });

  it("goes either way with another seed", () => {
    const ways = new Set(
      Array.from({ length: 20 }, (_, seed) => JSON.stringify(oriented([[0, 1]], diceOf(seed, "order")))),
    );
    expect(ways).toEqual(new Set(["[[0,1]]", "[[1,0]]"]));
  });
});
