/**
 * A judge with known faults, so that whatever makes a scale of verdicts can be held against the truth. An essay's strength is the number in the first
 * mark `[quality 1.5]` in it, 0 where there is none. The essay that is shown first wins with the chance
 *
 *     1 / (1 + exp(-x)),  x = its strength - the other's + order effect + length effect × ln(its length / the other's)
 *
 * with lengths in UTF-16 units: the model of Bradley and Terry, with a preference for a place and one for length, all in logits. What chance decides
 * follows from the seed, the request, and how often this process was asked that request: asked again, the judge may change its mind.
 */
import { dice } from "./dice.ts";

export interface QualityOptions {
  readonly seed: number;
  /** In logits, towards what is shown first. */
  readonly orderEffect?: number;
  /** In logits, for each unit of the natural logarithm of how much longer an essay is. */
  readonly lengthEffect?: number;
}

export interface QualityVerdict {
  readonly justification: string;
  readonly winner: "Essay A" | "Essay B";
  /** 1 where the chances are even, 5 where there is no doubt; one decimal. */
  readonly confidence: number;
}

/** Requests whose repetitions are counted; with one more the count begins anew. */
const mostCounted = 10_000;

/** @returns a judge that counts for itself. `boundary`: as the essays' frame has it. `null`: it is not the frame of two essays */
export function createQualityJudge({ seed, orderEffect = 0, lengthEffect = 0 }: QualityOptions) {
  const asked = new Map<string, number>();
  return (prompt: string, boundary: string): QualityVerdict | null => {
    const first = essayIn(prompt, boundary, "Essay A");
    const second = essayIn(prompt, boundary, "Essay B");
    if (first === null || second === null) return null;
    const before = asked.get(boundary) ?? 0;
    if (asked.size >= mostCounted) asked.clear();
    asked.set(boundary, before + 1);

    const longer = Math.log(first.length / second.length);
    const logit = strengthOf(first) - strengthOf(second) + orderEffect + lengthEffect * longer;
    const chance = 1 / (1 + Math.exp(-logit));
    const winner = dice(`${seed} quality ${boundary} ${before}`)() < chance ? "Essay A" : "Essay B";
    return {
      justification: `This judge reads no essays, only their marks of quality. Essay A had ${Math.round(chance * 100)} chances in 100, Essay B the others, and ${winner} won.`,
      winner,
      confidence: Math.round(10 + 40 * Math.abs(2 * chance - 1)) / 10,
    };
  };
}

function essayIn(prompt: string, boundary: string, name: string): string | null {
  const [, rest] = prompt.split(`[${boundary}: ${name} begins]\n`, 2);
  return rest?.split(`\n[${boundary}: ${name} ends]`, 1)[0] ?? null;
}

function strengthOf(essay: string): number {
  return Number(/\[quality (-?\d{1,3}(?:\.\d{1,9})?)\]/.exec(essay)?.[1] ?? 0);
}
