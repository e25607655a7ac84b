/** One attempt at a judgement: a call, and the identical one once more where the answer is none. */
import type { Failure } from "../domain/failure.ts";
import { judgementIn } from "../domain/judging/frames.ts";
import type { Judgement } from "../domain/judging/judgement.ts";
import { inCallersNames } from "../domain/judging/labels.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Usage } from "../domain/judging/usage.ts";
import type { AttemptEvent } from "../telemetry/events.ts";
import type { Span } from "../telemetry/tracing/context.ts";
import type { Answer, Clock, Ports, Provider } from "./ports.ts";
import { requestOf, type Prepared } from "./resolve.ts";

/** A judgement in the caller's names, and the call that brought it. */
export interface Judged {
  readonly judgement: Judgement;
  /** The model that says it answered. */
  readonly model: string;
  /** Of the answering call; `null` where the vendor did not say. */
  readonly usage: Usage | null;
  /** Of the answering call. */
  readonly durationMs: number;
}

/** For whom a call is made, and why: what operators are told of it. */
export interface Purpose extends Pick<
  AttemptEvent,
  "correlationId" | "tenant" | "traceId" | "queueId" | "lane" | "retryOf"
> {
  /** The span of what it is made for; `null`: nobody records it. */
  readonly parent: Span | null;
}

/** What the calls for one comparison came to so far. */
export interface CallTally {
  calls: number;
  /** US dollars of the calls whose usage is known; `null`: none yet. */
  costUsd: number | null;
  priceKnown: boolean;
  /** What calls took, in milliseconds. */
  vendorMs: number;
  /** What calls, the gate and waits between calls took. */
  awayMs: number;
}

export function newCallTally(calls = 0, costUsd: number | null = null): CallTally {
  return { calls, costUsd, priceKnown: true, vendorMs: 0, awayMs: 0 };
}

/** US dollars; `null` where no usage is known, or the price is not. */
export function costOfCalls({ costUsd, priceKnown }: CallTally): number | null {
  return priceKnown ? costUsd : null;
}

/** Which call is made, what for, and where it is counted. */
export interface Asking {
  readonly provider: Provider;
  readonly prepared: Prepared;
  readonly purpose: Purpose;
  readonly tally: CallTally;
}

/** @returns the judgement or the failure, and how long the last call took */
export async function attempt(
  ports: CallPorts,
  asking: Asking,
  signal: AbortSignal,
): Promise<Result<Judged, Failure> & { readonly durationMs: number }> {
  const around = ports.tracer?.around;
  const once = (isReask: boolean) => call(ports, asking, signal, isReask);
  const askOnce = around === undefined ? once : (isReask: boolean) => around(() => once(isReask));
  const first = await askOnce(false);
  if (first.ok || first.error.reason !== "unreadable" || signal.aborted) return first;
  return askOnce(true);
}

type CallPorts = Pick<Ports, "clock" | "tell" | "tracer">;

async function call(
  { clock, tell, tracer }: CallPorts,
  { provider, prepared, purpose, tally }: Asking,
  signal: AbortSignal,
  isReask: boolean,
): Promise<Result<Judged, Failure> & { readonly durationMs: number }> {
  const number = ++tally.calls;
  const { parent } = purpose;
  const span = (parent && tracer?.spans?.child(parent)) ?? null;
  const startedAtMs = clock.nowMs();
  const beganMs = clock.monotonicMs();
  const beganFineMs = fineMs(clock);
  // Made anew for each call, and held by nobody here: the judge can let go of it as soon as it is sent.
  const reply = await provider.judge({ ...requestOf(prepared), attempt: number }, signal);
  const durationMs = clock.monotonicMs() - beganMs;
  const tookMs = fineMs(clock) - beganFineMs;
  tally.vendorMs += tookMs;
  tally.awayMs += tookMs;
  const { outcome, usage } = reply;
  const { model, parameters } = prepared.comparison;
  const costUsd = usage && provider.cost(model, usage, startedAtMs);
  if (usage) {
    if (costUsd === null) tally.priceKnown = false;
    else tally.costUsd = (tally.costUsd ?? 0) + costUsd;
  }
  const judged = outcome.ok ? judgedBy(prepared, outcome.value) : outcome;
  const { correlationId, tenant, traceId, queueId, lane, retryOf } = purpose;
  tell({
    kind: "attempt",
    lane,
    correlationId,
    traceId,
    span,
    queueId,
    tenant,
    provider: provider.name,
    model,
    plan: prepared.plan,
    maxTokens: parameters.maxTokens,
    attempt: number,
    retryOf: isReask ? null : retryOf,
    isReask,
    durationMs,
    reply,
    costUsd,
    failure: judged.ok ? null : judged.error,
    judgement: judged.ok ? { ...judged.value.judgement, winner: judged.value.slot } : null,
  });
  if (!judged.ok) return { ...judged, durationMs };
  const { judgement, model: answeredBy } = judged.value;
  return { ...ok({ judgement, model: answeredBy, usage, durationMs }), durationMs };
}

/** By the finest clock that there is. */
export function fineMs(clock: Pick<Clock, "monotonicMs" | "fineMs">): number {
  return clock.fineMs === undefined ? clock.monotonicMs() : clock.fineMs();
}

interface ReadBy extends Pick<Judged, "judgement" | "model"> {
  /** The winner by the names that the judge was shown. */
  readonly slot: Judgement["winner"];
}

function judgedBy(
  asked: Omit<Prepared, "comparison">,
  { text, texts = [text], model }: Answer,
): Result<ReadBy, Failure> {
  const read = judgementIn(asked, texts);
  if (!read.ok) return err({ reason: "unreadable", why: read.error });
  const { value } = read;
  return ok({ judgement: asked.exchanged ? inCallersNames(value) : value, model, slot: value.winner });
}
