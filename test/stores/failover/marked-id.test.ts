import * as fc from "fast-check";
import { expect, it } from "vitest";
import { timeOrderedId } from "../../../src/node/ids.ts";
import { markedAtMs, markedId } from "../../../src/stores/failover/marked-id.ts";

const newId = () => crypto.randomUUID();

it("is a UUID of version 8 that says when it was made", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (nowMs) => {
      const id = markedId(nowMs, newId);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(markedAtMs(id)).toBe(nowMs);
      expect(markedAtMs(id.toUpperCase())).toBe(nowMs);
    }),
  );
});

it("is another one each time in the same millisecond", () => {
  const ids = new Set(Array.from({ length: 1_000 }, () => markedId(1_795_000_000_000, newId)));
  expect(ids.size).toBe(1_000);
});

it("is not what the service or a client makes otherwise", () => {
  expect(markedAtMs(timeOrderedId(1_795_000_000_000))).toBeNull();
  expect(markedAtMs(crypto.randomUUID())).toBeNull();
  expect(markedAtMs("00000000-0000-0000-0000-000000000000")).toBeNull();
  expect(markedAtMs("")).toBeNull();
});
