/** One call to a vendor: what its adapters share. Each of them adds what its vendor says differently, as a `Dialect`. */
import type { Failure } from "../domain/failure.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Usage } from "../domain/judging/usage.ts";
import type { Answer, Reply } from "../gateway/ports.ts";
import { text, word } from "./envelope.ts";
import { isErrorStatus } from "./failures.ts";
import { failureIn, type Refusals } from "./refusals/refusal.ts";
import { atMost15Minutes, hintInHeaders, longest } from "./retry-hints.ts";
import { type AnyError, envelopeIn, errorIn, failureFromBetween } from "./speaker.ts";
import type { Transport, TransportFault, UpstreamAnswer } from "./transport.ts";

/** Where a vendor is, and our key to it. */
export interface Vendor {
  readonly apiKey: string;
  /** Without the part of the path that the adapter appends. */
  readonly baseUrl: string;
}

/** What an adapter is given by the platform. */
export interface Surroundings {
  readonly transport: Transport;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

export interface Call {
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Becomes JSON. */
  readonly body: object;
}

/** What an adapter finds in an error that its vendor reports: words to be looked up, and times. */
export interface Told {
  /** The most telling first. */
  readonly codes: readonly string[];
  readonly type: string;
  /** How long the error itself asks us to wait. Where the headers say something else, the longer counts. */
  readonly waitMs?: number | null;
  /** Until a spend limit is renewed, where the error says so. */
  readonly renewedInMs?: number | null;
}

/** How one vendor's answers are read. `Envelope` and `Problem` are its documented answer and error, both `Unsure`. */
export interface Dialect<Envelope, Problem> {
  readonly refusals: Refusals;
  /**
   * @param about the HTTP status, or the one that an error inside a 200 names; `null` where that names none
   * @param nowMs epoch milliseconds
   */
  toldIn(problem: Problem, about: number | null, nowMs: number): Told;
  /** @returns an error that lies deeper than at the envelope's top; nothing where there is none */
  readonly problemInside?: (envelope: Envelope) => Problem;
  /** @returns the judge's text, of each answer in the envelope, or the refusal, block or truncation that took its place */
  textsIn(envelope: Envelope): Result<readonly string[], Failure>;
  modelIn(envelope: Envelope): unknown;
  usageIn(envelope: Envelope, header: (name: string) => string | null): Usage | null;
  requestIdIn(envelope: Envelope, header: (name: string) => string | null): unknown;
}

/** A judgement is a few hundred bytes; the largest envelopes (signed reasoning beside it) are some tens of thousands. */
const maxAnswerBytes = 1_048_576;

/** Headers of every call. A compressed answer would cost more to unpack than it saves. */
export const jsonHeaders = {
  accept: "application/json",
  "accept-encoding": "identity",
  "content-type": "application/json",
  "user-agent": "llm-provider-service",
};

/** What the schema, or the tool that takes it, is called. */
export const judgementName = "comparison";

/** An envelope of the vendor's in which nothing is known as an answer. */
export const notAnAnswer: Result<never, Failure> = err({ reason: "unreadable", why: "not_an_answer" });

/**
 * Makes the call, once, and reads its answer from the outside in: transport, who speaks, HTTP status, an error inside a 200, then what the judge
 * said.
 *
 * @param askedModel told as the one that answered where the vendor names none
 * @param signal its reason is an `AbortCause`
 */
export async function call<Envelope, Problem>(
  { transport, nowMs }: Surroundings,
  { url, headers, body }: Call,
  dialect: Dialect<Envelope, Problem>,
  askedModel: string,
  signal: AbortSignal,
): Promise<Reply> {
  const request = { method: "POST", url, headers, body: JSON.stringify(body), maxAnswerBytes } as const;
  const sent = await transport(request, signal);
  if (!sent.ok) return replyWithout(failureOfFault(sent.error, signal), null);

  const { status, header } = sent.value;
  const spoken = status >= 300 && status <= 399 ? null : envelopeIn(sent.value.text);
  const hintMs = hintInHeaders(header, status, nowMs());
  if (spoken === null) return replyWithout(failureFromBetween(status, hintMs), status);

  const envelope = spoken as Envelope;
  const problem = (errorIn(spoken) ?? dialect.problemInside?.(envelope) ?? null) as
    | (Problem & AnyError)
    | null;
  const answered = status === 200 && problem === null;
  return {
    outcome: answered
      ? answerIn(dialect, envelope, askedModel)
      : refusalIn(dialect, problem, sent.value, hintMs, nowMs()),
    usage: dialect.usageIn(envelope, header),
    requestId: word(dialect.requestIdIn(envelope, header)),
    status,
  };
}

function replyWithout(failure: Failure, status: number | null): Reply {
  return { outcome: err(failure), usage: null, requestId: null, status };
}

const emptyAnswer: Result<never, Failure> = err({ reason: "unreadable", why: "empty" });

function answerIn<Envelope, Problem>(
  dialect: Dialect<Envelope, Problem>,
  envelope: Envelope,
  askedModel: string,
): Result<Answer, Failure> {
  const said = dialect.textsIn(envelope);
  if (!said.ok) return said;
  const texts = said.value.filter((text) => text.trim() !== "");
  if (texts.length === 0) return emptyAnswer;
  return ok({
    text: texts.join("\n"),
    ...(texts.length === 1 ? {} : { texts }),
    model: word(dialect.modelIn(envelope)) ?? askedModel,
  });
}

/**
 * @param answers one or more, as a vendor lists them
 * @returns the text of each; the first failure where one of them has none
 */
export function textsOfAll<Answer>(
  answers: readonly Answer[],
  textIn: (answer: Answer) => Result<string, Failure>,
): Result<readonly string[], Failure> {
  const texts: string[] = [];
  for (const answer of answers) {
    const said = textIn(answer);
    if (!said.ok) return said;
    texts.push(said.value);
  }
  return texts.length === 0 ? notAnAnswer : ok(texts);
}

function refusalIn<Envelope, Problem>(
  { refusals, toldIn }: Dialect<Envelope, Problem>,
  problem: (Problem & AnyError) | null,
  { status, header }: UpstreamAnswer,
  hintMs: number | null,
  nowMs: number,
): Result<never, Failure> {
  const inside = status >= 200 && status <= 299;
  // An envelope that reports no error under a status such as 202.
  if (inside && problem === null) return notAnAnswer;
  const named = [problem?.code, problem?.status].find(isErrorStatus) ?? null;
  const told = problem === null ? nothingTold : toldIn(problem, inside ? named : status, nowMs);
  const message = text(problem?.message);
  return err(
    failureIn(refusals, {
      ...told,
      status,
      message,
      vendorSays: (message || text(problem?.says)).slice(0, 1_000) || `HTTP ${status}`,
      named,
      hintMs: atMost15Minutes(longest([told.waitMs ?? null, hintMs])),
      renewedInMs: told.renewedInMs ?? null,
      shouldRetry: yesOrNo(header("x-should-retry")),
    }),
  );
}

function yesOrNo(value: string | null): boolean | null {
  return value === "true" ? true : value === "false" ? false : null;
}

const nothingTold: Told = { codes: [], type: "" };

function failureOfFault(fault: TransportFault, signal: AbortSignal): Failure {
  switch (fault.fault) {
    case "connection":
      return { reason: "connection", code: fault.code };
    case "aborted":
      return { reason: signal.reason === "timeout" ? "timeout" : "hung_up" };
    case "too_large":
      // No judgement is so long: a page, or a proxy that answers with a file.
      return failureFromBetween(fault.status, null);
  }
}
