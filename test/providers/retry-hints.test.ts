import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  durationMs,
  hintInHeaders,
  longestHintMs,
  untilMs,
  waitInSentence,
} from "../../src/providers/retry-hints.ts";
import { nowMs } from "./fixtures/canned.ts";

const hint = (headers: Record<string, string>, status = 429) =>
  hintInHeaders((name) => headers[name] ?? null, status, nowMs);

describe("a hint of how long to wait", () => {
  it.each([
    ["0", 0],
    ["1", 1_000],
    ["0.5", 500],
    ["0.0001", 1],
    [" 7 ", 7_000],
    ["899.999", 899_999],
    ["900", 900_000],
    ["901", 900_000],
    ["9".repeat(400), 900_000],
    ["Sun, 22 Nov 2026 12:00:00 GMT", 0],
    [" Sun, 22 Nov 2026 12:00:09 GMT ", 9_000],
    ["Sun, 22 Nov 2026 12:14:59 GMT", 899_000],
    ["Tue, 22 Nov 2033 12:00:00 GMT", 900_000],
    // Sent twice.
    ["5, 5", 5_000],
    ["1,2", 2_000],
    ["soon, 3", 3_000],
    // No spelling of RFC 9110, but seen.
    ["7s", 7_000],
    ["1.5s", 1_500],
    ["7m12s", 432_000],
    ["250ms", 250],
    ["PT7S", 7_000],
    ["PT1M30S", 90_000],
    ["2026-11-22T12:00:09Z", 9_000],
    ["2026-11-22T13:00:09+01:00", 9_000],
    ["2026-11-22T12:00:00.250Z", 250],
  ])("retry-after %s", (value, expectedMs) => {
    expect(hint({ "retry-after": value })).toBe(expectedMs);
    expect(hint({ "retry-after": value }, 503)).toBe(expectedMs);
  });
  it.each([
    "",
    " ",
    ",",
    "-1",
    "NaN",
    "Infinity",
    "1e3",
    "0x10",
    "soon",
    "7 s",
    "7x",
    "s",
    "PT",
    "P1D",
    "Sun, 22 Nov 2026 11:59:59 GMT",
    "Sun, 99 Xyz 2026 12:00:09 GMT",
    "2026-11-22T11:59:59Z",
    // In whose time zone?
    "2026-11-22T12:00:09",
    "2026-11-22",
  ])("no hint in retry-after '%s'", (value) => {
    expect(hint({ "retry-after": value })).toBeNull();
  });
  it("prefers milliseconds where they make sense", () => {
    expect(hint({ "retry-after-ms": "50", "retry-after": "7" })).toBe(50);
    expect(hint({ "retry-after-ms": "0.2", "retry-after": "7" })).toBe(1);
    expect(hint({ "retry-after-ms": "50, 60" })).toBe(60);
    expect(hint({ "retry-after-ms": "900001" })).toBe(900_000);
    expect(hint({ "retry-after-ms": "-50", "retry-after": "7" })).toBe(7_000);
    expect(hint({ "retry-after-ms": "soon" })).toBeNull();
  });
  it.each<[string, Record<string, string>, number | null]>([
    ["when requests are renewed", { "x-ratelimit-reset-requests": "7m12s" }, 432_000],
    ["when tokens are renewed", { "x-ratelimit-reset-tokens": "6m0s" }, 360_000],
    ["the later of the two", { "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "2s" }, 2_000],
    [
      "the limit that is used up",
      {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-remaining-tokens": "9",
        "x-ratelimit-reset-tokens": "2s",
      },
      1_000,
    ],
    [
      "nothing where neither limit is used up",
      { "x-ratelimit-remaining-requests": "9999", "x-ratelimit-reset-requests": "6ms" },
      null,
    ],
    ["a moment in milliseconds", { "x-ratelimit-reset": String(nowMs + 9_000) }, 9_000],
    ["a moment in seconds", { "x-ratelimit-reset": String(nowMs / 1_000 + 9) }, 9_000],
    ["a moment that is far away", { "x-ratelimit-reset": String(nowMs + 7 * 3_600_000) }, 900_000],
    ["a moment that is past", { "x-ratelimit-reset": String(nowMs - 1) }, null],
    ["retry-after first", { "retry-after": "3", "x-ratelimit-reset-requests": "7m12s" }, 3_000],
  ])("tells of a 429: %s", (_, headers, expectedMs) => {
    expect(hint(headers)).toBe(expectedMs);
  });
  it("is not when a limit is renewed that was not hit", () => {
    expect(hint({ "x-ratelimit-reset-requests": "7m12s" }, 503)).toBeNull();
  });
  it("none where the vendor gives none", () => {
    expect(hint({})).toBeNull();
  });
  it("is never negative, a fraction, or longer than 15 minutes, whatever a vendor sends", () => {
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.stringMatching(/^(\d{1,30}(\.\d{1,3})?(ms|h|m|s)){1,3}$/),
    );
    fc.assert(
      fc.property(value, value, value, (exact, coarse, reset) => {
        const headers = {
          "retry-after-ms": exact,
          "retry-after": coarse,
          "x-ratelimit-reset": reset,
          "x-ratelimit-reset-tokens": reset,
        };
        const ms = hint(headers);
        if (ms === null) return;
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(longestHintMs);
        expect(Number.isInteger(ms)).toBe(true);
      }),
    );
  });
});

describe("a duration", () => {
  it.each([
    ["59s", 59_000],
    ["1.5s", 1_500],
    ["0s", 0],
    ["86400s", 86_400_000],
    ["49m12.5s", 2_952_500],
    ["1h2m3s", 3_723_000],
    ["12ms", 12],
    ["0.0001s", 1],
  ])("%s", (duration, expectedMs) => {
    expect(durationMs(duration)).toBe(expectedMs);
  });
  it.each(["", "s", "59", "-1s", "1d", "NaNs", "1m 2s", 59, null, undefined, {}])("is not %s", (duration) => {
    expect(durationMs(duration)).toBeNull();
  });
});

it.each<[unknown, number | null]>([
  ["2026-12-01T00:00:00Z", 9 * 86_400_000 - 12 * 3_600_000],
  [nowMs + 1, 1],
  [nowMs / 1_000 + 1, 1_000],
  [nowMs - 1, null],
  ["tomorrow", null],
  ["2026-12-01", null],
  [Number.NaN, null],
  [Number.POSITIVE_INFINITY, null],
  [-1, null],
  [null, null],
  [{}, null],
])("a moment such as %s is told as the time until then", (moment, expectedMs) => {
  expect(untilMs(moment, nowMs)).toBe(expectedMs);
});

it.each<[string, number | null]>([
  ["You exceeded your current quota.\nPlease retry in 49m12.5s.", 2_952_500],
  ["Please try again in 20s.", 20_000],
  ["Please retry in 15.002899939s.", 15_003],
  ["Please retry in a while.", null],
  ["Please retry in 5 minutes.", null],
  ["Retrying in 5s", null],
])("a sentence may end with a time: %s", (sentence, expectedMs) => {
  expect(waitInSentence(sentence)).toBe(expectedMs);
});
