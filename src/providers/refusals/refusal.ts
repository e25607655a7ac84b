/**
 * Whose refusal an error is. A vendor's words for it are rows of data, one table per vendor beside this file, and are read in one order: code, then
 * type, then sentence, then the status alone.
 *
 * A code is the vendor's last word. A type is broad, so that a known sentence may narrow it, but only from one kind of waiting to another. A sentence may
 * echo an essay, hence it is read from the error's own message only, at its very beginning, and can make a request fail for ever only where the same
 * model has answered somebody else meanwhile (`unlessServed`).
 */
import type { Failure } from "../../domain/failure.ts";
import { failureOfStatus, isErrorStatus } from "../failures.ts";

/** What a word of the vendor's means. */
type Meaning =
  /** Our key, our organisation, or the place that we call from is refused: nothing of ours gets through. */
  | "account"
  /** This model is refused to us, by the vendor or by a company that it passes the call on to. */
  | "model"
  /** Our credit or spend limit is gone. */
  | "quota"
  /** We call too fast. */
  | "pace"
  /** The vendor is ill for the moment. */
  | "passing"
  /** This request can never succeed. */
  | "request"
  /** A filter of contents. */
  | "content"
  /** The judge would run out of tokens. */
  | "truncated";

/** How a vendor words its errors. Maps, since an object would know words such as `constructor` too. */
export interface Refusals {
  readonly codes: ReadonlyMap<string, Meaning>;
  readonly types: ReadonlyMap<string, Meaning>;
  /** By how they begin, in lower case and with single blanks; `*` stands for one word. */
  readonly sentences: readonly (readonly [beginning: string, Meaning])[];
  /** The status that a code or a type has outside of a 200, for one that comes inside. */
  readonly statuses: ReadonlyMap<string, number>;
}

/** An error that the vendor reports, in its envelope, and what its HTTP answer says beside it. */
export interface Complaint {
  /** HTTP status. 2xx: the error came inside an answer that says it went well. */
  readonly status: number;
  /** The most telling first. */
  readonly codes: readonly string[];
  readonly type: string;
  /** The error's own message: never what it quotes, such as the raw answer of another company. */
  readonly message: string;
  /** What the client is told where the request itself is at fault. */
  readonly vendorSays: string;
  /** The status that the error itself names, or what stands in its place. */
  readonly named: unknown;
  /** How long the vendor asks us to wait, from 0 to 15 minutes; `null` where it gives no hint. */
  readonly hintMs: number | null;
  /** Until a spend limit is renewed, however long; `null` where the vendor does not say. */
  readonly renewedInMs: number | null;
  /** `x-should-retry`; `null` where it is absent. */
  readonly shouldRetry: boolean | null;
}

/** @returns what the error means: the vendor's own word for it before its status */
export function failureIn(refusals: Refusals, complaint: Complaint): Failure {
  const failure =
    byCode(refusals, complaint) ?? byType(refusals, complaint) ?? bySentence(refusals, complaint);
  return complaint.shouldRetry === false ? notAtOnce(failure) : failure;
}

function byCode({ codes }: Refusals, complaint: Complaint): Failure | null {
  const code = complaint.codes.find((word) => codes.has(word));
  const means = code === undefined ? undefined : codes.get(code);
  return means === undefined ? null : failureThatMeans(means, complaint, code);
}

function byType({ types, sentences }: Refusals, complaint: Complaint): Failure | null {
  const means = types.get(complaint.type);
  if (means === undefined) return null;
  const narrower = canWait(means) ? meaningOf(sentences, complaint.message) : undefined;
  return failureThatMeans(
    narrower !== undefined && canWait(narrower) ? narrower : means,
    complaint,
    complaint.type,
  );
}

