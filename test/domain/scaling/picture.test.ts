import { describe, expect, it } from "vitest";
import { pictureOf } from "../../../src/domain/scaling/picture.ts";
import type { Score } from "../../../src/domain/scaling/scores.ts";
import { judgedBy, noisy, perfect, plannedSet, reported } from "./made-up-judges.ts";

const plan = plannedSet(12);
const { scores } = reported(plan, judgedBy(plan, noisy(12)));

/** The elements that are open at the end, or where one is closed that isn't: none in what is well-formed. */
function unclosed(xml: string): readonly string[] {
  const open: string[] = [];
  for (const [, closes, name = "", closed] of xml.matchAll(
    /<(\/?)([\w-]+)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/g,
  )) {
    if (closes === "/") {
      if (open.at(-1) !== name) return [...open, name];
      open.pop();
    } else if (closed !== "/") open.push(name);
  }
  return open;
}

const count = (text: string, part: string) => text.split(part).length - 1;

/** From left to right, in pixels. */
function barsOf(svg: string): readonly (readonly [number, number])[] {
  return [...svg.matchAll(/class="bar" d="M([\d.]+) \d+H([\d.]+)"/g)].map(([, low, high]) => [
    Number(low),
    Number(high),
  ]);
}

describe("the picture", () => {
  const svg = pictureOf(scores, "9B");

  it("has a dot and a bar for each essay, the bar around the dot", () => {
    expect(count(svg, "<circle")).toBe(12);
    const dots = [...svg.matchAll(/cx="([\d.]+)"/g)].map(([, x]) => Number(x));
    const bars = barsOf(svg);
    expect(bars).toHaveLength(12);
    for (const [at, [low, high]] of bars.entries()) {
      expect(dots[at]).toBeGreaterThan(low);
      expect(dots[at]).toBeLessThan(high);
      expect(low).toBeGreaterThanOrEqual(186);
      expect(high).toBeLessThanOrEqual(746);
    }
    expect(dots).toEqual(dots.toSorted((one, other) => other - one));
  });

  it("is well-formed, loads nothing, and runs nothing, whatever essays and sets are called", () => {
    const hostile = `</title><script>alert("1")</script>&'\u0000\uFFFF`;
    const named = scores.map((score): Score => ({ ...score, essay: hostile }));
    const drawn = pictureOf(named, hostile);
    expect(unclosed(drawn)).toEqual([]);
    expect(drawn).not.toMatch(/<script|href|url\(|@import|\son\w+=/i);
    for (const none of ["\u0000", "\uFFFF"]) expect(drawn).not.toContain(none);
    expect(drawn.replaceAll(/&(amp|lt|gt|quot|#39);/g, "")).not.toContain("&");
  });

  it("says how many have no verdicts", () => {
    const left = scores.map((score, at): Score => (at < 2 ? { ...score, theta: null, ci95: null } : score));
    expect(pictureOf(left, "9B")).toContain("2 without verdicts left out");
    expect(count(pictureOf(left, "9B"), "<circle")).toBe(10);
    expect(unclosed(pictureOf([], "9B"))).toEqual([]);
  });

  it("cuts a long name, and tells it whole to who points at it", () => {
    const name = "a-very-long-name-of-an-essay-by-a-pupil";
    const [first, ...rest] = scores;
    if (first === undefined) throw new Error("There is no score.");
    const drawn = pictureOf([{ ...first, essay: name }, ...rest], "9B");
    expect(drawn).toContain("a-very-long-name-of-an-…</text>");
    expect(drawn).toContain(`<title>${name}: `);
  });

  it("keeps groups apart that can't be compared, without bars", () => {
    const pairs = [
      ["E1", "E2"],
      ["E3", "E4"],
    ] as const;
    const divided = plannedSet(4, { design: { kind: "pairs", pairs } });
    const drawn = pictureOf(reported(divided, judgedBy(divided, perfect)).scores, "9B");
    expect(count(drawn, "comparable with none of the others")).toBe(2);
    expect(barsOf(drawn)).toEqual([]);
    expect(drawn).toContain("there are no intervals");
  });

  it("draws an anchor as a square", () => {
    const anchored = plannedSet(6, {
      design: {
        kind: "anchored",
        perEssay: 2,
        anchors: [
          { id: "E1", theta: -1 },
          { id: "E6", theta: 1 },
        ],
      },
    });
    const drawn = pictureOf(reported(anchored, judgedBy(anchored, noisy(6))).scores, "9B");
    expect(count(drawn, 'class="anchor"')).toBe(2);
    expect(count(drawn, "<circle")).toBe(4);
  });
});
