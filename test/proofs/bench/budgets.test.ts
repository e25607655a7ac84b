import { expect, it } from "vitest";
import { budgetTable, judgeBudgets } from "./budgets.ts";
import type { Candidate, Kind, Platform } from "./candidates.ts";
import type { LoadResult } from "./load.ts";
import type { Sample, Setting } from "./measure.ts";
import { noiseLine, tables, trustedSamples } from "./report.ts";
import { figureOf } from "./statistics.ts";

const setting: Setting = { connections: 64, latencyMs: 0 };

function candidate(platform: Platform, kind: Kind): Candidate {
  const request = { path: "/", headers: {}, body: "", expects: "judgement" as const };
  return { platform, kind, name: `${kind} on ${platform}`, request, command: () => ({ file: "", args: [] }) };
}

function sample(of: Candidate | null, cpu: number | null, more: Partial<LoadResult> = {}, round = 1): Sample {
  const result: LoadResult = {
    requests: 1000,
    answered: 1200,
    requestsPerSecond: 500,
    p50Ms: 2,
    p95Ms: 4,
    p99Ms: 8,
    cpuMicrosecondsPerRequest: cpu,
    residentMegabytes: of === null ? null : 100,
    foreignShare: 0,
    ...more,
  };
  return { round, setting, candidate: of, result };
}

it.each([
  [150, "PASS"],
  [151, "FAIL"],
])("a Node service of %d µs beside a bare route of 100 µs is a %s", (cpu, word) => {
  const ours = candidate("node", "ours");
  const json = candidate("node", "json");
  const verdicts = judgeBudgets([sample(ours, cpu), sample(json, 100)], [ours, json], setting);
  expect(verdicts.map(({ kept }) => kept)).toEqual([word === "PASS", true, true, true]);
  expect(budgetTable(verdicts).split("\n")[2]).toContain(word);
});

it("compares within one platform only, and says what was not measured", () => {
  const ours = candidate("workerd", "ours");
  const portkey = candidate("node", "portkey");
  const verdicts = judgeBudgets([sample(ours, 900), sample(portkey, 100)], [ours, portkey], setting);
  expect(verdicts.map(({ ratio }) => ratio)).toEqual([null, null, null, null]);
  expect(budgetTable(verdicts)).toContain("not measured");
});

it("leaves a noisy window out where there is a quiet one, and otherwise keeps it and says so", () => {
  const ours = candidate("node", "ours");
  const json = candidate("node", "json");
  const quiet = sample(ours, 100, { foreignShare: 0.12 });
  const noisy = sample(ours, 300, { foreignShare: 0.121 }, 2);
  const onlyNoisy = sample(json, 200, { foreignShare: 0.5 });
  expect(trustedSamples([quiet, noisy, onlyNoisy])).toEqual([quiet, onlyNoisy]);
  expect(noiseLine([quiet, noisy, onlyNoisy])).toContain("2 of 3 windows: 1 left out, 1 kept");
});

it("shows the latency that a candidate adds to the direct call of the same round", () => {
  const ours = candidate("node", "ours");
  const samples = [
    sample(null, null, { p50Ms: 1 }, 1),
    sample(null, null, { p50Ms: 5 }, 2),
    sample(ours, 100, { p50Ms: 1.5 }, 1),
    sample(ours, 100, { p50Ms: 6.5 }, 2),
  ];
  expect(tables(samples, [ours], [setting])).toContain("1.00 (0.50–1.50)");
});

it("takes the mean of the middle two as the median of an even count", () => {
  expect(figureOf([9, 1, 4, 2])).toEqual({ median: 3, least: 1, most: 9 });
  expect(figureOf([9, 1, 4])).toEqual({ median: 4, least: 1, most: 9 });
  expect(figureOf([])).toBeNull();
});
