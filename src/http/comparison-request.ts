/** A comparison on the wire: from a request's body to what is asked. */
import type { Context } from "hono";
import type { OrderAsked } from "../domain/judging/presentation.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Asked } from "../gateway/resolve.ts";
import { readJson, type JsonBody } from "./body.ts";
import type { Problem } from "./errors.ts";
import { illFormedPaths, mayBeIllFormed } from "./ill-formed.ts";
import { memberSource } from "./json-source.ts";
import { metadataIssues } from "./metadata.ts";
import type { Platform } from "./platform.ts";
import { issuesOf, notValid } from "./problems.ts";
import { comparisonRequest, type ComparisonRequest } from "../wire/schemas.ts";
import { unknownFields } from "./unknown-fields.ts";

export interface GoodComparison {
  readonly request: ComparisonRequest;
  /** As it was written; `{}` where there is none. */
  readonly metadataText: string;
  /** Names of fields that nobody reads: most often a misspelt one. */
  readonly ignoredFields: readonly string[];
  /** Of its body, in UTF-16 units. */
  readonly bodyLength: number;
  /** See `heldBytes`. */
  readonly isWide: boolean;
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
  mayRead?: (bytes: number) => boolean,
): Promise<Result<GoodComparison, BadComparison>> {
  const body = await readJson(c, platform, maxBytes, mayRead);
  return body.ok ? comparisonIn(body.value) : err({ problem: body.error, correlationId: null });
}

/** Every problem is listed at once. */
export function comparisonIn({ text, value }: JsonBody): Result<GoodComparison, BadComparison> {
  const parsed = comparisonRequest.safeParse(value);
  const { ignored, refused } = unknownFields(value);
  const halves = mayBeIllFormed(text) ? illFormedPaths(value) : [];
  const metadataText = metadataIn(text, value);
  const issues = [
    ...issuesOf(parsed.error?.issues ?? []),
    ...refused,
    ...metadataIssues(metadataText),
    ...halves.map((path) => ({ path, message: "must not hold half a surrogate pair" })),
  ];
  if (parsed.success && issues.length === 0) {
    return ok({
      request: parsed.data,
      metadataText,
      ignoredFields: ignored,
      bodyLength: text.length,
      isWide: isWide(text),
    });
  }
  return err({ problem: notValid("comparison", issues), correlationId: correlationIdIn(value) });
}

export function askedOf(request: ComparisonRequest): Asked {
  const order = orderOf(request);
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
    ...(order && { order }),
  };
}

/** @returns nothing where the essays are to be shown as given */
function orderOf(request: ComparisonRequest): OrderAsked | undefined {
  const { presentation: as, presentation_key: key, presentation_index: index } = request;
  return !as || as === "as_given" ? undefined : { as, key: key ?? null, index: index ?? 0 };
}

function metadataIn(text: string, body: unknown): string {
  const { metadata } = Object(body) as { metadata?: unknown };
  const isObject = typeof metadata === "object" && metadata !== null && !Array.isArray(metadata);
  const source = isObject ? memberSource(text, "metadata") : null;
  return source === null ? "{}" : ownText(source);
}

/** Has it characters beyond Latin-1? They may stand there as escapes too. */
function isWide(body: string): boolean {
  return beyondLatin1.test(body) || body.includes("\\u");
}

const beyondLatin1 = /[^\0-\xff]/;

/** A text of its own: a part of another one holds the whole of that, which is the body here, for as long as the request is under way. */
function ownText(part: string): string {
  return decoder.decode(encoder.encode(part));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function correlationIdIn(body: unknown): string | null {
  const { correlation_id } = Object(body) as { correlation_id?: unknown };
  const read = comparisonRequest.shape.correlation_id.safeParse(correlation_id);
  return read.success ? (read.data ?? null) : null;
}
