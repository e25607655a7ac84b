/** A judge that is no vendor, for development, tests and demonstrations: as regular as a clock, so that equal requests get equal verdicts. */
import { boundaryOf } from "../domain/judging/boundary.ts";
import type { ReasoningEffort } from "../domain/judging/comparison.ts";
import { err, ok } from "../domain/result.ts";
import type { Usage } from "../domain/judging/usage.ts";
import { wait } from "../gateway/deadline.ts";
import type { Clock, JudgeRequest, Provider, Reply } from "../gateway/ports.ts";
import { catalogued } from "./call.ts";
import { dice, hash } from "./dice.ts";
import { failureOfAbort, failureOfStatus } from "./failures.ts";
import { createQualityJudge, type QualityVerdict } from "./quality-judge.ts";
import { replyWithout } from "./reply.ts";

export interface MockOptions {
  readonly latencyMs: number;
  /** At most this is added to `latencyMs`. */
  readonly latencyJitterMs: number;
  /** The share of calls that fail, 0 to 1. */
  readonly errorRate: number;
  /** HTTP statuses that failing calls are answered with, each as often as the others; none: no call fails. */
  readonly errorCodes: readonly number[];
  readonly seed: number;
  /** `coin`, unless told: nothing that stands in the essays counts. `quality`: see `quality-judge.ts`. */
  readonly judge?: "coin" | "quality";
  /** Of `quality`: in logits. */
  readonly orderEffect?: number;
  readonly lengthEffect?: number;
}

/**
 * The mock. The verdict follows from the seed and the request (of `quality`, from the essays' marks too); latency and errors from the seed, the request and the attempt number. Nothing
 * else counts, so every process and platform gives the same. Its statuses mean what a vendor's would, its usage is counted from the texts, and
 * nothing that a caller wrote is in its justifications. The mock takes every model id, all parameters, and never runs out of tokens.
 */
export function mockProvider(options: MockOptions, clock: Clock): Provider {
  const { seed } = options;
  const byQuality = options.judge === "quality" ? createQualityJudge(options) : null;
  const verdictOn = (request: JudgeRequest) =>
    byQuality?.(request.user, markOf(request)) ?? byCoin(request, seed);
  return {
    ...catalogued("mock"),
    async judge(request, signal) {
      const callKey = `${options.seed} call ${request.promptSha256} ${request.attempt}`;
      // Always three draws in this order: a changed latency leaves the errors as they were.
      const chance = dice(callKey);
      const delayMs = options.latencyMs + chance() * options.latencyJitterMs;
      const fails = chance() < options.errorRate;
      const status = options.errorCodes[Math.floor(chance() * options.errorCodes.length)];

      if (delayMs > 0 && !signal.aborted) await wait(clock, delayMs, signal);
      if (signal.aborted) return replyWithout(failureOfAbort(signal), null);
      const requestId = `mock-${hash(callKey).toString(16).padStart(8, "0")}`;
      if (fails && status !== undefined) {
        const failure = failureOfStatus(status, null, `the mock fails on purpose with ${status}`);
        return { outcome: err(failure), usage: null, requestId, status };
      }
      return { ...written(request, verdictOn(request), seed), requestId, status: 200 };
    },
  };
}

/** What the lines round each essay carry. */
function markOf({ frame, promptSha256 }: JudgeRequest): string {
  return frame === 1 ? promptSha256.slice(0, 16) : boundaryOf(promptSha256);
}

function byCoin({ promptSha256 }: JudgeRequest, seed: number): QualityVerdict {
  const chance = dice(`${seed} verdict ${promptSha256}`);
  const [winner, other] =
    chance() < 0.5 ? (["Essay A", "Essay B"] as const) : (["Essay B", "Essay A"] as const);
  const confidence = (10 + Math.floor(chance() * 41)) / 10;
  const end = endings[Math.floor(chance() * endings.length)] ?? "";
  return {
    justification: `The mock has not read these essays: its coin fell for ${winner}, and not for ${other}.${end}`,
    winner,
    confidence,
  };
}

/** Of several lengths, as a judge's reasons are. */
const endings = [
  "",
  " Another seed may decide otherwise.",
  " Neither argument nor structure, neither language nor length had a part in it.",
  " It is no opinion on either: with a vendor's key a real judge is asked, and with MOCK_JUDGE=quality the mock goes by marks in the essays.",
];

function written(
  request: JudgeRequest,
  verdict: QualityVerdict,
  seed: number,
): Pick<Reply, "outcome" | "usage"> {
  const text = JSON.stringify(request.frame === 1 ? verdict : { boundary: markOf(request), ...verdict });
  const chance = dice(`${seed} usage ${request.promptSha256}`)();
  return { outcome: ok({ text, model: request.model }), usage: counted(request, text, chance) };
}

const reasoningTokens: Readonly<Record<ReasoningEffort, number>> = {
  none: 0,
  low: 60,
  medium: 200,
  high: 600,
};

/** About four characters a token, as vendors' tokenizers give for English. */
function counted(request: JudgeRequest, text: string, chance: number): Usage {
  const written = Math.ceil(text.length / 4);
  const wished = reasoningTokens[request.plan.reasoningEffort ?? "low"] * (0.5 + chance);
  const reasoning = Math.max(0, Math.min(Math.round(wished), request.maxTokens - written));
  return {
    promptTokens: Math.ceil((request.system.length + request.user.length) / 4),
    cachedTokens: 0,
    cacheWriteTokens: 0,
    completionTokens: written + reasoning,
    reasoningTokens: reasoning,
  };
}
