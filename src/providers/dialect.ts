/**
 * What a vendor's file holds: how its requests are built and how its answers are read, where that differs from vendor to vendor. What is the same
 * for all stands once, in `call.ts` and `reply.ts`.
 */
import type { ProviderName } from "../domain/judging/comparison.ts";
import { schemaOf } from "../domain/judging/frames.ts";
import type { JudgeRequest } from "../gateway/ports.ts";
import type { Ends, Said } from "./ends.ts";
import type { Refusals } from "./refusals/refusal.ts";
import type { Header } from "./retry-hints.ts";
import type { Factors } from "./tiers.ts";

/** One vendor's way. `Envelope` and `Problem` are the vendor's documented answer and error, both `Unsure`. */
export interface Dialect<Envelope, Problem> {
  readonly name: ProviderName;

  /** The vendor's words, as data: for what it refuses, for how an answer ended, for the tiers that it bills by. */
  readonly refusals: Refusals;
  readonly ends: Ends;
  readonly tiers: Factors;

  /** Those that say who we are, and in which version of the API we speak. Lower-case names; the headers of every call are added. */
  headers(apiKey: string): Readonly<Record<string, string>>;
  /** @returns what follows the base URL */
  path(model: string): string;
  /** @returns what becomes the JSON of a request */
  bodyOf(request: Omit<JudgeRequest, "attempt">): object;

  /** @returns each answer in the envelope; nothing where there is none */
  answersIn(envelope: Envelope): readonly Said[];
  /** @returns the model that says it answered */
  modelIn(envelope: Envelope): unknown;
  usageIn(envelope: Envelope, header: Header): Tokens;
  requestIdIn(envelope: Envelope, header: Header): unknown;

  /**
   * @param about the HTTP status, or the one that an error inside a 200 names; `null` where that names none
   * @param nowMs epoch milliseconds
   */
  toldIn(problem: Problem, about: number | null, nowMs: number): Told;
  /** @returns an error that lies deeper than at the envelope's top; nothing where there is none */
  readonly problemInside?: (envelope: Envelope) => Problem;
}

/** Counts of tokens as the vendor gives them, and what the vendor says of the price of this very call. */
export interface Tokens {
  /** All that was read, cached and cache-written tokens included. */
  readonly prompt: unknown;
  /** A vendor may leave a count out where it is 0, but for `prompt` and `completion`. */
  readonly cached: unknown;
  readonly cacheWrite: unknown;
  /** All that was written, reasoning included. */
  readonly completion: unknown;
  readonly reasoning: unknown;
  /** The tier that the answer names. */
  readonly tier: unknown;
  /** US dollars, where the vendor tells what a call took; they count before the tier. `NaN`: this answer does not tell. */
  readonly costUsd?: number;
}

/** What a vendor's error says: words to be looked up, and times. */
export interface Told {
  /** The most telling first. */
  readonly codes: readonly string[];
  readonly type: string;
  /** How long the error itself asks us to wait. Where the headers say something else, the longer counts. */
  readonly waitMs?: number | null;
  /** Until a spend limit is renewed, where the error says so. */
  readonly renewedInMs?: number | null;
}

/** The header of a key that goes as a bearer token. */
export const bearer = (apiKey: string) => ({ authorization: `Bearer ${apiKey}` });

/** What the schema, or the tool that takes it, is called. */
export const judgementName = "comparison";

/** The shape that a judgement is to have. */
export type Schema = ReturnType<typeof schemaOf>;

/**
 * The part of a body that asks for the answer's shape.
 *
 * @param enforced the part that has the vendor keep to a schema
 * @param json the part that asks for JSON of no schema
 * @returns one of the two, as planned; nothing where neither is
 */
export function shapeOf<Enforced, Json>(
  { plan, frame }: Pick<JudgeRequest, "plan" | "frame">,
  enforced: (schema: Schema) => Enforced,
  json: Json,
): Enforced | Json | {} {
  return plan.structure === "schema" ? enforced(schemaOf(frame)) : plan.structure === "json" ? json : {};
}
