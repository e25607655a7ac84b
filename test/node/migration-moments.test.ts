/** Fixtures are read months after they were made: whatever in them is a moment must be moved, or a ticket would be long over. */
import { expect, it } from "vitest";
import type { RedisFixture, SqliteFixture, WorkerdFixture } from "../migration/fixture.ts";
import { moveTo, movedAnswer, movedKey, movedObject, movedRows } from "../migration/moments.ts";
import { oldCommits, readFixture } from "../migration/node-world.ts";

const dayMs = 24 * 3_600_000;

const far = ({ madeAtMs }: { readonly madeAtMs: number }) => moveTo(madeAtMs, madeAtMs + 90 * dayMs, 0);

it.each(oldCommits.flatMap((commit) => movedFixtures(commit)))(
  "leaves no moment that %s has stored in %s where it was, whatever it is called",
  (_, __, { madeAtMs }, moved) => {
    expect(momentsNear(JSON.stringify(moved), madeAtMs)).toEqual([]);
  },
);

function movedFixtures(commit: string) {
  const sqlite = readFixture<SqliteFixture>(commit, "sqlite.json");
  const redis = readFixture<RedisFixture>(commit, "redis.json");
  const workerd = readFixture<WorkerdFixture>(commit, "workerd.json");
  const moved = [
    ["sqlite", sqlite, movedRows(sqlite.file, far(sqlite))],
    ["redis", redis, [redis.keys.map((key) => movedKey(key, far(redis))), movedRows(redis.file, far(redis))]],
    ["workerd", workerd, workerd.objects.map((object) => movedObject(object, far(workerd)))],
  ] as const;
  return moved.map(([store, fixture, value]) => [commit, store, fixture, value] as const);
}

/** In milliseconds, seconds or days; alone, or as the lower digits of a turn. A keyed request's token is taken from the clock, and is none. */
function momentsNear(text: string, madeAtMs: number): readonly string[] {
  const isNear = (ms: number) => Math.abs(ms - madeAtMs) < 2 * dayMs;
  const found = text.replaceAll(/\\*"fence\\*":\d+/g, "").matchAll(/\b\d{4}-\d\d-\d\d\b|\b\d{10,15}\b/g);
  return [...found]
    .map(([digits]) => digits)
    .filter((digits) => {
      if (digits.includes("-")) return isNear(Date.parse(digits));
      return isNear(digits.length < 13 ? Number(digits) * 1_000 : Number(digits.slice(-13)));
    });
}

it("leaves a caller's metadata alone, and moves what an answer says of time", () => {
  const move = { byMs: 60_000, byDays: 0 };
  const metadata = { startedAtMs: 1_764_000_000_000, at: "2026-11-30T00:00:00.000Z" };
  const record = JSON.stringify({ acceptedAtMs: 1_764_000_000_000, durationMs: 812, metadata });
  const { tables } = movedRows({ schema: [], tables: { tickets: [{ record }] } }, move);
  expect(JSON.parse(String(tables["tickets"]?.[0]?.["record"]))).toEqual({
    acceptedAtMs: 1_764_000_060_000,
    durationMs: 812,
    metadata,
  });
  expect(movedAnswer({ queued_at: "2026-11-30T00:00:00.000Z", metadata }, move)).toEqual({
    queued_at: "2026-11-30T00:01:00.000Z",
    metadata,
  });
});
