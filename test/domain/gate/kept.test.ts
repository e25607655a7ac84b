import { expect, it } from "vitest";
import { keep, keptBytes, type Kept } from "../../../src/domain/gate/kept.ts";
import { gateWorld, queueItem } from "../durable-builders.ts";

const retentionMs = 600;

it("counts what is kept until it is forgotten, and at most a sixth of the retention longer", () => {
  const kept = keep(keep([], 10, retentionMs, 0), 5, retentionMs, 99);
  expect(kept).toEqual([{ sinceMs: 0, bytes: 15 }]);
  expect(keptBytes(kept, retentionMs, 699)).toBe(15);
  expect(keptBytes(kept, retentionMs, 700)).toBe(0);
});

it("stays small, however much is kept", () => {
  let kept: Kept = [];
  for (let nowMs = 0; nowMs < 5_000; nowMs++) kept = keep(kept, 1, retentionMs, nowMs);
  expect(kept.length).toBeLessThanOrEqual(8);
  expect(keptBytes(kept, retentionMs, 5_000)).toBeGreaterThanOrEqual(600);
  expect(keptBytes(kept, retentionMs, 5_000)).toBeLessThanOrEqual(700);
});

it("is changed by nothing that keeps nothing, and misled by no clock that was set back", () => {
  const kept = keep([], 10, retentionMs, 10_000);
  expect(keep(kept, 0, retentionMs, 10_000)).toBe(kept);
  expect(keptBytes(kept, retentionMs, 9_301)).toBe(10);
  expect(keptBytes(kept, retentionMs, 9_300)).toBe(0);
});

it("fills a queue with what ended tickets hold, until they are forgotten", () => {
  const { keeper, world, limits } = gateWorld({ maxBytes: 100, retentionMs });
  for (let i = 0; i < 8; i++) {
    expect(keeper.admit(queueItem(`t${i}`), 0).kind).toBe("admitted");
    keeper.remove(`t${i}`, 10);
    // Said again, it counts once.
    keeper.remove(`t${i}`, 10);
  }
  expect(keeper.status().queue).toMatchObject({ size: 0, bytes: 80, maxBytes: limits.maxBytes });
  expect(keeper.admit(queueItem("late"), 0).kind).toBe("full");
  world.nowMs = 700;
  expect(keeper.admit(queueItem("late"), 0).kind).toBe("admitted");
});
