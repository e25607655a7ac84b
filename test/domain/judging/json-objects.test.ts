import * as fc from "fast-check";
import { expect, it } from "vitest";
import { jsonObjectsIn } from "../../../src/domain/judging/json-objects.ts";

const found = (text: string) =>
  jsonObjectsIn([text], 100)?.map(({ before, behind }) =>
    text.slice(before.length, text.length - behind.length).trim(),
  );

it.each([
  ["one alone", ' {"a":1} ', ['{"a":1}']],
  ["two beside each other", '{"a":1}{"b":{"c":2}}', ['{"a":1}', '{"b":{"c":2}}']],
  ["one in prose", 'It {is} [so]: {"a":"}"}.', ['{"a":"}"}']],
  ["one in an object", '{"a":{"b":1}}', ['{"a":{"b":1}}']],
  ["one in an array", 'x [{"a":1}]', []],
  ["one in an array in an array", 'x [[1, {"a":1}], 2]', []],
  ["one behind an array", '[1, "]"] {"a":1}', ['{"a":1}']],
  ["one behind braces of prose", 'f() { return {x}; } {"a":1}', ['{"a":1}']],
  ["one behind an object that is broken", '{"x" y} {"a":1}', ['{"a":1}']],
  ["one in an object that is broken before it", '{"x":y,"z":{"a":1}}', ['{"a":1}']],
  ["one in an object that is broken behind it", '{"z":{"a":1},"x":y}', []],
  ["one in an object that is cut off behind it", '{"z":{"a":1},"x', []],
  ["one at which an object is cut off", '{"z":{"a":1}', ['{"a":1}']],
  ["one at which an object is cut off behind a comma", '{"z":{"a":1}, and', ['{"a":1}']],
  ["one at which an array breaks off", '[1, {"a":1} and', ['{"a":1}']],
  ["one in an array that is cut off behind it", '[{"a":1}, {"x":', []],
  ["one behind a string that is cut off", '{"x":"cut {"a":1}', ['{"a":1}']],
  ["one behind a key that is cut off", '{"x":1,"cut {"a":1} and "so on"', ['{"a":1}']],
  ["one behind an array's string that is cut off", '["cut {"a":1}', ['{"a":1}']],
  ["one behind a string that never ends", `{"cut {x}`, []],
  ["one with a comma too many", '{"a":1,}', []],
  ["one in one with a comma too many", '{"b":{"a":1},}', []],
  ["one with another spelling", "{'a':1} {a:1} {“a”:1}", []],
  ["one in a string", String.raw`x "{\"a\":1}"`, []],
  ["one with escaped quotation marks", String.raw`x {"a":"\\\"}"}`, [String.raw`{"a":"\\\"}"}`]],
  ["an empty one", "x {} y", ["{}"]],
])("finds %s", (_, text, objects) => {
  expect(found(text)).toEqual(objects);
});

it.each([
  ["a key once", '{"a":1,"b":{"a":1,"a":2},"c":":"}', false],
  ["a key twice", '{"a":1,"a":1}', true],
  ["a key twice, once escaped", String.raw`{"a":1,"\u0061":1}`, true],
  ["a prototype", '{"__proto__":1,"a":1}', false],
])("says of an object with %s whether it repeats one", (_, text, repeatsKey) => {
  for (const around of [text, `x ${text} y`]) {
    expect(jsonObjectsIn([around], 100)).toMatchObject([{ repeatsKey }]);
  }
});

it.each(["{} ", '{"a":1} ', '{"a":1-1} ', String.raw`{"a":"\q"} `, "[{} "])(
  "gives up behind so many of %j as it may look at, in all texts together",
  (piece) => {
    expect(jsonObjectsIn([`${piece.repeat(7)}x`], 7)).not.toBeNull();
    expect(jsonObjectsIn([`${piece.repeat(8)}x`], 7)).toBeNull();
    expect(jsonObjectsIn([`${piece.repeat(4)}x`, `${piece.repeat(3)}x`], 7)).not.toBeNull();
    expect(jsonObjectsIn([`${piece.repeat(4)}x`, `${piece.repeat(4)}x`], 7)).toBeNull();
  },
);

it("gives up behind so many texts that are objects", () => {
  expect(jsonObjectsIn(["{}", "{}"], 2)).toHaveLength(2);
  expect(jsonObjectsIn(["{}", "{}", "{}"], 2)).toBeNull();
});

it("finds any JSON object whole, in prose and alone, and none in an array", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue());
  const indent = fc.constantFrom(0, 2);
  fc.assert(
    fc.property(object, indent, (value, spaces) => {
      const text = JSON.stringify(value, null, spaces);
      expect(found(text)).toEqual([text]);
      expect(found(`So: ${text}; that {is} all`)).toEqual([text]);
      expect(found(`So: [${text}]`)).toEqual([]);
      expect(found(`So: [0, ${text}, "x"] and`)).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

it("whatever it finds is JSON, in order, and none overlaps another", () => {
  const sign = fc.constantFrom(...'{}[]",:\\ 1', '{"a":', '"a"', "{}", "null", "x", '{"a":1}');
  fc.assert(
    fc.property(fc.array(sign, { maxLength: 40 }), (signs) => {
      const text = signs.join("");
      let until = 0;
      for (const { value, before, behind } of jsonObjectsIn([text], 100) ?? []) {
        const end = text.length - behind.length;
        expect(before.length).toBeGreaterThanOrEqual(until);
        expect(JSON.parse(text.slice(before.length, end))).toEqual(value);
        until = end;
      }
    }),
    { numRuns: 5_000 },
  );
});
