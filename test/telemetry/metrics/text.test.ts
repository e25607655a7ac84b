/** The text that Prometheus reads, held against what prom-client writes of the same observations. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import {
  countedFamilies,
  shownFamilies,
  type CountedName,
  type Family,
} from "../../../src/telemetry/metrics/families.ts";
import { newSums, observe, seriesOf } from "../../../src/telemetry/metrics/sums.ts";
import { shown, shownAs, textOf } from "../../../src/telemetry/metrics/text.ts";

/** The next number of a fixed sequence, from 0 to 1. */
function dice(): () => number {
  let state = 42;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

const strange = ["plain", 'a "quoted" one', "back\\slash", "two\nlines", "", "ümlaut {x=1}"];

function promMetric(name: string, { type, help, labels, buckets }: Family, registry: Registry) {
  const shape = { name, help, labelNames: [...labels], registers: [registry] };
  switch (type) {
    case "counter":
      return new Counter(shape);
    case "gauge":
      return new Gauge(shape);
    case "histogram":
      return new Histogram({ ...shape, buckets: [...(buckets ?? [])] });
  }
}

/** Each family with its head, and its samples whatever their order and the order of their labels. */
function meaningOf(text: string): Readonly<Record<string, unknown>> {
  const meaning: Record<string, string[]> = {};
  let family = "";
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const head = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (head !== null) {
      family = String(head[2]);
      (meaning[family] ??= []).push(`${head[1]} ${head[3]}`);
      continue;
    }
    const [, name, labels = "", value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([pair]) => pair).toSorted();
    (meaning[family] ??= []).push(
      `${name}{${pairs.join(",")}} ${Number(value?.replace("+Inf", "Infinity"))}`,
    );
  }
  return Object.fromEntries(Object.entries(meaning).map(([name, lines]) => [name, lines.toSorted()]));
}

it("says of every metric what prom-client says of the same observations", async () => {
  const sums = newSums();
  const registry = new Registry();
  const next = dice();
  for (const name of Object.keys(countedFamilies) as CountedName[]) {
    const family: Family = countedFamilies[name];
    const metric = promMetric(name, family, registry);
    for (let times = 0; times < 40; times++) {
      const values = family.labels.map(() => strange[Math.floor(next() * strange.length)] ?? "");
      const labels = Object.fromEntries(family.labels.map((label, at) => [label, values[at] ?? ""]));
      const series = seriesOf(sums, name, values);
      const value = Math.round(next() * 1e6) / (next() < 0.5 ? 1 : 4_096);
      if (metric instanceof Histogram) {
        metric.observe(labels, value);
        observe(series, family.buckets ?? [], value);
      } else {
        metric.inc(labels, value);
        series.value += value;
      }
    }
  }
  const gauges = Object.entries(shownFamilies).filter(([, { labels }]) => labels.length === 1);
  const samples = strange.map((value, at) => ({ values: [value], value: at / 8 }));
  for (const [name, family] of gauges) {
    const metric = promMetric(name, family, registry);
    for (const { values, value } of samples)
      (metric as Gauge).inc(
        Object.fromEntries(family.labels.map((label) => [label, values[0] ?? ""])),
        value,
      );
  }
  const ours = textOf(
    sums,
    gauges.map(([name]) => shown(name as keyof typeof shownFamilies, samples)),
  );
  expect(Object.keys(meaningOf(ours))).toHaveLength(Object.keys(countedFamilies).length + gauges.length);
  expect(meaningOf(ours)).toEqual(meaningOf(await registry.metrics()));
});

describe("writes", () => {
  it("no metric of which nothing is known", () => {
    expect(textOf(newSums(), [shown("llm_provider_store_up", [])])).toBe("");
  });

  it.each([
    [1e21, "1e+21"],
    [1e-9, "1e-9"],
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [NaN, "NaN"],
    [0.1 + 0.2, "0.30000000000000004"],
  ])("%d as Prometheus reads it", (value, written) => {
    expect(textOf(newSums(), [shownAs("llm_provider_http_requests_in_flight", value)])).toMatch(
      new RegExp(`^llm_provider_http_requests_in_flight ${written.replace("+", "\\+")}$`, "m"),
    );
  });
});

it("names every metric as Prometheus asks: counters end in _total, and nothing else does", () => {
  for (const [name, family] of Object.entries({ ...countedFamilies, ...shownFamilies })) {
    expect(name).toMatch(/^llm_provider_[a-z_]+$/);
    expect(name.endsWith("_total")).toBe(family.type === "counter");
  }
});
