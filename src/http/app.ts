/** The app, assembled: what stands around every request, each family of routes, and what is said where no route is. */
import { Hono } from "hono";
import { StoreAway } from "../gateway/ports.ts";
import type { Report } from "../telemetry/sentry.ts";
import type { Tracer } from "../telemetry/tracing/tracer.ts";
import { methodsByPath } from "./address.ts";
import { comparisonRoutes, type ComparisonParts } from "./comparison.ts";
import { consoleRoutes, type ConsoleParts } from "./console.ts";
import { docsRoutes } from "./docs.ts";
import { storeAway } from "./errors.ts";
import { feedRoutes, type FeedParts } from "./feed.ts";
import { knownOnly } from "./guards.ts";
import { healthRoutes, type HealthParts } from "./health.ts";
import { operatorRoutes, type OperatorRouteParts } from "./operator.ts";
import { metricsRoutes, type MetricsParts } from "./metrics.ts";
import { previewRoutes } from "./preview.ts";
import { probeRoutes, type ProbeParts } from "./probes.ts";
import { nothingHere, wrongMethod } from "./problems.ts";
import { providerRoutes, type ProviderParts } from "./providers.ts";
import { endRequest } from "./request-end.ts";
import {
  beginRequest,
  refuse,
  refuseUnexpected,
  type RouteContext,
  type Variables,
} from "./route-context.ts";
import { liveStatusRoutes, type LiveStatusParts } from "./live-status.ts";
import { ticketRoutes, type TicketParts } from "./tickets.ts";
import { webhookRoutes, type WebhookRouteParts } from "./webhooks.ts";

export interface AppParts
  extends
    ComparisonParts,
    TicketParts,
    LiveStatusParts,
    FeedParts,
    WebhookRouteParts,
    ProviderParts,
    HealthParts,
    ProbeParts,
    MetricsParts,
    OperatorRouteParts,
    ConsoleParts {
  readonly newId: () => string;
  readonly report: Report;
  /** Absent: nobody records spans. */
  readonly tracer?: Tracer | undefined;
  /** Says in an answer where its time went. Absent: nobody wants to know, or no clock could tell. */
  readonly sayTimes?: ((c: RouteContext, tookMs: number) => void) | undefined;
}

export function createApp(parts: AppParts) {
  const { clock, newId, tell, tracer, sayTimes } = parts;
  const nowMs = clock.fineMs ?? clock.monotonicMs;
  const app = new Hono<{ Variables: Variables }>();

  app.use(async (c, next) => {
    const startedAtMs = nowMs();
    beginRequest(c, newId(), startedAtMs, tracer?.spans);
    tell({ kind: "request_began" });
    // Hono hands errors to `onError` itself, but lets everything else that can be thrown through.
    await next().catch((thrown: unknown) => {
      c.res = refuseUnexpected(c, thrown);
    });
    const tookMs = nowMs() - startedAtMs;
    sayTimes?.(c, tookMs);
    endRequest(c, tookMs, parts);
  });

  const guard = knownOnly(parts);
  comparisonRoutes(app, guard, parts);
  previewRoutes(app, guard, parts);
  ticketRoutes(app, guard, parts);
  liveStatusRoutes(app, guard, parts);
  feedRoutes(app, guard, parts);
  webhookRoutes(app, guard, parts);
  providerRoutes(app, guard, parts);
  healthRoutes(app, parts);
  probeRoutes(app, parts);
  metricsRoutes(app, parts);
  operatorRoutes(app, parts);
  consoleRoutes(app, parts);
  docsRoutes(app);

  for (const [path, methods] of methodsByPath(app.routes)) {
    app.all(path, (c) => refuse(c, wrongMethod(methods)));
  }
  app.notFound((c) => refuse(c, nothingHere));
  app.onError((error, c) => (error instanceof StoreAway ? refuse(c, storeAway) : refuseUnexpected(c, error)));
  return app;
}
