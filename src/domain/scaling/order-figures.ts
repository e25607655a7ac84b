/**
 * What a judge's verdicts owe to the order in which it reads. A pair that was asked in both orders says it directly; noise alone changes verdicts too, so
 * only what goes more the one way than the other, or is more than what changes when the order stays, is called an effect.
 */
import { askedAgain, type SetVerdict } from "./evidence.ts";
import {
  coinP,
  normalP,
  pairedDifference,
  wilson,
  type Interval,
  type PairedDifference,
} from "./intervals.ts";
import { mostSkew } from "./orient.ts";
import type { OrderEffect } from "./scale.ts";

export interface OrderFigures {
  readonly verdicts: number;
  /** Of any essay, how much more often it was first than second, each pair counted once. */
  readonly maxSkew: number;
  readonly swapped: Swapped | null;
  readonly repeated: Consistency | null;
  /** How much less stands when the order changes than when it stays, over pairs that were asked in both ways. */
  readonly lessConsistent: (PairedDifference & { readonly pairs: number; readonly p: number }) | null;
  readonly firstSlot: FirstSlot | NoFirstSlot;
  readonly eta: OrderEffect;
  readonly finding: OrderFinding;
}

interface Consistency {
  readonly pairs: number;
  readonly consistent: number;
  readonly share: number;
  readonly ci95: Interval;
}

export interface Swapped extends Consistency {
  readonly toFirst: number;
  readonly toSecond: number;
  /** Of as uneven flips if order did nothing. */
  readonly p: number;
}

/** How often the first of two essays wins, whichever they are. */
interface FirstSlot {
  readonly value: number;
  readonly ci95: Interval;
  readonly method: PairedDifference["method"] | "one_order_wilson";
}

interface NoFirstSlot {
  readonly value: null;
  readonly reason: "no_verdicts" | "order_unbalanced";
}

/** `unsteady`: verdicts change with the order, both ways. `untested`: nothing here says anything of it. */
type OrderFinding = "towards_first" | "towards_second" | "unsteady" | "none" | "untested";

/** @param verdicts of one judge, on texts that differ */
export function orderFiguresOf(verdicts: readonly SetVerdict[], eta: OrderEffect): OrderFigures {
  const again = askedAgain(verdicts);
  const swapped = swappedOf(
    again.flatMap(({ verdict, swapped: other }) => (other === null ? [] : [[verdict, other]])),
  );
  const lessConsistent = lessConsistentOf(again);
  const maxSkew = mostSkew(
    verdicts.map(({ first, second }) => [first, second]),
    (at) => verdicts[at]?.weight ?? 0,
  );
  const repeats = again.flatMap(({ verdict, repeated }) => (repeated === null ? [] : [[verdict, repeated]]));
  const figures = {
    verdicts: verdicts.length,
    maxSkew,
    swapped,
    repeated: consistencyOf(repeats),
    lessConsistent,
    firstSlot: firstSlotOf(verdicts, swapped, maxSkew),
    eta,
  };
  return { ...figures, finding: findingOn(figures) };
}

type TwoVerdicts = readonly (SetVerdict | undefined)[];

function consistencyOf(both: readonly TwoVerdicts[]): Consistency | null {
  const consistent = both.filter(([one, other]) => one?.call.winner === other?.call.winner).length;
  const ci95 = wilson(consistent, both.length);
  return ci95 && { pairs: both.length, consistent, share: consistent / both.length, ci95 };
}

function swappedOf(both: readonly TwoVerdicts[]): Swapped | null {
  const consistency = consistencyOf(both);
  if (consistency === null) return null;
  const flips = both.filter(([one, other]) => one?.call.winner !== other?.call.winner);
  // Another winner in the other order: either whoever was first has won both times, or whoever was second.
  const toFirst = flips.filter(([one]) => one?.firstWon).length;
  const toSecond = flips.length - toFirst;
  return { ...consistency, toFirst, toSecond, p: coinP(toFirst, toSecond) };
}

function lessConsistentOf(again: ReturnType<typeof askedAgain>): OrderFigures["lessConsistent"] {
  const both = again.flatMap(({ verdict, swapped, repeated }) =>
    swapped === null || repeated === null
      ? []
      : [
          {
            swap: swapped.call.winner === verdict.call.winner,
            repeat: repeated.call.winner === verdict.call.winner,
          },
        ],
  );
  const onlySwap = both.filter(({ swap, repeat }) => !swap && repeat).length;
  const onlyRepeat = both.filter(({ swap, repeat }) => swap && !repeat).length;
  const difference = pairedDifference(onlySwap, onlyRepeat, both.length);
  return difference && { ...difference, pairs: both.length, p: coinP(onlySwap, onlyRepeat) };
}

/** Without pairs in both orders the share of the first is theirs who were first, unless everybody was so as often as second. */
function firstSlotOf(
  verdicts: readonly SetVerdict[],
  swapped: Swapped | null,
  maxSkew: number,
): FirstSlot | NoFirstSlot {
  const paired = swapped && pairedDifference(swapped.toFirst, swapped.toSecond, swapped.pairs);
  if (paired !== null) {
    const [low, high] = paired.ci95;
    return { value: (1 + paired.value) / 2, ci95: [(1 + low) / 2, (1 + high) / 2], method: paired.method };
  }
  const won = verdicts.filter(({ firstWon }) => firstWon).length;
  const ci95 = wilson(won, verdicts.length);
  if (ci95 === null) return { value: null, reason: "no_verdicts" };
  if (maxSkew > mostBalanced) return { value: null, reason: "order_unbalanced" };
  return { value: won / verdicts.length, ci95, method: "one_order_wilson" };
}

/** An odd number of comparisons leaves a skew of one, and a call that failed one more. */
const mostBalanced = 2;

/** Of all tests that can be made, one must stay under .05 divided by their number: a coin is called biased in 5 of 100 sets at most. */
function findingOn(figures: Omit<OrderFigures, "finding">): OrderFinding {
  const { swapped, lessConsistent, eta, verdicts, maxSkew } = figures;
  if (verdicts === 0) return "untested";
  const isBalanced = maxSkew <= mostBalanced;
  const tests: { readonly p: number; readonly finding: OrderFinding }[] = [];
  if (swapped !== null) {
    tests.push({
      p: swapped.p,
      finding: swapped.toFirst > swapped.toSecond ? "towards_first" : "towards_second",
    });
  }
  // Where the better one was mostly first, or second, what all verdicts say of the order is said of the essays as well.
  if (isBalanced && eta.eta !== null) {
    tests.push({
      p: normalP(eta.eta / eta.error),
      finding: eta.eta > 0 ? "towards_first" : "towards_second",
    });
  } else if (isBalanced && eta.eta === null) {
    if (eta.reason === "always_first") tests.push({ p: coinP(verdicts, 0), finding: "towards_first" });
    if (eta.reason === "always_second") tests.push({ p: coinP(verdicts, 0), finding: "towards_second" });
  }
  if (lessConsistent !== null) {
    tests.push({ p: lessConsistent.value > 0 ? lessConsistent.p : 1, finding: "unsteady" });
  }
  const [surest] = tests.toSorted((one, other) => one.p - other.p);
  if (surest !== undefined && surest.p * tests.length < 0.05) return surest.finding;
  return tests.length === 0 ? "untested" : "none";
}
