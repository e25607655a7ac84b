import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  durationHintMs,
  failureInside,
  failureOfStatus,
  longestHintMs,
  retryHintMs,
} from "../../src/providers/failures.ts";
import { nowMs } from "./fixtures/canned.ts";

const says = "The model does not exist.";

describe("an HTTP status", () => {
  it.each([408, 409, 425, 500, 501, 502, 503, 504, 520, 524, 529, 599])(
    "%i: the vendor is unavailable, for as long as it says",
    (status) => {
      expect(failureOfStatus(status, 7, says)).toEqual({ reason: "unavailable", status, retryAfterMs: 7 });
    },
  );
  it("429 is about pace, and keeps the hint", () => {
    expect(failureOfStatus(429, 7, says)).toEqual({ reason: "rate_limited", retryAfterMs: 7 });
  });
  it.each([401, 403])("%i refuses our key", (status) => {
    expect(failureOfStatus(status, null, says)).toEqual({ reason: "credentials_refused", status });
  });
  it("402 is about money", () => {
    expect(failureOfStatus(402, null, says)).toEqual({ reason: "quota_exhausted", status: 402 });
  });
  it.each([400, 404, 405, 410, 412, 413, 415, 422, 424, 426, 431, 451, 499])(
    "%i refuses the request, in the vendor's words",
    (status) => {
      const refused = { reason: "request_refused", status, vendorSays: says };
      expect(failureOfStatus(status, null, says)).toEqual(refused);
    },
  );
  it.each([201, 202, 204, 206, 300, 301, 302, 303, 304, 307, 308, 399])(
    "%i is no answer at all",
    (status) => {
      expect(failureOfStatus(status, null, says)).toEqual({ reason: "unreadable", why: "not_an_answer" });
    },
  );
});

describe("an error inside a 200", () => {
  it.each([400, 429, 503, 599])("is what its own status %i says", (status) => {
    expect(failureInside(status, 7, says)).toEqual(failureOfStatus(status, 7, says));
  });
  it.each([399, 600, 200, 0, -1, Number.NaN, "503", null, undefined, {}])(
    "is worth another call where it names no status of an error: %s",
    (named) => {
      expect(failureInside(named, 7, says)).toEqual({ reason: "unavailable", status: 200, retryAfterMs: 7 });
    },
  );
});

const hint = (headers: Record<string, string>) => retryHintMs((name) => headers[name] ?? null, nowMs);

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
    ["Sun, 22 Nov 2026 12:00:09 GMT", 9_000],
    ["Sun, 22 Nov 2026 12:14:59 GMT", 899_000],
    ["Tue, 22 Nov 2033 12:00:00 GMT", 900_000],
  ])("retry-after %s", (value, expectedMs) => {
    expect(hint({ "retry-after": value })).toBe(expectedMs);
  });
  it.each([
    "",
    " ",
    "-1",
    "NaN",
    "Infinity",
    "1e3",
    "0x10",
    "soon",
    "1, 2",
    "Sun, 22 Nov 2026 11:59:59 GMT",
    "Sun, 99 Xyz 2026 12:00:09 GMT",
    "2026-11-22T12:00:09Z",
  ])("no hint in retry-after '%s'", (value) => {
    expect(hint({ "retry-after": value })).toBeNull();
  });
  it("prefers milliseconds where they make sense", () => {
    expect(hint({ "retry-after-ms": "50", "retry-after": "7" })).toBe(50);
    expect(hint({ "retry-after-ms": "0.2", "retry-after": "7" })).toBe(1);
    expect(hint({ "retry-after-ms": "900001" })).toBe(900_000);
    expect(hint({ "retry-after-ms": "-50", "retry-after": "7" })).toBe(7_000);
    expect(hint({ "retry-after-ms": "soon" })).toBeNull();
  });
  it("none where the vendor gives none", () => {
    expect(hint({})).toBeNull();
  });
  it("is never negative, a fraction, or longer than 15 minutes, whatever a vendor sends", () => {
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    );
    fc.assert(
      fc.property(value, value, (exact, coarse) => {
        const ms = hint({ "retry-after-ms": exact, "retry-after": coarse });
        if (ms === null) return;
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(longestHintMs);
        expect(Number.isInteger(ms)).toBe(true);
      }),
    );
  });
});

describe("Google's durations", () => {
  it.each([
    ["59s", 59_000],
    ["1.5s", 1_500],
    ["0s", 0],
    ["86400s", 900_000],
  ])("%s", (duration, expectedMs) => {
    expect(durationHintMs(duration)).toBe(expectedMs);
  });
  it.each(["", "s", "59", "-1s", "1m", "NaNs", 59, null, undefined, {}])("none: %s", (duration) => {
    expect(durationHintMs(duration)).toBeNull();
  });
});
