/** `GET /api/v1/status/…` and `GET /api/v1/results/…`: where a ticket stands, and what came of the ticket. */
import type { Gateway } from "../gateway/gateway.ts";
import type { Clock } from "../gateway/ports.ts";
import { ticketParameter } from "../wire/schemas.ts";
import { pathParameters } from "./address.ts";
import { jsonAnswer, jsonType, textAnswer } from "./answer.ts";
import { contextOf, type ContextParts } from "./gate-views.ts";
import { noSuchTicket } from "./problems.ts";
import { refuse, type Guard, type RouteContext, type Routes } from "./route-context.ts";
import { resultOf, statusJson } from "./ticket-answers.ts";

export interface TicketParts extends ContextParts {
  readonly gateway: Gateway;
  readonly clock: Clock;
}

export function ticketRoutes(app: Routes, guard: Guard, parts: TicketParts): void {
  const named = pathParameters(ticketParameter);
  app.get("/api/v1/status/:queue_id", guard, named, (c) =>
    showStatus(c, c.req.valid("param").queue_id, parts),
  );
  app.get("/api/v1/results/:queue_id", guard, named, (c) =>
    showResult(c, c.req.valid("param").queue_id, parts),
  );
}

async function showStatus(c: RouteContext, queueId: string, parts: TicketParts): Promise<Response> {
  const ticket = await parts.gateway.find(queueId, c.get("tenant") ?? "");
  if (!ticket) return refuse(c, noSuchTicket);
  const json = statusJson(ticket, await contextOf(parts, ticket));
  return textAnswer(200, json, jsonType, c.get("correlationId"));
}

async function showResult(c: RouteContext, queueId: string, parts: TicketParts): Promise<Response> {
  const ticket = await parts.gateway.find(queueId, c.get("tenant") ?? "");
  if (!ticket) return refuse(c, noSuchTicket);
  const result = resultOf(ticket, await contextOf(parts, ticket), parts.clock.nowMs());
  switch (result.kind) {
    case "judged":
      return textAnswer(200, result.json, jsonType, c.get("correlationId"));
    case "pending": {
      const retryAfter = { "retry-after": String(result.body.retry_after) };
      return jsonAnswer(202, result.body, c.get("correlationId"), retryAfter);
    }
    case "problem":
      return refuse(c, result.problem);
  }
}
