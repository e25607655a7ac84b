/** How each answer in a vendor's envelope ended: whole, or as a refusal, a block or a truncation in its place. */
import type { Failure } from "../domain/failure.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Answer } from "../gateway/ports.ts";

/** What a vendor's word for the end of an answer means. */
export type End =
  /** The judge has said all. */
  | "whole"
  /** The judge ran out of tokens. */
  | "truncated"
  /** A filter of contents, or the judge itself, refused. */
  | "content"
  /** Our account is refused. */
  | "account"
  /** The vendor is ill for the moment. */
  | "passing";

/** A vendor's words for the end of an answer. One that is not among them ends no answer that is known. */
export type Ends = ReadonlyMap<unknown, End>;

/** One answer in an envelope. */
export interface Said {
  /** The vendor's word, looked up in `Ends`. */
  readonly ended: unknown;
  /** What a refusal is called that the vendor tells of beside that word, and which counts before it; `""`: none. */
  readonly refusal: string;
  /** What the judge wrote, in one text or several. */
  readonly texts: readonly string[];
}

/** An envelope of the vendor's in which nothing is known as an answer. */
export const notAnAnswer: Result<never, Failure> = err({ reason: "unreadable", why: "not_an_answer" });
const emptyAnswer: Result<never, Failure> = err({ reason: "unreadable", why: "empty" });

/**
 * @param answers one or more, as a vendor lists them
 * @param model that answered
 * @returns the texts of all of them; the first failure where one of them has none
 */
export function answerIn(ends: Ends, answers: readonly Said[], model: string): Result<Answer, Failure> {
  const texts: string[] = [];
  for (const answer of answers) {
    const failure = failureIn(ends, answer);
    if (failure !== null) return failure;
    for (const said of answer.texts) if (said.trim() !== "") texts.push(said);
  }
  if (answers.length === 0) return notAnAnswer;
  if (texts.length === 0) return emptyAnswer;
  const text = texts.join("\n");
  return ok(texts.length === 1 ? { text, model } : { text, texts, model });
}

function failureIn(ends: Ends, { ended, refusal }: Said): Result<never, Failure> | null {
  if (refusal !== "") return err({ reason: "content_refused", kind: refusal });
  switch (ends.get(ended)) {
    case "whole":
      return null;
    case "truncated":
      return err({ reason: "truncated" });
    case "content":
      return err({ reason: "content_refused", kind: String(ended) });
    case "account":
      return err({ reason: "credentials_refused", status: 200 });
    case "passing":
      return err({ reason: "unavailable", status: 200, retryAfterMs: null });
    case undefined:
      return notAnAnswer;
  }
}
