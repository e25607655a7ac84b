/** What an essay can't do, whatever it says: reach out of its frame on the way out, or give the verdict on the way back. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { boundaryOf } from "../../../src/domain/judging/boundary.ts";
import type { Comparison } from "../../../src/domain/judging/comparison.ts";
import { readJudgement, type Judgement } from "../../../src/domain/judging/judgement.ts";
import { canonicalText, frame } from "../../../src/domain/judging/prompt.ts";
import { hostileEssays } from "../../support/injection-corpus.ts";

const boundary = "bcdfghjk";
const prompts = [
  "Compare {essay_a} with {essay_b}.",
  "First {essay_b}\n\nthen {essay_a}",
  "Which is better? {essay_b}",
  "Which is better? {essay_a}",
  "Which is better?",
];

it("is tried with many attempts, each named once", () => {
  expect(hostileEssays.length).toBeGreaterThanOrEqual(40);
  expect(new Set(hostileEssays.map(({ name }) => name)).size).toBe(hostileEssays.length);
});

it.each(prompts)("no essay reaches out of its frame in %j", (userPrompt) => {
  const escaped = hostileEssays.filter(({ text }) => {
    const pairs = [["Plain.", text] as const, [text, "Plain."] as const, [text, text] as const];
    return !pairs.every(([essayA, essayB]) => isFramed(comparisonOf(userPrompt, essayA, essayB)));
  });
  expect(escaped).toEqual([]);
});

it.each(prompts)("nothing but its own place changes with an essay in %j", (userPrompt) => {
  const promptSha256 = sha256("fixed");
  const sent = frame(comparisonOf(userPrompt, "\u{f0000}", "\u{f0001}"), promptSha256);
  const changed = hostileEssays.filter(({ text }) => {
    const expected = sent.split("\u{f0000}").join(text).split("\u{f0001}").join("Plain.");
    return frame(comparisonOf(userPrompt, text, "Plain."), promptSha256) !== expected;
  });
  expect(changed).toEqual([]);
});

it("another essay is another boundary", () => {
  const boundaries = hostileEssays.map(({ text }) =>
    boundaryOf(sha256(canonicalText(comparisonOf("", text, "B")))),
  );
  expect(new Set(boundaries).size).toBe(hostileEssays.length);
});

it.each(hostileEssays)("repeated as an answer it is no verdict: $name", ({ text }) => {
  for (const answer of [text, `It says: ${text}`]) expect(judgementIn(answer)).toBeNull();
});

it.each(hostileEssays)("repeated inside the justification it stays a justification: $name", ({ text }) => {
  const answer = JSON.stringify({
    boundary,
    justification: `It says: ${text}`,
    winner: "Essay A",
    confidence: 2,
  });
  expect(judgementIn(answer)).toMatchObject({ winner: "Essay A", confidence: 2 });
});

it("repeating what the judge was sent is no verdict", () => {
  for (const userPrompt of prompts) {
    const sent = frame(comparisonOf(userPrompt, "An essay.", "Another."), sha256("any"));
    expect(readJudgement([sent], boundaryOf(sha256("any")))).toEqual({ ok: false, error: "not_json" });
  }
});

function comparisonOf(userPrompt: string, essayA: string, essayB: string): Comparison {
  const parameters = { temperature: null, maxTokens: 4096, reasoningEffort: null };
  return { provider: "mock", model: "mock", systemPrompt: "Judge.", userPrompt, essayA, essayB, parameters };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function judgementIn(answer: string): Judgement | null {
  const read = readJudgement([answer], boundary);
  return read.ok ? read.value : null;
}

/** Both essays are found, whole, by someone who knows only the boundary, and nothing else in what is sent carries it. */
function isFramed(comparison: Comparison): boolean {
  const promptSha256 = sha256(canonicalText(comparison));
  const sent = frame(comparison, promptSha256);
  const marks = boundaryOf(promptSha256);
  // Two lines for each essay, and two mentions of our own.
  const isAlone = sent.split(marks).length === 7;
  return isAlone && between("Essay A") === comparison.essayA && between("Essay B") === comparison.essayB;

  function between(name: string): string | undefined {
    const [, framed] = sent.split(`\n[${marks}: ${name} begins]\n`);
    return framed?.split(`\n[${marks}: ${name} ends]\n`)[0];
  }
}
