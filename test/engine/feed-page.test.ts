/** Pages of a feed: which cursor is expired, and what a reader gets who comes while tickets end and are forgotten. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { pageOf, startOf, type FeedBounds, type FeedEntry } from "../../src/engine/feed-page.ts";

const kept = (first: number | null, last: number): FeedBounds => ({ first, last });
const behind = (number: number) => ({ kind: "behind", number });
const expired = (oldest: number) => ({ kind: "expired", oldest });

it.each([
  ["nothing has ended", kept(null, 0), null, behind(0)],
  ["nothing has ended", kept(null, 0), 0, behind(0)],
  ["nothing has ended", kept(null, 0), 1, expired(0)],
  ["all is kept", kept(1, 9), null, behind(0)],
  ["all is kept", kept(1, 9), 0, behind(0)],
  ["all is kept", kept(1, 9), 9, behind(9)],
  ["all is kept", kept(1, 9), 10, expired(0)],
  ["four are forgotten", kept(5, 9), null, behind(4)],
  ["four are forgotten", kept(5, 9), 3, expired(4)],
  ["four are forgotten", kept(5, 9), 4, behind(4)],
  ["all are forgotten", kept(null, 9), null, behind(9)],
  ["all are forgotten", kept(null, 9), 8, expired(9)],
  ["all are forgotten", kept(null, 9), 9, behind(9)],
  ["all are forgotten", kept(null, 9), 10, expired(9)],
])("where %s, %j behind %j is %j", (_, bounds, after, start) => {
  expect(startOf(bounds, after)).toEqual(start);
});

it("goes past those that are left out, and says that there is more as long as numbers are", () => {
  const entries: FeedEntry[] = [
    { number: 3, event: "c" },
    { number: 5, event: null },
  ];
  expect(pageOf(2, 9, entries, 2)).toEqual({ kind: "page", events: ["c"], last: 5, more: true });
  expect(pageOf(2, 9, entries, 3)).toEqual({ kind: "page", events: ["c"], last: 9, more: false });
  expect(pageOf(9, 9, [], 3)).toEqual({ kind: "page", events: [], last: 9, more: false });
  // Ended since the last number was looked up.
  expect(pageOf(9, 9, [{ number: 10, event: "j" }], 3)).toEqual({
    kind: "page",
    events: ["j"],
    last: 10,
    more: false,
  });
});

type Step =
  | { readonly kind: "end" }
  /** One of those that are kept, the oldest most often. */
  | { readonly kind: "forget"; readonly which: number }
  | { readonly kind: "read"; readonly most: number };

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<Step>({ kind: "end" }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("forget" as const), which: fc.nat(3) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("read" as const), most: fc.integer({ min: 1, max: 5 }) }),
    },
  ),
  { maxLength: 120 },
);

it("tells a reader each end once and in order, and misses none but what was forgotten before it was read", () => {
  fc.assert(
    fc.property(steps, (history) => {
      let last = 0;
      let entries: readonly number[] = [];
      let cursor: number | null = null;
      const read: number[] = [];
      const mayBeMissed = new Set<number>();
      for (const step of history) {
        if (step.kind === "end") entries = [...entries, ++last];
        if (step.kind === "forget") {
          const gone = entries[Math.max(0, step.which - 2)];
          if (gone !== undefined) mayBeMissed.add(gone);
          entries = entries.filter((number) => number !== gone);
        }
        if (step.kind === "read") {
          const start = startOf({ first: entries[0] ?? null, last }, cursor);
          if (start.kind === "expired") {
            // Only for what is gone, and from there on all is kept but what went before its neighbours.
            expect(mayBeMissed.has((cursor ?? 0) + 1)).toBe(true);
            cursor = start.oldest;
            continue;
          }
          const found = entries.filter((number) => number > start.number).slice(0, step.most);
          const page = pageOf(
            start.number,
            last,
            found.map((number) => ({ number, event: String(number) })),
            step.most,
          );
          expect(page.last).toBeGreaterThanOrEqual(cursor ?? 0);
          expect(page.more).toBe(page.last < last);
          read.push(...page.events.map(Number));
          cursor = page.last;
        }
      }
      expect(read).toEqual([...new Set(read)].toSorted((a, b) => a - b));
      for (let number = 1; number <= (cursor ?? 0); number++) {
        if (!mayBeMissed.has(number)) expect(read).toContain(number);
      }
    }),
    { numRuns: 300 },
  );
});
