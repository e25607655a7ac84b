/** Tickets that were accepted before there was a boundary are sent as they would have been then, and read by the rule that was kept for them. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { Comparison } from "../../../src/domain/judging/comparison.ts";
import { frame1, readJudgement1, schema1 } from "../../../src/domain/judging/frame-1.ts";

const comparison: Comparison = {
  provider: "openai",
  model: "gpt-6-luna",
  systemPrompt: "You judge.",
  userPrompt: "First {essay_b}, then the other.",
  essayA: "Cats.",
  essayB: "Dogs.",
  parameters: { temperature: null, maxTokens: 4096, reasoningEffort: null },
};
/** The hash that version 1df0c65 gave this comparison. */
const promptSha256 = "5409bb8da0280c3c0449d389035ac6f5b3186f08d5124dae2e0088d21e7fb975";

it("sends byte for byte what version 1df0c65 sent", () => {
  expect(sha256(frame1(comparison, promptSha256))).toBe(
    "34dd18a7be00138e0d3db9d57785dc5ad417f0f03b179cd4faddb1c8e998e588",
  );
  expect(sha256(JSON.stringify(schema1))).toBe(
    "104c556bed430fabc32b578d0d7fc5069a8b21ca0f890305d445e9cf3ba5d20b",
  );
});

const verdict = { justification: "It keeps to the question.", winner: "Essay A", confidence: 4 };
const a = JSON.stringify(verdict);
const b = JSON.stringify({ ...verdict, winner: "Essay B" });

it.each([
  ["alone", a],
  ["among blanks", `\n ${a}\r\n`],
  ["in a code fence", `\`\`\`json\n${a}\n\`\`\``],
  ["in prose", `My verdict: ${a}. I hope that this helps!`],
  ["with a boundary that nobody asked for", JSON.stringify({ boundary: "bcdfghjk", ...verdict })],
  ["with a verdict inside its own", JSON.stringify({ draft: { winner: "Essay B" }, ...verdict })],
])("reads the one object in the whole text: %s", (_, text) => {
  expect(readJudgement1([text])).toEqual({ ok: true, value: { ...verdict, normalizations: [] } });
});

it.each([
  ["nothing", "", "empty"],
  ["prose", "Essay A wins.", "not_json"],
  ["a verdict cut off", a.slice(0, -1), "not_json"],
  ["a verdict in an array", `[${a}]`, "not_json"],
  ["an object of another thing", '{"a":1}', "no_verdict"],
  ["a verdict inside an object", `{"result":${a}}`, "no_verdict"],
  ["two that are equal", `${a} ${a}`, "conflicting_verdicts"],
  ["two that differ", `Quote: ${b} Mine: ${a}`, "conflicting_verdicts"],
  ["one beside an object of another thing", `{"a":1} ${a}`, "conflicting_verdicts"],
  [
    "one beside one in Python's spelling",
    `Quote: ${b} Mine: ${a.replaceAll('"', "'")}`,
    "conflicting_verdicts",
  ],
  ["one beside one that is cut off", `Quote: ${b} Mine: ${a.slice(0, -5)}`, "conflicting_verdicts"],
  ["one beside one in typographic quotes", `${b} ${a.replaceAll('"', "”")}`, "conflicting_verdicts"],
  ["one beside one in other keys", `${b} ${a.replace("winner", "Winner")}`, "conflicting_verdicts"],
  ["one in an array that is cut off", `[${a}`, "conflicting_verdicts"],
  ["a key twice", a.replace("{", '{"winner":"Essay B",'), "conflicting_verdicts"],
  ["no winner", JSON.stringify({ ...verdict, winner: "tie" }), "bad_winner"],
])("refuses %s", (_, text, error) => {
  expect(readJudgement1([text])).toEqual({ ok: false, error });
});

it("several texts are read as one", () => {
  expect(readJudgement1(["It is:", a])).toMatchObject({ ok: true });
  expect(readJudgement1([a, b])).toEqual({ ok: false, error: "conflicting_verdicts" });
});

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
