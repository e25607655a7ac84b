import { Ajv } from "ajv";
import { expect, it } from "vitest";
import { judgementName, judgementSchema, readJudgement } from "../../src/domain/judgement.ts";

const reason = "It keeps to the question and supports each claim.";
const a = answer({ winner: "Essay A" });
const b = answer({ winner: "Essay B" });
const judgedA = { winner: "Essay A", justification: reason, confidence: 4, normalizations: [] };

it("reads a plain answer as it is", () => {
  expect(readJudgement(a)).toEqual({ ok: true, value: judgedA });
  expect(readJudgement(b)).toEqual({ ok: true, value: { ...judgedA, winner: "Essay B" } });
});

const names = {
  "Essay A": ["essay a", "a", "option a", "first", "first essay", "left"],
  "Essay B": ["essay b", "b", "option b", "second", "second essay", "right"],
};
const suffixes = ["", " is better", " is stronger", " is superior", " is the winner", " wins"];

it.each(Object.entries(names))(
  "reads every spelling of %s, alone and with every suffix",
  (winner, spellings) => {
    for (const words of spellings.flatMap((name) => suffixes.map((suffix) => name + suffix))) {
      for (const spelling of [
        words,
        words.toUpperCase(),
        words.replaceAll(" ", "_"),
        words.replaceAll(" ", ""),
        words.replaceAll(" ", " \n\t\u00a0"),
        `  ${words}. `,
        `**"${words}"**!`,
        `(\`${words}\`)`,
        `¿«${words}»…`,
        `__${words}__`,
      ]) {
        expect(winnerOf(spelling), spelling).toBe(winner);
      }
    }
  },
);

it.each([
  ...[
    "",
    " ",
    ".",
    "tie",
    "a tie",
    "neither",
    "both",
    "none",
    "draw",
    "n/a",
    "unknown",
    "Error",
    "E",
    "Essay",
    "option",
  ],
  ...[
    "essay a and essay b",
    "Essay A or Essay B",
    "a, b",
    "a/b",
    "ab",
    "aa",
    "A1",
    "1",
    "0",
    "1st",
    "essay 1",
    "essay c",
  ],
  ...[
    "Essay A is better than Essay B",
    "The winner is Essay A",
    "not Essay A",
    "Essay A is not better",
    "Essay A loses",
  ],
  ...[
    "Essay A. Essay B",
    "essay-a",
    "Essay: A",
    "is better",
    "wins",
    "Essay A wins wins",
    "leftright",
    "essay left",
  ],
  ...[
    "the first",
    "first option",
    "left essay",
    "Еssay А",
    "Ａ",
    "Essay\u200b A",
    "à",
    "¬a",
    "≠ a",
    "A+",
    "e.a",
    "constructor",
  ],
])("refuses %j as a winner", (winner) => {
  expect(readJudgement(answer({ winner }))).toEqual({ ok: false, error: "bad_winner" });
});

it.each([[null], [true], [1], [["Essay A"]], [{ essay: "Essay A" }]])("refuses %j as a winner", (winner) => {
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
  [-0, 1, true],
  ["-3", 1, true],
  [5.0001, 5, true],
  [85, 5, true],
  ["1000000", 5, true],
])("reads confidence %j as %d, clamped: %j", (given, confidence, clamped) => {
  const normalizations = clamped ? ["confidence_clamped"] : [];
  expect(readJudgement(answer({ confidence: given }))).toEqual({
    ok: true,
    value: { ...judgedA, confidence, normalizations },
  });
});

it.each([
  ...[
    "",
    " ",
    "4/5",
    "0x4",
    "4e0",
    "four",
    "high",
    "4,5",
    "4.",
    ".5",
    "+4",
    "80%",
    "NaN",
    "Infinity",
    "٤",
    "1_0",
    "- 1",
  ],
  ...["9".repeat(400), true, false, null, [4], { value: 4 }],
])("refuses %j as a confidence", (confidence) => {
  expect(readJudgement(answer({ confidence }))).toEqual({ ok: false, error: "bad_confidence" });
});

