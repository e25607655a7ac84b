/**
 * Who speaks: the vendor, or something between us and the vendor (a proxy, a load balancer, a captive portal). The same for all vendors, and decided
 * before the status counts: a gateway's 404 page says nothing about our model, and its 200 page is nobody's verdict.
 *
 * The shapes, beside the four vendors' own: OpenAI's error object is also that of vLLM, llama.cpp and OpenRouter; Ollama's error is a text; vLLM before
 * 0.11 and Azure's front door put `message` beside a number; FastAPI, on which vLLM and LiteLLM stand, says `detail`.
 */
import type { Failure } from "../domain/failure.ts";
import { parseJson, text, type Unsure } from "./envelope.ts";

/** Every shape that a vendor's envelope, or that of a server behind a base URL, is known by. */
interface AnyEnvelope {
  readonly error: object | string;
  readonly message: string;
  readonly detail: string | object;
  readonly msg: string;
  readonly code: number | string;
  readonly status: number | string;
  readonly statusCode: number;
  readonly type: string;
  readonly output: object;
  readonly content: object;
  readonly candidates: object;
  readonly choices: object;
  readonly promptFeedback: object;
  readonly usageMetadata: object;
}

/** An error in the one shape that adapters read, whatever envelope it came in. */
export interface AnyError {
  /** The vendor's own sentence, which is looked up. */
  readonly message?: unknown;
  /** A sentence from another place, which is told where the request is at fault, and never looked up. */
  readonly says?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly type?: unknown;
}

/**
 * The vendor's envelope in an answer's text: a JSON object, or the first element of a list (as Google sends errors at times), that has one of the
 * known shapes.
 *
 * @returns `null` where the vendor has not spoken
 */
export function envelopeIn(answer: string): object | null {
  const parsed = parseJson(answer);
  const first: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  return isObject(first) && (holdsAnAnswer(first) || errorIn(first) !== null) ? first : null;
}

/** @returns the error that an envelope reports at its top; `null` where it reports none */
export function errorIn(envelope: object): AnyError | null {
  const { error, message, detail, msg, code, status, statusCode, type } = envelope as Unsure<AnyEnvelope> &
    object;
  if (isObject(error)) return error;
  if (typeof error === "string") return { says: error };
  if (holdsAnAnswer(envelope)) return null;
  const number = [code, status, statusCode].find((value) => typeof value === "number");
  const said = [message, detail, msg].find((value) => typeof value === "string");
  if (number !== undefined && said !== undefined) return { says: said, code: number, type };
  return typeof detail === "string" || isObject(detail) || Array.isArray(detail)
    ? { says: saidIn(detail), type }
    : null;
}

/** As lists and objects only: a page of somebody else's may well have a text called `content`. */
function holdsAnAnswer(envelope: object): boolean {
  const { output, content, candidates, choices, promptFeedback, usageMetadata } =
    envelope as Unsure<AnyEnvelope> & object;
  return (
    [output, content, candidates, choices].some(Array.isArray) ||
    isObject(promptFeedback) ||
    isObject(usageMetadata)
  );
}

/** FastAPI lists what is wrong with a request as objects with a `msg`, beside the input itself, which is left out. */
function saidIn(detail: unknown): string {
  if (typeof detail === "string") return detail;
  const first: unknown = Array.isArray(detail) ? detail[0] : detail;
  const { msg, message } = (isObject(first) ? first : {}) as {
    readonly msg?: unknown;
    readonly message?: unknown;
  };
  return text(msg) || text(message) || text(first);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What an answer means that is not the vendor's.
 *
 * @param retryAfterMs its hint, which counts for a 429 and a 503 only; `null` where there is none
 */
export function failureFromBetween(status: number, retryAfterMs: number | null): Failure {
  switch (status) {
    case 413:
    case 414:
    case 431:
      return {
        reason: "request_refused",
        status,
        vendorSays: `Something between this service and the vendor refused the request as too large (HTTP ${status}).`,
        fromBetween: true,
      };
    case 401:
    case 407:
      return { reason: "credentials_refused", status, fromBetween: true };
    case 429:
      return { reason: "rate_limited", retryAfterMs, fromBetween: true };
    case 503:
      return { reason: "unavailable", status, retryAfterMs, fromBetween: true };
    default:
      return { reason: "unavailable", status, retryAfterMs: null, fromBetween: true };
  }
}
