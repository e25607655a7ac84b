/**
 * Who is compared with whom. Every design is known before the first verdict: none looks at verdicts to choose pairs, since that makes up reliability
 * (docs/decisions/2026-11-30-no-adaptive-pairing.md).
 */
import { err, ok, type Result } from "../result.ts";
import { shuffled, type Dice } from "./dice.ts";

/** Two essays, by their places among a plan's essays. */
export type Pair = readonly [number, number];

/** An essay whose score is known and stays. */
export interface Anchor {
  readonly id: string;
  /** In logits. */
  readonly theta: number;
}

export type Design =
  /** Every essay against `perEssay` others: an even number of 2 or more. */
  | { readonly kind: "regular"; readonly perEssay: number }
  /** Every essay against every other. */
  | { readonly kind: "complete" }
  /** Every essay that is no anchor against `perEssay` anchors, or all of them where there are fewer. */
  | { readonly kind: "anchored"; readonly perEssay: number; readonly anchors: readonly Anchor[] }
  /** The caller's own. */
  | { readonly kind: "pairs"; readonly pairs: readonly (readonly [string, string])[] };

/** Why a design can't be carried out. */
export type DesignFault =
  | { readonly kind: "too_few_essays" }
  | { readonly kind: "same_id_twice"; readonly id: string }
  | { readonly kind: "same_judge_twice"; readonly judge: string }
  | { readonly kind: "bad_per_essay" }
  /** `perEssay` is odd in a regular design, where it has to be even. */
  | { readonly kind: "odd_per_essay"; readonly below: number; readonly above: number }
  | { readonly kind: "no_pairs" }
  | { readonly kind: "no_anchors" }
  | { readonly kind: "only_anchors" }
  | { readonly kind: "bad_anchor"; readonly id: string }
  | { readonly kind: "unknown_essay"; readonly id: string }
  | { readonly kind: "pair_with_itself"; readonly id: string }
  | { readonly kind: "pair_twice"; readonly ids: readonly [string, string] };

/** What was made of a design. */
export interface Drawn {
  /** `complete` where a regular one was asked for that has not enough essays. */
  readonly kind: Design["kind"];
  /** In the order in which they are to be asked. Each can be given its orders of presentation by itself; a regular or complete one is balanced at the end of each. */
  readonly layers: readonly (readonly Pair[])[];
}

/** @param ids of all essays, anchors included; no two are equal */
export function drawn(design: Design, ids: readonly string[], dice: Dice): Result<Drawn, DesignFault> {
  if (ids.length < 2) return err({ kind: "too_few_essays" });
  switch (design.kind) {
    case "regular":
      return regular(design.perEssay, ids.length, dice);
    case "complete":
      return ok({ kind: "complete", layers: circles(ids.length, allSteps(ids.length, dice), dice) });
    case "anchored":
      return anchored(design.perEssay, design.anchors, ids, dice);
    case "pairs":
      return given(design.pairs, ids);
  }
}

/**
 * A circulant graph over a shuffled circle: each essay is compared with those so many steps away. A step of 1 is always among them, so all
 * are connected; half the circle is not, so all essays have equally many comparisons; no pair comes twice.
 */
function regular(perEssay: number, essays: number, dice: Dice): Result<Drawn, DesignFault> {
  if (!Number.isInteger(perEssay) || perEssay < 1) return err({ kind: "bad_per_essay" });
  const steps = allSteps(essays, dice);
  if (perEssay > 2 * steps.length) {
    return ok({ kind: "complete", layers: circles(essays, steps, dice) });
  }
  if (perEssay % 2 === 1) {
    return err({ kind: "odd_per_essay", below: Math.max(2, perEssay - 1), above: perEssay + 1 });
  }
  const layers = circles(essays, steps.slice(0, perEssay / 2), dice);
  return ok({ kind: "regular", layers: layers.slice(0, perEssay / 2) });
}

/** 1, and then all others under half the circle in a random order. */
function allSteps(essays: number, dice: Dice): readonly number[] {
  const steps = Array.from({ length: Math.floor((essays - 1) / 2) }, (_, at) => at + 1);
  return [...steps.slice(0, 1), ...shuffled(steps.slice(1), dice)];
}

/** A layer for each step, and one for those that stand opposite where the circle is even. */
function circles(essays: number, steps: readonly number[], dice: Dice): Pair[][] {
  const circle = shuffled(
    Array.from({ length: essays }, (_, at) => at),
    dice,
  );
  const at = (place: number) => circle[place % essays] as number;
  const layers = steps.map((step) => circle.map((essay, place): Pair => [essay, at(place + step)]));
  if (essays % 2 === 1) return layers;
  const half = essays / 2;
  return [...layers, circle.slice(0, half).map((essay, place): Pair => [essay, at(place + half)])];
}

/** The anchors go round, so that each is asked as often as the others. */
function anchored(
  perEssay: number,
  anchors: readonly Anchor[],
  ids: readonly string[],
  dice: Dice,
): Result<Drawn, DesignFault> {
  if (!Number.isInteger(perEssay) || perEssay < 1) return err({ kind: "bad_per_essay" });
  if (anchors.length === 0) return err({ kind: "no_anchors" });
  const places = new Map(ids.map((id, at) => [id, at]));
  const found = new Set<number>();
  for (const { id, theta } of anchors) {
    const place = places.get(id);
    if (place === undefined) return err({ kind: "unknown_essay", id });
    if (!Number.isFinite(theta) || found.has(place)) return err({ kind: "bad_anchor", id });
    found.add(place);
  }
  const essays = ids.map((_, at) => at).filter((at) => !found.has(at));
  if (essays.length === 0) return err({ kind: "only_anchors" });
  const round = shuffled([...found], dice);
  const each = Math.min(perEssay, round.length);
  const pairs = shuffled(essays, dice).flatMap((essay, turn) =>
    Array.from({ length: each }, (_, at): Pair => [
      essay,
      round[(turn * each + at) % round.length] as number,
    ]),
  );
  return ok({ kind: "anchored", layers: [pairs] });
}

function given(
  pairs: readonly (readonly [string, string])[],
  ids: readonly string[],
): Result<Drawn, DesignFault> {
  if (pairs.length === 0) return err({ kind: "no_pairs" });
  const places = new Map(ids.map((id, at) => [id, at]));
  const found = new Set<number>();
  const layer: Pair[] = [];
  for (const [id, other] of pairs) {
    const [one, two] = [places.get(id), places.get(other)];
    if (one === undefined) return err({ kind: "unknown_essay", id });
    if (two === undefined) return err({ kind: "unknown_essay", id: other });
    if (one === two) return err({ kind: "pair_with_itself", id });
    const both = Math.min(one, two) * ids.length + Math.max(one, two);
    if (found.has(both)) return err({ kind: "pair_twice", ids: [id, other] });
    found.add(both);
    layer.push([one, two]);
  }
  return ok({ kind: "pairs", layers: [layer] });
}
