import { Ajv } from "ajv";
import { expect, it } from "vitest";
import { judgementSchema, readJudgement } from "../../../src/domain/judging/judgement.ts";

const boundary = "bcdfghjk";
const reason = "It keeps to the question and supports each claim.";
const a = answer({ winner: "Essay A" });
const b = answer({ winner: "Essay B" });
const judgedA = { winner: "Essay A", justification: reason, confidence: 4, normalizations: [] };

const read = (...texts: string[]) => readJudgement(texts, boundary);

it("reads a plain answer as it is", () => {
  expect(read(a)).toEqual({ ok: true, value: judgedA });
  expect(read(b)).toEqual({ ok: true, value: { ...judgedA, winner: "Essay B" } });
});

const spellings: [string, string][] = [
  ..."essay a|a|option a|first|first essay|left"
    .split("|")
    .map((name): [string, string] => ["Essay A", name]),
  ..."essay b|b|option b|second|second essay|right"
    .split("|")
    .map((name): [string, string] => ["Essay B", name]),
];

it.each(spellings)("reads %s from %j, alone and with every suffix, however it is set", (winner, name) => {
  for (const suffix of ["", " is better", " is stronger", " is superior", " is the winner", " wins"]) {
    const words = name + suffix;
    const settings = [" \n\t\u00a0", "_", ""].map((blank) => words.replaceAll(" ", blank));
    settings.push(words, words.toUpperCase(), `  ${words}. `, `__${words}__`);
    settings.push(`**"${words}"**!`, `(\`${words}\`)`, `¿«${words}»…`);
    const others = settings.filter((setting) => {
      const judgement = read(answer({ winner: setting }));
      return !judgement.ok || judgement.value.winner !== winner;
    });
    expect(others).toEqual([]);
  }
});

it.each([
  ..."|.|tie|a tie|neither|both|none|draw|n/a|unknown|Error|E|Essay|option|essay c|essay 1|1|0|1st".split(
    "|",
  ),
  ..."essay a and essay b|Essay A or Essay B|a, b|a/b|ab|aa|A1|leftright|essay left|left essay".split("|"),
  ..."Essay A is better than Essay B|The winner is Essay A|not Essay A|Essay A is not better".split("|"),
  ..."Essay A loses|Essay A wins wins|Essay A. Essay B|is better|wins|Essay A, wins|the first".split("|"),
  ..."essay-a|Essay: A|e.a|Еssay А|Ａ|à|¬a|≠ a|A+|Essay\u200b A|first option|constructor".split("|"),
  null,
  true,
  1,
  { essay: "Essay A" },
])("refuses %j as a winner", (winner) => {
  expect(read(answer({ winner }))).toEqual({ ok: false, error: "bad_winner" });
});

it.each([
  [1, 1, false],
  [5, 5, false],
  [4.25, 4.25, false],
  ["4.5", 4.5, false],
  [" 3 ", 3, false],
  ["05.0", 5, false],
  [0.9, 1, true],
  [0, 1, true],
  ["-3", 1, true],
  [5.0001, 5, true],
  [85, 5, true],
  ["1000000", 5, true],
])("reads confidence %j as %d, clamped: %j", (given, confidence, isClamped) => {
  const normalizations = isClamped ? ["confidence_clamped"] : [];
  const value = { ...judgedA, confidence, normalizations };
  expect(read(answer({ confidence: given }))).toEqual({ ok: true, value });
});

it.each([
  ..."| |4/5|0x4|4e0|four|high|4,5|4.|.5|+4|80%|NaN|Infinity|٤|1_0|- 1".split("|"),
  "9".repeat(400),
  true,
  null,
  undefined,
  { value: 4 },
])("refuses %j as a confidence", (confidence) => {
  expect(read(answer({ confidence }))).toEqual({ ok: false, error: "bad_confidence" });
});

it("refuses a confidence that is too large for a number", () => {
  expect(read(a.replace("4}", "1e400}"))).toEqual({ ok: false, error: "bad_confidence" });
});

