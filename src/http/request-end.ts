/** The last thing for every request: operators are told, and Sentry where the fault is ours. */
import { routePath } from "hono/route";
import { storeAway, type Problem } from "./errors.ts";
import type { ComparisonMeasures, Tell } from "../telemetry/events.ts";
import type { Platform } from "./platform.ts";
import type { Compared, RouteContext } from "./route-context.ts";
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
  const route = routePath(c, -1);
  tell({
    kind: "request",
    correlationId,
    traceId: c.get("traceId"),
    queueId: c.get("queueId"),
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
    tell({ kind: "unexpected_error", correlationId, errorName, stack: framesOf(thrown) });
  }
  if (isOurs(problem)) {
    const incident = { type: problem.type, correlationId, tenant, route, provider, thrown };
    report(incident, (work) => platform.finishLater(c, work));
  }
}

function measured(compared: Compared | null, tookMs: number, { name }: Platform): ComparisonMeasures | null {
  if (compared === null) return null;
  const { mode, result, turnedAway, keyed, awayMs } = compared;
  // On Workers time stands still while we compute: what is left of it there is nobody's work.
  const isMeasured = awayMs !== null && name === "node";
  return { mode, result, turnedAway, keyed, overheadMs: isMeasured ? tookMs - awayMs : null };
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
