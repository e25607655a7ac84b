/** Pages of a feed: which cursor is expired, and what a reader gets who comes while tickets end and are forgotten. */
import { array, assert, constant, integer, nat, oneof, property, record } from "fast-check";
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

const step = oneof(
  { weight: 4, arbitrary: constant<Step>({ kind: "end" }) },
  { weight: 2, arbitrary: record({ kind: constant("forget" as const), which: nat(3) }) },
  { weight: 3, arbitrary: record({ kind: constant("read" as const), most: integer({ min: 1, max: 5 }) }) },
);

/** A reader who goes on from each cursor, and from the oldest where one is expired. */
function live(history: readonly Step[]) {
  let last = 0;
  let entries: readonly number[] = [];
  let cursor = 0;
  const read: number[] = [];
  const forgotten = new Set<number>();
  const wrong: string[] = [];

  function readOn(most: number): void {
    const start = startOf({ first: entries[0] ?? null, last }, cursor);
    if (start.kind === "expired") {
      if (!forgotten.has(cursor + 1)) wrong.push(`expired behind ${cursor}, though that is kept`);
      cursor = start.oldest;
      return;
    }
    const found = entries.filter((number) => number > start.number).slice(0, most);
    const told = found.map((number) => ({ number, event: String(number) }));
    const page = pageOf(start.number, last, told, most);
    if (page.last < cursor) wrong.push(`back from ${cursor} to ${page.last}`);
    if (page.more !== page.last < last) wrong.push(`more behind ${page.last} of ${last}: ${page.more}`);
    read.push(...page.events.map(Number));
    cursor = page.last;
  }

  for (const taken of history) {
    switch (taken.kind) {
      case "end":
        entries = [...entries, ++last];
        break;
      case "forget": {
        const gone = entries[Math.max(0, taken.which - 2)] ?? 0;
        forgotten.add(gone);
        entries = entries.filter((number) => number !== gone);
        break;
      }
      case "read":
        readOn(taken.most);
    }
  }
  const passed = Array.from({ length: cursor }, (_, at) => at + 1);
  return { read, wrong, missed: passed.filter((number) => !read.includes(number) && !forgotten.has(number)) };
}

it("tells a reader each end once and in order, and misses none but what was forgotten before it was read", () => {
  assert(
    property(array(step, { maxLength: 120 }), (history) => {
      const { read, wrong, missed } = live(history);
      expect({ wrong, missed }).toEqual({ wrong: [], missed: [] });
      expect(read).toEqual([...new Set(read)].toSorted((a, b) => a - b));
    }),
    { numRuns: 300 },
  );
});
