/** What is answered, and how it is read from what a judge wrote: tolerantly, and never guessed. */
import type { Unreadable } from "./failure.ts";
import { findJsonObjects } from "./json-objects.ts";
import { err, ok, type Result } from "./result.ts";

export interface Judgement {
  readonly winner: Winner;
  /** 1 to 500 UTF-16 units, the judge's own words. */
  readonly justification: string;
  /** 1 (a guess) to 5 (certain). */
  readonly confidence: number;
  /** How it differs from what the judge wrote: `confidence_clamped`, `justification_truncated`. */
  readonly normalizations: readonly string[];
}

type Winner = "Essay A" | "Essay B";

/**
 * The shape that vendors are asked to enforce, in the JSON Schema that all of them take: no ranges, no lengths, no optional keys. Models
 * write the keys in this order, so the reasons come before the verdict.
 */
export const judgementSchema = {
  type: "object",
  properties: {
    justification: {
      type: "string",
      description: "What decided the comparison, in 50 to 500 characters.",
    },
    winner: { type: "string", enum: ["Essay A", "Essay B"], description: "The better essay. No ties." },
    confidence: { type: "number", description: "From 1 (a guess) to 5 (certain)." },
  },
  required: ["justification", "winner", "confidence"],
  additionalProperties: false,
} as const;

/**
 * Reads a judge's answer. JSON may stand in code fences or among other words; then every outermost object with a `winner` counts. All must
 * name the same one, and the last is the judgement, whole: a judge drafts and quotes before it concludes. An array of verdicts is none.
 *
 * Another verdict that can't be read makes all of them unreadable, since it may be the judge's own: one that is broken or unfinished
 * (`not_json`), one inside another object (`no_verdict`), and one with a key twice (`conflicting_verdicts`).
 */
export function readJudgement(text: string): Result<Judgement, Unreadable> {
  if (text.trim() === "") return err("empty");

  const { objects, rest } = findJsonObjects(text);
  if (objects.length === 0 || winnerKey.test(rest)) return err("not_json");

  const verdicts = objects.filter(({ value }) => Object.hasOwn(value, "winner"));
  const others = objects.filter(({ value }) => !Object.hasOwn(value, "winner"));
  const verdict = verdicts.at(-1)?.value;
  if (verdict === undefined || verdicts.some(({ inArray }) => inArray)) return err("no_verdict");
  if (others.some((other) => winnerKey.test(other.text))) return err("no_verdict");

  const winners = verdicts.map(({ value }) => winnerOf(value["winner"]));
  const winner = winners.at(-1);
  if (winner === undefined || winners.includes(undefined)) return err("bad_winner");
  if (winners.some((other) => other !== winner)) return err("conflicting_verdicts");
  if (verdicts.some(({ repeatsKey }) => repeatsKey)) return err("conflicting_verdicts");

  const given = numberOf(verdict["confidence"]);
  if (given === null) return err("bad_confidence");
  const confidence = Math.min(Math.max(given, 1), 5);

  const words = verdict["justification"];
  const whole = typeof words === "string" ? words.trim() : "";
  if (whole === "") return err("no_justification");
  const justification = shortened(whole);

  const normalizations: string[] = [];
  if (confidence !== given) normalizations.push("confidence_clamped");
  if (justification !== whole) normalizations.push("justification_truncated");
  return ok({ winner, justification, confidence, normalizations });
}

/** A key `winner`, as JSON, Python, JavaScript or a typographer would write it. */
const winnerKey = /["'“]winner\\?["'”]\s*:|[{,]\s*winner\s*:/;

/** Every accepted spelling, without its blanks. */
const winnerBySpelling = new Map<string, Winner>([
  ...spellings("Essay A", ["essaya", "a", "optiona", "first", "firstessay", "left"]),
  ...spellings("Essay B", ["essayb", "b", "optionb", "second", "secondessay", "right"]),
]);

function spellings(winner: Winner, names: string[]): [string, Winner][] {
  const suffixes = ["", "isbetter", "isstronger", "issuperior", "isthewinner", "wins"];
  return names.flatMap((name) => suffixes.map((suffix): [string, Winner] => [name + suffix, winner]));
}

/** Looked up whole, never by a part: "Essay B" begins with E, and "a tie" with a. */
function winnerOf(value: unknown): Winner | undefined {
  if (typeof value !== "string") return undefined;
  const name = /^[\p{P}`]*([a-z]+)[\p{P}`]*$/u.exec(value.toLowerCase().replace(/[\s_]+/g, ""));
  return winnerBySpelling.get(name?.[1] ?? "");
}

/** The scale is 1 to 5 as declared, never inferred: 0.9 is below it, not nine tenths. `null`: no finite decimal number. */
function numberOf(value: unknown): number | null {
  const isDecimal = typeof value === "string" && /^-?\d+(?:\.\d+)?$/.test(value.trim());
  const number = isDecimal ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

const maxJustification = 500;

/** Ends at a word where one ends in the last hundred units; a longer word, or a script without blanks, is cut inside. */
function shortened(text: string): string {
  if (text.length <= maxJustification) return text;
  const room = maxJustification - "…".length;
  const lastBlank = text.slice(0, room + 1).search(/\s\S*$/);
  const end = lastBlank >= room - 100 ? lastBlank : room;
  const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return `${text.slice(0, splitsPair ? end - 1 : end).trimEnd()}…`;
}
