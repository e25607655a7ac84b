/** Metadata as it was written: found in a body, held to its rules, put beside ours, and brought into one form. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memberSource } from "../../src/http/json-source.ts";
import { canonicalJson, metadataIssues, metadataOfBoth } from "../../src/http/metadata.ts";

const told = (source: string) => metadataIssues(source).map(({ path, message }) => `${path} ${message}`);

describe("a member's source", () => {
  it.each([
    ["{}", null],
    ['{"a":1}', null],
    ['{"metadata":{"a":1}}', '{"a":1}'],
    ['{"metadata":1 }', "1"],
    ['{"metadata":"}{\\\\\\""}', '"}{\\\\\\""'],
    ['{"metadata":[{},[]],"b":1}', "[{},[]]"],
    [' {\n"a" : "metadata" ,\t"metadata"\n:\r{ "b" : 1 } }\n', '{ "b" : 1 }'],
    ['{"metadata":1,"metadata":2}', "2"],
    ['{"a":{"metadata":1},"b":[{"metadata":2}]}', null],
    ['{"met\\u0061data":true}', "true"],
    ['{"a":"\\\\","metadata":null}', "null"],
    ['{"a":-1.5e3,"metadata":-0}', "-0"],
  ])("of %s is %s", (object, source) => {
    expect(memberSource(object, "metadata")).toBe(source);
  });

  it("is that of the parser, whatever the object", () => {
    const aName = fc.oneof(fc.constantFrom("metadata", 'me"ta', "\\", "", "é"), fc.string());
    const anObject = fc.dictionary(aName, fc.jsonValue());
    fc.assert(
      fc.property(anObject, fc.constantFrom(0, 1, "\t"), (object, space) => {
        const written = JSON.stringify(object, null, space);
        for (const [name, value] of Object.entries(object)) {
          const source = memberSource(written, name);
          expect(source === null ? null : JSON.parse(source)).toEqual(JSON.parse(JSON.stringify(value)));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("its rules", () => {
  it.each([
    ["{}", []],
    ['{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', []],
    ['{"a":"a","b":"\\"a\\":","c":["a","a",":"]}', []],
    ['{"proto":1,"a":"__proto__","constructor":{},"toString":1}', []],
    ['{"a":1,"a":1}', ["metadata.a must be there once"]],
    ['{"a":1,"\\u0061":2}', ["metadata.a must be there once"]],
    ['{"b":{"a" : 1 , "a"\n: 2}}', ["metadata.b.a must be there once"]],
    ['{"b":[0,[],{"a":{}, "a":[]}]}', ["metadata.b.2.a must be there once"]],
    [
      '{"a":1,"a":2,"a":3,"":0,"":1}',
      [...Array(2).fill("metadata.a must be there once"), "metadata. must be there once"],
    ],
    ['{"__proto__":1}', ["metadata.__proto__ must not be a name here"]],
    ['{"a":[{"__pr\\u006fto__":{}}]}', ["metadata.a.0.__proto__ must not be a name here"]],
  ] satisfies [string, string[]][])("of %s are %j", (source, issues) => {
    expect(told(source)).toEqual(issues);
  });

  it("hold for bytes of its source: blanks and escapes are kept, so they count", () => {
    const filled = (bytes: number) => `{"k":"${"x".repeat(bytes - 8)}"}`;
    const spaced = (bytes: number) => `{${" ".repeat(bytes - 2)}}`;
    const escaped = `{"k":"${"\\u00e9".repeat(2_730)}"}`;
    for (const source of [filled(16_384), spaced(16_384)]) expect(told(source)).toEqual([]);
    for (const source of [filled(16_385), spaced(16_385), escaped.replace("k", "kkkkkkkkkkk")])
      expect(told(source)).toEqual(["metadata must be at most 16 KiB of JSON"]);
    expect(told(`{"k":"${"漢".repeat(5_458)}"}`)).toEqual([]);
    expect(told(`{"k":"${"漢".repeat(5_459)}"}`)).toEqual(["metadata must be at most 16 KiB of JSON"]);
  });

  it("are told of as far as 20 breaches, with paths that are cut", () => {
    const issues = metadataIssues(`{"${"n".repeat(1_000)}":{${'"a":1,'.repeat(999)}"a":1}}`);
    expect(issues.filter(({ path }) => path !== "metadata")).toHaveLength(20);
    expect(Math.max(...issues.map(({ path }) => path.length))).toBe(200);
  });
});

describe("ours and the caller's", () => {
  it.each([
    ["{}", '{"attempts":1,"list":[]}'],
    ["{ }", '{"attempts":1,"list":[]}'],
    ['{"a": 1}', '{"attempts":1,"list":[],"a": 1}'],
    ['{"attempts":"mine"}', '{"list":[],"attempts":"mine"}'],
    ['{"list":0,"\\u0061ttempts":1}', '{"list":0,"\\u0061ttempts":1}'],
  ])("of %s are %s", (source, both) => {
    expect(metadataOfBoth({ attempts: 1, list: [] }, JSON.parse(source) as object, source)).toBe(both);
  });
});

describe("the canonical form", () => {
  it.each([
    ["{}", "{}"],
    [' { "b" : [ ] , "a" : { } } ', '{"a":{},"b":[]}'],
    ['{"b":1,"10":2,"9":3,"a":{"d":null,"c":true}}', '{"10":2,"9":3,"a":{"c":true,"d":null},"b":1}'],
    ['{"n":[1234567890123456789,1.0,1E2,-0,1e400]}', '{"n":[1234567890123456789,1.0,1E2,-0,1e400]}'],
    ['{"\\u0061":"\\u00e9\\/\\n"}', '{"a":"é/\\n"}'],
  ])("of %s is %s", (source, form) => {
    expect(canonicalJson(source)).toBe(form);
  });

  it("is the same in any order and with any blanks, and says the same as what it is made of", () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== "object" || value === null) return value;
      const members = Object.entries(value).map(([name, inner]) => [name, reversed(inner)]);
      return Object.fromEntries(members.toReversed());
    };
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const form = canonicalJson(JSON.stringify(value));
        expect(canonicalJson(JSON.stringify(reversed(value), null, 1))).toBe(form);
        expect(JSON.parse(form)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 1_000 },
    );
  });
});
