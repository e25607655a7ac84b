import { Ajv } from "ajv";
import { expect, it } from "vitest";
import { judgementSchema, readJudgement } from "../../src/domain/judgement.ts";

const reason = "It keeps to the question and supports each claim.";
const a = answer({ winner: "Essay A" });
const b = answer({ winner: "Essay B" });
const judgedA = { winner: "Essay A", justification: reason, confidence: 4, normalizations: [] };

it("reads a plain answer as it is", () => {
  expect(readJudgement(a)).toEqual({ ok: true, value: judgedA });
  expect(readJudgement(b)).toEqual({ ok: true, value: { ...judgedA, winner: "Essay B" } });
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
      const read = readJudgement(answer({ winner: setting }));
      return !read.ok || read.value.winner !== winner;
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
  expect(readJudgement(answer({ winner }))).toEqual({ ok: false, error: "bad_winner" });
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
  expect(readJudgement(answer({ confidence: given }))).toEqual({ ok: true, value });
});

it.each([
  ..."| |4/5|0x4|4e0|four|high|4,5|4.|.5|+4|80%|NaN|Infinity|٤|1_0|- 1".split("|"),
  "9".repeat(400),
  true,
  null,
  undefined,
  { value: 4 },
])("refuses %j as a confidence", (confidence) => {
  expect(readJudgement(answer({ confidence }))).toEqual({ ok: false, error: "bad_confidence" });
});

it("refuses a confidence that is too large for a number", () => {
  expect(readJudgement(a.replace("4}", "1e400}"))).toEqual({ ok: false, error: "bad_confidence" });
});

it.each([[undefined], [null], [""], [" \n\t "], [5], [["long"]], [{ text: "long" }]])(
  "refuses %j as a justification",
  (justification) => {
    expect(readJudgement(answer({ justification }))).toEqual({ ok: false, error: "no_justification" });
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
  expect(readJudgement(answer({ justification: given }))).toEqual({ ok: true, value });
});

it("lists every normalization", () => {
  const read = readJudgement(answer({ confidence: 9, justification: "x".repeat(501) }));
  expect(read).toMatchObject({
    value: { normalizations: ["confidence_clamped", "justification_truncated"] },
  });
});

const fence = "```";
it.each([
  ["among blanks", `\r\n\t ${a}\n\n`],
  ["behind a byte order mark", `\ufeff${a}`],
  ["behind a zero-width space", `\u200b${a}`],
  ["in a code fence", `${fence}json\n${a}\n${fence}`],
  ["in a code fence without a language", `${fence}\n${a}${fence}`],
  ["in a code fence that is left open", `${fence}JSON\n${a}`],
  ["over several lines", JSON.stringify(JSON.parse(a), null, 2)],
  ["before a comma", `My verdict: ${a}, as asked.`],
  ["in prose", `Both are good. My verdict: ${a}. I hope that this helps!`],
  ["in a sentence", `After all, ${a} is my verdict, as asked.`],
  ["with other keys", a.replace("{", '{"reasoning":{"winner":"Essay B"},"scores":[{"winner":"Essay B"}],')],
  ["with braces and quotes in a string", a.replace("{", String.raw`{"note":"} \" {\\",`)],
  ["with the same key twice in an inner object", a.replace("{", '{"inner":{"x":1,"x":2},')],
  ["beside objects that name no winner", `{"a":1} ${a} {"b":{"c":"winner"}} {}`],
  ["beside braces of prose", `The set {1, 2}, f(x) { return x; } and } or { or :{ matter. ${a} So }{ it is.`],
  ["beside brackets of prose", `See [1] and the range [0, 1). ${a} [end]`],
  ["beside broken JSON about something else", `{"rubric": oops} ${a} {"rubric": [`],
  ["beside the word in prose", `Winner: Essay A. The winner is clear: it is "winner" A.\n${a}`],
  ["in doubled braces", `\\boxed{${a}}`],
  ["twice, the same", `${a}\n${a}`],
])("reads a verdict %s", (_, text) => {
  expect(readJudgement(text)).toEqual({ ok: true, value: judgedA });
});

it("of several verdicts for one winner the last is the judgement, whole", () => {
  const draft = answer({ winner: "A", confidence: 2, justification: "A draft." });
  expect(readJudgement(`${draft} On reflection: ${a}`)).toEqual({ ok: true, value: judgedA });
  expect(readJudgement(`${a} ${answer({ confidence: "high" })}`)).toEqual({
    ok: false,
    error: "bad_confidence",
  });
  expect(readJudgement(`${a} {"winner":"A","confidence":4}`)).toEqual({
    ok: false,
    error: "no_justification",
  });
});

