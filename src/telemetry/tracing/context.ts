/** Where a span stands among others, as the W3C's trace context has it: https://www.w3.org/TR/trace-context/ */

/** Names a span for whoever refers to it. */
export interface SpanContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** Whoever made it means to keep it. */
  readonly sampled: boolean;
}

/** A span of ours from its beginning on, which travels with what it is about. */
export interface Span extends SpanContext {
  /** Of the same trace; `null`: the span is the first of it. */
  readonly parentSpanId: string | null;
  /** By the finest clock that there is (`Clock.fineMs`). */
  readonly beganMs: number;
}

/** Of a request: its parent is the caller's span. */
export interface RequestSpan extends Span {
  /** Has the caller sampled its trace? `null`: the caller is in none. */
  readonly callerSampled: boolean | null;
  /** What vendors of tracing add to the trace, as the caller sent it; nobody here reads it. `null`: nothing. */
  readonly traceState: string | null;
}

/** @returns `null`: there is no context in it */
export function readTraceparent(traceparent: string | undefined): SpanContext | null {
  if (traceparent === undefined) return null;
  const [, traceId, spanId, flags] = traceparentPattern.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function traceparentOf({ traceId, spanId, sampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** Ids of zeros and the version `ff` are invalid; only versions after `00` may say more. */
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|(?<!^00.*)-)/;
