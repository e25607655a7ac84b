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
