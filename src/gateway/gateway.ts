/**
 * The flow, in reading order: `submit` resolves a comparison, prepares its request, and asks the judge until there is a judgement,
 * a failure that another call can't mend, or no time left.
 */
import type { Comparison, ProviderName } from "../domain/comparison.ts";
import { isTransient, retryAfterMs, type Failure } from "../domain/failure.ts";
import { readJudgement, type Judgement } from "../domain/judgement.ts";
import { canonicalText, frame } from "../domain/prompt.ts";
import { err, ok, type Result } from "../domain/result.ts";
import { backoffMs } from "../domain/retry.ts";
import type { Usage } from "../domain/usage.ts";
import type { AbortCause, Answer, JudgeRequest, Plan, Ports, Provider } from "./ports.ts";
import { resolve, type Asked, type Defaults } from "./resolve.ts";

export interface Policy {
  readonly defaults: Defaults;
  /** The longest that one live request may take, all its calls and waits included. */
  readonly requestTimeoutMs: number;
  /** Calls after the first one that failed in a transient way. */
  readonly maxRetries: number;
}

/** Who asks. */
export interface Caller {
  readonly correlationId: string;
  readonly tenant: string;
  /** Runs `then` when the client goes away; the returned function ends the watch. */
  readonly onHangUp: (then: () => void) => () => void;
}

export interface Judged {
  readonly judgement: Judgement;
  readonly comparison: Comparison;
  readonly plan: Plan;
  readonly promptSha256: string;
  /** The model that says it answered. */
  readonly model: string;
  /** Of the answering call; `null` where the vendor did not say. */
  readonly usage: Usage | null;
  /** US dollars for every call whose usage is known; `null` where that is none, or the price is unknown. */
  readonly cost: number | null;
  /** Calls made for this judgement. */
  readonly attempts: number;
  /** Duration of the answering call. */
  readonly durationMs: number;
}

/** Why there is no judgement: what a provider did, or that there was none to ask. */
export type Refusal =
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      readonly provider: ProviderName;
      readonly model: string;
    }
  | {
      readonly kind: "not_usable";
      readonly provider: ProviderName;
      readonly usable: readonly ProviderName[];
    };

export type Gateway = ReturnType<typeof createGateway>;

export function createGateway(ports: Ports, policy: Policy) {
  const { providers, clock } = ports;

  async function submit(asked: Asked, caller: Caller): Promise<Result<Judged, Refusal>> {
    const comparison = resolve(asked, policy.defaults);
    const provider = providers.get(comparison.provider);
    if (!provider) {
      return err({ kind: "not_usable", provider: comparison.provider, usable: [...providers.keys()] });
    }
    const deadlineMs = clock.nowMs() + policy.requestTimeoutMs;
    const controller = new AbortController();
    const abort = (cause: AbortCause) => controller.abort(cause);
    const cancelDeadline = clock.after(policy.requestTimeoutMs, () => abort("timeout"));
    const cancelWatch = caller.onHangUp(() => abort("hung_up"));
    try {
      const judged = await judge(provider, comparison, caller, deadlineMs, controller.signal);
      if (judged.ok) return judged;
      return err({
        kind: "failed",
        failure: judged.error,
        provider: comparison.provider,
        model: comparison.model,
      });
    } finally {
      cancelDeadline();
      cancelWatch();
    }
  }

  /** Asks until there is a judgement, or no use or time for another call. The one owner of retries. */
  async function judge(
    provider: Provider,
    comparison: Comparison,
    caller: Caller,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Result<Judged, Failure>> {
    const promptSha256 = await ports.sha256(canonicalText(comparison));
    const plan = await provider.plan(comparison.model, comparison.parameters, signal);
    const request = {
      model: comparison.model,
      system: comparison.systemPrompt,
      user: frame(comparison, promptSha256),
      maxTokens: comparison.parameters.maxTokens,
      plan,
      promptSha256,
    };
    const tally: Tally = { calls: 0, cost: null, priceKnown: true };

    for (let failed = 1; ; failed++) {
      // Over before this call began: while the plan was made, or in the wait.
      if (signal.aborted) return err({ reason: signal.reason as AbortCause });
      const asked = await ask(provider, request, caller, tally, signal);
      if (asked.ok) {
        const cost = tally.priceKnown ? tally.cost : null;
        return ok({ ...asked.value, comparison, plan, promptSha256, attempts: tally.calls, cost });
      }
      if (!isTransient(asked.error) || failed > policy.maxRetries) return asked;
      const waitMs = backoffMs(failed, retryAfterMs(asked.error), ports.random());
      if (signal.aborted || clock.nowMs() + waitMs >= deadlineMs) return asked;
      await wait(waitMs, signal);
    }
  }

  /** One attempt: a call, and the identical one once more where the answer is no judgement. */
  async function ask(
    provider: Provider,
    request: Omit<JudgeRequest, "attempt">,
    caller: Caller,
    tally: Tally,
    signal: AbortSignal,
  ): Promise<Result<OneAnswer, Failure>> {
    const first = await call(provider, request, caller, tally, signal);
    if (first.ok || first.error.reason !== "unreadable" || signal.aborted) return first;
    return call(provider, request, caller, tally, signal);
  }

  async function call(
    provider: Provider,
    request: Omit<JudgeRequest, "attempt">,
    caller: Caller,
    tally: Tally,
    signal: AbortSignal,
  ): Promise<Result<OneAnswer, Failure>> {
    const attempt = ++tally.calls;
    const startedAtMs = clock.nowMs();
    const reply = await provider.judge({ ...request, attempt }, signal);
    const durationMs = clock.nowMs() - startedAtMs;
    const { outcome, usage } = reply;
    if (usage) {
      const cost = provider.cost(request.model, usage, startedAtMs);
      if (cost === null) tally.priceKnown = false;
      else tally.cost = (tally.cost ?? 0) + cost;
    }
    const judged = outcome.ok ? judgementIn(outcome.value) : outcome;
    ports.onAttempt({
      correlationId: caller.correlationId,
      tenant: caller.tenant,
      provider: provider.name,
      model: request.model,
      attempt,
      durationMs,
      reply,
      failure: judged.ok ? null : judged.error,
    });
    return judged.ok ? ok({ ...judged.value, usage, durationMs }) : judged;
  }

  function wait(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolved) => {
      const done = () => {
        cancel();
        signal.removeEventListener("abort", done);
        resolved();
      };
      const cancel = clock.after(delayMs, done);
      signal.addEventListener("abort", done);
    });
  }

  return { submit };
}

type OneAnswer = Pick<Judged, "judgement" | "model" | "usage" | "durationMs">;

/** What the calls for one comparison came to so far. */
interface Tally {
  calls: number;
  /** US dollars of the calls whose usage is known; `null`: none yet. */
  cost: number | null;
  priceKnown: boolean;
}

function judgementIn({ text, model }: Answer): Result<Pick<Judged, "judgement" | "model">, Failure> {
  const read = readJudgement(text);
  return read.ok ? ok({ judgement: read.value, model }) : err({ reason: "unreadable", why: read.error });
}
