/**
 * Counters and histograms as plain values: counted in place, taken out as differences, and added to others. Adding is associative and
 * commutative (but for the rounding of fractions), so it does not matter who adds whose differences first.
 */
import { countedFamilies, type CountedName, type Family } from "./families.ts";

/** One series: of a counter its value; of a histogram the sum of what was observed, and how many fell between two edges. */
export interface Series {
  readonly values: readonly string[];
  value: number;
  /** The last is for what lies above all edges. `null`: it is no histogram. */
  readonly counts: number[] | null;
}

/** By name, then by the values of the labels. */
export type Sums = Map<CountedName, Map<string, Series>>;

/** What a series has grown by. Plain JSON: it travels from isolates of one version to an object of another. */
export type Difference = readonly [
  name: string,
  values: readonly string[],
  value: number,
  counts: readonly number[] | null,
];

const families: Readonly<Record<string, Family>> = countedFamilies;

export function newSums(): Sums {
  return new Map();
}

/** The series of these labels, which begins at 0. It stays the same object for as long as the sums last. */
export function seriesOf(sums: Sums, name: CountedName, values: readonly string[]): Series {
  const family = sums.get(name) ?? new Map<string, Series>();
  if (family.size === 0) sums.set(name, family);
  const key = values.join("\0");
  const known = family.get(key);
  if (known !== undefined) return known;
  const { buckets }: Family = countedFamilies[name];
  const counts = buckets === undefined ? null : Array.from({ length: buckets.length + 1 }, () => 0);
  const made = { values, value: 0, counts };
  family.set(key, made);
  return made;
}

/** Of a histogram. @param edges of its family */
export function observe(series: Series, edges: readonly number[], value: number): void {
  let at = 0;
  while (at < edges.length && value > (edges[at] ?? Infinity)) at++;
  series.value += value;
  if (series.counts !== null) series.counts[at] = (series.counts[at] ?? 0) + 1;
}

/** All that was counted since it was last taken: from here on every series is at 0 again. */
export function takeDifferences(sums: Sums): readonly Difference[] {
  const taken: Difference[] = [];
  for (const [name, family] of sums) {
    for (const series of family.values()) {
      if (isZero(series)) continue;
      taken.push([name, series.values, series.value, series.counts && [...series.counts]]);
      series.value = 0;
      series.counts?.fill(0);
    }
  }
  return taken;
}

function isZero({ value, counts }: Series): boolean {
  return value === 0 && (counts === null || counts.every((count) => count === 0));
}

/** What these sums are, as differences from nothing. */
export function differencesOf(sums: Sums): readonly Difference[] {
  return [...sums].flatMap(([name, family]) =>
    Array.from(family.values(), ({ values, value, counts }): Difference => [
      name,
      values,
      value,
      counts && [...counts],
    ]),
  );
}

/** What code of another version counts that this one does not know, or has other edges for, is left out. */
export function addDifferences(sums: Sums, differences: readonly Difference[]): void {
  for (const [name, values, value, counts] of differences) {
    const family = families[name];
    if (family === undefined || family.labels.length !== values.length) continue;
    const length = family.buckets === undefined ? undefined : family.buckets.length + 1;
    if (counts?.length !== length) continue;
    const series = seriesOf(sums, name as CountedName, values);
    series.value += value;
    for (const [at, count] of (counts ?? []).entries()) {
      if (series.counts !== null) series.counts[at] = (series.counts[at] ?? 0) + count;
    }
  }
}
