/** What tenants used: gathered, and stored behind the answers. */
import { expect, it } from "vitest";
import { createAccounts } from "../../src/accounts/accounts.ts";
import { byTimer, gatheredTotals, type Use } from "../../src/accounts/totals.ts";
import { manualClock } from "../support/clock.ts";

const day = "2026-11-22";
const nothing = { requests: 0, costUsd: 0 };

/** @param add what the store does with uses; by itself it stores them all */
function totalsForTest(add?: (uses: readonly Use[]) => Promise<readonly Use[]>) {
  const clock = manualClock();
  const writes: (readonly Use[])[] = [];
  const totals = gatheredTotals(
    {
      async add(uses) {
        writes.push(uses);
        return add?.(uses) ?? [];
      },
      read: async () => nothing,
    },
    clock,
    byTimer(clock),
  );
  return { clock, writes, totals };
}

it("writes once for all that comes within five seconds", async () => {
  const { clock, writes, totals } = totalsForTest();
  totals.add("one", day, 1, 0.5);
  await clock.advance(4_999);
  totals.add("one", day, 1, 0.25);
  totals.add("two", day, 1, 0);
  expect(writes).toEqual([]);
  await clock.advance(1);
  expect(writes).toEqual([
    [
      { tenant: "one", day, requests: 2, costUsd: 0.75 },
      { tenant: "two", day, requests: 1, costUsd: 0 },
    ],
  ]);
  await clock.advance(60_000);
  expect(writes).toHaveLength(1);
});

it("counts what is gathered, and what is on its way to the store, of that tenant and that day alone", async () => {
  let answer: (again: readonly Use[]) => void = () => {};
  const { totals } = totalsForTest(() => new Promise((resolve) => (answer = resolve)));
  totals.add("one", day, 1, 0.5);
  const stored = totals.flush();
  totals.add("one", day, 2, 0.25);
  totals.add("two", day, 4, 0);
  totals.add("one", "2026-11-23", 8, 0);
  expect(await totals.of("one", day)).toEqual({ requests: 3, costUsd: 0.75 });
  answer([]);
  await stored;
  expect(await totals.of("one", day)).toEqual({ requests: 2, costUsd: 0.25 });
});

it("gathers again what could not be stored, and writes it five seconds later", async () => {
  let isAway = true;
  const { clock, writes, totals } = totalsForTest(async (uses) => (isAway ? uses : []));
  totals.add("one", day, 1, 0.5);
  await clock.advance(5_000);
  expect(await totals.of("one", day)).toEqual({ requests: 1, costUsd: 0.5 });
  isAway = false;
  await clock.advance(4_999);
  expect(writes).toHaveLength(1);
  await clock.advance(1);
  expect(writes.at(-1)).toEqual([{ tenant: "one", day, requests: 1, costUsd: 0.5 }]);
  expect(await totals.of("one", day)).toEqual(nothing);
});

it("calls the timer off when it is flushed before", async () => {
  const { clock, writes, totals } = totalsForTest();
  totals.add("one", day, 1, 0);
  await clock.advance(2_000);
  await totals.flush();
  totals.add("one", day, 1, 0);
  await clock.advance(4_999);
  expect(writes).toHaveLength(1);
  await clock.advance(1);
  expect(writes).toHaveLength(2);
});

it("sets another flush off when one is ten seconds old: it died with the request that had set it off", async () => {
  const clock = manualClock();
  let flushes = 0;
  const totals = gatheredTotals({ add: async () => [], read: async () => nothing }, clock, () => {
    flushes++;
    return () => {};
  });
  totals.add("one", day, 1, 0);
  await clock.advance(9_999);
  totals.add("one", day, 1, 0);
  expect(flushes).toBe(1);
  await clock.advance(1);
  totals.add("one", day, 1, 0);
  expect(flushes).toBe(2);
});

it("sets no flush off for what is only gathered", async () => {
  const { clock, writes, totals } = totalsForTest();
  totals.gather("one", day, 0, 0.5);
  await clock.advance(60_000);
  expect(writes).toEqual([]);
  await totals.flush();
  expect(writes).toHaveLength(1);
});

it("counts requests and costs on the day in UTC on which they come", async () => {
  const clock = manualClock();
  const added: unknown[] = [];
  const totals = { add: (...use: unknown[]) => void added.push(use), of: async () => nothing };
  const accounts = createAccounts(totals, clock);
  const today = new Date(clock.nowMs()).toISOString().slice(0, 10);
  accounts.countRequest("one");
  accounts.countCall({ tenant: "one", costUsd: 0.5 });
  accounts.countCall({ tenant: "one", costUsd: null });
  accounts.countCall({ tenant: "one", costUsd: 0 });
  expect(added).toEqual([
    ["one", today, 1, 0],
    ["one", today, 0, 0.5],
  ]);
});