it.each([
  ["nothing", "", "empty"],
  ["blanks", " \r\n\t\u00a0\ufeff", "empty"],
  ["prose", "Essay A wins.", "not_json"],
  ["a JSON string", JSON.stringify("Essay A"), "not_json"],
  ["a JSON string that holds a verdict", JSON.stringify(a), "not_json"],
  ["an escaped verdict", JSON.stringify(a).slice(1, -1), "not_json"],
  ["a number", "4", "not_json"],
  ["null", "null", "not_json"],
  ["HTML", "<html><body>Bad gateway {}</body></html>", "no_verdict"],
  ["an empty object", "{}", "no_verdict"],
  ["a winner of another case", a.replace("winner", "Winner"), "no_verdict"],
  ["a verdict inside an object", `{"result":${a}}`, "no_verdict"],
  ["a verdict inside an object in prose", `Here: {"result":${a}} there`, "no_verdict"],
  ["a verdict beside one inside an object", `{"result":${a}} ${b}`, "no_verdict"],
  ["a verdict inside a string", JSON.stringify({ text: a }), "no_verdict"],
  ["a verdict as prototype", `{"__proto__":${a}}`, "no_verdict"],
  ["a verdict in an array", `[${a}]`, "no_verdict"],
  ["a verdict in a fenced array", `${fence}json\n[\n  ${a}\n]\n${fence}`, "no_verdict"],
  ["a verdict in an array in prose", `Here it is: [ ${a} ]. Done.`, "no_verdict"],
  ["a verdict first in an array", `[${a}, 1]`, "no_verdict"],
  ["a verdict in the middle of an array", `So: ["]", ${a}, {"x":1}]`, "no_verdict"],
  ["a verdict last in an array", `So: ["[", 1, ${a} ]`, "no_verdict"],
  ["a verdict in an array that is cut off", `[${a}, {"x":`, "no_verdict"],
  ["a verdict in an array, beside the same outside", `${a} [${a}]`, "no_verdict"],
  ["an array in an array", `[[${a}]]`, "no_verdict"],
  ["two verdicts", `${a}${b}`, "conflicting_verdicts"],
  ["two verdicts the other way round", `${b} or ${a}`, "conflicting_verdicts"],
  ["verdicts in two fences", `${fence}\n${a}\n${fence}\n${fence}\n${b}\n${fence}`, "conflicting_verdicts"],
  ["two winners in one object", a.replace("{", '{"winner":"Essay B",'), "conflicting_verdicts"],
  ["two winners in one object in prose", `So: ${a.replace("{", '{"winner":"B",')}`, "conflicting_verdicts"],
  ["two winners, one key escaped", a.replace("{", String.raw`{"w\u0069nner":"B",`), "conflicting_verdicts"],
  ["two confidences", a.replace("{", '{"confidence":1,'), "conflicting_verdicts"],
  ["a verdict before one for nobody", `${a} ${answer({ winner: "tie" })}`, "bad_winner"],
  ["a verdict behind one for nobody", `${answer({ winner: null })} ${a}`, "bad_winner"],
  ["a verdict cut off", a.slice(0, -1), "not_json"],
  ["a verdict with a trailing comma", a.replace("}", ",}"), "not_json"],
  ["a verdict in Python's spelling", a.replaceAll('"', "'"), "not_json"],
  ["a verdict with a bare NaN", a.replace("4}", "NaN}"), "not_json"],
  ["a verdict with a bare Infinity", a.replace("4}", "Infinity}"), "not_json"],
  ["a verdict beside one cut off", `${b} ${a.slice(0, -1)}`, "not_json"],
  ["a verdict inside one cut off", `{"winner":"Essay A","quoted":${b},"just`, "not_json"],
  ["a verdict inside an object cut off before its own", `{"quoted":${b},"just`, "not_json"],
  ["a verdict inside a broken one", `{"quoted":${b},"winner":"Essay A",}`, "not_json"],
  ["a verdict inside one without quotes", `{winner: "Essay A", quoted: ${b}}`, "not_json"],
  ["a verdict inside one without its first brace", `"quoted":${b},"winner":"Essay A"}`, "not_json"],
  ["a verdict beside a broken one", `{"winner":"Essay A",} ${b}`, "not_json"],
  ["a verdict beside one in Python's spelling", `{'confidence': 4, 'winner': 'Essay A'} ${b}`, "not_json"],
  ["a verdict beside one in typographic quotes", `{“winner”: “Essay A”} ${b}`, "not_json"],
  ["a verdict beside an escaped one", `${JSON.stringify(a)} ${b}`, "not_json"],
])("refuses %s", (_, text, error) => {
  expect(readJudgement(text)).toEqual({ ok: false, error });
});

it("the schema takes what is asked for and nothing else", () => {
  const takes = new Ajv({ strict: true }).compile(judgementSchema);
  expect(takes(JSON.parse(a))).toBe(true);
  for (const wrong of [{ winner: "tie" }, { confidence: "4" }, { justification: undefined }, { extra: 1 }]) {
    expect(takes(JSON.parse(answer(wrong)))).toBe(false);
  }
});

it("the schema is one that every vendor takes, with the reasons before the verdict", () => {
  expect(Object.keys(judgementSchema.properties)).toEqual(["justification", "winner", "confidence"]);
  expect(judgementSchema.required).toEqual(Object.keys(judgementSchema.properties));
  expect(JSON.stringify(judgementSchema)).not.toMatch(
    /"(minimum|maximum|minLength|maxLength|pattern|oneOf|anyOf|allOf)"/,
  );
});

function answer(changes: Record<string, unknown>): string {
  return JSON.stringify({ justification: reason, winner: "Essay A", confidence: 4, ...changes });
}
