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
}

/**
 * The mock. The verdict follows from the seed and the request; latency and errors from the seed, the request and the attempt number. Nothing
 * else counts, so every process and platform gives the same. Its statuses mean what a vendor's would, its usage is counted from the texts, and
 * nothing that a caller wrote is in its justifications. The mock takes every model id, all parameters, and never runs out of tokens.
 */
export function mockProvider(options: MockOptions, clock: Clock): Provider {
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
      return { ...judged(request, options.seed), requestId, status: 200 };
    },
  };
}

function judged(request: JudgeRequest, seed: number): Pick<Reply, "outcome" | "usage"> {
  const chance = dice(`${seed} verdict ${request.promptSha256}`);
  const pick = (texts: readonly string[]) => texts[Math.floor(chance() * texts.length)] ?? "";
  const [better, worse] = chance() < 0.5 ? ["Essay A", "Essay B"] : ["Essay B", "Essay A"];
  const confidence = (10 + Math.floor(chance() * 41)) / 10;
  const justification = [pick(openings), pick(reasons), pick(reservations), pick(closings)]
    .filter((sentence) => sentence !== "")
    .join(" ")
    .replaceAll("{better}", better)
    .replaceAll("{worse}", worse);
  const verdict = { justification, winner: better, confidence };
  const text = JSON.stringify(
    request.frame === 1 ? verdict : { boundary: boundaryOf(request.promptSha256), ...verdict },
  );
  return { outcome: ok({ text, model: request.model }), usage: counted(request, text, chance()) };
}

const openings = [
  "{better} makes the stronger case overall.",
  "{better} answers the question more directly.",
  "Both essays address the task, but {better} does so with more control.",
  "{better} is the more convincing of the two.",
];
const reasons = [
  "Its thesis is stated early and every paragraph serves it.",
  "It supports its claims with concrete examples and explains why they matter.",
  "Its paragraphs follow from one another, so that the argument builds instead of repeating itself.",
  "It weighs the opposing view fairly before it draws its conclusion.",
  "Its sentences are clear and varied, and its vocabulary is precise.",
];
const reservations = [
  "{worse} has good ideas but asserts more than it shows.",
  "{worse} loses its thread in the middle and recovers only at the end.",
  "{worse} relies on general statements where evidence is needed.",
  "{worse} is easy to read, yet stays on the surface of the question.",
];
const closings = [
  "",
  "The difference is one of degree, not of kind.",
  "A few slips of grammar in either do not change this.",
  "On structure and evidence together, {better} comes first.",
];

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
