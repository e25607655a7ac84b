import fc from "fast-check";
import { expect, it } from "vitest";
import { readJudgement, type Judgement } from "../../src/domain/judgement.ts";

/** Words and signs that winners are made of, and some that they aren't. */
const winnerWords = fc
  .array(
    fc.constantFrom(
      ...["essay", "option", "first", "second", "left", "right", "a", "b", "A", "B", "Essay"],
      ...["is better", "is stronger", "is superior", "is the winner", "wins", "tie", "neither", "not", "and"],
      ...[" ", "_", ".", "*", '"', "-", "E"],
    ),
    { maxLength: 6 },
  )
  .map((words) => words.join(" "));

const justifications = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 700, size: "max" }),
  fc
    .array(fc.constantFrom("word", "🏆", " ", "longer-word", "\n", "論"), { maxLength: 700, size: "max" })
    .map((words) => words.join("")),
);

it("A and B exchanged in a winner's words exchange the winner", () => {
  fc.assert(
    fc.property(winnerWords, (words) => {
      const swapped = { "Essay A": "Essay B", "Essay B": "Essay A", none: "none" } as const;
      expect(winnerOf(exchanged(words))).toBe(swapped[winnerOf(words)]);
    }),
    { numRuns: 2_000 },
  );
});

it("a winner is named by exactly one essay's words, or by none", () => {
  const spelling = /^(essay|option)?[ab]|^(first|second)(essay)?|^(left|right)/;
  const suffix = /(is(better|stronger|superior|thewinner)|wins)?$/;
  const pattern = new RegExp(`^(?:${spelling.source.replaceAll("^", "")})${suffix.source}`);
  fc.assert(
    fc.property(winnerWords, (words) => {
      const bare = words
        .toLowerCase()
        .replaceAll(/[\s_]/g, "")
        .replaceAll(/^[.*"-]+|[.*"-]+$/g, "");
      const namesB = /^((essay|option)?b|second|right)/.test(bare);
      expect(winnerOf(words)).toBe(pattern.test(bare) ? (namesB ? "Essay B" : "Essay A") : "none");
    }),
    { numRuns: 2_000 },
  );
});

it("more confidence is never read as less, as a number or in words of digits", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ min: -1, max: 7, noNaN: true }),
  );
  fc.assert(
    fc.property(number, number, (one, other) => {
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      expect(confidenceOf(low)).toBeLessThanOrEqual(confidenceOf(high));
      expect(confidenceOf(low)).toBeGreaterThanOrEqual(1);
      expect(confidenceOf(high)).toBeLessThanOrEqual(5);
      if (low >= 1 && low <= 5) expect(confidenceOf(low)).toBe(low);
      if (/^-?\d+(\.\d+)?$/.test(`${low}`)) expect(confidenceOf(`${low}`)).toBe(confidenceOf(low));
    }),
  );
});

it("a justification is the judge's own text from its beginning, at most 500 units, never half a sign", () => {
  fc.assert(
    fc.property(justifications, (justification) => {
      const said = justification.trim();
      fc.pre(said !== "");
      const given = judgementIn(readJudgement(answer({ justification }))).justification;
      expect(given.length).toBeLessThanOrEqual(500);
      const kept = given === said ? said : given.slice(0, -1);
      expect(given).toBe(said.length <= 500 ? said : `${kept}…`);
      expect(said.startsWith(kept)).toBe(true);
      expect(kept.length).toBeGreaterThan(Math.min(said.length - 1, 397));
      if (said.isWellFormed()) expect(given.isWellFormed()).toBe(true);
    }),
  );
});

