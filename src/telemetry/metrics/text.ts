/** Metrics as Prometheus reads them: its text format 0.0.4. https://prometheus.io/docs/instrumenting/exposition_formats/ */
import { countedFamilies, shownFamilies, type Family, type ShownName } from "./families.ts";
import type { Sums } from "./sums.ts";

export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

/** One series now: as `Series` has it. */
export interface Sample {
  readonly values: readonly string[];
  readonly value: number;
  /** Of a histogram. */
  readonly counts?: readonly number[] | null;
}

/** A family that is known at the scrape alone. Where there are no samples, it is left out. */
export interface Shown extends Family {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** One of ours. */
export function shown(name: ShownName, samples: readonly Sample[]): Shown {
  return { name, ...shownFamilies[name], samples };
}

/** One of ours that has no labels. */
export function shownAs(name: ShownName, value: number): Shown {
  return shown(name, [{ values: [], value }]);
}

export function textOf(sums: Sums, shown: readonly Shown[]): string {
  const counted = [...sums].map(([name, family]) =>
    block(
      name,
      countedFamilies[name],
      [...family.values()].flatMap(seriesLines(name, countedFamilies[name])),
    ),
  );
  const present = shown
    .filter(({ samples }) => samples.length > 0)
    .map((family) => block(family.name, family, family.samples.flatMap(seriesLines(family.name, family))));
  return [...counted, ...present].join("");
}

function block(name: string, { type, help }: Family, lines: readonly string[]): string {
  const head = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  return head + lines.join("");
}

function seriesLines(name: string, { labels, buckets = [] }: Family) {
  return ({ values, value, counts = null }: Sample): readonly string[] => {
    const own = pairs(labels, values);
    if (counts === null) return [line(name, own, value)];
    let upTo = 0;
    const lines = counts.map((count, at) => {
      upTo += count;
      const edge = buckets[at];
      return line(`${name}_bucket`, [...own, `le="${edge === undefined ? "+Inf" : number(edge)}"`], upTo);
    });
    return [...lines, line(`${name}_sum`, own, value), line(`${name}_count`, own, upTo)];
  };
}

function line(name: string, own: readonly string[], value: number): string {
  return `${name}${own.length === 0 ? "" : `{${own.join(",")}}`} ${number(value)}\n`;
}

function pairs(labels: readonly string[], values: readonly string[]): readonly string[] {
  return labels.map((label, at) => `${label}="${escaped(values[at] ?? "")}"`);
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function number(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
