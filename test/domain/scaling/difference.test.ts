import { describe, expect, it } from "vitest";
import { differencesIn } from "../../../src/domain/scaling/difference.ts";
import { judgedBy, noisy, plannedSet, reported } from "./made-up-judges.ts";

describe("the difference of two essays", () => {
  const plan = plannedSet(20);
  const calls = judgedBy(plan, noisy(20, { spread: 2 }));
  const [apart, same, unknown] = differencesIn({ plan, calls }, [
    ["E20", "E1"],
    ["E10", "E10"],
    ["E1", "nobody"],
  ]);

  it("is that of their scores, with an error of its own", () => {
    const { scores } = reported(plan, calls);
    const scoreOf = (id: string) => scores.find(({ essay }) => essay === id);
    const [best, worst] = [scoreOf("E20"), scoreOf("E1")];
    expect(apart?.difference).toBeCloseTo((best?.theta ?? NaN) - (worst?.theta ?? NaN), 9);
    // Smaller than if the two had nothing to do with each other, or larger: not what two bars add up to.
    const independent = Math.hypot(best?.se ?? NaN, worst?.se ?? NaN);
    expect(apart?.se).not.toBeCloseTo(independent, 3);
    expect(apart?.se).toBeGreaterThan(0.5 * independent);
    expect(apart?.se).toBeLessThan(1.5 * independent);
    expect(apart?.p).toBeLessThan(0.05);
    expect(apart?.ci95?.[0]).toBeGreaterThan(0);
  });

  it("of one and itself is none, and of somebody unknown there is none", () => {
    expect(same).toMatchObject({ difference: 0, se: 0, p: null });
    expect(unknown).toMatchObject({ difference: null, se: null, reason: "no_verdicts" });
  });

  it("is not given between essays that nothing ties to each other", () => {
    const pairs = [
      ["E1", "E2"],
      ["E3", "E4"],
    ] as const;
    const divided = plannedSet(4, { design: { kind: "pairs", pairs }, auditShare: 1 });
    const found = differencesIn({ plan: divided, calls: judgedBy(divided, noisy(4)) }, [
      ["E1", "E2"],
      ["E1", "E3"],
    ]);
    expect(found.map(({ reason }) => reason)).toEqual([null, "disconnected"]);
    expect(found[0]?.se).toBeGreaterThan(0);
  });
});