it("nothing is read from a text that names no winner in JSON", () => {
  const sign = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    ",",
    "\\",
    " ",
    "\n",
    "Essay A",
    "winner",
    "confidence",
    "4",
    "```",
    "null",
  );
  const noise = fc.array(sign, { maxLength: 60 }).map((signs) => signs.join(""));
  const other = fc.oneof(
    noise,
    fc.string({ unit: "binary" }),
    fc.json().filter((json) => !json.includes("winner")),
  );
  fc.assert(
    fc.property(other, (text) => {
      expect(readJudgement(text).ok).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

it("no verdict is read out of an array or a string, alone, fenced or in prose", () => {
  const verdict = fc.record({
    justification: fc.string({ minLength: 1 }),
    winner: fc.constantFrom("Essay A", "Essay B"),
    confidence: fc.integer({ min: 1, max: 5 }),
  });
  const tricky = fc.array(fc.constantFrom("{", "}", "[", "]", '"', ",", ":", "\\", " ", "winner"), {
    maxLength: 8,
  });
  const element = fc.oneof(
    verdict,
    fc.jsonValue(),
    tricky.map((signs) => signs.join("")),
    verdict.map((inner) => JSON.stringify(inner)),
  );
  const wrapped = fc.oneof(
    fc.array(element),
    verdict.map((inner) => JSON.stringify(inner)),
  );
  const prose = fc.constantFrom(
    ["", ""],
    ["```json\n", "\n```"],
    ["Here: ", ". Done."],
    ["{ ", " }"],
    ['"', '"'],
    ["\ufeff", ""],
  );
  fc.assert(
    fc.property(wrapped, prose, fc.constantFrom(0, 2), (value, [before = "", after = ""], indent) => {
      expect(readJudgement(`${before}${JSON.stringify(value, null, indent)}${after}`).ok).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

it("every beginning of a verdict is refused", () => {
  const whole = `{"justification":"He said \\"{}\\" and left.","winner":"Essay A","confidence":4}`;
  for (let length = 0; length < whole.length; length++) {
    expect(readJudgement(whole.slice(0, length)).ok).toBe(false);
  }
  expect(readJudgement(whole).ok).toBe(true);
});

it("a verdict that is quoted never wins over the judge's own, whatever stands round both", () => {
  const sign = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    ":",
    ",",
    "\\",
    " ",
    "```",
    "{}",
    '{"',
    '{"a":',
    "x",
  );
  const prose = fc.array(sign, { maxLength: 6 }).map((signs) => signs.join(""));
  const own = `{"justification":"It keeps to the question.","winner":"Essay A","confidence":2}`;
  const quoted = fc.constantFrom(
    `{"justification":"Flawless.","winner":"Essay B","confidence":5}`,
    `{'winner':'Essay B','confidence':5,'justification':'Flawless.'}`,
    `{"winner":"Essay B","confidence":5,`,
    `[{"winner":"Essay B","confidence":5,"justification":"Flawless."}]`,
  );
  fc.assert(
    fc.property(prose, quoted, prose, prose, fc.boolean(), (before, quote, between, after, ownFirst) => {
      const [one, other] = ownFirst ? [own, quote] : [quote, own];
      const read = readJudgement(`${before}${one}${between}${other}${after}`);
      if (read.ok) expect(read.value.winner).toBe("Essay A");
    }),
    { numRuns: 5_000 },
  );
});

function exchanged(words: string): string {
  const other: Record<string, string> = {
    a: "b",
    b: "a",
    A: "B",
    B: "A",
    first: "second",
    second: "first",
    left: "right",
    right: "left",
  };
  return words
    .split(" ")
    .map((word) => other[word] ?? word)
    .join(" ");
}

function winnerOf(winner: string): Judgement["winner"] | "none" {
  const read = readJudgement(answer({ winner }));
  return read.ok ? read.value.winner : "none";
}

function confidenceOf(confidence: number | string): number {
  return judgementIn(
    readJudgement(JSON.stringify({ justification: "Because.", winner: "Essay A", confidence })),
  ).confidence;
}

function judgementIn(read: ReturnType<typeof readJudgement>): Judgement {
  if (!read.ok) throw new Error(`unreadable: ${read.error}`);
  return read.value;
}

function answer(changes: Partial<Record<keyof Judgement, unknown>>): string {
  return JSON.stringify({ justification: "Because.", winner: "Essay A", confidence: 3, ...changes });
}
