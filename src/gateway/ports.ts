/** What the flow needs from the world. Nothing here names a platform. */
import type { Parameters, ProviderName, ReasoningEffort } from "../domain/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import type { Result } from "../domain/result.ts";
import type { Usage } from "../domain/usage.ts";

/**
 * How a model is asked for a judgement, decided before the call from what is known of the model then. Plain JSON: a ticket will store it,
 * so that its request is the same whenever it is sent.
 */
export interface Plan {
  /** `null`: not sent. */
  readonly temperature: number | null;
  /** `null`: not sent. */
  readonly reasoningEffort: ReasoningEffort | null;
  /** How the shape of the answer is asked for: an enforced schema, a forced tool, JSON without a schema, or by words alone. */
  readonly structure: "schema" | "tool" | "json" | "words";
  /** What the caller asked for and the model does not take, by the contract's names. */
  readonly dropped: readonly ("temperature" | "reasoning_effort")[];
}

/** One request to a judge, complete: the adapter adds nothing but the vendor's envelope. */
export interface JudgeRequest {
  readonly model: string;
  readonly system: string;
  readonly user: string;
  readonly maxTokens: number;
  readonly plan: Plan;
  /** Names the comparison; the same for every call made for it. Never sent upstream. */
  readonly promptSha256: string;
  /** Which call for this comparison this is, from 1. Never sent upstream. */
  readonly attempt: number;
}

/** What came of one call that was really made. */
export interface Reply {
  readonly outcome: Result<Answer, Failure>;
  /** `null` where the vendor did not say. A call that failed can have cost something all the same. */
  readonly usage: Usage | null;
  /** The vendor's own id for the call, for its support desk. */
  readonly requestId: string | null;
  /** HTTP status; `null` where there was no answer. */
  readonly status: number | null;
}

export interface Answer {
  /** What the judge wrote, its reasoning left out. */
  readonly text: string;
  /** The model that says it answered. */
  readonly model: string;
}

/** One LLM vendor. Never throws for what the vendor does. One small file each in `src/providers/`. */
export interface Provider {
  readonly name: ProviderName;
  /** Looks up what the model takes. Only OpenRouter asks the network for it, and answers with an assumption where that fails. */
  plan(model: string, parameters: Parameters, signal: AbortSignal): Plan | Promise<Plan>;
  /** Makes exactly one call. Ends early when the signal aborts; its reason says who wanted that (see `AbortCause`). */
  judge(request: JudgeRequest, signal: AbortSignal): Promise<Reply>;
  /** US dollars; `null` where the price of the model is unknown. `model` is the one that was asked for. */
  cost(model: string, usage: Usage, nowMs: number): number | null;
}

/** The reason with which the flow aborts a provider's signal. */
export type AbortCause = "timeout" | "hung_up";

/** Time from outside, so that tests and the simulation own it. */
export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Runs `then` once after `delayMs`, unless the returned function is called first. */
  after(delayMs: number, then: () => void): () => void;
}

/** UTF-8 text to 64 hex digits. Synchronous where the platform can. */
export type Sha256 = (text: string) => string | Promise<string>;

/** A call, told to whoever listens (the log). Nothing that a caller wrote is in it. */
export interface AttemptReport {
  readonly correlationId: string;
  readonly tenant: string;
  readonly provider: ProviderName;
  /** The model that was asked for. */
  readonly model: string;
  /** Which call for this comparison, from 1. */
  readonly attempt: number;
  readonly durationMs: number;
  readonly reply: Reply;
  /** What is left after the answer was read: `null` for a judgement. */
  readonly failure: Failure | null;
}

export interface Ports {
  /** Those that are enabled and have a key. */
  readonly providers: ReadonlyMap<ProviderName, Provider>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sha256: Sha256;
  readonly onAttempt: (report: AttemptReport) => void;
}
