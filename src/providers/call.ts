/** One call to a vendor: what its adapters share. Each of them adds what its vendor says differently, as a `Dialect`. */
import type { Failure } from "../domain/failure.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Usage } from "../domain/usage.ts";
import type { Answer, Reply } from "../gateway/ports.ts";
import { parseObject, text, word } from "./envelope.ts";
import { retryHintMs } from "./failures.ts";
import type { Transport, TransportFault } from "./transport.ts";

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

/** An error as a vendor reports it: `Unsure`, as everything that comes from there. */
type AnyProblem = { readonly message?: unknown } | null | undefined;

/** An error that the vendor reports, and what its HTTP answer says beside it. */
export interface Complaint<Problem extends AnyProblem> {
  readonly problem: Problem;
  /** HTTP status. 200: the error came inside an answer that says it went well. */
  readonly status: number;
  /** From the headers; `null` where they give no hint. */
  readonly retryAfterMs: number | null;
  readonly vendorSays: string;
}

/** How one vendor's answers are read. `Envelope` and `Problem` are its documented answer and error, both `Unsure`. */
export interface Dialect<Envelope, Problem extends AnyProblem> {
  /** @returns the error in an answer, of whatever status; nothing where there is none */
  problemIn(envelope: Envelope): Problem;
  failureOf(complaint: Complaint<Problem>): Failure;
  /** @returns the judge's text, or the refusal, block or truncation that took its place */
  textIn(envelope: Envelope): Result<string, Failure>;
  modelIn(envelope: Envelope): unknown;
  usageIn(envelope: Envelope): Usage | null;
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

/** An answer that is not a judgement because it is not the vendor's. */
export const notAnAnswer: Result<never, Failure> = err({ reason: "unreadable", why: "not_an_answer" });

/**
 * Makes the call, once, and reads its answer from the outside in: transport, HTTP status, an error inside a 200, then what the judge said.
 *
 * @param askedModel told as the one that answered where the vendor names none
 * @param signal its reason is an `AbortCause`
 */
export async function call<Envelope, Problem extends AnyProblem>(
  { transport, nowMs }: Surroundings,
  { url, headers, body }: Call,
  dialect: Dialect<Envelope, Problem>,
  askedModel: string,
  signal: AbortSignal,
): Promise<Reply> {
  const request = { method: "POST", url, headers, body: JSON.stringify(body), maxAnswerBytes } as const;
  const sent = await transport(request, signal);
  if (!sent.ok) {
    return { outcome: err(failureOfFault(sent.error, signal)), usage: null, requestId: null, status: null };
  }

  const { status, header } = sent.value;
  const parsed = parseObject(sent.value.text);
  const envelope = parsed as Envelope;
  const requestId = word(dialect.requestIdIn(envelope, header));
  const problem = dialect.problemIn(envelope);
  if (status !== 200 || (problem !== null && problem !== undefined)) {
    const vendorSays = text(problem?.message).slice(0, 1_000) || `HTTP ${status}`;
    const failure = dialect.failureOf({
      problem,
      status,
      retryAfterMs: retryHintMs(header, nowMs()),
      vendorSays,
    });
    return { outcome: err(failure), usage: dialect.usageIn(envelope), requestId, status };
  }
  if (parsed === null) {
    const empty = sent.value.text.trim() === "";
    return { outcome: empty ? emptyAnswer : notAnAnswer, usage: null, requestId, status };
  }
  return {
    outcome: answerIn(dialect, envelope, askedModel),
    usage: dialect.usageIn(envelope),
    requestId,
    status,
  };
}

const emptyAnswer: Result<never, Failure> = err({ reason: "unreadable", why: "empty" });

function answerIn<Envelope, Problem extends AnyProblem>(
  dialect: Dialect<Envelope, Problem>,
  envelope: Envelope,
  askedModel: string,
): Result<Answer, Failure> {
  const said = dialect.textIn(envelope);
  if (!said.ok) return said;
  if (said.value.trim() === "") return emptyAnswer;
  return ok({ text: said.value, model: word(dialect.modelIn(envelope)) ?? askedModel });
}

function failureOfFault(fault: TransportFault, signal: AbortSignal): Failure {
  switch (fault.fault) {
    case "connection":
      return { reason: "connection", code: fault.code };
    case "aborted":
      return { reason: signal.reason === "timeout" ? "timeout" : "hung_up" };
    case "too_large":
      return { reason: "unreadable", why: "too_large" };
  }
}
