/** What the vendors were asked, by their own record: whose calls stand nowhere in it but by the marks in the essays. */
import type { RecordedRequest } from "../../../../tools/fake-upstream/script.ts";
import { count, entry, nonZero, type Entry } from "./entries.ts";

/** @param judged how many of them were answered by a judgement, as clients have it */
export function ofCalls(calls: readonly RecordedRequest[], judged: number): readonly Entry[] {
  const answered = calls.filter(({ outcome }) => outcome === "answered").length;
  const outcomes = count(
    calls.filter(({ outcome }) => outcome !== "answered"),
    ({ outcome }) => reasons[outcome] ?? outcome,
  );
  return [
    entry(
      "attempts_total",
      ["provider"],
      count(calls, ({ vendor }) => String(vendor)),
    ),
    entry("attempts_total", ["outcome"], nonZero({ ...outcomes, judged, unreadable: answered - judged })),
    entry(
      "attempt_duration_seconds_count",
      ["provider"],
      count(calls, ({ vendor }) => String(vendor)),
    ),
    entry(
      "upstream_responses_total",
      ["provider", "status"],
      count(calls, ({ vendor, status }) => `${vendor} ${status ?? "none"}`),
    ),
    ...ofRepeatedCalls(calls),
  ];
}

/** A call for a comparison whose call before failed is a retry; after an answer without a judgement it is the one more ask. */
function ofRepeatedCalls(calls: readonly RecordedRequest[]): readonly Entry[] {
  const retries: string[] = [];
  let reasks = 0;
  for (const [before, call] of pairs(calls)) {
    if (before.outcome === "answered") reasks++;
    else retries.push(`${call.vendor} ${reasons[before.outcome] ?? before.outcome}`);
  }
  return [
    entry(
      "retries_total",
      ["provider", "reason"],
      count(retries, (key) => key),
    ),
    entry("reasks_total", ["provider"], { openai: reasks }),
  ];
}

function pairs(calls: readonly RecordedRequest[]): readonly (readonly [RecordedRequest, RecordedRequest])[] {
  const byMark = Map.groupBy(calls, ({ bodyText }) => markIn(bodyText));
  byMark.delete(null);
  return [...byMark.values()].flatMap((all) =>
    all.slice(1).flatMap((call, at) => {
      const before = all[at];
      return before === undefined ? [] : [[before, call] as const];
    }),
  );
}

/** What the vendors' troubles are to us. */
const reasons: Readonly<Record<string, string>> = {
  unavailable: "unavailable",
  rateLimited: "rate_limited",
  credentialsRefused: "credentials_refused",
  creditExhausted: "quota_exhausted",
  contextTooLong: "request_refused",
  refusal: "content_refused",
  truncatedAnswer: "truncated",
  stall: "timeout",
  cut: "connection",
};

export function markIn(text: string): string | null {
  return /\[\w+\]/.exec(text)?.[0] ?? null;
}
