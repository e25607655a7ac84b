/** A time limit that counts the time in which this process was there: over a clock that is late as it is told. */
import { expect, it } from "vitest";
import { ownTime } from "../../../src/node/redis/own-time.ts";

/** Rings when it is told to, and knows what it was asked for. */
function lateClock() {
  const asked: number[] = [];
  let ring: (() => void) | null = null;
  return {
    asked,
    clock: {
      after(delayMs: number, then: () => void) {
        asked.push(delayMs);
        ring = then;
        return () => void (ring = null);
      },
    },
    /** As late as it may be. */
    async rings() {
      const now = ring;
      ring = null;
      now?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
    isSet: () => ring !== null,
  };
}

it("is over after its whole length in steps, each of which counts for no more than itself", async () => {
  const { clock, asked, rings, isSet } = lateClock();
  let overs = 0;
  ownTime(clock).after(120, () => overs++);
  await rings();
  await rings();
  expect(overs).toBe(0);
  expect(isSet()).toBe(true);
  await rings();
  expect(overs).toBe(1);
  expect(asked).toEqual([50, 50, 20]);
  expect(isSet()).toBe(false);
});

it("is one step where it is no longer than that", async () => {
  for (const [limitMs, steps] of [
    [49, [49]],
    [50, [50]],
    [51, [50, 1]],
    [0, [0]],
  ] as const) {
    const { clock, asked, rings } = lateClock();
    let isOver = false;
    ownTime(clock).after(limitMs, () => (isOver = true));
    for (const _ of steps) await rings();
    expect(asked).toEqual(steps);
    expect(isOver).toBe(true);
  }
});

it("is not over before what has arrived is read", async () => {
  const { clock, rings } = lateClock();
  const order: string[] = [];
  ownTime(clock).after(10, () => order.push("over"));
  const rung = rings();
  order.push("read");
  await rung;
  expect(order).toEqual(["read", "over"]);
});

it("is never over when it was cancelled, in its first step or a later one", async () => {
  for (const steps of [0, 1, 2]) {
    const { clock, rings, isSet } = lateClock();
    let isOver = false;
    const cancel = ownTime(clock).after(120, () => (isOver = true));
    for (let step = 0; step < steps; step++) await rings();
    cancel();
    expect(isSet()).toBe(false);
    await rings();
    expect(isOver).toBe(false);
  }
});
