/** How many bytes a ticket is said to take. */
import { describe, expect, it } from "vitest";
import { besideBytes, textsBytes } from "../../../src/domain/ticket/size.ts";

const texts = { systemPrompt: "", userPrompt: "", essayA: "", essayB: "" };

describe("a ticket's texts", () => {
  it.each([
    ["nothing", ""],
    ["ASCII up to its last character", "a\u007f"],
    ["two bytes, from the first to the last", "\u0080\u07ff"],
    ["three bytes, from the first to the last", "\u0800\uffff"],
    ["pairs of surrogates", "👩‍🏫 𝄞"],
    ["half a pair before a letter", "\ud83da"],
    ["half a pair at the end", "a\ud83d"],
    ["the second half alone", "\udc00\ud83d"],
  ])("take as many bytes as their UTF-8: %s", (_, text) => {
    expect(textsBytes({ ...texts, essayB: text })).toBe(new TextEncoder().encode(text).length);
  });

  it("count together", () => {
    expect(textsBytes({ systemPrompt: "a", userPrompt: "bb", essayA: "ccc", essayB: "é" })).toBe(8);
  });
});

describe("what a caller stores beside the texts", () => {
  it("is nothing without metadata and user id", () => {
    expect(besideBytes({ metadata: {}, metadataText: "{  }", userId: null })).toBe(0);
  });

  it("counts metadata as it was written", () => {
    expect(besideBytes({ metadata: { a: 1 }, metadataText: '{ "a": 1.0 }', userId: null })).toBe(12);
  });

  it("counts metadata as JSON has it where the writing is not known, and the user id", () => {
    expect(besideBytes({ metadata: { a: 1 }, userId: "é" })).toBe(9);
  });

  it("counts a callback's URL", () => {
    const callback = { name: "app", url: "https://é" };
    expect(besideBytes({ metadata: {}, userId: null, callback })).toBe(10);
  });
});
