/** The last thing for every request: operators are told, and Sentry where the fault is ours. */
import { routePath } from "hono/route";
import { storeAway, type Problem } from "./errors.ts";
import type { ComparisonMeasures, Tell } from "../telemetry/events.ts";
import type { Platform } from "./platform.ts";
import { isOften } from "../telemetry/lines.ts";
import { tracedAs, type Away, type Compared, type RouteContext } from "./route-context.ts";
import { framesOf, type Report } from "../telemetry/sentry.ts";

/** @param tookMs in fractions where the clock has them */
export function endRequest(
  c: RouteContext,
  tookMs: number,
  { tell, report, platform }: { readonly tell: Tell; readonly report: Report; readonly platform: Platform },
): void {
  // Not `c.var`: it makes an object of all of them each time.
  const correlationId = c.get("correlationId");
  const tenant = c.get("tenant");
  const provider = c.get("provider");
  const problem = c.get("problem");
  const thrown = c.get("thrown");
  const traceId = tracedAs(c);
  const queueId = c.get("queueId");
  const route = routePath(c, -1);
  tell({
    kind: "request",
    correlationId,
    traceId,
    span: isOften(route) ? null : c.get("span"),
    queueId,
    tenant,
    method: c.req.method,
    route,
    status: c.res.status,
    durationMs: Math.round(tookMs),
    provider,
    errorType: problem && problem.type,
    comparison: measured(c.get("comparison"), tookMs, platform),
  });
  if (problem === null) return;
  if (problem.type === "INTERNAL_ERROR") {
    const errorName = thrown instanceof Error ? thrown.name : typeof thrown;
    const stack = framesOf(thrown);
    tell({ kind: "unexpected_error", correlationId, traceId, queueId, errorName, stack });
  }
  if (isOurs(problem)) {
    const incident = { type: problem.type, correlationId, tenant, route, provider, thrown };
    report(incident, (work) => platform.finishLater(c, work));
  }
}

function measured(compared: Compared | null, tookMs: number, { name }: Platform): ComparisonMeasures | null {
  if (compared === null) return null;
  const { mode, result, turnedAway, keyed, away } = compared;
  // On Workers time stands still while we compute: what is left of it there is nobody's work.
  const isMeasured = away !== null && name === "node";
  return { mode, result, turnedAway, keyed, overheadMs: isMeasured ? ownMs(away, tookMs) : null };
}

/** What a request took of its own, beside vendor and waits. */
export function ownMs({ vendorMs, waitMs }: Away, tookMs: number): number {
  return tookMs - vendorMs - waitMs;
}

/** Is this service or its operator to blame, not the client and not the vendor's day? */
function isOurs(problem: Problem): boolean {
  return (
    problem === storeAway ||
    problem.type === "INTERNAL_ERROR" ||
    problem.type === "INVALID_API_KEY" ||
    problem.type === "QUOTA_EXCEEDED"
  );
}
