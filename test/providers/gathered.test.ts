import * as fc from "fast-check";
import { expect, it } from "vitest";
import { gathered } from "../../src/providers/gathered.ts";

it("holds what came, in order, whatever the pieces", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 10_000 }), { maxLength: 20 });
  fc.assert(
    fc.property(pieces, (all) => {
      const whole = Buffer.concat(all);
      const body = gathered(whole.length);
      for (const piece of all) expect(body.add(piece)).toBe(true);
      expect(Buffer.from(body.bytes()).equals(whole)).toBe(true);
      expect(body.bytes().buffer.byteLength).toBeLessThanOrEqual(Math.max(whole.length, 10_000));
    }),
  );
});

it("refuses the piece that would be one byte too many, and keeps what it has", () => {
  const body = gathered(3);
  expect(body.add(new Uint8Array([1, 2]))).toBe(true);
  expect(body.add(new Uint8Array([3, 4]))).toBe(false);
  expect(body.add(new Uint8Array([3]))).toBe(true);
  expect(body.add(new Uint8Array([4]))).toBe(false);
  expect([...body.bytes()]).toEqual([1, 2, 3]);
  expect(gathered(3).add(new Uint8Array(4))).toBe(false);
});

it("does not copy an answer that comes in one piece", () => {
  const body = gathered(10);
  const piece = new Uint8Array([1, 2]);
  body.add(new Uint8Array(0));
  body.add(piece);
  expect(body.bytes()).toBe(piece);
});

it("is empty at first", () => {
  expect(gathered(0).bytes()).toHaveLength(0);
});
