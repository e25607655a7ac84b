/** A line of the log, whatever callers and vendors put into it. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { createLog } from "../../src/telemetry/log.ts";

function written(value: string): string {
  const lines: string[] = [];
  createLog(
    "info",
    (line) => lines.push(line),
    () => 0,
  )("info", "attempt", { answered_model: value });
  return lines.join("");
}

it.each([
  ["the separators of lines and paragraphs", "\u2028\u2029"],
  ["what begins an escape sequence of a terminal", "\u009b31m\u0090\u009d\u007f\u001b["],
  ["what turns the direction of writing", "\u202a\u202e\u2066\u2069\u200e\u200f\u061c"],
  ["a byte order mark, a line break and a null", "\ufeff\r\n\u0000"],
])("holds %s as escapes, and says the same", (_, value) => {
  const line = written(`a${value}b`);
  expect(line).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(line)).toMatchObject({ answered_model: `a${value}b` });
});

it("leaves letters of all languages as they are", () => {
  expect(written("é漢😀 עברית")).toContain('"é漢😀 עברית"');
});

it("is one line that terminals and viewers show as it is, and that reads back, for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 100 }), (value) => {
      const line = written(value);
      expect(line).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
      expect((JSON.parse(line) as { answered_model: string }).answered_model).toBe(value);
    }),
  );
});
