/** Each call to a vendor, as the log has it: whose it was, how it went, what it used, and nothing of what was asked or answered. */
import type { Failure } from "../domain/failure.ts";
import type { Usage } from "../domain/judging/usage.ts";
import type { Result } from "../domain/result.ts";
import type { Log } from "./log.ts";

interface Attempt {
  readonly correlationId: string;
  readonly tenant: string;
  readonly provider: string;
  /** The model that was asked for. */
  readonly model: string;
  /** Which call for its comparison, from 1. */
  readonly attempt: number;
  readonly durationMs: number;
  readonly reply: {
    /** `model`: the one that says it answered. */
    readonly outcome: Result<{ readonly model: string }, Failure>;
    readonly usage: Usage | null;
    readonly requestId: string | null;
    readonly status: number | null;
  };
  /** What is left after the answer was read: `null` for a judgement. */
  readonly failure: Failure | null;
}

export function logAttempt(log: Log, { reply, failure, ...report }: Attempt): void {
  const { outcome, usage, status, requestId } = reply;
  log(failure === null ? "info" : "warn", "attempt", {
    correlation_id: report.correlationId,
    tenant: report.tenant,
    provider: report.provider,
    model: report.model,
    attempt: report.attempt,
    duration_ms: report.durationMs,
    upstream_status: status,
    upstream_request_id: requestId,
    ...(outcome.ok && { answered_model: outcome.value.model }),
    ...(usage && { prompt_tokens: usage.promptTokens, completion_tokens: usage.completionTokens }),
    ...(failure && { failure: failure.reason }),
    ...(failure?.reason === "connection" && { failure_code: failure.code }),
    ...(failure?.reason === "unreadable" && { failure_code: failure.why }),
    ...(failure?.reason === "content_refused" && { failure_code: failure.kind }),
  });
}
