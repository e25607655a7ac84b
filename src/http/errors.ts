/** From what went wrong to what the client is told: a code, a sentence, a correlation id; never an exception's text or a key. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import type { CallWait } from "../domain/gate/pauses.ts";
import type { KeyedRefusal } from "../gateway/idempotency.ts";
import { jsonAnswer } from "./answer.ts";
import type { ErrorType } from "../wire/error-types.ts";

export interface Problem {
  readonly status: number;
  readonly type: ErrorType;
  /** One sentence for a person. */
  readonly sentence: string;
  readonly details?: string;
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
  /** When trying again can help, in seconds; absent where it can't. */
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function problemAnswer(problem: Problem, correlationId: string): Response {
  const { status, type, sentence, details, issues, retryAfterSeconds, headers } = problem;
  const body = {
    error: sentence,
    error_type: type,
    ...(details === undefined ? {} : { details }),
    ...(issues === undefined ? {} : { issues }),
    correlation_id: correlationId,
    ...(retryAfterSeconds === undefined ? {} : { retry_after: retryAfterSeconds }),
  };
  const retryAfter = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  return jsonAnswer(status, body, correlationId, { ...retryAfter, ...headers });
}

/**
 * @param mask takes every key of ours out of a vendor's words
 * @param model the one that was asked for
 */
export function problemOfRefusal(
  refusal: KeyedRefusal,
  provider: ProviderName,
  mask: (text: string) => string,
  nowMs: number,
  model: string,
): Problem {
  switch (refusal.kind) {
    case "failed":
      return problemOfFailure(refusal.failure, provider, mask, model);
    case "gate":
      return problemOfWait(refusal.why, provider, seconds(refusal.retryAtMs - nowMs, retrySeconds));
    case "crowded":
      return crowded;
    case "stopping":
      return stopping;
    case "queue_full":
      return {
        status: 503,
        type: "QUEUE_FULL",
        sentence: `The queue for ${provider} is full.`,
        retryAfterSeconds: rateLimitSeconds,
      };
    case "store_away":
      return storeAway;
    case "not_usable": {
      const usable = refusal.usable.length === 0 ? "none is" : `usable: ${refusal.usable.join(", ")}`;
      return {
        status: 400,
        type: "CONFIGURATION_ERROR",
        sentence: `The provider ${provider} is not enabled or has no key here (${usable}).`,
      };
    }
    case "key_busy":
      return {
        status: 409,
        type: "IDEMPOTENCY_CONFLICT",
        sentence: "A request with this Idempotency-Key is under way.",
        retryAfterSeconds: seconds(Math.min(refusal.untilMs - nowMs, retrySeconds * 1000), retrySeconds),
      };
    case "key_mismatch":
      return {
        status: 422,
        type: "IDEMPOTENCY_MISMATCH",
        sentence: "This Idempotency-Key was used for another comparison.",
      };
    case "key_spent":
      return {
        status: 409,
        type: "IDEMPOTENCY_CONFLICT",
        sentence: "The ticket of this Idempotency-Key is no longer kept: use another key.",
      };
  }
}

export const storeAway: Problem = {
  status: 503,
  type: "SERVICE_UNAVAILABLE",
  sentence: "A store of this service can't be reached.",
  retryAfterSeconds: 5,
};

/** Live calls take seconds: one of them ends soon. */
export const crowded: Problem = {
  status: 503,
  type: "SERVICE_UNAVAILABLE",
  sentence: "As many comparisons as this service has room for, or as are your share, are being judged now.",
  retryAfterSeconds: 2,
};

/** Another instance, or the next one, can be asked at once. */
export const stopping: Problem = {
  status: 503,
  type: "SERVICE_UNAVAILABLE",
  sentence: "This service is about to end or to start anew.",
  retryAfterSeconds: 1,
};

export function problemOfWait(why: CallWait, provider: ProviderName, retryAfterSeconds: number): Problem {
  switch (why) {
    case "breaker":
      return {
        status: 503,
        type: "CIRCUIT_BREAKER_OPEN",
        sentence: `${provider} is down, so it isn't called now.`,
        retryAfterSeconds,
      };
    case "paused":
      return {
        status: 503,
        type: "CIRCUIT_BREAKER_OPEN",
        sentence: `${provider} is paused by an operator of this service, so it isn't called now.`,
        retryAfterSeconds,
      };
    case "model_faults":
      return {
        status: 503,
        type: "CIRCUIT_BREAKER_OPEN",
        sentence: `This model of ${provider} is down, while others answer, so it isn't called now.`,
        retryAfterSeconds,
      };
    case "rate_limit":
      return {
        status: 503,
        type: "RATE_LIMIT",
        sentence: `${provider} asked that this model be left alone for a while.`,
        retryAfterSeconds,
      };
  }
}

