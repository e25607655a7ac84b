import { expect, it } from "vitest";
import { isProviderFault, isTransient, type Failure } from "../../../src/domain/failure.ts";
import { findingOf, type Finding } from "../../../src/domain/gate/call-report.ts";

const unavailable: Failure = { reason: "unavailable", status: 529, retryAfterMs: null };
const rows: [Failure | null, Finding["kind"]][] = [
  [null, "healthy"],
  [{ reason: "connection", code: "ECONNRESET" }, "fault"],
  [{ reason: "timeout" }, "fault"],
  [unavailable, "fault"],
  [{ reason: "rate_limited", retryAfterMs: null }, "rate_limited"],
  [{ reason: "credentials_refused", status: 401 }, "refused"],
  [{ reason: "quota_exhausted", status: 429 }, "refused"],
  [{ reason: "credentials_refused", status: 403, scope: "model" }, "refused"],
  // An error of the vendor's is no answer, whatever it says.
  [{ reason: "request_refused", status: 400, vendorSays: "no" }, "nothing"],
  [{ reason: "content_refused", kind: "policy", inError: true }, "nothing"],
  [
    {
      reason: "request_refused",
      status: 429,
      vendorSays: "too large",
      unlessServed: { reason: "rate_limited", retryAfterMs: null },
    },
    "rate_limited",
  ],
  [{ reason: "unavailable", status: 200, retryAfterMs: null, fromBetween: true }, "fault"],
  [{ reason: "unreadable", why: "too_large" }, "nothing"],
  [{ reason: "content_refused", kind: "safety" }, "healthy"],
  [{ reason: "truncated" }, "healthy"],
  [{ reason: "unreadable", why: "bad_winner" }, "healthy"],
  [{ reason: "unreadable", why: "not_an_answer" }, "nothing"],
  [{ reason: "hung_up" }, "nothing"],
];

it.each(rows)("%j is %s", (failure, kind) => {
  expect(findingOf(failure, "m", 0).kind).toBe(kind);
  expect(failure !== null && isProviderFault(failure)).toBe(kind === "fault");
});

it("counts as the provider's fault what is worth retrying, but for a 429", () => {
  const failures = rows.map(([failure]) => failure).filter((failure) => failure !== null);
  const transient = failures.filter((failure) => isTransient(failure) && failure.reason !== "rate_limited");
  expect(failures.filter(isProviderFault)).toEqual(transient);
});

it.each([
  ["asks for longer than the caller can wait", 5_001, 5_000, 5_001],
  ["fits the caller's own time", 5_000, 5_000, null],
  ["names no time, and the caller calls again itself", null, 5_000, null],
  ["names no time, and nobody calls again", null, 0, 30_000],
  ["asks for a day", 86_400_000, 0, 900_000],
  ["asks for no wait at all", 0, 0, null],
])("a 429 that %s holds its model accordingly", (_, retryAfterMs, patienceMs, holdMs) => {
  const finding = findingOf({ reason: "rate_limited", retryAfterMs }, "m", patienceMs);
  const unnamed = retryAfterMs === null && patienceMs === 0 ? { unnamed: true } : {};
  expect(finding).toEqual({ kind: "rate_limited", model: "m", holdMs, ...unnamed });
});
