import { describe, expect, it } from "vitest";
import type { LengthEffect, LengthFigures } from "../../../src/domain/scaling/length-figures.ts";
import type { OrderFigures } from "../../../src/domain/scaling/order-figures.ts";
import type { Separation } from "../../../src/domain/scaling/reliability.ts";
import { lengthSays, misfitSays, orderSays, reliabilitySays } from "../../../src/domain/scaling/sentences.ts";

const untested: OrderFigures = {
  verdicts: 150,
  maxSkew: 0,
  swapped: null,
  repeated: null,
  lessConsistent: null,
  firstSlot: { value: 0.62, ci95: [0.54, 0.69], method: "one_order_wilson" },
  eta: { eta: 0.5, error: 0.2, column: 0 },
  finding: "untested",
};

function swapped(pairs: number, toFirst: number, toSecond: number): OrderFigures["swapped"] {
  const consistent = pairs - toFirst - toSecond;
  return { pairs, consistent, share: consistent / pairs, ci95: [0, 1], toFirst, toSecond, p: 0.5 };
}

describe("of the order", () => {
  it.each<[string, Partial<OrderFigures>, string]>([
    [
      "nothing was found out",
      {},
      "Nothing here says whether the order matters to this judge: no pair was asked in both orders, and no essay was first as often as second.",
    ],
    [
      "it counts, by flips",
      { finding: "towards_first", swapped: swapped(190, 75, 8) },
      "83 of 190 pairs changed with the order, 75 towards the first essay and 8 towards the second: this judge favours the essay it reads first.",
    ],
    [
      "it counts, all one way",
      { finding: "towards_second", swapped: swapped(190, 0, 152) },
      "152 of 190 pairs changed with the order, all towards the second essay: this judge favours the essay it reads second.",
    ],
    [
      "it counts, by one order alone",
      { finding: "towards_first" },
      "The first essay won 62 % of the verdicts: this judge favours the essay it reads first.",
    ],
    [
      "nothing else counts, by one order alone",
      { finding: "towards_first", eta: { eta: null, reason: "always_first" } },
      "The first essay won all 150 verdicts: this judge favours the essay it reads first.",
    ],
    [
      "it sways",
      {
        finding: "unsteady",
        swapped: swapped(100, 20, 20),
        repeated: { pairs: 100, consistent: 95, share: 0.95, ci95: [0.9, 1] },
      },
      "60 % of the verdicts stood when the order changed, 95 % when it stayed: the order sways this judge, though not one way.",
    ],
    [
      "too little is known",
      { finding: "none", swapped: swapped(30, 0, 3) },
      "3 of 30 pairs changed with the order, all towards the second essay: too few to call it a bias.",
    ],
    [
      "one flip",
      { finding: "none", swapped: swapped(30, 1, 0) },
      "1 of 30 pairs changed with the order, that one towards the first essay: too few to call it a bias.",
    ],
    [
      "nothing changes",
      { finding: "none", swapped: swapped(30, 0, 0) },
      "All 30 pairs that were asked in both orders got the same verdict twice: no order effect is seen.",
    ],
    [
      "it is noise, as asking again shows",
      {
        finding: "none",
        swapped: swapped(50, 9, 9),
        repeated: { pairs: 50, consistent: 32, share: 0.64, ci95: [0.5, 0.76] },
        lessConsistent: { value: 0, ci95: [-0.1, 0.1], method: "paired", pairs: 50, p: 1 },
      },
      "18 of 50 pairs changed with the order, 9 towards the first essay and 9 towards the second, no more the one way than chance allows: no order effect is seen. Asked again in the same order, 64 % of the verdicts stood, in the other 64 %.",
    ],
    [
      "one order alone shows nothing",
      { finding: "none", firstSlot: { value: 0.5, ci95: [0.4, 0.6], method: "one_order_wilson" } },
      "The first essay won 50 % of the verdicts: no order effect is seen. No pair was asked in both orders.",
    ],
  ])("where %s", (_, figures, says) => {
    expect(orderSays({ ...untested, ...figures })).toBe(says);
  });
});

describe("of the length", () => {
  const figures = (share: number, ci95: readonly [number, number]): LengthFigures => ({
    of: 180,
    longerChosen: Math.round(180 * share),
    pairs: 150,
    share: { value: share, ci95, method: "mean_of_pairs" },
  });
  const effect = (beta: number): LengthEffect => ({ value: { beta, error: 1 }, reason: null });

  it.each<[string, LengthFigures, LengthEffect, string]>([
    [
      "longer essays win",
      figures(0.7, [0.6, 0.8]),
      effect(3),
      "The longer essay won 126 of 180 verdicts. This cannot tell whether the judge likes length or longer essays are better here.",
    ],
    [
      "shorter ones do",
      figures(0.3, [0.2, 0.4]),
      effect(-3),
      "The longer essay won 54 of 180 verdicts. This cannot tell whether the judge likes brevity or shorter essays are better here.",
    ],
    [
      "chance does",
      figures(0.55, [0.45, 0.65]),
      effect(1),
      "The longer essay won 99 of 180 verdicts, no more than chance allows.",
    ],
    [
      "length decides all",
      figures(1, [0.97, 1]),
      { value: null, reason: "length_decides" },
      "The longer essay won 180 of 180 verdicts. This cannot tell whether the judge likes length or longer essays are better here.",
    ],
    [
      "nobody knows",
      { of: 0, longerChosen: 0, pairs: 0, share: null },
      { value: null, reason: "lengths_unknown" },
      "Nothing here says whether longer essays win: none were of known and unequal length.",
    ],
  ])("where %s", (_, counts, given, says) => {
    expect(lengthSays(counts, given)).toBe(says);
  });
});

describe("of reliability", () => {
  const ssr = (value: number): Separation => ({
    ssr: { value, reason: null },
    ssrInterval: [0, 1],
    separation: { value: 1, reason: null },
  });
  const whatItIs = "This is stability (the same judge would find much the same scale again), not validity.";

  it.each([
    [0.8, 10, `Scale separation 0.80: enough for ranks. ${whatItIs}`],
    [0.9, 9.9, `Scale separation 0.90: high, but from fewer than 10 comparisons of each essay. ${whatItIs}`],
    [0.79, 20, `Scale separation 0.79: fair. More pairs would make ranks surer. ${whatItIs}`],
    [0.69, 20, `Scale separation 0.69: low. Add pairs before ranks are used. ${whatItIs}`],
    [
      -0.2,
      10,
      `Scale separation -0.20: the scores differ no more than by their errors. Add pairs. ${whatItIs}`,
    ],
  ])("%d with %d comparisons each", (value, perEssay, says) => {
    expect(reliabilitySays(ssr(value), perEssay)).toBe(says);
  });

  it.each(["no_spread", "disconnected", "anchored", "too_few_essays", "no_verdicts"] as const)(
    "that there is none, and why: %s",
    (reason) => {
      const none = { value: null, reason };
      expect(reliabilitySays({ ssr: none, ssrInterval: null, separation: none }, 10)).toMatch(/^[A-Z].*\.$/);
    },
  );
});

it("of essays to read", () => {
  expect(misfitSays(0)).toBe("No essay was judged more unevenly than chance allows.");
  expect(misfitSays(1)).toContain("1 essay was judged more unevenly than chance allows: read it yourself.");
  expect(misfitSays(3)).toContain(
    "3 essays were judged more unevenly than chance allows: read them yourself.",
  );
});
