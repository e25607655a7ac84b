/** A comparison on the wire: from a request's bytes to what is asked, and from a judgement to the answer's body. */
import type { Context } from "hono";
import type { ProviderName } from "../domain/comparison.ts";
import type { Plan } from "../domain/plan.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Judged } from "../gateway/attempt.ts";
import type { Asked } from "../gateway/resolve.ts";
import { readJson, type JsonBody } from "./body.ts";
import type { Problem } from "./errors.ts";
import { illFormedPaths, mayBeIllFormed } from "./ill-formed.ts";
import type { Platform } from "./platform.ts";
import { issuesOf, notValid } from "./problems.ts";
import { comparisonRequest, type ComparisonRequest, type JudgementAnswer } from "./schemas.ts";
import { unknownFields } from "./unknown-fields.ts";

export interface GoodComparison {
  readonly request: ComparisonRequest;
  /** Names of fields that nobody reads: most often a misspelt one. */
  readonly ignoredFields: readonly string[];
}

export interface BadComparison {
  readonly problem: Problem;
  /** The caller's own, where it could be read. */
  readonly correlationId: string | null;
}

/** Reads and validates the body of `POST /api/v1/comparison`. */
export async function readComparison(
  c: Context,
  platform: Platform,
  maxBytes: number,
): Promise<Result<GoodComparison, BadComparison>> {
  const body = await readJson(c, platform, maxBytes);
  return body.ok ? comparisonIn(body.value) : err({ problem: body.error, correlationId: null });
}

/** Every problem is listed at once. */
export function comparisonIn({ text, value: body }: JsonBody): Result<GoodComparison, BadComparison> {
  const parsed = comparisonRequest.safeParse(body);
  const { ignored, refused } = unknownFields(body);
  const illFormed = mayBeIllFormed(text) ? illFormedPaths(body) : [];
  if (parsed.success && illFormed.length + refused.length === 0) {
    // The caller's object itself, not the validator's copy: it is echoed untouched.
    const { metadata } = body as ComparisonRequest;
    return ok({ request: { ...parsed.data, metadata }, ignoredFields: ignored });
  }
  const issues = [
    ...issuesOf(parsed.error?.issues ?? []),
    ...refused,
    ...illFormed.map((path) => ({ path, message: "must not hold half a surrogate pair" })),
  ];
  return err({ problem: notValid("comparison", issues), correlationId: correlationIdIn(body) });
}

export function askedOf(request: ComparisonRequest): Asked {
  const overrides = request.llm_config_overrides;
  return {
    userPrompt: request.user_prompt,
    essayA: request.essay_a,
    essayB: request.essay_b,
    provider: overrides?.provider_override ?? null,
    model: overrides?.model_override ?? null,
    systemPrompt: overrides?.system_prompt_override ?? null,
    temperature: overrides?.temperature_override ?? null,
    maxTokens: overrides?.max_tokens_override ?? null,
    reasoningEffort: overrides?.reasoning_effort ?? null,
  };
}

/** What a judgement's body is made of, whether it was given at once or for a ticket. */
export interface JudgementParts extends Judged {
  readonly provider: ProviderName;
  readonly requestedModel: string;
  readonly plan: Plan;
  readonly promptSha256: string;
  readonly costUsd: number | null;
  readonly attempts: number;
  /** The caller's own; its keys win over ours of the same name. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly ignoredFields: readonly string[];
  readonly correlationId: string;
  readonly traceId: string | null;
}

export function judgementBody(parts: JudgementParts): JudgementAnswer {
  const { judgement, usage } = parts;
  return {
    winner: judgement.winner,
    justification: judgement.justification,
    confidence: judgement.confidence,
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
    metadata: {
      prompt_sha256: parts.promptSha256,
      requested_model: parts.requestedModel,
      attempts: parts.attempts,
      normalizations: judgement.normalizations,
      dropped_parameters: parts.plan.dropped,
      ignored_fields: parts.ignoredFields,
      ...parts.metadata,
    },
  };
}

/** The trace that the caller is in, by the W3C's `traceparent`; `null` where there is none. */
export function traceIdOf(traceparent: string | undefined): string | null {
  return traceparentPattern.exec(traceparent ?? "")?.[1] ?? null;
}

/** Ids of zeros and the version `ff` are invalid; only versions after `00` may say more. https://www.w3.org/TR/trace-context/ */
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|(?<!^00.*)-)/;

function correlationIdIn(body: unknown): string | null {
  const { correlation_id } = Object(body) as { correlation_id?: unknown };
  const read = comparisonRequest.shape.correlation_id.safeParse(correlation_id);
  return read.success ? (read.data ?? null) : null;
}
