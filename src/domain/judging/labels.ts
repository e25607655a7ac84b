/** The names Essay A and Essay B in a judge's reasons, put back where the judge has read the essays in the other order than the caller has them. */
import type { Judgement } from "./judgement.ts";

/** A verdict on exchanged essays, in the caller's names. */
export function inCallersNames(judgement: Judgement): Judgement {
  const { winner, justification, normalizations } = judgement;
  const { text, places } = exchangedLabels(justification);
  return {
    ...judgement,
    winner: winner === "Essay A" ? "Essay B" : "Essay A",
    justification: text,
    justificationAsShown: justification,
    normalizations: [
      ...normalizations,
      ...(places.size > 0 ? ["labels_exchanged"] : []),
      ...(leavesDoubt(text, places) ? ["labels_uncertain"] : []),
    ],
  };
}

/** English and Swedish. */
const noun = /(?<![\p{L}\p{N}])(?:essays?|essä(?:n|erna|er)?|uppsats(?:en|erna|er)?)/giu;
/** In upper case only: a small "a" is an article. Neither a grade (A+) nor a level (A-level). */
const letter = String.raw`[AB](?![\p{L}\p{N}+]|-\p{L})`;
/** Quotation marks, brackets, Markdown. A letter that one stands before stands alone between two: `"A Tale of Two Cities"` is a title. */
const mark = "[\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\"'*_`]";
const name = `(?:${letter}|${mark}{1,3}${letter}(?=${mark}))`;
/** "Essay A", "Essay-A", "Essay (A)". */
const label = new RegExp(String.raw`(?:[^\S\n]*|-)${name}`, "uy");
/** "A and B", "A, B", "A/B", "A, or B". */
const between = "(?:and|or|nor|over|than|vs\\.?|och|eller|än)";
const another = new RegExp(
  String.raw`${mark}{0,3}(?:\s*[,/&]\s*(?:${between}\s+)?|\s+${between}\s+)${name}`,
  "uy",
);

/**
 * Exchanges A and B wherever they name an essay, in one pass. Done twice, it gives the text back: what is found doesn't depend on which of the two
 * letters stands there, and nothing else is changed.
 *
 * @returns where the letters stand, too
 */
export function exchangedLabels(text: string): {
  readonly text: string;
  readonly places: ReadonlySet<number>;
} {
  const places = new Set<number>();
  for (const { 0: found, index } of text.matchAll(noun)) {
    let end = endOf(label, text, index + found.length);
    while (end !== null) {
      places.add(end - 1);
      end = endOf(another, text, end);
    }
  }
  const other = (at: number) => (text[at] === "A" ? "B" : "A");
  return {
    text: [...places].reduce((rest, at) => rest.slice(0, at) + other(at) + rest.slice(at + 1), text),
    places,
  };
}

/** @returns where a match that begins at `from` ends; `null`: there is none */
function endOf(pattern: RegExp, text: string, from: number): number | null {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : null;
}

/** A word for a place in the order, but for one within an essay. */
const place =
  /(?<!\p{L})(?:first|second|former|latter|left|right|förra|senare|(?:första|andra) (?:uppsats|essä)\p{L}*)(?!\p{L})(?!\s+(?:paragraph|sentence|half|halves|line|point|draft))/iu;
const loneLetter = new RegExp(String.raw`(?<![\p{L}\p{N}])${letter}`, "gu");
const smallLetter = /^[^\S\n]+b(?![\p{L}\p{N}])/u;
const sentenceBegins = /(?:^|[.!?…:;\n]|["\p{Ps}\p{Pi}])[\s"'\p{Ps}\p{Pi}*_-]*$/u;
/** What stands behind a name, and never behind an article. */
const afterName = /^(?:['’,)]|\s+(?:is|has|was|does|wins|är|har)(?!\p{L}))/u;

/** May something that names one of the essays stand there as the judge wrote it? @param places of the letters that were exchanged */
function leavesDoubt(text: string, places: ReadonlySet<number>): boolean {
  const lone = [...text.matchAll(loneLetter)].filter(({ index }) => !places.has(index));
  return (
    place.test(text) ||
    lone.some(({ 0: found, index }) => found === "B" || !isArticle(text, index)) ||
    [...text.matchAll(noun)].some(({ 0: found, index }) => smallLetter.test(text.slice(index + found.length)))
  );
}

/** "A clear structure" at the beginning of a sentence. */
function isArticle(text: string, at: number): boolean {
  return sentenceBegins.test(text.slice(0, at)) && !afterName.test(text.slice(at + 1));
}
