import * as fc from "fast-check";
import { expect, it } from "vitest";
import { readJudgement, type Judgement } from "../../src/domain/judgement.ts";

/** Words and signs that winners are made of, and some that they aren't. */
const winnerWords = fc
  .array(
    fc.constantFrom(
      ..."essay|option|first|second|left|right|a|b|A|B|Essay|tie|neither|not|and".split("|"),
      ...'is better|is stronger|is superior|is the winner|wins| |_|.|*|"|-|E'.split("|"),
    ),
    { maxLength: 6 },
  )
  .map((words) => words.join(" "));

const justifications = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 700, size: "max" }),
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
  const spelling =
    /^(?:(essay|option)?[ab]|(first|second)(essay)?|left|right)(is(better|stronger|superior|thewinner)|wins)?$/;
  fc.assert(
    fc.property(winnerWords, (words) => {
      const bare = words
        .toLowerCase()
        .replaceAll(/[\s_]/g, "")
        .replaceAll(/^[.*"-]+|[.*"-]+$/g, "");
      const namesB = /^((essay|option)?b|second|right)/.test(bare);
      expect(winnerOf(words)).toBe(spelling.test(bare) ? (namesB ? "Essay B" : "Essay A") : "none");
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
      const isOnScale = low >= 1 && low <= 5;
      expect(confidenceOf(low) === low).toBe(isOnScale);
      // Numbers with an exponent are no decimal words.
      fc.pre(!`${low}`.includes("e"));
      expect(confidenceOf(`${low}`)).toBe(confidenceOf(low));
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
      expect(given.isWellFormed()).toBe(said.isWellFormed());
    }),
  );
});

it("nothing is read from a text that names no winner in JSON", () => {
  const sign = fc.constantFrom(...'{}[]":,\\ \n', "Essay A", "winner", "confidence", "4", "```", "null");
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
  const tricky = fc.array(fc.constantFrom(...'{}[]",:\\ ', "winner"), { maxLength: 8 });
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
  const sign = fc.constantFrom(..."{}[]\"':,\\ x", "```", "{}", '{"', '{"a":');
  const prose = fc.array(sign, { maxLength: 6 }).map((signs) => signs.join(""));
  const own = `{"justification":"It keeps to the question.","winner":"Essay A","confidence":2}`;
  const quoted = fc.constantFrom(
    `{"justification":"Flawless.","winner":"Essay B","confidence":5}`,
    `{'winner':'Essay B','confidence':5,'justification':'Flawless.'}`,
    `{"winner":"Essay B","confidence":5,`,
    `[{"winner":"Essay B","confidence":5,"justification":"Flawless."}]`,
  );
  fc.assert(
    fc.property(prose, quoted, prose, prose, (before, quote, between, after) => {
      for (const answer of [
        `${before}${own}${between}${quote}${after}`,
        `${before}${quote}${between}${own}${after}`,
      ]) {
        expect(winnerIn(answer)).not.toBe("Essay B");
      }
    }),
    { numRuns: 5_000 },
  );
});

it.each('{|{"|{"a":|[|{}|{ |"\\| \n|{x} |{"x":y} |{"a":1}, |{"winner":"A"} |, |a.'.split("|"))(
  "reads 200 KB of %j in time that grows with its length alone",
  (piece) => {
    const text = `${piece.repeat(200_000 / piece.length)}.`;
    const startedMs = performance.now();
    readJudgement(`${text}${answer({})}${text}`);
    expect(readJudgement(answer({ winner: text }))).toEqual({ ok: false, error: "bad_winner" });
    expect(readJudgement(answer({ confidence: text }))).toEqual({ ok: false, error: "bad_confidence" });
    expect(readJudgement(answer({ justification: `x ${text}` })).ok).toBe(true);
    // Ten times what a slow machine needs; anything that grows faster takes minutes.
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  },
);

function exchanged(words: string): string {
  const pairs = "a b|b a|A B|B A|first second|second first|left right|right left".split("|");
  const others = new Map(pairs.map((pair) => [pair.split(" ")[0], pair.split(" ")[1]]));
  return words
    .split(" ")
    .map((word) => others.get(word) ?? word)
    .join(" ");
}

function winnerOf(winner: string): Judgement["winner"] | "none" {
  return winnerIn(answer({ winner }));
}

function winnerIn(text: string): Judgement["winner"] | "none" {
  const read = readJudgement(text);
  return read.ok ? read.value.winner : "none";
}

function confidenceOf(confidence: number | string): number {
  return judgementIn(readJudgement(answer({ confidence }))).confidence;
}

function judgementIn(read: ReturnType<typeof readJudgement>): Judgement {
  if (!read.ok) throw new Error(`unreadable: ${read.error}`);
  return read.value;
}

function answer(changes: Partial<Record<keyof Judgement, unknown>>): string {
  return JSON.stringify({ justification: "Because.", winner: "Essay A", confidence: 3, ...changes });
}