it("refuses a confidence that is missing or too large for a number", () => {
  expect(readJudgement(answer({ confidence: undefined }))).toEqual({ ok: false, error: "bad_confidence" });
  expect(readJudgement(a.replace("4}", "1e400}"))).toEqual({ ok: false, error: "bad_confidence" });
});

it.each([[undefined], [null], [""], [" \n\t "], [5], [["long"]], [{ text: "long" }]])(
  "refuses %j as a justification",
  (justification) => {
    expect(readJudgement(answer({ justification }))).toEqual({ ok: false, error: "no_justification" });
  },
);

const word = "sentence ".repeat(100);
it.each([
  ["is never padded", "x", "x"],
  ["is trimmed, which is not listed", "\n Well argued. \n", "Well argued."],
  ["of 500 stays whole", "x".repeat(500), "x".repeat(500)],
  ["of 500 stays whole between blanks", ` ${"x".repeat(500)} `, "x".repeat(500)],
  ["of 501 without blanks is cut inside the word", "x".repeat(501), `${"x".repeat(499)}…`],
  ["is cut at a word", word, `${word.slice(0, 494)}…`],
  ["is cut behind a word that just fits", `${"x".repeat(499)} yy`, `${"x".repeat(499)}…`],
  [
    "is cut before a word that just doesn't fit",
    `${"x".repeat(450)} ${"y".repeat(49)} z`,
    `${"x".repeat(450)}…`,
  ],
  ["has no blank before the ellipsis", `${"x".repeat(450)}   ${"y".repeat(200)}`, `${"x".repeat(450)}…`],
  ["is cut at a line's end too", `${"x".repeat(450)}\n${"y".repeat(200)}`, `${"x".repeat(450)}…`],
  ["keeps most of a script without blanks", `甲 ${"論".repeat(600)}`, `甲 ${"論".repeat(497)}…`],
  ["is cut between two emoji", "🏆".repeat(300), `${"🏆".repeat(249)}…`],
  ["is cut between two emoji, one unit later", `x${"🏆".repeat(300)}`, `x${"🏆".repeat(249)}…`],
])("a justification %s", (_, given, justification) => {
  const normalizations = given.trim() === justification ? [] : ["justification_truncated"];
  expect(justification.length).toBeLessThanOrEqual(500);
  expect(readJudgement(answer({ justification: given }))).toEqual({
    ok: true,
    value: { ...judgedA, justification, normalizations },
  });
});

it("lists every normalization", () => {
  const read = readJudgement(answer({ confidence: 9, justification: "x".repeat(501) }));
  expect(read).toMatchObject({
    value: { normalizations: ["confidence_clamped", "justification_truncated"] },
  });
});

