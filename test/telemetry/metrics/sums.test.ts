/** Counting, and adding what others have counted. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { countedFamilies, type CountedName, type Family } from "../../../src/telemetry/metrics/families.ts";
import {
  addDifferences,
  differencesOf,
  newSums,
  observe,
  seriesOf,
  takeDifferences,
  type Difference,
  type Sums,
} from "../../../src/telemetry/metrics/sums.ts";

/** A thing that is counted: of a counter how many, of a histogram what was observed. */
interface Counting {
  readonly name: CountedName;
  readonly values: readonly string[];
  readonly value: number;
}

/** Whole numbers: fractions are rounded by each sum, whoever adds. */
const counting: fc.Arbitrary<Counting> = fc
  .constantFrom(...(Object.keys(countedFamilies) as CountedName[]))
  .chain((name) => {
    const { labels } = countedFamilies[name];
    const value = fc.constantFrom("a", "b", 'c"\\\n');
    return fc.record({
      name: fc.constant(name),
      values: fc.array(value, { minLength: labels.length, maxLength: labels.length }),
      value: fc.integer({ min: 1, max: 20_000 }),
    });
  });

function count(sums: Sums, { name, values, value }: Counting): void {
  const series = seriesOf(sums, name, values);
  const family: Family = countedFamilies[name];
  if (family.buckets === undefined) series.value += value;
  else observe(series, family.buckets, value);
}

function counted(all: readonly Counting[]): Sums {
  const sums = newSums();
  for (const one of all) count(sums, one);
  return sums;
}

const inOrder = (sums: Sums) =>
  differencesOf(sums)
    .map((one) => JSON.stringify(one))
    .toSorted();

/** Series that are 0 are there, or are not: they count nothing. */
const nonZero = (sums: Sums) => inOrder(sums).filter((one) => !/,0,(null|\[[0,]*\])\]$/.test(one));

function added(...all: readonly (readonly Difference[])[]): Sums {
  const sums = newSums();
  for (const differences of all) addDifferences(sums, differences);
  return sums;
}

it("adds up to the same, whoever counted what, in whatever order it comes and however it is bundled", () => {
  fc.assert(
    fc.property(
      fc.array(counting, { maxLength: 30 }),
      fc.array(counting, { maxLength: 30 }),
      fc.array(counting),
      (a, b, c) => {
        const [ofA, ofB, ofC] = [a, b, c].map((all) => differencesOf(counted(all)));
        if (!ofA || !ofB || !ofC) throw new Error("three");
        const whole = inOrder(counted([...a, ...b, ...c]));
        expect(inOrder(added(ofA, ofB, ofC))).toEqual(whole);
        expect(inOrder(added(ofC, ofA, ofB))).toEqual(whole);
        expect(inOrder(added(ofA, differencesOf(added(ofB, ofC))))).toEqual(whole);
      },
    ),
  );
});

it("has taken out what it counts no more: all that was taken and what is left make the whole", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(counting, fc.boolean())), (all) => {
      const sums = newSums();
      const taken: (readonly Difference[])[] = [];
      for (const [one, takes] of all) {
        count(sums, one);
        if (takes) taken.push(takeDifferences(sums));
      }
      const whole = added(...taken, differencesOf(sums));
      expect(nonZero(whole)).toEqual(nonZero(counted(all.map(([one]) => one))));
      takeDifferences(sums);
      expect(takeDifferences(sums)).toEqual([]);
    }),
  );
});

it("counts on in a series that somebody holds, after it was taken", () => {
  const sums = newSums();
  const held = seriesOf(sums, "llm_provider_tickets_total", ["openai", "accepted"]);
  held.value++;
  takeDifferences(sums);
  held.value++;
  expect(takeDifferences(sums)).toEqual([["llm_provider_tickets_total", ["openai", "accepted"], 1, null]]);
});

it.each<[string, Difference]>([
  ["a metric that is not known", ["llm_provider_of_tomorrow_total", ["a"], 1, null]],
  ["another number of labels", ["llm_provider_tickets_total", ["a"], 1, null]],
  ["other edges", ["llm_provider_confidence", ["a", "b"], 4, [0, 1]]],
  ["a counter that was a histogram", ["llm_provider_tickets_total", ["a", "b"], 1, [1]]],
])("leaves out what code of another version sends: %s", (_, difference) => {
  expect(differencesOf(added([difference]))).toEqual([]);
});

it.each([
  [0.0049, 0],
  [0.005, 0],
  [0.0051, 1],
  [60, 12],
  [60.1, 13],
])(
  "an observation of %d is counted between the edges that it lies in: an edge is its own bucket's",
  (value, at) => {
    const { buckets } = countedFamilies.llm_provider_http_request_duration_seconds;
    const series = seriesOf(newSums(), "llm_provider_http_request_duration_seconds", ["r", "m"]);
    observe(series, buckets, value);
    expect(series.counts?.indexOf(1)).toBe(at);
  },
);
