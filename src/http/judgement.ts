/** A judgement on the wire, whether it was given at once or for a ticket. */
import type { Parameters, Presentation, ProviderName } from "../domain/judging/comparison.ts";
import type { Plan } from "../domain/judging/plan.ts";
import { shownFirst } from "../domain/judging/presentation.ts";
import type { Judged } from "../gateway/attempt.ts";
import { metadataOfBoth, withMetadata } from "./metadata.ts";
import type { JudgementAnswer, ResultAnswer } from "../wire/schemas.ts";

export interface JudgementParts extends Judged {
  readonly provider: ProviderName;
  readonly requestedModel: string;
  readonly plan: Plan;
  readonly parameters: Parameters;
  /** Of the service that got it; `null`: older code did, which did not say. */
  readonly serviceVersion: string | null;
  readonly promptSha256: string;
  /** Absent: as given. */
  readonly presentation?: Presentation;
  readonly exchanged?: boolean;
  /** Absent from older code. */
  readonly pairSha256?: string;
  readonly costUsd: number | null;
  readonly attempts: number;
  /** The caller's own, whose names win over ours. */
  readonly metadata: object;
  /** The same as it was written. */
  readonly metadataText: string;
  readonly ignoredFields: readonly string[];
  readonly correlationId: string;
  readonly traceId: string | null;
}

/** What the result of a ticket has besides. */
type TicketFields = Partial<Omit<ResultAnswer, keyof JudgementAnswer>>;

/** @returns the body of a 200 */
export function judgementJson(parts: JudgementParts, more: TicketFields = {}): string {
  const { judgement, usage } = parts;
  const body: Omit<JudgementAnswer, "metadata"> = {
    winner: judgement.winner,
    justification: judgement.justification,
    confidence: judgement.confidence,
    shown_first: shownFirst(parts.exchanged),
    provider: parts.provider,
    model: parts.model,
    response_time_ms: parts.durationMs,
    token_usage: usage && {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.promptTokens + usage.completionTokens,
      cached_tokens: usage.cachedTokens,
      reasoning_tokens: usage.reasoningTokens,
    },
    cost_estimate: parts.costUsd,
    correlation_id: parts.correlationId,
    trace_id: parts.traceId,
  };
  const ours = {
    prompt_sha256: parts.promptSha256,
    ...(parts.pairSha256 !== undefined && { pair_sha256: parts.pairSha256 }),
    presentation: parts.presentation ?? "as_given",
    requested_model: parts.requestedModel,
    attempts: parts.attempts,
    normalizations: judgement.normalizations,
    ...(judgement.justificationAsShown !== undefined && {
      justification_as_shown: judgement.justificationAsShown,
    }),
    sent_parameters: sentParameters(parts.plan, parts.parameters),
    dropped_parameters: parts.plan.dropped,
    ...(parts.serviceVersion === null ? {} : { service_version: parts.serviceVersion }),
    ignored_fields: parts.ignoredFields,
  };
  if (parts.metadataText === "{}") return JSON.stringify({ ...body, ...more, metadata: ours });
  return withMetadata({ ...body, ...more }, metadataOfBoth(ours, parts.metadata, parts.metadataText));
}

/** What reaches the vendor, each where it is sent. */
export function sentParameters(plan: Plan, { maxTokens }: Parameters) {
  const { temperature, reasoningEffort } = plan;
  return {
    max_tokens: plan.maxTokens ?? maxTokens,
    ...(temperature === null ? {} : { temperature }),
    ...(reasoningEffort === null ? {} : { reasoning_effort: reasoningEffort }),
  };
}
