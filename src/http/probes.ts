/**
 * `GET /livez` and `GET /readyz`, for supervisors and balancers. A process that lives is not started anew for a vendor's or a store's day, which
 * would help neither; one that can't take a comparison in, or won't for long, is sent none. Details are in `/healthz`.
 */
import { jsonAnswer } from "./answer.ts";
import { stopping, type Problem } from "./errors.ts";
import type { AskStores } from "./health.ts";
import { refuse, type Routes } from "./route-context.ts";

export interface ProbeParts {
  readonly dependencies: AskStores;
  /** True from the moment at which the process was asked to end. */
  readonly isStopping: () => boolean;
}

export function probeRoutes(app: Routes, { dependencies, isStopping }: ProbeParts): void {
  app.get("/livez", (c) => jsonAnswer(200, { status: "alive" }, c.get("correlationId")));
  app.get("/readyz", async (c) => {
    if (isStopping()) return refuse(c, stopping);
    const down = Object.entries(await dependencies("needed"))
      .filter(([, { status, needed }]) => needed && status === "down")
      .map(([name]) => name);
    if (down.length > 0) return refuse(c, nothingIsKept(down));
    return jsonAnswer(200, { status: "ready" }, c.get("correlationId"));
  });
}

function nothingIsKept(stores: readonly string[]): Problem {
  return {
    status: 503,
    type: "SERVICE_UNAVAILABLE",
    sentence: `A store without which nothing can be kept is down: ${stores.join(", ")}. /healthz says more.`,
    retryAfterSeconds: 1,
  };
}
