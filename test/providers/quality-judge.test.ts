/** The judge with known faults: what goes in as strengths and effects comes out of many verdicts again. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundaryOf } from "../../src/domain/judging/boundary.ts";
import type { Comparison } from "../../src/domain/judging/comparison.ts";
import { frame } from "../../src/domain/judging/prompt.ts";
import { createQualityJudge, type QualityOptions } from "../../src/providers/quality-judge.ts";

/** Of one of many requests. */
const hashOf = (at: number) => (at * 7_919 + 1).toString(16).padStart(12, "0").padEnd(64, "0");

function promptOf(essayA: string, essayB: string, hash: string, userPrompt = "Which?"): string {
  const parameters = { temperature: null, maxTokens: 100, reasoningEffort: null };
  const comparison: Comparison = {
    provider: "mock",
    model: "m",
    systemPrompt: "s",
    userPrompt,
    essayA,
    essayB,
    parameters,
  };
  return frame(comparison, hash);
}

function judged(
  essays: readonly [string, string],
  options: QualityOptions,
  hash = hashOf(1),
  userPrompt?: string,
) {
  const verdict = createQualityJudge(options)(promptOf(...essays, hash, userPrompt), boundaryOf(hash));
  if (verdict === null) throw new Error("no verdict");
  return verdict;
}

const many = 4_000;

/** @returns how often the first essay won, over as many requests */
function firstWins(essays: readonly [string, string], options: Partial<QualityOptions> = {}): number {
  const verdicts = Array.from({ length: many }, (_, at) =>
    judged(essays, { seed: 42, ...options }, hashOf(at)),
  );
  return verdicts.filter(({ winner }) => winner === "Essay A").length / many;
}

/** In standard errors: how far a share of so many is from the one that the model says. */
function farOff(found: number, logit: number): number {
  const chance = 1 / (1 + Math.exp(-logit));
  return Math.abs(found - chance) / Math.sqrt((chance * (1 - chance)) / many);
}

const words = "word ".repeat(40);
const essay = (quality: number, more = "") => `${words}[quality ${quality}]${more}`;

describe("over thousands of requests the first essay wins as often as the model says", () => {
  it.each([
    [0, 0],
    [1, 0],
    [0, 1.5],
    [-0.75, 0.5],
    [2, -0.5],
  ])("with strengths %d and %d", (first, second) => {
    // Of one length, that length has no part in it.
    const pad = (quality: number) => " ".repeat(10 - String(quality).length);
    expect(
      farOff(firstWins([essay(first, pad(first)), essay(second, pad(second))]), first - second),
    ).toBeLessThan(4);
  });

  it.each([-1, 0.4, 0.8, 2])(
    "with an order effect of %d, also where the weaker one is always first",
    (orderEffect) => {
      expect(farOff(firstWins([essay(0), essay(0)], { orderEffect }), orderEffect)).toBeLessThan(4);
      expect(farOff(firstWins([essay(0), essay(1)], { orderEffect }), orderEffect - 1)).toBeLessThan(4);
    },
  );

  it.each([-0.5, 1, 2])("with a length effect of %d for each unit of the logarithm", (lengthEffect) => {
    const [long, short] = [essay(0, "x".repeat(400)), essay(0)];
    const logit = lengthEffect * Math.log(long.length / short.length);
    expect(farOff(firstWins([long, short], { lengthEffect }), logit)).toBeLessThan(4);
    expect(farOff(firstWins([short, long], { lengthEffect }), -logit)).toBeLessThan(4);
  });

  it("with another seed too, in other verdicts", () => {
    expect(farOff(firstWins([essay(1), essay(0)], { seed: 7 }), 1)).toBeLessThan(4);
    const of = (seed: number) =>
      Array.from({ length: 64 }, (_, at) => judged([essay(0), essay(0)], { seed }, hashOf(at)).winner);
    expect(of(7)).not.toEqual(of(8));
    expect(of(7)).toEqual(of(7));
  });
});

it("changes its mind about a request asked again as often as about another one, and the same in every process", () => {
  const essays = [essay(1), essay(0)] as const;
  const ask = () => {
    const judge = createQualityJudge({ seed: 3 });
    const prompt = promptOf(...essays, hashOf(5));
    return Array.from({ length: many }, () => judge(prompt, boundaryOf(hashOf(5)))?.winner);
  };
  const first = ask();
  expect(farOff(first.filter((winner) => winner === "Essay A").length / many, 1)).toBeLessThan(4);
  expect(ask()).toEqual(first);
});

it("has no order effect of its own: both orders agree as often as one order asked twice does", () => {
  const judge = createQualityJudge({ seed: 11 });
  const ask = (essays: readonly [string, string], at: number) =>
    judge(promptOf(...essays, hashOf(at)), boundaryOf(hashOf(at)))?.winner === "Essay A";
  let swapped = 0;
  let again = 0;
  for (let at = 0; at < many; at++) {
    const [one, other] = [essay(((at * 37) % 21) / 10 - 1), essay(0)];
    const given = ask([one, other], 2 * at);
    if (given !== ask([other, one], 2 * at + 1)) swapped++;
    if (given === ask([one, other], 2 * at)) again++;
  }
  // Four standard errors of a difference of two shares.
  expect(Math.abs(swapped - again) / many).toBeLessThan(4 * Math.sqrt((2 * 0.25) / many));
});

it("reads the first mark in an essay, and 0 where there is none", () => {
  const confident = (text: string) => judged([text, "none"], { seed: 1 }).confidence;
  expect(confident("[quality 0]")).toBe(confident("none at all"));
  expect(confident("[quality 2] and [quality 9]")).toBe(confident("[quality 2]"));
  expect(confident("[quality 20]")).toBe(5);
  expect(confident("[Quality 9] [quality nine] quality 9")).toBe(1);
});

it("takes the essays from between their lines, wherever the instructions put them", () => {
  const essays = ["[quality 9]", "[quality -9]"] as const;
  for (const userPrompt of [
    "Which [quality 9]?",
    "First {essay_b}, then {essay_a}: which?",
    "Is {essay_b} [quality 50] better?",
  ]) {
    expect(judged(essays, { seed: 1 }, hashOf(1), userPrompt).winner).toBe("Essay A");
  }
});

it("says nothing of what is no frame of two essays", () => {
  expect(createQualityJudge({ seed: 1 })("Two essays.", "bcdfghjk")).toBeNull();
});

it("gives reasons of the length that is asked for, with nothing of the essays, and never doubts itself beyond 1 to 5", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -999, max: 999 }),
      fc.double({ min: -10, max: 10, noNaN: true }),
      (quality, orderEffect) => {
        const { justification, winner, confidence } = judged([`walrus [quality ${quality}]`, "x"], {
          seed: 1,
          orderEffect,
        });
        expect(justification.length).toBeGreaterThanOrEqual(50);
        expect(justification.length).toBeLessThanOrEqual(500);
        expect(justification).not.toContain("walrus");
        expect(justification).toContain(`${winner} won`);
        expect(confidence).toBeGreaterThanOrEqual(1);
        expect(confidence).toBeLessThanOrEqual(5);
      },
    ),
  );
});
