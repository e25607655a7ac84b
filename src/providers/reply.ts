/**
 * What a vendor's HTTP answer says, read from the outside in: who speaks, the status, an error inside a 200, then what the judge said and what the
 * call took.
 */
import type { Failure } from "../domain/failure.ts";
import type { Usage } from "../domain/judging/usage.ts";
import { err, type Result } from "../domain/result.ts";
import type { Reply } from "../gateway/ports.ts";
import type { Dialect, Told, Tokens } from "./dialect.ts";
import { answerIn, notAnAnswer } from "./ends.ts";
import { tokenCount, countOrZero, sensible, text, word } from "./envelope.ts";
import { isErrorStatus } from "./failures.ts";
import { failureIn } from "./refusals/refusal.ts";
import { atMost15Minutes, hintInHeaders, longest } from "./retry-hints.ts";
import { type AnyError, envelopeIn, errorIn, failureFromBetween } from "./speaker.ts";
import { billedAs, type Factors } from "./tiers.ts";
import type { UpstreamAnswer } from "./transport.ts";

/** @param askedModel told as the one that answered where the vendor names none */
export function replyIn<Envelope, Problem>(
  dialect: Dialect<Envelope, Problem>,
  answer: UpstreamAnswer,
  askedModel: string,
  nowMs: number,
): Reply {
  const { status, header } = answer;
  const spoken = status >= 300 && status <= 399 ? null : envelopeIn(answer.text);
  if (spoken === null) {
    return replyWithout(failureFromBetween(status, hintInHeaders(header, status, nowMs)), status);
  }

  const envelope = spoken as Envelope;
  const problem = (errorIn(spoken) ?? dialect.problemInside?.(envelope) ?? null) as
    | (Problem & AnyError)
    | null;
  return {
    outcome:
      status === 200 && problem === null
        ? answerIn(dialect.ends, dialect.answersIn(envelope), word(dialect.modelIn(envelope)) ?? askedModel)
        : refusalIn(dialect, problem, answer, nowMs),
    usage: usageOf(dialect.usageIn(envelope, header), dialect.tiers),
    requestId: word(dialect.requestIdIn(envelope, header)),
    status,
  };
}

/** @returns the reply of a call to which the vendor said nothing */
export function replyWithout(failure: Failure, status: number | null): Reply {
  return { outcome: err(failure), usage: null, requestId: null, status };
}

function refusalIn<Envelope, Problem>(
  dialect: Dialect<Envelope, Problem>,
  problem: (Problem & AnyError) | null,
  { status, header }: UpstreamAnswer,
  nowMs: number,
): Result<never, Failure> {
  const inside = status >= 200 && status <= 299;
  // An envelope that reports no error under a status such as 202.
  if (inside && problem === null) return notAnAnswer;
  const named = [problem?.code, problem?.status].find(isErrorStatus) ?? null;
  const told = problem === null ? nothingTold : dialect.toldIn(problem, inside ? named : status, nowMs);
  const message = text(problem?.message);
  return err(
    failureIn(dialect.refusals, {
      ...told,
      status,
      message,
      vendorSays: (message || text(problem?.says)).slice(0, 1_000) || `HTTP ${status}`,
      named,
      hintMs: atMost15Minutes(longest([told.waitMs ?? null, hintInHeaders(header, status, nowMs)])),
      renewedInMs: told.renewedInMs ?? null,
      shouldRetry: yesOrNo(header("x-should-retry")),
    }),
  );
}

const nothingTold: Told = { codes: [], type: "" };

function yesOrNo(value: string | null): boolean | null {
  return value === "true" ? true : value === "false" ? false : null;
}

function usageOf(tokens: Tokens, tiers: Factors): Usage | null {
  const { costUsd = Number.NaN } = tokens;
  const counts = {
    promptTokens: tokenCount(tokens.prompt),
    cachedTokens: countOrZero(tokens.cached),
    cacheWriteTokens: countOrZero(tokens.cacheWrite),
    completionTokens: tokenCount(tokens.completion),
    reasoningTokens: countOrZero(tokens.reasoning),
  };
  const billed = Number.isNaN(costUsd) ? billedAs(tiers, tokens.tier) : { costUsd };
  return sensible(billed === null ? counts : { ...counts, billed });
}
