import { expect, it } from "vitest";
import { createLiveRoom } from "../../src/gateway/live-room.ts";

const limits = { calls: 2, bytes: 100, highWatermark: 1, weights: {}, leaseMs: 65_000 };

it("gives room back once, however often it is told", () => {
  const room = createLiveRoom(limits, () => 0);
  const first = room.enter("a", 10);
  const second = room.enter("a", 10);
  expect(room.enter("a", 10)).toBeNull();
  first?.leave();
  first?.leave();
  expect(room.enter("a", 10)).not.toBeNull();
  expect(room.enter("a", 10)).toBeNull();
  second?.leave();
  expect(room.enter("a", 10)).not.toBeNull();
});

it("holds what a request turns out to have", () => {
  const room = createLiveRoom(limits, () => 0);
  const stay = room.enter("a", 90);
  expect(room.enter("b", 20)).toBeNull();
  stay?.resize(80);
  expect(room.enter("b", 20)).not.toBeNull();
  stay?.leave();
  // A request that has left holds nothing, whatever is heard of it later.
  stay?.resize(100);
  expect(room.enter("b", 80)).not.toBeNull();
});

it("grows only where there is room, and holds what it held where there is none", () => {
  const room = createLiveRoom(limits, () => 0);
  const stay = room.enter("a", 40);
  const other = room.enter("b", 40);
  expect(stay?.grow(61)).toBe(false);
  expect(stay?.grow(60)).toBe(true);
  other?.leave();
  expect(room.enter("b", 41)).toBeNull();
  expect(room.enter("b", 40)).not.toBeNull();
  stay?.leave();
  expect(stay?.grow(1)).toBe(false);
});

it("forgets who has not left in its time, as a request of a Worker can end, and not a millisecond before", () => {
  let nowMs = 0;
  const room = createLiveRoom(limits, () => nowMs);
  room.enter("a", 10);
  room.enter("a", 10);
  nowMs = 64_999;
  expect(room.enter("b", 10)).toBeNull();
  nowMs = 65_000;
  expect(room.enter("b", 10)).not.toBeNull();
});
