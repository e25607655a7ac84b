/** What the books say of a process that was not given a CPU: both sides of each edge. */
import { describe, expect, it } from "vitest";
import {
  isStarved,
  notGivenInWords,
  spansOf,
  starvedIn,
  type CpuReading,
  type CpuSpan,
} from "./starvation.ts";

const reading = (atMs: number, ranMs: number, waitedMs: number, isRunnable = false): CpuReading => ({
  atMs,
  ranMs,
  waitedMs,
  isRunnable,
});
const span = (change: Partial<CpuSpan> = {}): CpuSpan => ({
  process: 0,
  pid: 1,
  fromMs: 100,
  toMs: 200,
  ranMs: 0,
  waitedMs: 0,
  ...change,
});
const waits = (...readings: CpuReading[]) => spansOf(0, 1, readings).map(({ waitedMs }) => waitedMs);

describe("readings", () => {
  it("tell what was run and waited between each two", () => {
    expect(spansOf(2, 7, [reading(100, 50, 30), reading(125, 60, 35)])).toEqual([
      { process: 2, pid: 7, fromMs: 100, toMs: 125, ranMs: 10, waitedMs: 5 },
    ]);
  });

  it("book a long wait at its end: what a span has no room for lies before it, and no more", () => {
    expect(waits(reading(0, 0, 0), reading(25, 20, 0), reading(50, 20, 0), reading(75, 25, 40))).toEqual([
      0, 20, 20,
    ]);
    expect(waits(reading(0, 0, 0), reading(25, 20, 0), reading(50, 20, 0), reading(75, 25, 60))).toEqual([
      5, 25, 20,
    ]);
  });

  it("take a last wait that is not over for one as long as nothing has moved", () => {
    const end = (...runnable: readonly [boolean, boolean]) =>
      waits(
        reading(0, 0, 0, true),
        reading(25, 5, 0, true),
        reading(50, 5, 0, runnable[0]),
        reading(75, 5, 0, runnable[1]),
      );
    expect(end(true, true)).toEqual([0, 25, 25]);
    expect(end(false, true)).toEqual([0, 0, 0]);
    expect(end(true, false)).toEqual([0, 0, 0]);
  });

  it("say nothing before there are two", () => {
    expect(waits()).toEqual([]);
    expect(waits(reading(0, 0, 0, true))).toEqual([]);
  });
});

describe("a process was starved in a time", () => {
  it("in which it waited for more than half", () => {
    expect(starvedIn([span({ waitedMs: 50.1 })])(0, 100, 200)).toBe(true);
    expect(starvedIn([span({ waitedMs: 50 })])(0, 100, 200)).toBe(false);
  });

  it("though it ran in the rest, and not where it slept in the rest", () => {
    const spans = [span({ waitedMs: 80, ranMs: 20 }), span({ fromMs: 200, toMs: 300 })];
    expect(starvedIn(spans)(0, 100, 200)).toBe(true);
    expect(starvedIn(spans)(0, 100, 260)).toBe(false);
    expect(starvedIn(spans)(0, 100, 259)).toBe(true);
  });

  it("by one of the processes it consists of, and by no other service's", () => {
    const spans = [span(), span({ pid: 2, waitedMs: 60 })];
    expect(starvedIn(spans)(0, 100, 200)).toBe(true);
    expect(starvedIn(spans)(1, 100, 200)).toBe(false);
  });

  it("by what was read of that time, not of another one, nor of none", () => {
    const spans = [span({ waitedMs: 100 })];
    expect(starvedIn(spans)(0, 200, 300)).toBe(false);
    expect(starvedIn(spans)(0, 150, 250)).toBe(false);
    expect(starvedIn(spans)(0, 150, 249)).toBe(true);
    expect(starvedIn(spans)(0, 150, 150)).toBe(false);
    expect(starvedIn(spans)(0, 150, Number.POSITIVE_INFINITY)).toBe(false);
    expect(starvedIn([])(0, 100, 200)).toBe(false);
  });
});

it("a run was starved whose service was not given more than half of what it wanted", () => {
  expect(isStarved([span({ ranMs: 10, waitedMs: 10.1 })])).toBe(true);
  expect(isStarved([span({ ranMs: 10, waitedMs: 10 })])).toBe(false);
  expect(isStarved([span({ ranMs: 10 }), span({ waitedMs: 10.1 })])).toBe(true);
  expect(isStarved([span()])).toBe(false);
  expect(isStarved([])).toBe(false);
});

it("says of a run how much of the CPU that it wanted the service was not given, or that nobody knows", () => {
  expect(notGivenInWords([span({ ranMs: 25, waitedMs: 75 })])).toBe(
    "the service was not given 75 % of the CPU that it wanted",
  );
  expect(notGivenInWords([])).toBe("what CPU the service was given is not known here");
});
