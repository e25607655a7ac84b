import { expect, it } from "vitest";
import { checkDrained, type Drained } from "./drain-checks.ts";

const allowance = { goodProbes: 2, concurrency: 3 };

/** Eight tickets; the probes of the first two have failed, so those of the third and the fourth are the good ones. */
function drained(judged: readonly number[], more: Partial<Drained> = {}): Drained {
  return { tickets: 8, judged, statuses: Array.from({ length: 8 }, () => "completed"), ...more };
}

it("takes the good probes first, and behind them the order of acceptance", () => {
  expect(checkDrained(drained([3, 4, 1, 2, 5, 6, 7, 8]), allowance)).toBe(0);
});

it("lets tickets overtake each other as far as they can be in flight together, and no farther", () => {
  // Without the good probes the sixth stands three places behind the first: 1, 2, 5, 6, 7, 8.
  expect(checkDrained(drained([3, 4, 6, 1, 2, 5, 7, 8]), allowance)).toBe(3);
  expect(() => checkDrained(drained([3, 4, 7, 1, 2, 5, 6, 8]), allowance)).toThrow(
    "tickets overtaken by a ticket more than 3 places behind (1): 1",
  );
});

it("sees the last ticket begun first", () => {
  expect(() => checkDrained(drained([8, 7, 6, 5, 4, 3, 2, 1]), allowance)).toThrow("overtaken");
});

it.each([
  ["is never judged", drained([3, 4, 1, 2, 5, 6, 7]), "tickets never judged (1): 8"],
  ["is judged twice", drained([3, 4, 1, 2, 5, 6, 7, 8, 3]), "tickets judged more than once (1): 3"],
  ["is unknown", drained([3, 4, 1, 2, 5, 6, 7, 8, 0]), "tickets judged, and no ticket (1): 0"],
  [
    "has not completed",
    drained([3, 4, 1, 2, 5, 6, 7, 8], { statuses: [...Array<string>(7).fill("completed"), "failed"] }),
    "tickets not completed (1): 8",
  ],
])("fails a drain in which a ticket %s", (_what, found, message) => {
  expect(() => checkDrained(found, allowance)).toThrow(message);
});
