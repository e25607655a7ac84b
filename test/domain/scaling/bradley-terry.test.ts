import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitOf } from "../../../src/domain/scaling/bradley-terry.ts";
import { covarianceOf, informationOnEffects } from "../../../src/domain/scaling/errors.ts";
import { groupsOf, type ScaleModel, type Observation } from "../../../src/domain/scaling/observations.ts";
import { apart, modelOf } from "./reference.ts";

const essays = 8;
const essay = fc.integer({ min: 0, max: essays - 1 });
const observation: fc.Arbitrary<Observation> = fc
  .record({
    first: essay,
    second: essay,
    firstWon: fc.boolean(),
    weight: fc.constantFrom(1, 0.5, 1 / 3),
  })
  .filter(({ first, second }) => first !== second);
/** A ring, so that all are there, and whatever else. */
const histories = fc
  .tuple(
    fc.array(fc.boolean(), { minLength: essays, maxLength: essays }),
    fc.array(observation, { maxLength: 40 }),
  )
  .map(([wins, others]) => [
    ...wins.map((firstWon, at) => ({ first: at, second: (at + 1) % essays, firstWon, weight: 1 })),
    ...others,
  ]);

function fitted(model: ScaleModel) {
  const fit = fitOf(model);
  const covariance = fit && covarianceOf(model, fit);
  if (fit === null || covariance === null) throw new Error("There is no maximum.");
  return { theta: [...fit.theta], effects: [...fit.effects], errors: errorsOf(model, covariance) };
}

function errorsOf(model: ScaleModel, covariance: NonNullable<ReturnType<typeof covarianceOf>>): number[] {
  return Array.from({ length: model.essays }, (_, at) => Math.sqrt(covariance.ofScores(at, at)));
}

describe("scores", () => {
  it("are as many as essays, with a mean of 0, and finite whatever the verdicts are", () => {
    fc.assert(
      fc.property(histories, (observations) => {
        const { theta, errors } = fitted(modelOf(observations, false, 0.25));
        expect(theta.reduce((sum, score) => sum + score, 0)).toBeCloseTo(0, 9);
        for (const value of [...theta, ...errors]) expect(Number.isFinite(value)).toBe(true);
      }),
    );
  });

  it("don't depend on who is called by which number", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: essays - 1 }), (observations, by) => {
        const named = (at: number) => (at * 3 + by) % essays;
        const renamed = observations.map((one) => ({
          ...one,
          first: named(one.first),
          second: named(one.second),
        }));
        const [{ theta, errors }, other] = [
          fitted(modelOf(observations, false, 0.25)),
          fitted(modelOf(renamed, false, 0.25)),
        ];
        expect(
          apart(
            theta.map((_, at) => other.theta[named(at)] ?? NaN),
            theta,
          ),
        ).toBeLessThan(1e-7);
        expect(
          apart(
            errors.map((_, at) => other.errors[named(at)] ?? NaN),
            errors,
          ),
        ).toBeLessThan(1e-7);
      }),
    );
  });

  it("change their sign where every loser becomes a winner, and keep their errors", () => {
    fc.assert(
      fc.property(histories, (observations) => {
        const lost = observations.map((one) => ({ ...one, firstWon: !one.firstWon }));
        const [one, other] = [fitted(modelOf(observations, false, 0.25)), fitted(modelOf(lost, false, 0.25))];
        expect(
          apart(
            other.theta,
            one.theta.map((score) => -score),
          ),
        ).toBeLessThan(1e-7);
        expect(apart(other.errors, one.errors)).toBeLessThan(1e-7);
      }),
    );
  });

  it("stay where all verdicts and the penalty are doubled, and errors shrink by √2", () => {
    fc.assert(
      fc.property(histories, (observations) => {
        const [once, twice] = [
          fitted(modelOf(observations, false, 0.25)),
          fitted(modelOf([...observations, ...observations], false, 0.5)),
        ];
        expect(apart(twice.theta, once.theta)).toBeLessThan(1e-7);
        expect(
          apart(
            twice.errors.map((error) => error * Math.SQRT2),
            once.errors,
          ),
        ).toBeLessThan(1e-7);
      }),
    );
  });

  it("are all equal where everybody won as often as they lost", () => {
    const draws = Array.from({ length: 6 }, (_, at) => [
      { first: at, second: (at + 1) % 6, firstWon: true, weight: 1 },
      { first: at, second: (at + 1) % 6, firstWon: false, weight: 1 },
    ]);
    expect(apart(fitted(modelOf(draws.flat(), false, 0.25)).theta, [0, 0, 0, 0, 0, 0])).toBeLessThan(1e-7);
  });

  it("put first who always won, at a finite score with a large error", () => {
    const others = Array.from({ length: 5 }, (_, at) => ({
      first: at,
      second: (at + 1) % 5,
      firstWon: true,
      weight: 1,
    }));
    const always = Array.from({ length: 5 }, (_, second) => ({
      first: 5,
      second,
      firstWon: true,
      weight: 1,
    }));
    const { theta, errors } = fitted(modelOf([...others, ...always], false, 0.25));
    expect(theta[5]).toBeGreaterThan(1.5);
    expect(errors[5]).toBeGreaterThan(1.4 * (errors[0] ?? NaN));
  });

  it("have a mean of 0 in each group that nothing ties to the others", () => {
    const apart = [
      { first: 0, second: 1, firstWon: true, weight: 1 },
      { first: 2, second: 3, firstWon: true, weight: 1 },
      { first: 2, second: 4, firstWon: true, weight: 1 },
    ];
    const model = modelOf(apart, false, 0.25);
    expect(groupsOf(model)).toEqual([
      [0, 1],
      [2, 3, 4],
    ]);
    const { theta } = fitted(model);
    expect((theta[0] ?? NaN) + (theta[1] ?? NaN)).toBeCloseTo(0, 9);
    expect((theta[2] ?? NaN) + (theta[3] ?? NaN) + (theta[4] ?? NaN)).toBeCloseTo(0, 9);
  });
});

