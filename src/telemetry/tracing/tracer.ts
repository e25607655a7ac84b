/**
 * Begins spans: gives them ids and a place among others, and decides at their head whether they are meant to be kept. What is kept all the same is
 * decided at their end (`recorder.ts`).
 */
import { readTraceparent, type RequestSpan, type Span, type SpanContext } from "./context.ts";

/** How spans are begun on a platform. What is absent the platform does by itself, or nobody does. */
export interface Tracer {
  /** Of requests, and of what is done for them. */
  readonly spans?: Spans;
  /** Of the keeping of a ticket, to which the ticket's attempts are linked. `null`: nothing of it is recorded */
  readonly keeping: (request: Span | null) => Span | null;
  /** Runs `work` as a span of the platform's own. */
  readonly around?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Spans of our own making. */
export interface Spans {
  /**
   * Of a request that has just come. Nobody knows yet whose it is, so nothing that its caller says of sampling counts.
   *
   * @param traceparent and `traceState`: headers, as they came
   */
  begin(traceparent: string | undefined, traceState: () => string | undefined, beganMs: number): RequestSpan;
  /** The caller is known: whether its trace is sampled is the caller's to say, within bounds. */
  admitted(span: RequestSpan): RequestSpan;
  /** Of a call that is made for another span. */
  child(parent: Span): Span;
  /**
   * Of an attempt for a ticket: a trace of its own, since a parent that ended hours ago breaks what others make of durations. It is sampled as the
   * keeping of its ticket was.
   */
  attempt(kept: SpanContext | null): Span;
}

export interface SpansParts {
  /** Of traces, from 0 to 1, where no caller has a say. */
  readonly ratio: number;
  /** The finest clock, in milliseconds. */
  readonly fineMs: () => number;
  /** Random hex digits, not all of them 0. */
  readonly hex: (digits: 16 | 32) => string;
}

/** Traces that callers have sampled, in a second: one caller must not turn all tracing on. */
const mostHonoured = 50;
/** The least that whoever passes it on must keep: https://www.w3.org/TR/trace-context/#tracestate-limits */
const mostTraceState = 512;

export function createSpans({ ratio, fineMs, hex }: SpansParts): Spans {
  const threshold = 2 ** 32 * (1 - ratio);
  let second = 0;
  let left = mostHonoured;

  /** By the digits that the W3C's context says to be random (level 2), so that all who sample by the same ratio keep the same traces. */
  const isChosen = (id: string) => Number.parseInt(id.slice(-14, -6), 16) >= threshold;

  function mayHonour(): boolean {
    const now = Math.floor(fineMs() / 1000);
    if (now !== second) {
      second = now;
      left = mostHonoured;
    }
    return left-- > 0;
  }

  return {
    begin(traceparent, traceState, beganMs) {
      const caller = readTraceparent(traceparent);
      const spanId = hex(16);
      if (caller === null) {
        const traceId = hex(32);
        const sampled = isChosen(traceId);
        return {
          traceId,
          spanId,
          sampled,
          parentSpanId: null,
          beganMs,
          callerSampled: null,
          traceState: null,
        };
      }
      const { traceId, sampled: callerSampled } = caller;
      // Not by the trace's id, which the caller has chosen.
      const sampled = isChosen(spanId);
      const state = traceState() ?? "";
      return {
        traceId,
        spanId,
        sampled,
        parentSpanId: caller.spanId,
        beganMs,
        callerSampled,
        traceState: state === "" || state.length > mostTraceState ? null : state,
      };
    },
    admitted(span) {
      if (span.callerSampled === null) return span;
      if (!span.callerSampled) return span.sampled ? { ...span, sampled: false } : span;
      return span.sampled || !mayHonour() ? span : { ...span, sampled: true };
    },
    child: childOf,
    attempt(kept) {
      const traceId = hex(32);
      const sampled = kept === null ? isChosen(traceId) : kept.sampled;
      return { traceId, spanId: hex(16), sampled, parentSpanId: null, beganMs: fineMs() };
    },
  };

  function childOf({ traceId, spanId, sampled }: Span): Span {
    return { traceId, spanId: hex(16), sampled, parentSpanId: spanId, beganMs: fineMs() };
  }
}
