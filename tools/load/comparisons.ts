/** What is asked: made-up essays, no two comparisons alike, so that nothing between here and the vendor can know an answer already. */
import type { Mode } from "./options.ts";

/** Curly quotes and dashes as in real essays: texts of one byte a character would be cheaper for the service than any that it gets. */
const sentences = [
  "When we say that a town “remembers”, we mean that somebody walked its streets and wrote the names down. ",
  "The first witness is the river, which floods every spring – and is forgiven every summer. ",
  "It isn’t the bridge that made the market; it’s the market that paid, stone by stone, for the bridge. ",
  "A reader may object that all of this is hearsay, and the objection is fair as far as it goes. ",
  "So the argument rests on three legs, and I’ll take away each in turn to see whether the table stands. ",
];

/** @param characters of each essay */
export function essayMaker(characters: number) {
  const text = sentences.join("").repeat(Math.ceil(characters / 400) + 1);
  return (number: number, side: "first" | "second") =>
    `Number ${number}, the ${side} one. ${side === "first" ? text : text.slice(200)}`.slice(0, characters);
}

/** The body of `POST /api/v1/comparison`. @param provider `null`: none is named */
export function comparisonBody(
  number: number,
  provider: string | null,
  mode: Mode,
  essay: ReturnType<typeof essayMaker>,
): string {
  return JSON.stringify({
    user_prompt: `Which essay argues better: what does a town owe to its river? (A load test's comparison number ${number}.)`,
    essay_a: essay(number, "first"),
    essay_b: essay(number, "second"),
    processing_mode: mode,
    ...(provider !== null && { llm_config_overrides: { provider_override: provider } }),
  });
}