it.each([[undefined], [null], [""], [" \n\t "], [5], [["long"]], [{ text: "long" }]])(
  "refuses %j as a justification",
  (justification) => {
    expect(read(answer({ justification }))).toEqual({ ok: false, error: "no_justification" });
  },
);

const sentence = "sentence ".repeat(100);
it.each([
  ["is never padded", "x", "x"],
  ["is trimmed, which is not listed", "\n Well argued. \n", "Well argued."],
  ["of 500 stays whole", "x".repeat(500), "x".repeat(500)],
  ["of 500 between blanks stays whole", ` ${"x".repeat(500)} `, "x".repeat(500)],
  ["of 501 without blanks is cut inside the word", "x".repeat(501), `${"x".repeat(499)}…`],
  ["is cut at a word", sentence, `${sentence.slice(0, 494)}…`],
  ["is cut behind a word that just fits", `${"x".repeat(499)} yy`, `${"x".repeat(499)}…`],
  [
    "keeps a last word that just fits",
    `${"x".repeat(450)} ${"y".repeat(48)} zz`,
    `${"x".repeat(450)} ${"y".repeat(48)}…`,
  ],
  ["is cut before a word that just doesn't", `${"x".repeat(450)} ${"y".repeat(49)} z`, `${"x".repeat(450)}…`],
  ["is cut at a word 100 units from the end", `${"x".repeat(399)} ${"y".repeat(200)}`, `${"x".repeat(399)}…`],
  [
    "is cut inside a longer word",
    `${"x".repeat(398)} ${"y".repeat(200)}`,
    `${"x".repeat(398)} ${"y".repeat(100)}…`,
  ],
  ["has no blank before the ellipsis", `${"x".repeat(450)}   ${"y".repeat(200)}`, `${"x".repeat(450)}…`],
  ["is cut at a line's end too", `${"x".repeat(450)}\n${"y".repeat(200)}`, `${"x".repeat(450)}…`],
  ["keeps most of a script without blanks", `甲 ${"論".repeat(600)}`, `甲 ${"論".repeat(497)}…`],
  ["is cut between two emoji", "🏆".repeat(300), `${"🏆".repeat(249)}…`],
  ["is cut between two emoji, one unit later", `x${"🏆".repeat(300)}`, `x${"🏆".repeat(249)}…`],
])("a justification %s", (_, given, justification) => {
  const normalizations = given.trim() === justification ? [] : ["justification_truncated"];
  const value = { ...judgedA, justification, normalizations };
  expect(read(answer({ justification: given }))).toEqual({ ok: true, value });
});

it("lists every normalization", () => {
  expect(read(answer({ confidence: 9, justification: "x".repeat(501) }))).toMatchObject({
    value: { normalizations: ["confidence_clamped", "justification_truncated"] },
  });
});

const fence = "```";
it.each([
  ["one text", [a]],
  ["the first of two", [a, "That is all."]],
  ["the second of two", ["Here it is:", `${fence}json\n${a}\n${fence}`]],
  ["one of two that are both verdicts", [answer({ boundary: "zkxwvtsr", winner: "Essay B" }), a]],
  ["the only one that is not empty", ["", a, " \n"]],
])("several texts hold one verdict between them: %s", (_, texts) => {
  expect(read(...texts)).toEqual({ ok: true, value: judgedA });
});

it.each([
  ["two that are equal", [a, a], "conflicting_verdicts"],
  ["two that differ", [a, b], "conflicting_verdicts"],
  ["one and one that can't be read", [a, answer({ winner: "tie" })], "conflicting_verdicts"],
  ["one whose halves are two texts", [a.slice(0, 40), a.slice(40)], "not_json"],
  ["none", [], "empty"],
  ["blanks", ["", " \n", "\ufeff"], "empty"],
  ["prose", ["Essay A", "wins."], "not_json"],
])("several texts with %s are no judgement", (_, texts, error) => {
  expect(read(...texts)).toEqual({ ok: false, error });
});

