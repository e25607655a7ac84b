/** A body in pieces: the same bytes however it is cut, and memory by their number. */
import { describe, expect, it } from "vitest";
import { gathered } from "../../src/providers/gathered.ts";

const text = Array.from({ length: 40_000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join("");

function taking(pieces: readonly string[], maxBytes: number, announcedBytes: number | null) {
  const { add, bytes } = gathered(maxBytes, announcedBytes);
  const taken = pieces.map((piece) => add(Buffer.from(piece)));
  return { taken, bytes };
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const cut = (size: number) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size));

it.each([1, 2, 7, 4_096, 39_999, 40_000])("gives the same bytes in pieces of %i", (size) => {
  for (const announced of [null, 0, 39_999, 40_000, 40_001, 1e9]) {
    const { bytes } = taking(cut(size), 40_000, announced);
    expect(textOf(bytes())).toBe(text);
  }
});

it.each([
  ["none", [], 5, [], ""],
  ["an empty one", [""], 5, [true], ""],
  ["empty ones between", ["", "ab", "", "cd", ""], 5, [true, true, true, true, true], "abcd"],
  ["as many as may be", ["abc", "de"], 5, [true, true], "abcde"],
  ["one too many at once", ["abcdef"], 5, [false], ""],
  ["one too many in the end", ["abcde", "f"], 5, [true, false], "abcde"],
  ["one too many between", ["abc", "def", "gh"], 5, [true, false, true], "abcgh"],
] as const)("takes up to its limit and no byte more: %s", (_, pieces, maxBytes, expected, whole) => {
  const { taken, bytes } = taking(pieces, maxBytes, null);
  expect(taken).toEqual(expected);
  expect(textOf(bytes())).toBe(whole);
});

describe("room", () => {
  it("follows what has come, not what was announced or is allowed", () => {
    const { add, bytes } = gathered(1e9, 1e8);
    const rooms = Array.from({ length: 40_000 }, () => {
      add(Buffer.from("x"));
      return bytes().buffer.byteLength;
    });
    // The first piece is kept as it came.
    const tooLarge = rooms.slice(1).filter((bytes, at) => bytes > Math.max(16_384, 2 * (at + 2)));
    expect(tooLarge).toEqual([]);
  });

  it("ends at what was announced, or at the limit", () => {
    for (const [maxBytes, announced] of [
      [1e9, 40_000],
      [40_000, null],
    ] as const)
      expect(taking(cut(100), maxBytes, announced).bytes().buffer.byteLength).toBe(40_000);
  });

  it("is never that of a sender's own piece, where more come", () => {
    const first = Buffer.from("abc");
    const { add, bytes } = gathered(10, null);
    add(first);
    add(Buffer.from("def"));
    expect([textOf(first), textOf(bytes())]).toEqual(["abc", "abcdef"]);
  });
});

describe("memory that nobody reads any more", () => {
  it("is named once, each piece that was copied and all that they were gathered in, and nothing that is still read", () => {
    const gone: Uint8Array[] = [];
    const body = gathered(40_000, null, (bytes) => void gone.push(bytes));
    const pieces = cut(1_000).map((piece) => new TextEncoder().encode(piece));
    for (const piece of pieces) {
      body.add(piece);
      expect(gone).not.toContain(body.bytes());
    }
    const { buffer } = body.bytes();
    expect(gone.some((bytes) => bytes.buffer === buffer)).toBe(false);
    body.end();
    expect(gone.at(-1)?.buffer).toBe(buffer);
    expect(new Set(gone).size).toBe(gone.length);
    expect(pieces.every((piece) => gone.includes(piece))).toBe(true);
  });

  it("is the sender's own piece where only one came, and none where nothing did", () => {
    const gone: Uint8Array[] = [];
    const body = gathered(10, null, (bytes) => void gone.push(bytes));
    body.end();
    expect(gone).toEqual([]);
    const piece = new Uint8Array([1, 2]);
    body.add(piece);
    body.end();
    expect(gone).toEqual([piece]);
    expect(body.bytes()).toHaveLength(0);
  });
});
