/** What is known of a request while it is answered, and how it is refused. */
import type { Context, Hono } from "hono";
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Caller } from "../gateway/submission.ts";
import type { ComparisonMeasures } from "../telemetry/events.ts";
import { readTraceparent, type RequestSpan } from "../telemetry/tracing/context.ts";
import type { Spans } from "../telemetry/tracing/tracer.ts";
import { problemAnswer, type Problem } from "./errors.ts";
import type { Platform } from "./platform.ts";

export interface Variables {
  correlationId: string;
  /** `null`: not known, or not asked for. */
  tenant: string | null;
  /** The name of the operator who asks; `null`: nobody who is known as one. */
  operator: string | null;
  /** That operator may change things too. */
  mayAct: boolean;
  provider: ProviderName | null;
  /** The caller's trace; `null`: none. */
  traceId: string | null;
  /** `null`: nobody records it. */
  span: RequestSpan | null;
  /** The ticket that was found, or was kept. */
  queueId: string | null;
  /** `null`: no comparison is asked for, or it is not looked at yet. */
  comparison: Compared | null;
  /** What the answer says went wrong. */
  problem: Problem | null;
  thrown: unknown;
}

/** What came of a comparison. `away`: what took time elsewhere, where a judgement was made. */
export type Compared = Omit<ComparisonMeasures, "overheadMs"> & { readonly away: Away | null };

/** In milliseconds. */
export interface Away {
  /** Calls to the vendor. */
  readonly vendorMs: number;
  /** The gate's answers, and waits between calls. */
  readonly waitMs: number;
}

/** The app, to which each family of routes adds its own. */
export type Routes = Hono<{ Variables: Variables }>;

export type RouteContext = Context<{ Variables: Variables }>;

/** Stands before a route's handler, and lets the request past or answers instead of the handler. */
export type Guard = (c: RouteContext, next: () => Promise<void>) => Promise<Response | undefined>;

/** @param startedAtMs by the finest clock */
export function beginRequest(
  c: RouteContext,
  correlationId: string,
  startedAtMs: number,
  spans: Spans | undefined,
): void {
  const traceparent = c.req.header("traceparent");
  c.set("correlationId", correlationId);
  c.set("tenant", null);
  c.set("operator", null);
  c.set("mayAct", false);
  c.set("provider", null);
  c.set("traceId", readTraceparent(traceparent)?.traceId ?? null);
  c.set("span", spans?.begin(traceparent, () => c.req.header("tracestate"), startedAtMs) ?? null);
  c.set("queueId", null);
  c.set("comparison", null);
  c.set("problem", null);
  c.set("thrown", null);
}

/** Who asks, once the request is let past the guard. */
export function whom(
  c: RouteContext,
  platform: Platform,
): Pick<Caller, "correlationId" | "tenant" | "traceId" | "span" | "onHangUp"> {
  return {
    correlationId: c.get("correlationId"),
    tenant: c.get("tenant") ?? "",
    traceId: c.get("traceId"),
    span: c.get("span"),
    onHangUp: (then) => platform.onHangUp(c, then),
  };
}

/** The trace that lines of the log name: its caller's, or the one that was begun here. */
export function tracedAs(c: RouteContext): string | null {
  return c.get("span")?.traceId ?? c.get("traceId");
}

export function refuse(c: RouteContext, problem: Problem): Response {
  c.set("problem", problem);
  return problemAnswer(problem, c.get("correlationId"));
}

/** For what was thrown and should not have been. */
export function refuseUnexpected(c: RouteContext, thrown: unknown): Response {
  c.set("thrown", thrown);
  return refuse(c, {
    status: 500,
    type: "INTERNAL_ERROR",
    sentence: "Something went wrong in this service; the correlation id finds it in the log.",
  });
}