describe("an order effect", () => {
  it("turns round where first and second change places, and leaves the scores", () => {
    fc.assert(
      fc.property(histories, (observations) => {
        const half = observations.map((one, at) =>
          at % 2 === 0 ? one : { ...one, first: one.second, second: one.first, firstWon: !one.firstWon },
        );
        fc.pre(new Set(half.map(({ firstWon }) => firstWon)).size === 2);
        const swapped = half.map((one) => ({
          ...one,
          first: one.second,
          second: one.first,
          firstWon: !one.firstWon,
        }));
        const [one, other] = [half, swapped].map((rows) => fitOf(modelOf(rows, true, 0.25)));
        expect(apart([...(other?.theta ?? [])], [...(one?.theta ?? [])])).toBeLessThan(1e-7);
        expect(other?.effects[0]).toBeCloseTo(-(one?.effects[0] ?? NaN), 7);
      }),
    );
  });

  it("can't be told from the scores where each essay is always first, or always second", () => {
    const rows = [0, 1, 2].flatMap((first) =>
      [3, 4, 5].map((second, at) => ({ first, second, firstWon: at !== first, weight: 1 })),
    );
    const [confounded] = informationOnEffects(modelOf(rows, true, 0.25));
    expect((confounded?.left ?? NaN) / (confounded?.all ?? NaN)).toBeLessThan(1e-10);
    const mixed = [...rows, { first: 3, second: 0, firstWon: true, weight: 1 }];
    const [told] = informationOnEffects(modelOf(mixed, true, 0.25));
    expect((told?.left ?? NaN) / (told?.all ?? NaN)).toBeGreaterThan(0.01);
  });

  it("of one judge may be beyond telling where another's is not", () => {
    const confounded = [0, 1, 2].flatMap((first) =>
      [3, 4, 5].map((second) => ({ first, second, firstWon: (first + second) % 2 === 0, weight: 1 })),
    );
    const ring = Array.from({ length: 6 }, (_, at) => ({
      first: at,
      second: (at + 1) % 6,
      firstWon: at % 3 !== 0,
      weight: 1,
    }));
    const columnOf = (rows: number, isOwn: (at: number) => boolean) =>
      Float64Array.from({ length: rows }, (_, at) => (isOwn(at) ? 1 : 0));
    // Two judges who were shown the same side first: neither can be told, whoever is looked at last.
    const twice = [...confounded, ...confounded];
    const both = informationOnEffects({
      ...modelOf(twice, false, 0.25),
      columns: [columnOf(18, (at) => at < 9), columnOf(18, (at) => at >= 9)],
    });
    for (const { left, all } of both) expect(left / all).toBeLessThan(1e-10);
    // The second judge's pairs say how good the essays are, so the first judge's order can be told.
    const mixed = informationOnEffects({
      ...modelOf([...confounded, ...ring], false, 0.25),
      columns: [columnOf(15, (at) => at < 9), columnOf(15, (at) => at >= 9)],
    });
    for (const { left, all } of mixed) expect(left / all).toBeGreaterThan(0.01);
  });
});

describe("anchors", () => {
  const rows = [
    { first: 0, second: 2, firstWon: true, weight: 1 },
    { first: 3, second: 1, firstWon: true, weight: 1 },
  ];

  it("stay where they are, and tie whom they are compared with", () => {
    const model = {
      ...modelOf(rows, false, 0.25),
      anchors: new Map([
        [0, 2.5],
        [1, -0.5],
      ] as const),
    };
    const { theta, errors } = fitted(model);
    expect(theta.slice(0, 2)).toEqual([2.5, -0.5]);
    expect(errors.slice(0, 2)).toEqual([0, 0]);
    // Nobody was compared with both anchors, which stand on one scale all the same.
    expect(groupsOf(model)).toHaveLength(1);
  });

  it("leave those without a comparison to one in a group of their own", () => {
    const apart = [...rows, { first: 4, second: 5, firstWon: true, weight: 1 }];
    const model = {
      ...modelOf(apart, false, 0.25),
      anchors: new Map([
        [0, 2.5],
        [1, -0.5],
      ] as const),
    };
    expect(groupsOf(model)).toHaveLength(2);
    const { theta, errors } = fitted(model);
    for (const value of [...theta, ...errors]) expect(Number.isFinite(value)).toBe(true);
  });
});
