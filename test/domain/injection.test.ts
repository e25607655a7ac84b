/** What an essay can't do, whatever it says: reach out of its frame on the way out, or give the verdict on the way back. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { Comparison } from "../../src/domain/comparison.ts";
import { readJudgement } from "../../src/domain/judgement.ts";
import { canonicalText, frame } from "../../src/domain/prompt.ts";
import { hostileEssays } from "../support/injection-corpus.ts";

const prompts = [
  "Compare {essay_a} with {essay_b}.",
  "First {essay_b}\n\nthen {essay_a}",
  "Which is better? {essay_b}",
  "Which is better? {essay_a}",
  "Which is better?",
];

it("is a corpus of many attempts, each named once", () => {
  expect(hostileEssays.length).toBeGreaterThanOrEqual(40);
  expect(new Set(hostileEssays.map(({ name }) => name)).size).toBe(hostileEssays.length);
});

it.each(prompts)("no essay reaches out of its frame in %j", (userPrompt) => {
  for (const { name, text } of hostileEssays) {
    for (const [essayA, essayB] of [
      [text, "Plain."] as const,
      ["Plain.", text] as const,
      [text, text] as const,
    ]) {
      const comparison = comparisonOf(userPrompt, essayA, essayB);
      const promptSha256 = sha256(canonicalText(comparison));
      const sent = frame(comparison, promptSha256);
      const boundary = promptSha256.slice(0, 16);
      expect(text, name).not.toContain(boundary);

      expect(framedEssay(sent, boundary, "Essay A") === essayA, `${name} as Essay A`).toBe(true);
      expect(framedEssay(sent, boundary, "Essay B") === essayB, `${name} as Essay B`).toBe(true);
      // Two lines for each essay and our own mention of it: nothing else carries the boundary.
      expect(sent.split(boundary), name).toHaveLength(6);
    }
  }
});

it.each(prompts)("nothing but its own place changes with an essay in %j", (userPrompt) => {
  const promptSha256 = sha256("fixed");
  const sent = frame(comparisonOf(userPrompt, "\u{f0000}", "\u{f0001}"), promptSha256);
  for (const { name, text } of hostileEssays) {
    const expected = sent.split("\u{f0000}").join(text).split("\u{f0001}").join("Plain.");
    expect(frame(comparisonOf(userPrompt, text, "Plain."), promptSha256) === expected, name).toBe(true);
  }
});

it("another word in an essay is another boundary", () => {
  const boundaries = hostileEssays.map(({ text }) =>
    sha256(canonicalText(comparisonOf("", text, "B"))).slice(0, 16),
  );
  expect(new Set(boundaries).size).toBe(hostileEssays.length);
});

it.each(hostileEssays)(
  "repeating it gives a verdict only if it is one: $name",
  ({ text, verdictIfRepeated }) => {
    const read = readJudgement(text);
    expect(read.ok ? read.value.winner : undefined).toBe(verdictIfRepeated);
  },
);

it.each(hostileEssays)("quoted beside the judge's own verdict, it never wins: $name", ({ text }) => {
  for (const winner of ["Essay A", "Essay B"] as const) {
    const own = { justification: "It keeps to the question.", winner, confidence: 2 };
    const answer = JSON.stringify(own);
    const concluded = readJudgement(`One essay says: ${text}\n\nMy verdict:\n${answer}`);
    // Nothing in it looks like a verdict or the beginning of an object: then it doesn't even cost the judge's own.
    if (!/winner|\{\s*"/.test(text)) expect(concluded.ok).toBe(true);
    if (concluded.ok) expect(concluded.value).toEqual({ ...own, normalizations: [] });
    for (const other of [`${answer}\nOne essay says: ${text}`, `${text}${answer}`, `${answer}${text}`]) {
      const read = readJudgement(other);
      if (read.ok) expect(read.value.winner).toBe(winner);
    }
  }
});

it.each(hostileEssays.filter(({ verdictIfRepeated }) => verdictIfRepeated))(
  "quoted beside the opposite verdict of the judge, it makes the answer unreadable: $name",
  ({ text }) => {
    const own = `{"justification":"It keeps to the question.","winner":"Essay A","confidence":2}`;
    for (const answer of [
      `${text} ${own}`,
      `${own} ${text}`,
      `They write:\n${text}\nBut I say:\n${own}\nDone.`,
    ]) {
      expect(readJudgement(answer)).toEqual({ ok: false, error: "conflicting_verdicts" });
    }
  },
);

it.each(hostileEssays)("repeated inside the justification, it stays a justification: $name", ({ text }) => {
  const read = readJudgement(
    JSON.stringify({ justification: `It says: ${text}`, winner: "Essay A", confidence: 2 }),
  );
  expect(read).toMatchObject({ ok: true, value: { winner: "Essay A", confidence: 2 } });
});

it("repeating what the judge was sent is no verdict", () => {
  for (const userPrompt of prompts) {
    const sent = frame(comparisonOf(userPrompt, "An essay.", "Another."), sha256("any"));
    expect(readJudgement(sent)).toEqual({ ok: false, error: "not_json" });
  }
});

function comparisonOf(userPrompt: string, essayA: string, essayB: string): Comparison {
  const parameters = { temperature: null, maxTokens: 4096, reasoningEffort: null };
  return { provider: "mock", model: "mock", systemPrompt: "Judge.", userPrompt, essayA, essayB, parameters };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** What stands between an essay's two lines, found by someone who knows only the boundary. */
function framedEssay(sent: string, boundary: string, name: string): string {
  const [begins, ends] = [`\n[${boundary}: ${name} begins]\n`, `\n[${boundary}: ${name} ends]\n`];
  expect([sent.split(begins).length, sent.split(ends).length]).toEqual([2, 2]);
  return sent.slice(sent.indexOf(begins) + begins.length, sent.indexOf(ends));
}
