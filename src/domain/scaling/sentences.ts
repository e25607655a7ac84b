/** What a teacher reads instead of the numbers. Each is made of numbers alone, and none says more than they do. */
import { isLengthSeen, type LengthEffect, type LengthFigures } from "./length-figures.ts";
import type { OrderFigures, Swapped } from "./order-figures.ts";
import type { Separation } from "./reliability.ts";

export function orderSays(figures: OrderFigures): string {
  const { finding, swapped, lessConsistent, repeated } = figures;
  switch (finding) {
    case "towards_first":
      return `${whatWasSeen(figures)}: this judge favours the essay it reads first.`;
    case "towards_second":
      return `${whatWasSeen(figures)}: this judge favours the essay it reads second.`;
    case "unsteady":
      return `${percent(swapped?.share ?? 0)} of the verdicts stood when the order changed, ${percent(repeated?.share ?? 0)} when it stayed: the order sways this judge, though not one way.`;
    case "untested":
      return "Nothing here says whether the order matters to this judge: no pair was asked in both orders, and no essay was first as often as second.";
    case "none":
      break;
  }
  if (swapped === null)
    return `${whatWasSeen(figures)}: no order effect is seen. No pair was asked in both orders.`;
  const flips = swapped.toFirst + swapped.toSecond;
  if (flips === 0) {
    return `All ${swapped.pairs} pairs that were asked in both orders got the same verdict twice: no order effect is seen.`;
  }
  if (flips < 6) return `${flipsOf(swapped)}: too few to call it a bias.`;
  const asNoise =
    lessConsistent === null
      ? ""
      : ` Asked again in the same order, ${percent(repeated?.share ?? 0)} of the verdicts stood, in the other ${percent(swapped.share)}.`;
  return `${flipsOf(swapped)}, no more the one way than chance allows: no order effect is seen.${asNoise}`;
}

/** "3 of 30 pairs changed with the order, all towards the second essay". */
function flipsOf({ pairs, toFirst, toSecond }: Swapped): string {
  const flips = toFirst + toSecond;
  const where =
    toFirst === 0
      ? `${all(flips)} towards the second essay`
      : toSecond === 0
        ? `${all(flips)} towards the first essay`
        : `${toFirst} towards the first essay and ${toSecond} towards the second`;
  return `${flips} of ${pairs} pairs changed with the order, ${where}`;
}

function whatWasSeen({ swapped, firstSlot, eta, verdicts }: OrderFigures): string {
  if (swapped !== null && swapped.toFirst + swapped.toSecond > 0) return flipsOf(swapped);
  if (eta.eta === null && eta.reason === "always_first")
    return `The first essay won all ${verdicts} verdicts`;
  if (eta.eta === null && eta.reason === "always_second")
    return `The second essay won all ${verdicts} verdicts`;
  return firstSlot.value === null
    ? `${verdicts} verdicts were given`
    : `The first essay won ${percent(firstSlot.value)} of the verdicts`;
}

export function lengthSays(figures: LengthFigures, effect: LengthEffect): string {
  const { of, longerChosen, share } = figures;
  if (share === null)
    return "Nothing here says whether longer essays win: none were of known and unequal length.";
  const seen = `The longer essay won ${longerChosen} of ${of} verdicts`;
  if (!isLengthSeen(figures, effect)) return `${seen}, no more than chance allows.`;
  return share.value > 0.5
    ? `${seen}. This cannot tell whether the judge likes length or longer essays are better here.`
    : `${seen}. This cannot tell whether the judge likes brevity or shorter essays are better here.`;
}

/** @param perEssay comparisons of an essay, on average */
export function reliabilitySays({ ssr }: Separation, perEssay: number): string {
  if (ssr.value === null) {
    switch (ssr.reason) {
      case "no_spread":
        return "The verdicts say nothing about the essays.";
      case "disconnected":
        return "No figure for all: not all essays can be compared with each other.";
      case "anchored":
        return "The scores are given the anchors' own, so their spread says nothing of how stable they are.";
      case "too_few_essays":
        return "It takes three essays to say anything of a scale.";
      case "no_verdicts":
        return "There are no verdicts yet.";
      case "no_reliability":
      case "too_large":
      case "halves_disconnected":
      case "no_agreement":
        return "";
    }
  }
  const figure = `Scale separation ${ssr.value.toFixed(2)}`;
  const what = "This is stability (the same judge would find much the same scale again), not validity.";
  if (ssr.value <= 0) return `${figure}: the scores differ no more than by their errors. Add pairs. ${what}`;
  if (ssr.value < 0.7) return `${figure}: low. Add pairs before ranks are used. ${what}`;
  if (ssr.value >= 0.8 && perEssay >= 10) return `${figure}: enough for ranks. ${what}`;
  return ssr.value >= 0.8
    ? `${figure}: high, but from fewer than 10 comparisons of each essay. ${what}`
    : `${figure}: fair. More pairs would make ranks surer. ${what}`;
}

export function misfitSays(misfits: number): string {
  return misfits === 0
    ? "No essay was judged more unevenly than chance allows."
    : `${howMany(misfits, "essay was", "essays were")} judged more unevenly than chance allows: read ${misfits === 1 ? "it" : "them"} yourself. Uneven essays are often so, and it need be no error.`;
}

export function howMany(number: number, one: string, more: string): string {
  return `${number} ${number === 1 ? one : more}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function all(number: number): string {
  return number === 1 ? "that one" : "all";
}