function bySentence(refusals: Refusals, complaint: Complaint): Failure {
  const otherwise = byStatus(refusals, complaint);
  const means = meaningOf(refusals.sentences, complaint.message);
  if (means === undefined) return otherwise;
  switch (otherwise.reason) {
    case "rate_limited":
    case "quota_exhausted":
    case "unavailable":
    case "credentials_refused":
      return canWait(means)
        ? failureThatMeans(means, complaint)
        : {
            reason: "request_refused",
            status: complaint.status,
            vendorSays: complaint.vendorSays,
            unlessServed: otherwise,
          };
    case "connection":
    case "timeout":
    case "hung_up":
    case "request_refused":
    case "content_refused":
    case "truncated":
    case "unreadable":
      return failureThatMeans(means, complaint);
  }
}

/** An error inside a 200 is worth another call, unless it names a status that says otherwise. */
function byStatus({ statuses }: Refusals, complaint: Complaint): Failure {
  const { status, codes, type, hintMs, vendorSays, shouldRetry } = complaint;
  const named = isInside(status)
    ? [complaint.named, ...codes.map((code) => statuses.get(code)), statuses.get(type)].find(isErrorStatus)
    : status;
  if (named === undefined) return { reason: "unavailable", status, retryAfterMs: hintMs };
  const failure = failureOfStatus(named, hintMs, vendorSays);
  switch (failure.reason) {
    case "unavailable":
    case "rate_limited":
      return failure;
    case "connection":
    case "timeout":
    case "hung_up":
    case "credentials_refused":
    case "quota_exhausted":
    case "request_refused":
    case "content_refused":
    case "truncated":
    case "unreadable":
      return shouldRetry === true ? { reason: "unavailable", status: named, retryAfterMs: hintMs } : failure;
  }
}

function isInside(status: number): boolean {
  return status >= 200 && status <= 299;
}

function failureThatMeans(means: Meaning, complaint: Complaint, word?: string): Failure {
  const { named, hintMs, renewedInMs, vendorSays } = complaint;
  const status = isInside(complaint.status) && isErrorStatus(named) ? named : complaint.status;
  switch (means) {
    case "account":
      return { reason: "credentials_refused", status };
    case "model":
      return { reason: "credentials_refused", status, scope: "model" };
    case "quota":
      return {
        reason: "quota_exhausted",
        status,
        ...(renewedInMs === null ? {} : { retryAfterMs: renewedInMs }),
      };
    case "pace":
      return { reason: "rate_limited", retryAfterMs: hintMs };
    case "passing":
      return { reason: "unavailable", status, retryAfterMs: hintMs };
    case "request":
      return { reason: "request_refused", status, vendorSays };
    case "content":
      return { reason: "content_refused", kind: word ?? "content_policy", inError: true };
    case "truncated":
      return { reason: "truncated" };
  }
}

/** Does it pass by itself, or by what the operator does, so that a comparison can wait for it? */
function canWait(means: Meaning): boolean {
  switch (means) {
    case "account":
    case "model":
    case "quota":
    case "pace":
    case "passing":
      return true;
    case "request":
    case "content":
    case "truncated":
      return false;
  }
}

function notAtOnce(failure: Failure): Failure {
  return failure.reason === "unavailable" || failure.reason === "rate_limited"
    ? { ...failure, notAtOnce: true }
    : failure;
}

function meaningOf(sentences: Refusals["sentences"], message: string): Meaning | undefined {
  if (message === "") return undefined;
  const words = wordsOf(message);
  return sentences.find(([beginning]) => begins(words, beginning))?.[1];
}

/** @returns whether the message begins with these words (see `Refusals.sentences`) */
export function beginsWith(message: string, beginning: string): boolean {
  return begins(wordsOf(message), beginning);
}

/** Of the first 80 characters, blanks made single and at the beginning taken away. */
function wordsOf(message: string): readonly string[] {
  return message.slice(0, 400).trimStart().replace(/\s+/g, " ").slice(0, 80).toLowerCase().split(" ");
}

/** The last word may go on in punctuation. */
function begins(words: readonly string[], beginning: string): boolean {
  const expected = beginning.split(" ");
  return expected.every((word, at) => {
    const found = words[at];
    if (found === undefined || found === "") return false;
    if (word === "*" || word === found) return true;
    return (
      at === expected.length - 1 && found.startsWith(word) && !/^[\p{L}\p{N}]/u.test(found.slice(word.length))
    );
  });
}
