import { describe, expect, it } from "vitest";
import {
  beginKeyed,
  decodeKeyed,
  endKeyed,
  ownsKey,
  type Keyed,
  type KeyedEnd,
} from "../../src/domain/idempotency.ts";

const dayMs = 86_400_000;
const begin = (known: Keyed | null, nowMs: number, hash = "hash", queueId = "q1") =>
  beginKeyed(known, hash, queueId, 1_000, nowMs);
const fresh = begin(null, 5_000);
const fence = fresh.record.fence;
const ended = (end: KeyedEnd, token = fence) => endKeyed(fresh.record, token, end);
const answered: KeyedEnd = { kind: "answered", body: "{}" };

describe("a key that was never used", () => {
  it("begins, with the id that its ticket would have", () => {
    expect(fresh.reply).toMatchObject({ kind: "begun", queueId: "q1", again: false });
    expect(fresh.record).toMatchObject({ forgetAtMs: 5_000 + dayMs });
  });
});

describe("the same key again", () => {
  it("is busy until its lease ends, and not a moment longer", () => {
    expect(begin(fresh.record, 5_999).reply).toEqual({ kind: "busy", untilMs: 6_000 });
    expect(begin(fresh.record, 6_000, "hash", "q2").reply).toMatchObject({
      kind: "begun",
      queueId: "q1",
      again: true,
    });
  });

  it("is a mismatch for another comparison, whatever came of the first", () => {
    const states = [fresh.record, ended(answered), ended({ kind: "ticketed", forgetAtMs: 9_000 })];
    for (const known of states)
      expect(begin(known, 5_500, "other").reply).toMatchObject({ kind: "mismatch" });
    // Of a ticket it is said which: the key is free again once that is cancelled.
    const ticket = { queueId: "q1", fence: 5_000 };
    expect(begin(states[2] ?? null, 5_500, "other").reply).toEqual({ kind: "mismatch", ticket });
  });

  it("is told what came of it", () => {
    expect(begin(ended(answered), 99_000).reply).toEqual(answered);
    const ticketed = ended({ kind: "ticketed", forgetAtMs: 9_000 });
    expect(begin(ticketed, 99_000, "hash", "q2").reply).toMatchObject({ kind: "ticketed", queueId: "q1" });
  });

  it("is a new request once the record is forgotten: after 24 hours, or with its ticket where that is later", () => {
    const known = ended(answered);
    expect(begin(known, 5_000 + dayMs - 1).reply.kind).toBe("answered");
    expect(begin(known, 5_000 + dayMs).reply).toMatchObject({ kind: "begun", again: false });
    const later = ended({ kind: "ticketed", forgetAtMs: 9 * dayMs });
    expect(begin(later, 9 * dayMs - 1).reply.kind).toBe("ticketed");
    expect(begin(later, 9 * dayMs).reply.kind).toBe("begun");
    const sooner = ended({ kind: "ticketed", forgetAtMs: 6_000 });
    expect(begin(sooner, 5_000 + dayMs - 1).reply.kind).toBe("ticketed");
  });

  it("may be used again after a 4xx or 5xx", () => {
    expect(ended({ kind: "freed" })).toBeNull();
  });
});

it("may be freed from a ticket that is gone, once its day is over", () => {
  const known = ended({ kind: "ticketed", forgetAtMs: 9 * dayMs });
  expect(begin(known, 5_000 + dayMs - 1).reply).toMatchObject({ mayEnd: false });
  expect(begin(known, 5_000 + dayMs).reply).toMatchObject({ mayEnd: true, fence });
  expect(endKeyed(known, fence, { kind: "freed" })).toBeNull();
  expect(endKeyed(known, fence, answered)).toBe(known);
});

describe("a token", () => {
  it("that is stale changes nothing", () => {
    const again = begin(fresh.record, 6_000);
    expect(again.record.fence).toBeGreaterThan(fence);
    expect(endKeyed(again.record, fence, answered)).toBe(again.record);
    expect(endKeyed(again.record, fence, { kind: "freed" })).toBe(again.record);
    expect(endKeyed(null, fence, answered)).toBeNull();
  });

  it("is never given twice, also not after the record was freed", () => {
    expect(begin(null, 5_001).record.fence).not.toBe(fence);
  });

  it("is known to be stale from the moment another begins", () => {
    expect(ownsKey(fresh.record, fence)).toBe(true);
    expect(ownsKey(begin(fresh.record, 6_000).record, fence)).toBe(false);
    expect(ownsKey(null, fence)).toBe(false);
  });

  it("ends a record once", () => {
    const first = ended(answered);
    expect(endKeyed(first, fence, { kind: "freed" })).toBe(first);
  });
});

it("survives JSON, and leaves a newer version alone", () => {
  expect(decodeKeyed(JSON.parse(JSON.stringify(fresh.record)))).toEqual({
    kind: "known",
    value: fresh.record,
  });
  expect(decodeKeyed({ ...fresh.record, version: 2 })).toEqual({ kind: "newer", version: 2 });
});

describe("after the clock was set back by an hour", () => {
  const startMs = 1_800_000_000_000;
  const begun = beginKeyed(null, "sha", "id", 65_000, startMs).record;

  it("a request that died has its key for no longer than its lease", () => {
    const nowMs = startMs - 3_600_000;
    const busy = beginKeyed(begun, "sha", "other", 65_000, nowMs);
    expect(busy.reply).toEqual({ kind: "busy", untilMs: nowMs + 65_000 });
    // What was found is stored: looked at only, the end would move along with the clock.
    const later = beginKeyed(busy.record, "sha", "other", 65_000, nowMs + 64_999);
    expect(later).toEqual({ record: busy.record, reply: busy.reply });
    const again = beginKeyed(busy.record, "sha", "other", 65_000, nowMs + 65_000);
    expect(again.reply).toMatchObject({ kind: "begun", queueId: "id", again: true });
    expect(again.record.fence).toBeGreaterThan(begun.fence);
  });

  it("a record is forgotten a day after at the latest, and its ticket's as much earlier", () => {
    const nowMs = startMs - 3_600_000;
    const ticketed = endKeyed(begun, begun.fence, { kind: "ticketed", forgetAtMs: startMs + 200_000_000 });
    const { record } = beginKeyed(ticketed, "sha", "other", 65_000, nowMs);
    expect(record).toMatchObject({ dayEndsAtMs: nowMs + 86_400_000, forgetAtMs: nowMs + 200_000_000 });
  });

  it("a lease is not cut short where only the settings were changed", () => {
    expect(beginKeyed(begun, "sha", "other", 1_000, startMs + 1).reply).toEqual({
      kind: "busy",
      untilMs: startMs + 65_000,
    });
  });
});