it.each([
  ["nothing", "", "empty"],
  ["blanks", " \r\n\t\u00a0\ufeff", "empty"],
  ["prose", "Essay A wins.", "not_json"],
  ["a number", "4", "not_json"],
  ["null", "null", "not_json"],
  ["a JSON string that holds a verdict", JSON.stringify(a), "not_json"],
  ["a verdict cut off", a.slice(0, -1), "not_json"],
  ["a verdict with a trailing comma", a.replace("}", ",}"), "not_json"],
  ["a verdict in Python's spelling", a.replaceAll('"', "'"), "not_json"],
  ["a verdict in an array", `[${a}]`, "not_json"],
  ["an empty object", "{}", "no_verdict"],
  ["HTML", "<html><body>Bad gateway {}</body></html>", "no_verdict"],
  ["a verdict without a boundary", answer({ boundary: undefined }), "no_verdict"],
  ["a verdict with another boundary", answer({ boundary: "zkxwvtsr" }), "no_verdict"],
  ["a verdict inside an object", `{"result":${a}}`, "no_verdict"],
  ["two verdicts", `${a}${b}`, "conflicting_verdicts"],
  ["two verdicts that are equal", `${a}\n${a}`, "conflicting_verdicts"],
  ["verdicts in two fences", `${fence}\n${a}\n${fence}\n${fence}\n${b}\n${fence}`, "conflicting_verdicts"],
  ["two boundaries in one object", a.replace("{", '{"boundary":"zkxwvtsr",'), "conflicting_verdicts"],
  ["two winners in one object", a.replace("{", '{"winner":"Essay B",'), "conflicting_verdicts"],
  ["two winners in one object in prose", `So: ${a.replace("{", '{"winner":"B",')}`, "conflicting_verdicts"],
  ["two winners, one key escaped", a.replace("{", String.raw`{"w\u0069nner":"B",`), "conflicting_verdicts"],
  ["a verdict without a winner", answer({ winner: undefined }), "bad_winner"],
])("refuses %s", (_, text, error) => {
  expect(read(text)).toEqual({ ok: false, error });
});

it("reads a verdict among a hundred objects, and gives an answer with more up", () => {
  const objects = (count: number) => '{"a":1}\n'.repeat(count);
  expect(read(`${objects(50)}${a}${objects(49)}`)).toEqual({ ok: true, value: judgedA });
  expect(read(objects(50), a, objects(49))).toEqual({ ok: true, value: judgedA });
  for (const texts of [[`${objects(50)}${a}${objects(50)}`], [a + objects(100)], [objects(100), a]]) {
    expect(read(...texts)).toEqual({ ok: false, error: "no_verdict" });
  }
});

it("the schema takes what is asked for and nothing else", () => {
  const takes = new Ajv({ strict: true }).compile(judgementSchema);
  expect(takes(JSON.parse(a))).toBe(true);
  for (const wrong of [
    { winner: "tie" },
    { confidence: "4" },
    { justification: undefined },
    { boundary: undefined },
    { extra: 1 },
  ]) {
    expect(takes(JSON.parse(answer(wrong)))).toBe(false);
  }
});

it("the schema is one that every vendor takes and the same for all, with the boundary first and the reasons before the verdict", () => {
  expect(Object.keys(judgementSchema.properties)).toEqual([
    "boundary",
    "justification",
    "winner",
    "confidence",
  ]);
  expect(judgementSchema.required).toEqual(Object.keys(judgementSchema.properties));
  expect(JSON.stringify(judgementSchema)).not.toMatch(
    /"(minimum|maximum|minLength|maxLength|pattern|oneOf|anyOf|allOf)"/,
  );
  expect(judgementSchema.properties.boundary).toEqual({ type: "string", description: expect.any(String) });
});

function answer(changes: Record<string, unknown>): string {
  return JSON.stringify({ boundary, justification: reason, winner: "Essay A", confidence: 4, ...changes });
}
