import { describe, expect, it } from "vitest";
import { weightOf } from "../../src/domain/shares.ts";

describe("what a tenant weighs", () => {
  it.each(["constructor", "toString", "__proto__"])(
    "is 1 for a tenant called %s, who isn't named",
    (tenant) => {
      expect(weightOf({}, tenant)).toBe(1);
      expect(weightOf({ maths: 3 }, tenant)).toBe(1);
    },
  );

  it("is what the setting says for whom it names, and 1 for all others", () => {
    expect(weightOf({ ["constructor"]: 3, maths: 0.5 }, "constructor")).toBe(3);
    expect(weightOf({ maths: 0.5 }, "maths")).toBe(0.5);
    expect(weightOf(undefined, "maths")).toBe(1);
  });
});
