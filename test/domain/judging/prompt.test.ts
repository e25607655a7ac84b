import * as fc from "fast-check";
import { expect, it } from "vitest";
import { boundaryOf } from "../../../src/domain/judging/boundary.ts";
import { providerNames, reasoningEfforts, type Comparison } from "../../../src/domain/judging/comparison.ts";
import {
  canonicalText,
  frame,
  judgeSystemPrompt,
  placeholderProblems,
} from "../../../src/domain/judging/prompt.ts";
import { anyCharacter } from "../../support/any-character.ts";

const hash = "0123456789abcdef".repeat(4);
const plain: Comparison = {
  provider: "openai",
  model: "gpt-6-luna",
  systemPrompt: "You judge.",
  userPrompt: "Which argues better?",
  essayA: "Cats.",
  essayB: "Dogs.",
  parameters: { temperature: null, maxTokens: 4096, reasoningEffort: null },
};

const blockA = "\n[pgckmwjw: Essay A begins]\nCats.\n[pgckmwjw: Essay A ends]\n";
const blockB = "\n[pgckmwjw: Essay B begins]\nDogs.\n[pgckmwjw: Essay B ends]\n";

it.each([
  ["both in place", "1 {essay_a} 2 {essay_b} 3", `1 ${blockA} 2 ${blockB} 3`],
  ["both in place, B first", "1 {essay_b} 2 {essay_a} 3", `1 ${blockB} 2 ${blockA} 3`],
  ["only A in place: B is appended", "1 {essay_a} 2", `1 ${blockA} 2\n${blockB}`],
  ["only B in place: A is appended", "1 {essay_b} 2", `1 ${blockB} 2\n${blockA}`],
  ["none in place: A and B are appended", "1", `1\n${blockA}${blockB}`],
  ["nothing but placeholders", "{essay_a}{essay_b}", `${blockA}${blockB}`],
  [
    "other braces stay",
    "{Essay_A} {essay_c} {essay_a }",
    `{Essay_A} {essay_c} {essay_a }\n${blockA}${blockB}`,
  ],
  [
    "a second use stays as it is",
    "{essay_a} {essay_a} {essay_b} {essay_b}",
    `${blockA} {essay_a} ${blockB} {essay_b}`,
  ],
])("frames each essay exactly once: %s", (_, userPrompt, expected) => {
  const sent = frame({ ...plain, userPrompt }, hash);
  expect(sent.startsWith(`${expected}\n`)).toBe(true);
  expect(sent.slice(expected.length)).not.toMatch(/Cats|Dogs|begins/);
});

it("ends with the boundary's meaning, the essays' names and the shape of the answer", () => {
  const closing = frame(plain, hash).split("\n\n").slice(-3).join("\n");
  for (const needed of [
    "marked pgckmwjw,",
    "only as Essay A and Essay B, never as first or second",
    "JSON",
    `in this order, are "boundary"`,
    `"justification"`,
    `"winner"`,
    `"Essay A" or "Essay B"`,
    `"confidence"`,
    "from 1",
    "to 5",
  ]) {
    expect(closing).toContain(needed);
  }
  // Last, where small models heed it most.
  expect(closing).toMatch(/ The "boundary" of this comparison is "pgckmwjw"\.$/);
});

it("takes nothing but its boundary from the hash", () => {
  const other = "f".repeat(64);
  const [ours, others] = [boundaryOf(hash), boundaryOf(other)];
  expect(frame(plain, other)).toBe(frame(plain, hash).replaceAll(ours, others));
});

it("sends instructions and essays byte for byte, whatever they hold", () => {
  const piece = fc.constantFrom(..."{essay_a}|{essay_b}|$&|$'|$$|\\|\r\n|é|\ud800| |x".split("|"));
  const text = fc.oneof(
    fc.array(piece).map((pieces) => pieces.join("")),
    fc.string({ unit: anyCharacter }),
  );
  fc.assert(
    fc.property(text, text, text, (instructions, essayA, essayB) => {
      const userPrompt = instructions.replaceAll(/\{essay_[ab]\}/g, "");
      const placed = `${userPrompt}{essay_b}${userPrompt}{essay_a}${userPrompt}`;
      const expected = [
        `${userPrompt}\n[pgckmwjw: Essay B begins]\n${essayB}\n[pgckmwjw: Essay B ends]\n`,
        `${userPrompt}\n[pgckmwjw: Essay A begins]\n${essayA}\n[pgckmwjw: Essay A ends]\n`,
        `${userPrompt}\n\nThe text of each essay`,
      ].join("");
      expect(frame({ ...plain, userPrompt: placed, essayA, essayB }, hash).startsWith(expected)).toBe(true);
    }),
  );
});

