/** Which essay comes first in a series. */
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import {
  isExchangedIn,
  orderText,
  shownFirst,
  type OrderAsked,
} from "../../../src/domain/judging/presentation.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function first(essays: readonly [string, string], asked: Partial<OrderAsked>): string {
  const order: OrderAsked = { as: "random", key: null, index: 0, ...asked };
  const pair = { a: sha256(essays[0]), b: sha256(essays[1]) };
  const exchanged = isExchangedIn(order, pair, sha256(orderText(order.key, pair)));
  return essays[shownFirst(exchanged) === "Essay A" ? 0 : 1];
}

it("shows Alpha first in series-1, as the published example says", () => {
  const pair = { a: sha256("Alpha"), b: sha256("Beta") };
  expect(pair.b < pair.a).toBe(true);
  expect(orderText("series-1", pair)).toBe(`presentation 1\n8:series-1\n${pair.b}${pair.a}`);
  expect(sha256(orderText("series-1", pair))).toMatch(/^dd3061e7/);
  expect(first(["Alpha", "Beta"], { key: "series-1" })).toBe("Alpha");
});

it("counts a key's bytes, and takes none for an empty one", () => {
  const pair = { a: "0".repeat(64), b: "1".repeat(64) };
  expect(orderText("åäö", pair)).toBe(`presentation 1\n6:åäö\n${pair.a}${pair.b}`);
  expect(orderText(null, pair)).toBe(orderText("", pair));
});

it("shows the same essay first whichever of the two is called A", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.nat(), (one, other, key, index) => {
      for (const as of ["random", "counterbalanced"] as const) {
        const asked = { as, key, index };
        expect(first([one, other], asked)).toBe(first([other, one], asked));
      }
    }),
  );
});

it("counterbalanced, each judgement of a pair has the other order than the one before", () => {
  const shown = [0, 1, 2, 3, 4, 5].map((index) => first(["One.", "Two."], { as: "counterbalanced", index }));
  expect(shown.slice(2)).toEqual(shown.slice(0, 4));
  expect(shown[0]).not.toBe(shown[1]);
  expect(first(["One.", "Two."], { as: "random", index: 0 })).toBe(
    first(["One.", "Two."], { as: "random", index: 1 }),
  );
});

it("shows each essay first about half of the time, over keys and over pairs", () => {
  const keys = Array.from({ length: 2_000 }, (_, at) => first(["One.", "Two."], { key: `series ${at}` }));
  const pairs = Array.from(
    { length: 2_000 },
    (_, at) => first([`One ${at}.`, "Two."], { key: "k" }) === "Two.",
  );
  // Four standard deviations of a fair coin thrown 2,000 times.
  expect(Math.abs(keys.filter((essay) => essay === "One.").length - 1_000)).toBeLessThan(90);
  expect(Math.abs(pairs.filter(Boolean).length - 1_000)).toBeLessThan(90);
});

it("leaves two equal essays as they were given", () => {
  for (let index = 0; index < 20; index++) {
    const pair = { a: "ab".repeat(32), b: "ab".repeat(32) };
    expect(isExchangedIn({ as: "counterbalanced", key: null, index }, pair, sha256(`${index}`))).toBe(false);
  }
});
