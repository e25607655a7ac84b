import { expect, it } from "vitest";
import { hasLiveRoom, heldBytes, mostHeldBytes, type Held, type RoomLimits } from "../../src/domain/live.ts";

const limits: RoomLimits = { calls: 10, bytes: 1_000, highWatermark: 0.8, weights: {}, leaseMs: 1_000 };
const room = (
  loads: Record<string, [size: number, bytes: number]>,
  tenant: string,
  given: Partial<RoomLimits> = {},
) =>
  hasLiveRoom(
    new Map(Object.entries(loads).map(([name, [size, bytes]]): [string, Held] => [name, { size, bytes }])),
    tenant,
    10,
    { ...limits, ...given },
  );

it("lets a tenant fill it to the watermark, and leaves the rest to others", () => {
  expect(room({ a: [7, 0] }, "a")).toBe(true);
  expect(room({ a: [8, 0] }, "a")).toBe(false);
  expect(room({ a: [8, 0] }, "b")).toBe(true);
  expect(room({ a: [8, 0], b: [1, 0] }, "b")).toBe(true);
  expect(room({ a: [8, 0], b: [2, 0] }, "c")).toBe(false);
});

it("lets no tenant past the watermark that holds as much as its share", () => {
  expect(room({ a: [4, 0], b: [4, 0] }, "a")).toBe(false);
  expect(room({ a: [5, 0], b: [3, 0] }, "b")).toBe(true);
});

it("counts a share by weight", () => {
  expect(room({ a: [4, 0], b: [4, 0] }, "a", { weights: { a: 3 } })).toBe(true);
  expect(room({ a: [6, 0], b: [2, 0] }, "a", { weights: { a: 3 } })).toBe(false);
});

it("counts bytes in the same way, and lets nobody past the limit", () => {
  expect(room({ a: [1, 790] }, "a")).toBe(true);
  expect(room({ a: [1, 791] }, "a")).toBe(false);
  expect(room({ a: [1, 791] }, "b")).toBe(true);
  expect(room({ a: [1, 800], b: [1, 190] }, "c")).toBe(true);
  expect(room({ a: [1, 800], b: [1, 191] }, "c")).toBe(false);
});

it("does not bind a tenant of many small ones by another's bytes", () => {
  expect(room({ a: [1, 900], b: [5, 50] }, "b")).toBe(true);
});

it.each([
  [1, 1],
  [2, 1],
  [3, 2],
  [4, 3],
])("of %i places leaves one to others where it can: one tenant may have %i", (calls, most) => {
  expect(room({ a: [most - 1, 0] }, "a", { calls })).toBe(true);
  expect(room({ a: [most, 0] }, "a", { calls })).toBe(false);
});

it("lets one tenant have all of it where there is no other", () => {
  expect(room({ a: [9, 0] }, "a", { highWatermark: 1 })).toBe(true);
  expect(room({ a: [10, 0] }, "a", { highWatermark: 1 })).toBe(false);
});

it("counts what is sent on and the texts, in which one wide character makes all of them two bytes", () => {
  expect(heldBytes(1_000, 1_000, false)).toBe(2_000);
  expect(heldBytes(1_002, 1_000, true)).toBe(3_002);
});

it("takes no body that is not read yet for less than it can come to hold", () => {
  const bodies: [bytes: number, length: number, isWide: boolean][] = [
    [1_000, 1_000, true],
    [1_000, 1_000, false],
    [1_000, 500, false],
    [1_000, 333, true],
  ];
  for (const body of bodies) expect(heldBytes(...body)).toBeLessThanOrEqual(mostHeldBytes(1_000));
});
