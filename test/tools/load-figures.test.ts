/** What a load test says of all that came: figures, limits, words and a picture. */
import { describe, expect, it } from "vitest";
import { judgeLimits, type Limits } from "../../tools/load/limits.ts";
import { readOptions } from "../../tools/load/options.ts";
import { outcomeOf, ticketEndOf } from "../../tools/load/outcome.ts";
import { pictureOf } from "../../tools/load/picture.ts";
import { reportOf } from "../../tools/load/report.ts";
import type { Arrival } from "../../tools/load/run.ts";
import { errorOf, latencyIn, summaryOf } from "../../tools/load/summary.ts";

const judged = { kind: "judged", provider: "openai" } as const;
const kept = { kind: "kept", provider: "openai", resultsUrl: "/r", retryAfterSeconds: 1 } as const;
const arrival = (changes: Partial<Arrival> = {}): Arrival => ({
  provider: "openai",
  plannedMs: 0,
  lateMs: 1,
  latencyMs: 100,
  outcome: judged,
  correlationId: "0000000a-b00c-4d0e-8f00-000000000001",
  end: null,
  ...changes,
});
const summary = (arrivals: readonly Arrival[]) =>
  summaryOf({ arrivals, requests: arrivals.length, opened: 1 });
const noLimits: Limits = {
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  p999Ms: null,
  maxMs: null,
  errorsPercent: 100,
  ticketsPercent: null,
};

describe("an answer is", () => {
  const judgement = JSON.stringify({ winner: "Essay B", provider: "google", justification: "…" });

  it("a judgement where it holds one", () => {
    expect(outcomeOf(200, judgement)).toEqual({ kind: "judged", provider: "google" });
  });

  it("a ticket, with where and when to ask after it", () => {
    const ticket = { provider: "google", results_url: "/api/v1/results/1", retry_after: 7 };
    expect(outcomeOf(202, JSON.stringify(ticket))).toEqual({
      kind: "kept",
      provider: "google",
      resultsUrl: "/api/v1/results/1",
      retryAfterSeconds: 7,
    });
  });

  it.each([
    [200, "{}", "200 without a judgement"],
    [200, judgement.replace("Essay B", "tie"), "200 without a judgement"],
    [202, "{}", "202 without a ticket"],
    [503, '{"error_type":"QUEUE_FULL"}', "503 QUEUE_FULL"],
    [502, "<html>", "502, not by the service"],
    [429, '{"error_type":"<script>"}', "429, not by the service"],
  ])("an error otherwise, by its kind: %i %s", (status, text, what) => {
    expect(outcomeOf(status, text)).toEqual({ kind: "failed", what });
  });
});

describe("a ticket", () => {
  it("waits while the service says so, or can't say", () => {
    expect(ticketEndOf(202, '{"retry_after":12}')).toEqual({ kind: "waits", seconds: 12 });
    for (const status of [202, 429, 503])
      expect(ticketEndOf(status, "")).toEqual({ kind: "waits", seconds: 1 });
  });

  it("is judged, and has waited by the service's own clock", () => {
    const result = {
      winner: "Essay A",
      queued_at: "2026-11-30T12:00:00.000Z",
      completed_at: "2026-11-30T12:00:02.500Z",
    };
    expect(ticketEndOf(200, JSON.stringify(result))).toEqual({
      kind: "judged",
      waitedMs: 2_500,
      atMs: Date.parse(result.completed_at),
    });
  });

  it.each([
    [404, '{"error_type":"RESOURCE_NOT_FOUND"}', "a ticket: 404 RESOURCE_NOT_FOUND"],
    [410, '{"error_type":"REQUEST_EXPIRED"}', "a ticket: 410 REQUEST_EXPIRED"],
    [502, '{"error_type":"INVALID_RESPONSE"}', "a ticket: 502 INVALID_RESPONSE"],
    [200, "{}", "a ticket's result without a judgement"],
  ])("has failed otherwise: %i %s", (status, text, what) => {
    expect(ticketEndOf(status, text)).toEqual({ kind: "failed", what });
  });
});

it("a percentile is the value that so many did not exceed", () => {
  const to = (count: number) => Array.from({ length: count }, (_, at) => count - at);
  expect(latencyIn(to(1_000))).toEqual({ p50Ms: 500, p95Ms: 950, p99Ms: 990, p999Ms: 999, maxMs: 1_000 });
  expect(latencyIn(to(3))).toEqual({ p50Ms: 2, p95Ms: 3, p99Ms: 3, p999Ms: 3, maxMs: 3 });
  expect(latencyIn([])).toBeNull();
});

