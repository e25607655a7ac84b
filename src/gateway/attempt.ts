/** One attempt at a judgement: a call, and the identical one once more where the answer is none. */
import type { Failure } from "../domain/failure.ts";
import { judgementIn } from "../domain/judging/frames.ts";
import type { Judgement } from "../domain/judging/judgement.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Usage } from "../domain/judging/usage.ts";
import type { Answer, Ports, Provider } from "./ports.ts";
import { requestOf, type Prepared } from "./resolve.ts";

/** A judgement, and the call that brought it. */
export interface Judged {
  readonly judgement: Judgement;
  /** The model that says it answered. */
  readonly model: string;
  /** Of the answering call; `null` where the vendor did not say. */
  readonly usage: Usage | null;
  /** Of the answering call. */
  readonly durationMs: number;
}

/** For whom a call is made: what the log needs to know of it. */
interface Beneficiary {
  readonly correlationId: string;
  readonly tenant: string;
}

/** What the calls for one comparison came to so far. */
export interface CallTally {
  calls: number;
  /** US dollars of the calls whose usage is known; `null`: none yet. */
  costUsd: number | null;
  priceKnown: boolean;
}

export function newCallTally(calls = 0, costUsd: number | null = null): CallTally {
  return { calls, costUsd, priceKnown: true };
}

/** US dollars; `null` where no usage is known, or the price is not. */
export function costOfCalls({ costUsd, priceKnown }: CallTally): number | null {
  return priceKnown ? costUsd : null;
}

/** Which call is made, for whom, and where it is counted. */
export interface Asking {
  readonly provider: Provider;
  readonly prepared: Prepared;
  readonly whom: Beneficiary;
  readonly tally: CallTally;
}

/** @returns the judgement or the failure, and how long the last call took */
export async function attempt(
  ports: Pick<Ports, "clock" | "onAttempt">,
  asking: Asking,
  signal: AbortSignal,
): Promise<Result<Judged, Failure> & { readonly durationMs: number }> {
  const first = await call(ports, asking, signal);
  if (first.ok || first.error.reason !== "unreadable" || signal.aborted) return first;
  return call(ports, asking, signal);
}

async function call(
  { clock, onAttempt }: Pick<Ports, "clock" | "onAttempt">,
  { provider, prepared, whom, tally }: Asking,
  signal: AbortSignal,
): Promise<Result<Judged, Failure> & { readonly durationMs: number }> {
  const number = ++tally.calls;
  const startedAtMs = clock.nowMs();
  const beganMs = clock.monotonicMs();
  // Made anew for each call, and held by nobody here: the judge can let go of it as soon as it is sent.
  const reply = await provider.judge({ ...requestOf(prepared), attempt: number }, signal);
  const durationMs = clock.monotonicMs() - beganMs;
  const { outcome, usage } = reply;
  const { model } = prepared.comparison;
  const costUsd = usage && provider.cost(model, usage, startedAtMs);
  if (usage) {
    if (costUsd === null) tally.priceKnown = false;
    else tally.costUsd = (tally.costUsd ?? 0) + costUsd;
  }
  const judged = outcome.ok ? judgedBy(prepared, outcome.value) : outcome;
  onAttempt({
    correlationId: whom.correlationId,
    tenant: whom.tenant,
    provider: provider.name,
    model,
    attempt: number,
    durationMs,
    reply,
    costUsd,
    failure: judged.ok ? null : judged.error,
  });
  return judged.ok
    ? { ...ok({ ...judged.value, usage, durationMs }), durationMs }
    : { ...judged, durationMs };
}

function judgedBy(
  asked: Omit<Prepared, "comparison">,
  { text, texts = [text], model }: Answer,
): Result<Pick<Judged, "judgement" | "model">, Failure> {
  const read = judgementIn(asked, texts);
  return read.ok ? ok({ judgement: read.value, model }) : err({ reason: "unreadable", why: read.error });
}
