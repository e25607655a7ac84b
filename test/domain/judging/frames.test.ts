import { expect, it } from "vitest";
import type { FrameVersion } from "../../../src/domain/judging/comparison.ts";
import { boundaryOf } from "../../../src/domain/judging/boundary.ts";
import { framed, judgementIn, schemaOf } from "../../../src/domain/judging/frames.ts";
import { frame1, schema1 } from "../../../src/domain/judging/frame-1.ts";
import type { Plan } from "../../../src/domain/judging/plan.ts";
import { judgementSchema } from "../../../src/domain/judging/judgement.ts";
import { frame } from "../../../src/domain/judging/prompt.ts";

const hash = "0123456789abcdef".repeat(4);
const verdict = { justification: "It argues.", winner: "Essay A", confidence: 4 };
const comparison = {
  provider: "mock",
  model: "m",
  systemPrompt: "",
  userPrompt: "Which?",
  essayA: "One.",
  essayB: "Two.",
  parameters: { temperature: null, maxTokens: 4096, reasoningEffort: null },
} as const;

const plan: Plan = { temperature: null, reasoningEffort: null, structure: "schema", dropped: [] };
const unmarked = JSON.stringify(verdict);
const marked = JSON.stringify({ boundary: boundaryOf(hash), ...verdict });
const isRead = (frame: FrameVersion, texts: readonly string[], changes: Partial<Plan> = {}) =>
  judgementIn({ frame, promptSha256: hash, plan: { ...plan, ...changes } }, texts).ok;

it("asks in each version's own way", () => {
  expect(framed(1, comparison, hash)).toBe(frame1(comparison, hash));
  expect(framed(2, comparison, hash)).toBe(frame(comparison, hash));
  expect(schemaOf(1)).toBe(schema1);
  expect(schemaOf(2)).toBe(judgementSchema);
});

it("reads in each version's own way: what is a verdict in one is none in the other", () => {
  expect(isRead(1, [unmarked])).toBe(true);
  expect(isRead(2, [unmarked])).toBe(false);
  expect(isRead(1, [`{} ${marked}`])).toBe(false);
  expect(isRead(2, [`{} ${marked}`])).toBe(true);
});

it.each([
  [unmarked, true],
  [` ${unmarked}\n`, true],
  [JSON.stringify({ boundary: "boundary", ...verdict }), true],
  [`Mine: ${unmarked}`, false],
  [`${unmarked} ${unmarked}`, false],
  [unmarked.replace("{", '{"winner":"Essay B",'), false],
  [`Quote: ${unmarked} Mine: ${marked}`, true],
  [`${marked} ${marked}`, false],
])(
  "of a model that seldom copies, under a schema, a whole text that is one object is the verdict: %s",
  (text, expected) => {
    expect(isRead(2, [text], { copiesSeldom: true })).toBe(expected);
  },
);

it("that second way is for one text, such a model and an enforced schema alone", () => {
  expect(isRead(2, [unmarked, ""], { copiesSeldom: true })).toBe(false);
  expect(isRead(2, ["x", unmarked], { copiesSeldom: true })).toBe(false);
  for (const structure of ["json", "words", "tool"] as const) {
    expect(isRead(2, [unmarked], { copiesSeldom: true, structure })).toBe(false);
  }
});
