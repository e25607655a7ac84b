/** Published data, and data made for the purpose, with what other programs make of them. Figures by choix, R's BradleyTerry2, glm and sirt. */
import type { ScaleModel, Observation } from "../../../src/domain/scaling/observations.ts";
import cases from "./reference-cases.json" with { type: "json" };

interface Expected {
  readonly penalty: number;
  readonly theta: readonly number[];
  readonly loglik?: number;
  readonly se?: readonly (number | null)[];
  readonly ssr?: number;
  readonly infit?: readonly number[];
  readonly outfit?: readonly number[];
  readonly eta?: number;
  readonly eta_se?: number;
}

export interface Case {
  readonly name: string;
  readonly model: ScaleModel;
  readonly expected: Expected;
}

type Rows = readonly (readonly number[])[];

const { citations, five, five_with_order, perfect_record, disconnected, baseball, writing20, anchored } =
  cases;

export const referenceCases: readonly Case[] = [
  ...both("citations", { ...citations, observations: ofMatrix(citations.wins) }, false),
  ...both("five", { ...five, observations: ofWinners(five.winner_loser) }, false),
  ...both(
    "five with order",
    { ...five_with_order, observations: turned(ofWinners(five_with_order.winner_loser)) },
    true,
  ),
  ...both(
    "perfect record",
    { ...perfect_record, observations: ofWinners(perfect_record.winner_loser) },
    false,
  ),
  ...both("disconnected", { ...disconnected, observations: ofWinners(disconnected.winner_loser) }, false),
  ...both(
    "baseball",
    { ...baseball, observations: ofGames(baseball.first_second_firstwins_secondwins) },
    true,
  ),
  ...both("20 writings", { ...writing20, observations: ofWinners(writing20.winner_loser) }, false),
  {
    name: "anchored",
    model: {
      ...modelOf(
        anchored.first_second_firstwon.map(([first = 0, second = 0, won]) => ({
          first,
          second,
          firstWon: won === 1,
          weight: 1,
        })),
        false,
        anchored.penalised.penalty,
      ),
      anchors: new Map(anchored.anchors.map(([essay = 0, theta = 0]) => [essay, theta])),
    },
    expected: anchored.penalised,
  },
];

/** Verdicts without a winner's finite score. */
export const perfectRecord = ofWinners(perfect_record.winner_loser);

/** The largest difference; infinite where there is one more of the one or the other. */
export function apart(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity;
  const differences = Array.from(found, (value, at) => Math.abs(value - (expected[at] ?? NaN)));
  return differences.some(Number.isNaN) ? Infinity : Math.max(...differences);
}

export function modelOf(
  observations: readonly Observation[],
  hasOrder: boolean,
  penalty: number,
): ScaleModel {
  return {
    essays: 1 + Math.max(...observations.flatMap(({ first, second }) => [first, second])),
    observations,
    columns: hasOrder ? [new Float64Array(observations.length).fill(1)] : [],
    penalty,
    anchors: new Map(),
  };
}

function ofWinners(rows: Rows): readonly Observation[] {
  return rows.map(([first = 0, second = 0]) => ({ first, second, firstWon: true, weight: 1 }));
}

function both(
  name: string,
  data: { mle?: Expected; penalised?: Expected; observations: readonly Observation[] },
  hasOrder: boolean,
): readonly Case[] {
  return [data.mle, data.penalised].flatMap((expected) =>
    expected === undefined
      ? []
      : [
          {
            name: `${name}, penalty ${expected.penalty}`,
            model: modelOf(data.observations, hasOrder, expected.penalty),
            expected,
          },
        ],
  );
}

/** Every second judgement showed the loser first. */
function turned(observations: readonly Observation[]): readonly Observation[] {
  return observations.map((observation, at) =>
    at % 2 === 0
      ? observation
      : { ...observation, first: observation.second, second: observation.first, firstWon: false },
  );
}

function ofMatrix(wins: Rows): readonly Observation[] {
  return wins.flatMap((row, first) =>
    row.flatMap((weight, second) => (weight === 0 ? [] : [{ first, second, firstWon: true, weight }])),
  );
}

function ofGames(rows: Rows): readonly Observation[] {
  return rows.flatMap(([first = 0, second = 0, won = 0, lost = 0]) => [
    ...Array.from({ length: won }, () => ({ first, second, firstWon: true, weight: 1 })),
    ...Array.from({ length: lost }, () => ({ first, second, firstWon: false, weight: 1 })),
  ]);
}
