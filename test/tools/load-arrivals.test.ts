/** The open loop: what comes, comes when it was planned. */
import { expect, it } from "vitest";
import { pace, plannedAtMs } from "../../tools/load/arrivals.ts";
import type { LoadClock } from "../../tools/load/clock.ts";

/** Time passes in waits alone, and where a test lets it. */
function clockFrom(nowMs: number) {
  const clock = {
    nowMs: () => nowMs,
    wait: async (ms: number) => {
      nowMs += ms;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
  return clock satisfies LoadClock;
}

const forever = new AbortController().signal;

it("sends each at its moment, and the last before the time is over", async () => {
  const clock = clockFrom(1_000);
  const sent: number[][] = [];
  const plan = { rate: 4, count: 8 };
  expect(
    await pace(plan, clock, (number, plannedMs) => sent.push([number, plannedMs, clock.nowMs()]), forever),
  ).toBe(8);
  expect(sent).toEqual(Array.from({ length: 8 }, (_, at) => [at, 1_000 + at * 250, 1_000 + at * 250]));
  expect(plannedAtMs(7, plan)).toBe(1_750);
});

it("after it was held up it sends all that was due, each with the moment for which it was planned", async () => {
  const clock = clockFrom(0);
  const sent: number[][] = [];
  await pace(
    { rate: 10, count: 7 },
    clock,
    (number, plannedMs) => {
      sent.push([plannedMs, clock.nowMs()]);
      if (number === 1) clock.pass(350);
    },
    forever,
  );
  expect(sent).toEqual([
    [0, 0],
    [100, 100],
    [200, 450],
    [300, 450],
    [400, 450],
    [500, 500],
    [600, 600],
  ]);
});

it("no moment drifts, however many were before", () => {
  expect(plannedAtMs(3_000_000, { rate: 3 })).toBe(1_000_000_000);
});

it("sends nothing more once it is stopped", async () => {
  const clock = clockFrom(0);
  const stop = new AbortController();
  const send = (number: number) => {
    if (number === 2) stop.abort();
  };
  expect(await pace({ rate: 10, count: 100 }, clock, send, stop.signal)).toBe(3);
});
