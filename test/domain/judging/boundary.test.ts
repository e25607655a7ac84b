import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { boundaryOf } from "../../../src/domain/judging/boundary.ts";

const hashes = Array.from({ length: 20_000 }, (_, at) =>
  createHash("sha256").update(String(at)).digest("hex"),
);

it("is eight letters from a to z without vowels, for whatever hash", () => {
  for (const hash of [...hashes, "0".repeat(64), "f".repeat(64)]) {
    expect(boundaryOf(hash)).toMatch(/^[bcdfghjklmnpqrstvwxz]{8}$/);
  }
});

it("is the same for the same hash, in every version: tickets that wait were asked for it", () => {
  expect(boundaryOf("0123456789abcdef".repeat(4))).toBe("pgckmwjw");
  expect(boundaryOf("f".repeat(64))).toBe("tqvlgnjd");
});

it("comes to an end for what is no hash", () => {
  for (const text of ["", "-1", "sha-of-12", "é"]) expect(boundaryOf(text).length).toBeLessThanOrEqual(8);
});

it("uses every letter at every place about as often, and hardly ever comes twice", () => {
  const boundaries = hashes.map(boundaryOf);
  expect(new Set(boundaries).size).toBeGreaterThan(hashes.length - 3);
  for (let place = 0; place < 8; place++) {
    const counts = new Map<string, number>();
    for (const boundary of boundaries) {
      const letter = boundary.charAt(place);
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    expect(counts.size).toBe(20);
    // A thousand each, and five standard deviations.
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(160);
  }
});
