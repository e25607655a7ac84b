/** Events as they are told, for tests. */
import type { AttemptEvent, RequestEvent } from "../../src/telemetry/events.ts";

export function attemptOf(changes: Partial<AttemptEvent> = {}): AttemptEvent {
  return {
    kind: "attempt",
    lane: "live",
    correlationId: "c",
    traceId: null,
    span: null,
    queueId: null,
    tenant: "maths",
    provider: "openai",
    model: "gpt-6-luna",
    plan: { temperature: null, reasoningEffort: "low", structure: "schema", dropped: ["temperature"] },
    maxTokens: 4096,
    attempt: 1,
    retryOf: null,
    isReask: false,
    durationMs: 812,
    reply: {
      outcome: { ok: true, value: { model: "gpt-6-luna-2026-09-01" } },
      usage: {
        promptTokens: 1200,
        cachedTokens: 1024,
        cacheWriteTokens: 0,
        completionTokens: 180,
        reasoningTokens: 128,
      },
      requestId: "r",
      status: 200,
    },
    costUsd: 0.25,
    failure: null,
    judgement: { winner: "Essay A", confidence: 4.2, normalizations: [] },
    ...changes,
  };
}

export function requestOf(changes: Partial<RequestEvent> = {}): RequestEvent {
  return {
    kind: "request",
    correlationId: "c",
    traceId: null,
    span: null,
    queueId: null,
    tenant: "maths",
    method: "POST",
    route: "/api/v1/comparison",
    status: 200,
    durationMs: 815,
    provider: "openai",
    errorType: null,
    comparison: {
      mode: "immediate",
      result: "judged",
      turnedAway: null,
      keyed: null,
      overheadMs: 0.75,
    },
    ...changes,
  };
}
