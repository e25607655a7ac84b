/** Where a text stops being JSON: for every text the same verdict as the parser's, and a place to look at. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonFault } from "../../src/http/json-fault.ts";

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

it.each([
  ["", 0],
  ["  ", 2],
  ["\uFEFF{}", 0],
  ["{", 1],
  ["}", 0],
  ["[1,", 3],
  ["[1,]", 3],
  ["[,1]", 1],
  ["[1 2]", 3],
  ["[1}", 2],
  ['{"a":1,}', 7],
  ['{"a":1 "b":2}', 7],
  ['{"a" 1}', 5],
  ['{"a":}', 5],
  ['{"a"', 4],
  ["{'a':1}", 1],
  ["{a:1}", 1],
  ["{1:1}", 1],
  ["NaN", 0],
  ["tru", 0],
  ["truex", 4],
  ["nullnull", 4],
  ["01", 1],
  ["1.", 1],
  [".5", 0],
  ["+1", 0],
  ["-", 0],
  ["1e", 1],
  ["0x10", 1],
  ['"abc', 4],
  ['"a\nb"', 2],
  ['"a\\xb"', 2],
  ['"\\u12g4"', 1],
  ['"\\', 1],
  ['{"a":{"b":[1,2,{"c":"d"}]}}x', 27],
  ["[]]", 2],
  ["// a comment\n1", 0],
  ["\u00a01", 0],
] as const)("finds it in %j at %i", (text, place) => {
  expect(isJson(text)).toBe(false);
  expect(jsonFault(text)).toBe(place);
});

const texts = fc.oneof(
  fc.json({ noUnicodeString: false }),
  fc.string({ unit: fc.constantFrom(...'{}[],:"\\ \n\t0123456789-+.eEtruefalsnu/bx\u0000\u00e9') }),
);

describe("for any text", () => {
  it("there is one where the parser refuses it, and none where it takes it", () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect([text, jsonFault(text) === null]).toEqual([text, isJson(text)]);
      }),
      { numRuns: 5_000 },
    );
  });

  it("that was JSON and has lost, got or changed a character, too: and what stands before it was not at fault", () => {
    const anEdit = fc.record({
      text: fc.json(),
      at: fc.nat(200),
      removed: fc.nat(1),
      added: fc.constantFrom("", ",", ":", '"', "{", "}", "[", "]", "\\", "0", "\u0001"),
    });
    fc.assert(
      fc.property(anEdit, ({ text, at, removed, added }) => {
        const edited = text.slice(0, at) + added + text.slice(at + removed);
        const fault = jsonFault(edited);
        expect([edited, fault === null]).toEqual([edited, isJson(edited)]);
        if (fault === null) return;
        // Whatever follows, the same fault is found.
        expect(jsonFault(edited.slice(0, fault + 1))).toBe(fault);
      }),
      { numRuns: 5_000 },
    );
  });
});

it.each([
  ["lists", "[".repeat(700_000)],
  ["objects", '{"":'.repeat(300_000)],
  ["a string of two-byte characters", `"${"é漢".repeat(700_000)}`],
  ["a string of escapes", `"${"\\u00e9\\n".repeat(150_000)}`],
  ["blanks", " \n".repeat(700_000)],
  ["a number", "1".repeat(1_400_000) + "x"],
])("follows a body of the largest size: %s", (_, text) => {
  // What grows faster than the text takes minutes, and is ended by the test's time limit.
  expect(jsonFault(text)).toBe(text.endsWith("x") ? text.length - 1 : text.length);
});
