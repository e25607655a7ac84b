import * as fc from "fast-check";
import { expect, it } from "vitest";
import { acceptsMore, hasRoomFor, isBound } from "../../../src/domain/gate/admission.ts";
import { limits } from "../durable-builders.ts";

it.each([
  [true, 7, 0, true],
  [true, 8, 0, false],
  [true, 0, 799, true],
  [true, 0, 800, false],
  [false, 5, 0, true],
  [false, 6, 0, false],
  [false, 0, 599, true],
  [false, 0, 600, false],
  [false, 5, 600, false],
])(
  "accepting %s, with %i of 10 tickets and %i of 1,000 bytes: accepts more: %s",
  (before, size, bytes, after) => {
    expect(acceptsMore(before, { size, bytes }, limits)).toBe(after);
  },
);

const line = (tenant: string, size: number, bytes = size) => ({ tenant, size, bytes });
const sum = (lines: readonly { readonly size: number; readonly bytes: number }[]) => ({
  size: lines.reduce((total, { size }) => total + size, 0),
  bytes: lines.reduce((total, { bytes }) => total + bytes, 0),
});

it.each([
  ["alone", "a", [line("a", 6)], true],
  ["alone, with fewer than the low watermark", "a", [line("a", 5)], false],
  ["with as much as its share", "b", [line("a", 4), line("b", 4)], true],
  ["with less than its share", "b", [line("a", 5), line("b", 4)], false],
  ["without a place", "c", [line("a", 8)], false],
  ["with three times the weight and half of all", "heavy", [line("a", 4), line("heavy", 4)], false],
  ["with three times the weight and three quarters of all", "heavy", [line("a", 2), line("heavy", 6)], true],
  ["with many small ones, where bytes are scarce", "b", [line("a", 1, 900), line("b", 4, 50)], false],
  ["with few big ones, where bytes are scarce", "a", [line("a", 1, 900), line("b", 4, 50)], true],
] as const)("once no more are accepted, a tenant %s is kept out: %s", (_, tenant, lines, isOut) => {
  const weightIn = (name: string) => (name === "heavy" ? 3 : 1);
  const own = lines.find((held) => held.tenant === tenant);
  const others = lines.reduce((total, held) => total + weightIn(held.tenant), 0);
  const holders = {
    own: own ?? { size: 0, bytes: 0 },
    weight: weightIn(tenant),
    weights: others + (own ? 0 : weightIn(tenant)),
  };
  expect(isBound(sum(lines), sum(lines), holders, limits)).toBe(isOut);
});

it("never lets a big ticket jump over the limit itself", () => {
  expect(hasRoomFor(300, { size: 9, bytes: 700 }, limits)).toBe(true);
  expect(hasRoomFor(301, { size: 9, bytes: 700 }, limits)).toBe(false);
  expect(hasRoomFor(1, { size: 10, bytes: 0 }, limits)).toBe(false);
});

it("accepts one ticket where there is room for one, and another when it is gone", () => {
  const one = { ...limits, maxSize: 1 };
  expect(acceptsMore(true, { size: 0, bytes: 0 }, one)).toBe(true);
  expect(acceptsMore(true, { size: 1, bytes: 0 }, one)).toBe(false);
  expect(acceptsMore(false, { size: 0, bytes: 0 }, one)).toBe(true);
});

it("never flickers: between two changes of mind lies the whole way between the watermarks", () => {
  const load = fc.array(fc.record({ size: fc.nat(12), bytes: fc.nat(1_200) }));
  fc.assert(
    fc.property(load, (loads) => {
      let accepting = true;
      for (const now of loads) {
        const next = acceptsMore(accepting, now, limits);
        const isHigh = now.size >= 8 || now.bytes >= 800;
        const isLow = now.size < 6 && now.bytes < 600;
        expect(next).toBe(accepting ? !isHigh : isLow);
        accepting = next;
      }
    }),
  );
});