it("a placeholder used twice is a problem, one sentence each", () => {
  expect(placeholderProblems("{essay_a} {essay_b}")).toEqual([]);
  expect(placeholderProblems("none")).toEqual([]);
  expect(placeholderProblems("{essay_a} {essay_b} {essay_a}")).toEqual([
    "{essay_a} is used 2 times, but may be used only once.",
  ]);
  expect(placeholderProblems("{essay_b}{essay_b}{essay_b}{essay_a}{essay_a}")).toEqual([
    "{essay_a} is used 2 times, but may be used only once.",
    "{essay_b} is used 3 times, but may be used only once.",
  ]);
});

it("the built-in system prompt states the task, the scale and what an essay is", () => {
  for (const needed of [
    "Essay A",
    "Essay B",
    "no ties",
    "never an instruction",
    "1 (a guess) to 5 (certain)",
    "50 to 500",
  ]) {
    expect(judgeSystemPrompt).toContain(needed);
  }
});

it("two different comparisons have two canonical texts: each can be read back from its own", () => {
  fc.assert(
    fc.property(comparisons(), (comparison) => {
      expect(readBack(canonicalText(comparison))).toEqual(comparison);
    }),
  );
});

it("text moved from one field into the next makes another canonical text", () => {
  const names = ["model", "systemPrompt", "userPrompt", "essayA", "essayB"] as const;
  const moves = fc.record({
    from: fc.nat({ max: 3 }),
    text: fc.constantFrom("1", "12", ":", "1:", "\n", "5:Cats.\n", "x"),
  });
  fc.assert(
    fc.property(comparisons(), moves, (comparison, { from, text }) => {
      const [one, next] = [names[from] ?? "model", names[from + 1] ?? "essayB"];
      const here = canonicalText({ ...comparison, [one]: comparison[one] + text });
      expect(here).not.toBe(canonicalText({ ...comparison, [next]: text + comparison[next] }));
    }),
  );
});

it("essays that change places make another canonical text", () => {
  expect(canonicalText({ ...plain, essayA: "Dogs.", essayB: "Cats." })).not.toBe(canonicalText(plain));
});

it("the canonical text is the one that stored hashes were made from", () => {
  expect(
    canonicalText({ ...plain, parameters: { temperature: 0.2, maxTokens: 100, reasoningEffort: "low" } }),
  ).toBe(
    "comparison 2\n6:openai\n10:gpt-6-luna\n3:0.2\n3:100\n3:low\n10:You judge.\n20:Which argues better?\n5:Cats.\n5:Dogs.\n",
  );
});

function comparisons(): fc.Arbitrary<Comparison> {
  const text = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.string({ unit: fc.constantFrom("1", "0", ":", "\n") }),
  );
  return fc.record({
    provider: fc.constantFrom(...providerNames),
    model: text,
    systemPrompt: text,
    userPrompt: text,
    essayA: text,
    essayB: text,
    parameters: fc.record({
      temperature: fc.option(fc.double({ min: Number.MIN_VALUE, max: 2, noNaN: true })),
      maxTokens: fc.integer({ min: 1 }),
      reasoningEffort: fc.option(fc.constantFrom(...reasoningEfforts)),
    }),
  });
}

/** The inverse of `canonicalText`: that one exists shows that no two comparisons share a text. */
function readBack(text: string): Comparison {
  const fields: string[] = [];
  let at = "comparison 2\n".length;
  while (at < text.length) {
    const start = text.indexOf(":", at) + 1;
    const end = start + Number(text.slice(at, start - 1));
    fields.push(text.slice(start, end));
    at = end + 1;
  }
  const [
    provider,
    model = "",
    temperature,
    maxTokens,
    effort,
    systemPrompt = "",
    userPrompt = "",
    essayA = "",
    essayB = "",
  ] = fields;
  return {
    provider: providerNames.find((name) => name === provider) ?? "mock",
    model,
    systemPrompt,
    userPrompt,
    essayA,
    essayB,
    parameters: {
      temperature: temperature === "null" ? null : Number(temperature),
      maxTokens: Number(maxTokens),
      reasoningEffort: reasoningEfforts.find((name) => name === effort) ?? null,
    },
  };
}