it.each([
  ["among blanks", `\r\n\t ${a}\n\n`],
  ["behind a byte order mark", `\ufeff${a}`],
  ["behind a zero-width space", `\u200b${a}`],
  ["in a code fence", `\`\`\`json\n${a}\n\`\`\``],
  ["in a code fence without a language", `\`\`\`\n${a}\`\`\``],
  ["in a code fence that is left open", `\`\`\`JSON\n${a}`],
  ["in prose", `Both are good. My verdict: ${a}. I hope that this helps!`],
  ["in a sentence", `After all, ${a} is my verdict, as asked.`],
  ["with other keys", a.replace("{", '{"reasoning":{"winner":"Essay B"},"scores":[{"winner":"Essay B"}],')],
  [
    "with braces and quotes in a string",
    a.replace("It keeps", "It keeps").replace("{", String.raw`{"note":"} \" {\\",`),
  ],
  ["beside an object without a winner", `{"a":1} ${a} {"b":{"winner":"Essay B"}} {}`],
  ["beside braces of prose", `The set {1, 2}, f(x) { return x; } and } or { or :{ matter. ${a} So }{ it is.`],
  ["beside brackets of prose", `See [1] and the range [0, 1). ${a} [end]`],
  ["beside broken JSON about something else", `{"rubric": oops} ${a} {"rubric": [`],
  ["beside the word in prose", `Winner: Essay A. The winner is clear: it is "winner" A.\n${a}`],
  ["with the same key twice in an inner object", a.replace("{", '{"inner":{"x":1,"x":2},')],
  ["twice, the same", `${a}\n${a}`],
])("reads a verdict %s", (_, text) => {
  expect(readJudgement(text)).toEqual({ ok: true, value: { ...judgedA, justification: reason } });
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

const fence = "```";
it.each([
  ["nothing", "", "empty"],
  ["blanks", " \r\n\t\u00a0\ufeff", "empty"],
  ["prose", "Essay A wins.", "not_json"],
  ["a JSON string", JSON.stringify("Essay A"), "not_json"],
  ["a JSON string that holds a verdict", JSON.stringify(a), "not_json"],
  ["a verdict escaped without quotes", JSON.stringify(a).slice(1, -1), "not_json"],
  ["a number", "4", "not_json"],
  ["null", "null", "not_json"],
  ["HTML", "<html><body>Bad gateway {}</body></html>", "no_verdict"],
  ["an empty object", "{}", "no_verdict"],
  ["a winner of another case", a.replace("winner", "Winner"), "no_verdict"],
  ["a verdict inside an object", `{"result":${a}}`, "no_verdict"],
  ["a verdict inside an object in prose", `Here: {"result":${a}} there`, "no_verdict"],
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
  [
    "two verdicts in two fences",
    `${fence}\n${a}\n${fence}\n${fence}\n${b}\n${fence}`,
    "conflicting_verdicts",
  ],
  ["two winners in one object", a.replace("{", '{"winner":"Essay B",'), "conflicting_verdicts"],
  [
    "two winners in one object, in prose",
    `So: ${b.replace("{", '{"winner":"Essay A",')}`,
    "conflicting_verdicts",
  ],
  [
    "two winners, one key escaped",
    a.replace("{", String.raw`{"w\u0069nner":"Essay B",`),
    "conflicting_verdicts",
  ],
  ["two confidences", a.replace("{", '{"confidence":1,'), "conflicting_verdicts"],
  ["a verdict beside one without a winner's name", `${a} ${answer({ winner: "tie" })}`, "bad_winner"],
  ["a verdict behind one without a winner's name", `${answer({ winner: null })} ${a}`, "bad_winner"],
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
  ["a verdict inside one whose first brace is missing", `"quoted":${b},"winner":"Essay A"}`, "not_json"],
  ["a verdict beside a broken one", `{"winner":"Essay A",} ${b}`, "not_json"],
  ["a verdict beside one in Python's spelling", `{'confidence': 4, 'winner': 'Essay A'} ${b}`, "not_json"],
  ["a verdict beside one in typographic quotes", `{“winner”: “Essay A”} ${b}`, "not_json"],
  ["a verdict beside an escaped one", `${JSON.stringify(a)} ${b}`, "not_json"],
  ["a verdict inside doubled braces", `{${a}} {"x":"${a}"}`, "not_json"],
])("refuses %s", (_, text, error) => {
  expect(readJudgement(text)).toEqual({ ok: false, error });
});

it.each([
  ["{", ""],
  ['{"', ""],
  ['{"a":', ""],
  ["[", ""],
  ["{}", ""],
  ["{ ", ""],
  ['"\\', ""],
  [" \n", "."],
  ["{x} ", ""],
  ['{"x":y} ', ""],
  ['{"a":1}, ', ""],
  ['{"winner":"A"} ', ""],
  ["'winner' ", ""],
  [", ", ""],
])("reads 200 KB of %j in no time", (piece, end) => {
  const text = piece.repeat(200_000 / piece.length) + end;
  const startedMs = performance.now();
  expect(readJudgement(text).ok).toBe(false);
  expect(readJudgement(answer({ winner: text })).ok).toBe(false);
  expect(readJudgement(answer({ justification: text, confidence: text })).ok).toBe(false);
  expect(readJudgement(`${text}${a}`.repeat(2)).ok).toBeTypeOf("boolean");
  // Linear work takes a tenth of it on a slow machine; anything else takes minutes.
  expect(performance.now() - startedMs).toBeLessThan(3_000);
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
  expect(judgementName).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
});

function answer(changes: Record<string, unknown>): string {
  return JSON.stringify({ justification: reason, winner: "Essay A", confidence: 4, ...changes });
}

function winnerOf(winner: string): string | undefined {
  const read = readJudgement(answer({ winner }));
  return read.ok ? read.value.winner : undefined;
}
