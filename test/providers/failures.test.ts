import { describe, expect, it } from "vitest";
import { failureOfStatus, isErrorStatus } from "../../src/providers/failures.ts";

const says = "The model does not exist.";

describe("an HTTP status", () => {
  it.each([408, 409, 421, 425, 499, 500, 501, 502, 503, 504, 520, 524, 529, 599])(
    "%i: the vendor is unavailable, for as long as it says",
    (status) => {
      expect(failureOfStatus(status, 7, says)).toEqual({ reason: "unavailable", status, retryAfterMs: 7 });
    },
  );
  it("429 is about pace, and keeps the hint", () => {
    expect(failureOfStatus(429, 7, says)).toEqual({ reason: "rate_limited", retryAfterMs: 7 });
  });
  it.each([401, 403, 407])("%i refuses our key", (status) => {
    expect(failureOfStatus(status, null, says)).toEqual({ reason: "credentials_refused", status });
  });
  it("402 is about money", () => {
    expect(failureOfStatus(402, null, says)).toEqual({ reason: "quota_exhausted", status: 402 });
  });
  it.each([400, 404, 405, 410, 412, 413, 415, 422, 424, 426, 431, 451])(
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

it.each([399, 600, 200, 0, -1, 400.5, Number.NaN, "503", null, undefined, {}])(
  "an error inside a 200 names no status of an error by %s",
  (named) => {
    expect(isErrorStatus(named)).toBe(false);
  },
);
