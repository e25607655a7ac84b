import { describe, expect, it } from "vitest";
import { momentHere, requeueingHere, starterHere } from "../../src/engine/other-clock.ts";

const hereMs = 1_800_000_000_000;
const hourMs = 3_600_000;

describe.each([-hourMs, 0, hourMs])("a ticket whose clock is %i ms ahead of its gate's", (aheadMs) => {
  const atMs = hereMs + aheadMs;

  it("waits at its gate for as long as it means to", () => {
    expect(momentHere(atMs + 5_000, atMs, hereMs)).toBe(hereMs + 5_000);
    const requeueing = { notBeforeMs: atMs + 5_000, suspect: true, permit: "p" };
    expect(requeueingHere(requeueing, atMs, hereMs)).toEqual({ ...requeueing, notBeforeMs: hereMs + 5_000 });
  });

  it("says since when it waits, where it asks to be called for", () => {
    const starter = { permit: "p", notBeforeMs: atMs + 5_000, suspect: false, sinceMs: atMs - 7_000 };
    expect(starterHere({ ...starter, atMs }, hereMs)).toEqual({
      permit: "p",
      notBeforeMs: hereMs + 5_000,
      suspect: false,
      sinceMs: hereMs - 7_000,
    });
  });
});

it("what older code says without its clock is taken as it is", () => {
  const starter = { permit: "p", notBeforeMs: hereMs + 5_000, suspect: false };
  expect(momentHere(hereMs + 5_000, undefined, hereMs)).toBe(hereMs + 5_000);
  expect(starterHere(starter, hereMs)).toEqual(starter);
});
