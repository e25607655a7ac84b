/** A comparison that can be told from all others: in an answer by its nonces, in a file by its canary. */
import type { Dice } from "./random.ts";

export interface MarkedComparison {
  /** From 1, unique in a run. */
  readonly number: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Finds the nonces in a prompt, for the fake judge to repeat. */
export const noncePattern = "nonce-[ab]-\\d+-";

/** Begins every canary: in a data file it means a text that was not erased. */
export const canaryPrefix = "canary-of-";

/** Essays of 0.3 to about 30 KB, mostly short; the longer ones fill more than one page of a database. */
export function markedComparison(number: number, chance: Dice): MarkedComparison {
  const length = 300 + Math.floor(15_000 * chance.next() ** 3);
  const canary = `${canaryPrefix}${number}-`;
  return {
    number,
    body: {
      user_prompt: `Which essay argues better? ${canary} {essay_a} {essay_b}`,
      essay_a: essay("a", number, canary, length),
      essay_b: essay("b", number, canary, length * 2),
      ...(chance.chance(0.2) && {
        llm_config_overrides: { system_prompt_override: `Judge fairly. ${canary}` },
      }),
      priority: Math.floor(chance.between(0, 11)),
      metadata: { number },
    },
  };
}

/** Does this answer speak of both essays of the comparison, and of no other? */
export function speaksOf(justification: string, number: number): boolean {
  const nonces = justification.match(new RegExp(noncePattern, "g")) ?? [];
  return nonces.length === 2 && nonces[0] === nonce("a", number) && nonces[1] === nonce("b", number);
}

/** The comparison that a call upstream was made for; `null`: it has no nonce. */
export function numberIn(prompt: string): number | null {
  const found = /nonce-a-(\d+)-/.exec(prompt)?.[1];
  return found === undefined ? null : Number(found);
}

const nonce = (essay: "a" | "b", number: number) => `nonce-${essay}-${number}-`;

/** The canary comes often, for a page of a database may end in the middle of one. */
function essay(name: "a" | "b", number: number, canary: string, length: number): string {
  const passage = `${canary} An essay gives reasons, weighs them, and comes to an end. `;
  return `${nonce(name, number)} ${passage.repeat(Math.ceil(length / passage.length))}`;
}
