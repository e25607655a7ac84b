/** What is answered, and how it is read from what a judge wrote: tolerantly, and never guessed. */
import type { Unreadable } from "../failure.ts";
import { type FoundObject, jsonObjectsIn } from "./json-objects.ts";
import { err, ok, type Result } from "../result.ts";

export interface Judgement {
  readonly winner: Winner;
  /** 1 to 500 UTF-16 units, the judge's own words. */
  readonly justification: string;
  /** 1 (a guess) to 5 (certain). */
  readonly confidence: number;
  /**
   * How it differs from what the judge wrote: `confidence_clamped`, `justification_truncated`; of exchanged essays `labels_exchanged`, and
   * `labels_uncertain` where not all that names an essay may have been.
   */
  readonly normalizations: readonly string[];
  /** With the labels as the judge was shown them; absent: those are the caller's. */
  readonly justificationAsShown?: string;
}

type Winner = "Essay A" | "Essay B";

/**
 * The shape that vendors are asked to enforce, in the JSON Schema that all of them take: no ranges, no lengths, no optional keys. Models
 * write the keys in this order, so the reasons come before the verdict. It is the same for every request: a boundary that was written into
 * it would have vendors make a new grammar for each.
 */
export const judgementSchema = {
  type: "object",
  properties: {
    boundary: {
      type: "string",
      description: "The eight letters that mark the lines round each essay, copied exactly.",
    },
    justification: {
      type: "string",
      description: "What decided the comparison, in 50 to 500 characters.",
    },
    winner: { type: "string", enum: ["Essay A", "Essay B"], description: "The better essay. No ties." },
    confidence: { type: "number", description: "From 1 (a guess) to 5 (certain)." },
  },
  required: ["boundary", "justification", "winner", "confidence"],
  additionalProperties: false,
} as const;

/** Objects beside each other. The judge was asked for one: an answer with hundreds is not read to its end. */
const mostObjects = 100;

/**
 * Reads what a judge wrote: the verdict is the one object that carries the boundary, in no other object and in no array. An essay's author
 * can't have written it, so whatever else stands there (quotations, drafts, prose, code fences) doesn't matter.
 *
 * `empty`: there is nothing but blanks. `not_json`: no object. `no_verdict`: none with the boundary, or hundreds of objects.
 * `conflicting_verdicts`: two with it, though they be equal, or one that gives a key twice.
 *
 * @param texts the answers in one envelope, mostly one: they hold one verdict between them
 * @param boundary as `boundaryOf` gives it
 * @param copiesSeldom where nothing carries the boundary, a single text that is one object is the verdict
 */
export function readJudgement(
  texts: readonly string[],
  boundary: string,
  copiesSeldom = false,
): Result<Judgement, Unreadable> {
  if (texts.every((text) => text.trim() === "")) return err("empty");
  const objects = jsonObjectsIn(texts, mostObjects);
  if (objects === null) return err("no_verdict");
  if (objects.length === 0) return err("not_json");

  const marked = objects.filter(({ value }) => isMarked(value["boundary"], boundary));
  const whole = copiesSeldom && texts.length === 1 ? objects.filter(isWhole) : [];
  const [verdict, another] = marked.length === 0 ? whole : marked;
  if (verdict === undefined) return err("no_verdict");
  if (another !== undefined || verdict.repeatsKey) return err("conflicting_verdicts");
  return judgementOf(verdict.value);
}

function isMarked(mark: unknown, boundary: string): boolean {
  return typeof mark === "string" && mark.trim().toLowerCase() === boundary;
}

function isWhole({ before, behind }: FoundObject): boolean {
  return before === "" && behind === "";
}

/** Reads the three keys of a verdict. */
export function judgementOf(verdict: Readonly<Record<string, unknown>>): Result<Judgement, Unreadable> {
  const winner = winnerOf(verdict["winner"]);
  if (winner === undefined) return err("bad_winner");

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
