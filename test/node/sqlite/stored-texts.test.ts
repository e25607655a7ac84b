/** Texts as bytes of the file: what goes in comes out, whatever is in it. */
import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Texts } from "../../../src/domain/ticket/ticket.ts";
import { decodeTexts, encodeTexts, sizeOfTexts } from "../../../src/node/sqlite/stored-texts.ts";
import { exactUtf8, utf8 } from "../../../src/node/http/utf8.ts";
import { anyCharacter } from "../../support/any-character.ts";

const essays = fc.string({ unit: anyCharacter, maxLength: 40 });
/** Any UTF-16 units, so lone surrogates too. */
const units = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7ff, max: 0xe000 })), {
    maxLength: 20,
  })
  .map((codes) => String.fromCharCode(...codes));
const text = fc.oneof(essays, units, fc.constantFrom("", "{", "1,2,3,4\n", "\u0000"));
const texts: fc.Arbitrary<Texts> = fc.record({
  systemPrompt: text,
  userPrompt: text,
  essayA: text,
  essayB: text,
});

describe("texts of a ticket", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(texts, (some) => {
        expect(decodeTexts(encodeTexts(some))).toEqual(some);
      }),
    );
  });

  it("come back as they were when they were counted before they were stored", () => {
    fc.assert(
      fc.property(texts, (some) => {
        sizeOfTexts(some);
        expect(decodeTexts(encodeTexts(some))).toEqual(some);
      }),
    );
  });

  it("are as many bytes as each of them has in UTF-8, a lone surrogate three", () => {
    fc.assert(
      fc.property(texts, (some) => {
        const bytes = Object.values(some).map((one: string) => Buffer.byteLength(one));
        expect(sizeOfTexts(some)).toBe(bytes.reduce((sum, count) => sum + count));
      }),
    );
    expect(sizeOfTexts({ systemPrompt: "\ud800", userPrompt: "\udc00", essayA: "“", essayB: "" })).toBe(9);
  });

  it("are read where an earlier version stored them as JSON", () => {
    const some = { systemPrompt: "s", userPrompt: "“u”", essayA: "\ud800", essayB: "b" };
    expect(decodeTexts(Buffer.from(JSON.stringify(some)))).toEqual(some);
  });
});

describe("UTF-8 of a text", () => {
  it("is what Buffer makes of it, whatever its length and its characters", () => {
    // Both sides of what counts as long, and of what fits into the scratch memory.
    const lengths = fc.constantFrom(1, 499, 500, 501, 32_767, 32_768, 32_769, 40_000);
    fc.assert(
      fc.property(units, lengths, fc.constantFrom("a", "“"), (some, length, filler) => {
        const long = `${filler.repeat(length)}${some}`;
        expect(utf8(long).equals(Buffer.from(long))).toBe(true);
      }),
    );
  });

  it("is said to be inexact for a lone surrogate, and for no pair", () => {
    expect(exactUtf8(["a\ud83d\ude00", "“"])).toEqual(Buffer.from("a\u{1f600}“"));
    expect(exactUtf8(["a\ud83d", "“"])).toBeNull();
  });
});