/** Seconds to wait where the vendor named no time. */
const retrySeconds = 5;
const rateLimitSeconds = 30;

/** What each failure is called, where there is no more to tell. */
export function errorTypeOf(reason: Failure["reason"]): ErrorType {
  switch (reason) {
    case "connection":
    case "hung_up":
      return "CONNECTION_ERROR";
    case "timeout":
      return "TIMEOUT";
    case "unavailable":
      return "SERVICE_UNAVAILABLE";
    case "rate_limited":
      return "RATE_LIMIT";
    case "credentials_refused":
      return "INVALID_API_KEY";
    case "quota_exhausted":
      return "QUOTA_EXCEEDED";
    case "request_refused":
      return "INVALID_REQUEST";
    case "content_refused":
      return "CONTENT_REFUSED";
    case "truncated":
      return "RESPONSE_TRUNCATED";
    case "unreadable":
      return "INVALID_RESPONSE";
  }
}

/** @param model named where it is the model that was refused; `null`: nobody needs it named */
export function problemOfFailure(
  failure: Failure,
  provider: ProviderName,
  mask: (text: string) => string,
  model: string | null = null,
): Problem {
  const between = `Something between this service and ${provider}`;
  switch (failure.reason) {
    case "connection":
      return {
        status: 503,
        type: "CONNECTION_ERROR",
        sentence: `The connection to ${provider} failed.`,
        retryAfterSeconds: retrySeconds,
      };
    case "timeout":
      return {
        status: 503,
        type: "TIMEOUT",
        sentence: `${provider} did not answer within the time limit.`,
        retryAfterSeconds: retrySeconds,
      };
    case "unavailable":
      return {
        status: 503,
        type: "SERVICE_UNAVAILABLE",
        sentence:
          failure.fromBetween === true
            ? `${between} answered in its place (status ${failure.status}).`
            : `${provider} is unavailable (its status ${failure.status}).`,
        retryAfterSeconds: seconds(failure.retryAfterMs, retrySeconds),
      };
    case "rate_limited":
      return {
        status: 503,
        type: "RATE_LIMIT",
        sentence: `${failure.fromBetween === true ? between : provider} limits the rate of our requests.`,
        retryAfterSeconds: seconds(failure.retryAfterMs, rateLimitSeconds),
      };
    case "hung_up":
      // Nobody reads this one: the status is for the log.
      return { status: 499, type: "CONNECTION_ERROR", sentence: "The client closed the connection." };
    case "credentials_refused":
      return {
        status: 502,
        type: "INVALID_API_KEY",
        sentence:
          failure.scope === "model"
            ? `${provider} does not let this service use the model${model === null ? "" : ` ${model}`}.`
            : failure.fromBetween === true
              ? `${between} asks for credentials before it lets calls through (status ${failure.status}).`
              : `${provider} refused the credentials that this service has for it.`,
      };
    case "quota_exhausted":
      return {
        status: 502,
        type: "QUOTA_EXCEEDED",
        sentence: `The credit or spend limit of this service at ${provider} is used up.`,
      };
    case "request_refused":
      return {
        status: 422,
        type: "INVALID_REQUEST",
        sentence:
          failure.fromBetween === true
            ? `${between} does not let a request of this kind through (status ${failure.status}).`
            : `${provider} says that this request can never succeed.`,
        details: mask(failure.vendorSays).slice(0, 1000),
      };
    case "content_refused":
      return { status: 502, type: "CONTENT_REFUSED", sentence: `${provider} refused to judge these texts.` };
    case "truncated":
      return {
        status: 502,
        type: "RESPONSE_TRUNCATED",
        sentence: `The answer of ${provider} was cut off at its token limit; a larger max_tokens_override may help.`,
      };
    case "unreadable":
      return {
        status: 502,
        type: "INVALID_RESPONSE",
        sentence: `${provider} answered, but not with a judgement.`,
        details: failure.why,
      };
  }
}

function seconds(ms: number | null, otherwise: number): number {
  return ms === null ? otherwise : Math.max(1, Math.ceil(ms / 1000));
}
