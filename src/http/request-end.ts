/** The last thing for every request: its line in the log, and Sentry where the fault is ours. */
import { routePath } from "hono/route";
import { storeAway, type Problem } from "./errors.ts";
import type { Log } from "../telemetry/log.ts";
import type { Platform } from "./platform.ts";
import { probePaths } from "./probes.ts";
import type { RouteContext } from "./route-context.ts";
import { framesOf, type Report } from "../telemetry/sentry.ts";

export function endRequest(
  c: RouteContext,
  durationMs: number,
  { log, report, platform }: { readonly log: Log; readonly report: Report; readonly platform: Platform },
): void {
  // Not `c.var`: it makes an object of all of them each time.
  const correlationId = c.get("correlationId");
  const tenant = c.get("tenant");
  const provider = c.get("provider");
  const problem = c.get("problem");
  const thrown = c.get("thrown");
  const route = routePath(c, -1);
  const level = probePaths.includes(route) ? "debug" : problem && problem.status >= 500 ? "warn" : "info";
  log(level, "request", {
    correlation_id: correlationId,
    tenant,
    method: c.req.method,
    route,
    status: c.res.status,
    duration_ms: durationMs,
    ...(provider && { provider }),
    ...(problem && { error_type: problem.type }),
  });
  if (problem === null) return;
  if (problem.type === "INTERNAL_ERROR") {
    log("error", "unexpected_error", {
      correlation_id: correlationId,
      error_name: thrown instanceof Error ? thrown.name : typeof thrown,
      stack: framesOf(thrown),
    });
  }
  if (isOurs(problem)) {
    const incident = { type: problem.type, correlationId, tenant, route, provider, thrown };
    report(incident, (work) => platform.finishLater(c, work));
  }
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
