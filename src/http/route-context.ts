/** What is known of a request while it is answered, and how it is refused. */
import type { Context } from "hono";
import type { ProviderName } from "../domain/judging/comparison.ts";
import { problemAnswer, type Problem } from "./errors.ts";

export interface Variables {
  correlationId: string;
  /** `null`: not known, or not asked for. */
  tenant: string | null;
  provider: ProviderName | null;
  /** What the answer says went wrong. */
  problem: Problem | null;
  thrown: unknown;
}

export type RouteContext = Context<{ Variables: Variables }>;

export function beginRequest(c: RouteContext, correlationId: string): void {
  c.set("correlationId", correlationId);
  c.set("tenant", null);
  c.set("provider", null);
  c.set("problem", null);
  c.set("thrown", null);
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