describe("the figures", () => {
  it("are each provider's own, with errors and tickets as shares of what came", () => {
    const { providers } = summary([
      arrival({ provider: "google", latencyMs: 10 }),
      arrival({ latencyMs: 300 }),
      arrival({ latencyMs: 200, outcome: kept, end: { kind: "judged", waitedMs: 1_000, atMs: 5_000 } }),
      arrival({ latencyMs: 100, outcome: kept, end: { kind: "unended" } }),
      arrival({ latencyMs: 400, outcome: { kind: "failed", what: "no answer in time" } }),
    ]);
    expect(providers.map(({ provider, all }) => [provider, all.count, all.latency?.maxMs])).toEqual([
      ["google", 1, 10],
      ["openai", 4, 400],
    ]);
    expect(providers[1]).toMatchObject({
      judged: { count: 1 },
      kept: { count: 2 },
      failed: { count: 1 },
      errorsPercent: 50,
      ticketsPercent: 50,
      tickets: { kept: 2, judged: 1, failed: 0, unended: 1, notFollowed: 0, waited: { maxMs: 1_000 } },
    });
  });

  it("count a ticket as an error where it failed or had not ended, and not where nobody followed it", () => {
    const ends = [
      null,
      { kind: "unended" },
      { kind: "failed", what: "a ticket: 410 REQUEST_EXPIRED" },
    ] as const;
    expect(ends.map((end) => errorOf(arrival({ outcome: kept, end })))).toEqual([
      null,
      "a ticket that had not ended",
      "a ticket: 410 REQUEST_EXPIRED",
    ]);
  });

  it("tell the queue's throughput from the first end to the last", () => {
    const ends = [2_000, 1_000, 1_500, 3_000, 2_500];
    const { providers } = summary(
      ends.map((atMs) => arrival({ outcome: kept, end: { kind: "judged", waitedMs: 0, atMs } })),
    );
    expect(providers[0]?.tickets.judgedPerSecond).toBe(2);
  });

  it("name errors by kind, the most frequent first, and the five slowest", () => {
    const failed = (what: string) => arrival({ outcome: { kind: "failed", what } });
    const { errors, slowest } = summary([
      failed("ECONNREFUSED"),
      failed("503 QUEUE_FULL"),
      failed("503 QUEUE_FULL"),
      ...[6, 3, 5, 4, 7, 2].map((seconds) => arrival({ latencyMs: seconds * 1_000 })),
    ]);
    expect(errors).toEqual([
      { what: "503 QUEUE_FULL", count: 2 },
      { what: "ECONNREFUSED", count: 1 },
    ]);
    expect(slowest.map(({ latencyMs }) => latencyMs)).toEqual([7_000, 6_000, 5_000, 4_000, 3_000]);
  });
});

describe("a limit", () => {
  const slow = [
    ...Array.from({ length: 95 }, () => arrival()),
    ...Array.from({ length: 5 }, () => arrival({ latencyMs: 900 })),
  ];

  it.each([
    [{ p95Ms: 100 }, true],
    [{ p95Ms: 99.9 }, false],
    [{ p99Ms: 900 }, true],
    [{ p99Ms: 899 }, false],
    [{ p50Ms: 99 }, false],
    [{ p999Ms: 899 }, false],
    [{ maxMs: 900 }, true],
    [{ ticketsPercent: 0 }, true],
  ])("is kept up to its value: %j", (limit, isKept) => {
    const verdicts = judgeLimits(summary(slow), { ...noLimits, ...limit });
    expect(verdicts.map((verdict) => verdict.isKept)).toEqual([isKept, true]);
  });

  it("of errors or tickets is kept up to that share", () => {
    const some = [
      ...Array.from({ length: 98 }, () => arrival()),
      arrival({ outcome: { kind: "failed", what: "x" } }),
      arrival({ outcome: kept }),
    ];
    const missed = (limits: Partial<Limits>) =>
      judgeLimits(summary(some), { ...noLimits, ...limits })
        .filter(({ isKept }) => !isKept)
        .map(({ name }) => name);
    expect(missed({ errorsPercent: 1, ticketsPercent: 1 })).toEqual([]);
    expect(missed({ errorsPercent: 0.9, ticketsPercent: 0.9 })).toEqual(["errors", "tickets"]);
  });

  it("holds for each provider by itself", () => {
    const verdicts = judgeLimits(
      summary([...slow, ...Array.from({ length: 900 }, () => arrival({ provider: "google", latencyMs: 5 }))]),
      { ...noLimits, p99Ms: 500 },
    );
    expect(verdicts.filter(({ isKept }) => !isKept).map(({ provider }) => provider)).toEqual(["openai"]);
  });
});

const options = (() => {
  const asked = readOptions(["--url", "http://x", "--rate", "10", "--seconds", "2", "--p95", "50"], {
    LOAD_API_KEY: "lps_canary",
  });
  if (asked.kind !== "run") throw new Error("not a run");
  return asked.options;
})();

describe("the report", () => {
  it("says what was missed, by how much, and whether this machine was late itself; and never the key", () => {
    const late = summary([arrival({ lateMs: 40 }), arrival({ outcome: kept, end: { kind: "unended" } })]);
    const text = reportOf(options, late, judgeLimits(late, options.limits));
    expect(text).toContain("MISSED  openai: p95 100 ms of 50 ms");
    expect(text).toContain("MISSED  openai: errors 50.0 % of 0 %");
    expect(text).toContain("its own delays are in all figures above");
    expect(text).toContain("error: a ticket that had not ended: 1");
    expect(text).not.toContain("canary");
    const prompt = summary([arrival()]);
    expect(reportOf(options, prompt, [])).not.toContain("its own delays");
  });
});

describe("the picture", () => {
  const about = { seconds: 2, title: 'a "title" & <more>', p95LimitMs: 50 };

  it("has a panel for each provider, and every text in it stays text", () => {
    const svg = pictureOf([arrival(), arrival({ provider: "<b>", plannedMs: 1_999 })], about);
    expect(svg.match(/<g /g)).toHaveLength(2);
    expect(svg.match(/<polyline /g)).toHaveLength(8);
    expect(svg).toContain("&#60;b&#62;");
    expect(svg).not.toMatch(/<b>|<more>|NaN|Infinity|undefined/);
  });

  it.each([
    ["nothing", []],
    ["one arrival at the very end", [arrival({ plannedMs: 2_000 })]],
    ["an answer in no time", [arrival({ latencyMs: 0 })]],
    ["an answer after an hour", [arrival({ latencyMs: 3_600_000 })]],
  ])("can be drawn of %s", (_, arrivals) => {
    expect(pictureOf(arrivals, { ...about, p95LimitMs: null })).not.toMatch(/NaN|Infinity|undefined/);
  });
});
