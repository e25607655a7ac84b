import { describe, expect, it } from "vitest";
import { fitOf } from "../../../src/domain/scaling/bradley-terry.ts";
import { covarianceOf, errorOfDifference } from "../../../src/domain/scaling/errors.ts";
import { logLikelihoodOf } from "../../../src/domain/scaling/likelihood.ts";
import { misfitOf } from "../../../src/domain/scaling/misfit.ts";
import { groupsOf, isStronglyConnected, type Observation } from "../../../src/domain/scaling/observations.ts";
import { separationOf } from "../../../src/domain/scaling/reliability.ts";
import type { Scale } from "../../../src/domain/scaling/scale.ts";
import { apart, modelOf, perfectRecord, referenceCases, type Case } from "./reference.ts";

const tolerance = 1e-6;

function scaleOn({ model }: Case): Scale {
  const fit = fitOf(model);
  const covariance = fit && covarianceOf(model, fit);
  if (fit === null || covariance === null) throw new Error("There is no maximum.");
  return { model, fit, covariance, groups: groupsOf(model), orderEffects: [] };
}

function named(name: string): Case {
  const found = referenceCases.find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
}

function placesOf({ model }: Case, isOwn: (one: Observation, at: number) => boolean): readonly number[] {
  return model.observations.flatMap((one, at) => (isOwn(one, at) ? [at] : []));
}

const having = (isHad: (one: Case) => boolean) => referenceCases.filter(isHad);

describe("to six digits as others have found", () => {
  it.each(referenceCases)("the scores of $name", (one) => {
    expect(apart(scaleOn(one).fit.theta, one.expected.theta)).toBeLessThan(tolerance);
  });

  it.each(having(({ expected }) => expected.eta !== undefined))(
    "the order effect of $name, and its error",
    (one) => {
      const { fit, covariance } = scaleOn(one);
      const found = [fit.effects[0] ?? NaN, Math.sqrt(covariance.ofEffect(0))];
      expect(apart(found, [one.expected.eta ?? NaN, one.expected.eta_se ?? NaN])).toBeLessThan(tolerance);
    },
  );

  it.each(having(({ expected }) => expected.loglik !== undefined))("the likelihood of $name", (one) => {
    const found = logLikelihoodOf(one.model, scaleOn(one).fit);
    expect(apart([found], [one.expected.loglik ?? NaN])).toBeLessThan(tolerance);
  });

  it.each(having(({ expected }) => expected.infit !== undefined))("infit and outfit of $name", (one) => {
    const scale = scaleOn(one);
    const misfits = one.expected.theta.map((_, essay) =>
      misfitOf(
        scale,
        placesOf(one, ({ first, second }) => first === essay || second === essay),
      ),
    );
    const [infits, outfits] = [
      misfits.map((one) => one?.infit ?? NaN),
      misfits.map((one) => one?.outfit ?? NaN),
    ];
    expect(apart(infits, one.expected.infit ?? [])).toBeLessThan(tolerance);
    expect(apart(outfits, one.expected.outfit ?? [])).toBeLessThan(tolerance);
  });

  it.each(having(({ expected }) => expected.se !== undefined))("the standard errors of $name", (one) => {
    const { covariance } = scaleOn(one);
    const errors = one.expected.theta.map((_, at) => Math.sqrt(covariance.ofScores(at, at)));
    // An anchor has none.
    expect(
      apart(
        errors,
        (one.expected.se ?? []).map((error) => error ?? 0),
      ),
    ).toBeLessThan(tolerance);
  });

  it.each(having(({ expected }) => expected.ssr !== undefined))("the reliability of $name", (one) => {
    const ssr = separationOf(scaleOn(one)).ssr.value ?? NaN;
    expect(apart([ssr], [one.expected.ssr ?? NaN])).toBeLessThan(tolerance);
  });
});

it("has all figures of all cases", () => {
  const count = (key: keyof Case["expected"]) => having(({ expected }) => expected[key] !== undefined).length;
  expect(
    ["theta", "se", "ssr", "infit", "loglik", "eta"].map((key) => count(key as keyof Case["expected"])),
  ).toEqual([12, 11, 10, 11, 11, 3]);
});

it("has no reliability where not all can be compared", () => {
  const scale = scaleOn(named("disconnected, penalty 0.25"));
  expect(separationOf(scale).ssr).toEqual({ value: null, reason: "disconnected" });
});

it("says how far two scores can be told apart, as R does", () => {
  const { covariance } = scaleOn(named("five, penalty 0"));
  expect(apart([errorOfDifference(covariance, 0, 1)], [0.90550076])).toBeLessThan(tolerance);
  const cited = scaleOn(named("citations, penalty 0"));
  const found = [1, 2, 3].map((journal) => [
    (cited.fit.theta[journal] ?? NaN) - (cited.fit.theta[0] ?? NaN),
    errorOfDifference(cited.covariance, journal, 0),
  ]);
  const expected = [-2.9490725, 0.1025453, -0.4795698, 0.0605887, 0.2689541, 0.07083];
  expect(apart(found.flat(), expected)).toBeLessThan(tolerance);
});

it("has the fit of judges that sirt has", () => {
  const five = named("five, penalty 0");
  const scale = scaleOn(five);
  const judges = [0, 1].map((judge) =>
    misfitOf(
      scale,
      placesOf(five, (_, at) => at % 2 === judge),
    ),
  );
  const found = judges.flatMap((misfit) => [misfit?.infit ?? NaN, misfit?.outfit ?? NaN]);
  expect(apart(found, [0.96408467, 0.94245873, 1.03925338, 1.05103343])).toBeLessThan(tolerance);
});

it("finds no maximum without a penalty where somebody never loses", () => {
  const model = modelOf(perfectRecord, false, 0);
  expect(isStronglyConnected(model)).toBe(false);
  expect(fitOf(model)).toBeNull();
  expect(fitOf({ ...model, penalty: 0.25 })).not.toBeNull();
});
