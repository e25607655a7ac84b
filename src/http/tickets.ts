/**
 * `GET /api/v1/status/…` and `GET /api/v1/results/…`: where a ticket stands, and what came of the ticket. `GET /api/v1/tickets`: a tenant's own.
 * `DELETE /api/v1/tickets/…`: cancels one.
 */
import type { Ticket } from "../domain/ticket/ticket.ts";
import type { ListPosition, TicketList } from "../gateway/ports.ts";
import type { z } from "zod";
import { ticketParameter, ticketsQuery, waitQuery } from "../wire/schemas.ts";
import { pathParameters, queryParameters } from "./address.ts";
import { jsonAnswer, jsonType, textAnswer } from "./answer.ts";
import { contextOf, contextsOf, type ContextParts } from "./gate-views.ts";
import { cursorOf, readCursor, type Filters } from "./list-cursor.ts";
import { findAwaited, type WaitParts } from "./long-poll.ts";
import { noSuchTicket, notValid } from "./problems.ts";
import { refuse, type Guard, type RouteContext, type Routes } from "./route-context.ts";
import { endedOtherwise, resultOf, statusJson } from "./ticket-answers.ts";

export interface TicketParts extends ContextParts, WaitParts {}

export function ticketRoutes(app: Routes, guard: Guard, parts: TicketParts): void {
  const named = pathParameters(ticketParameter);
  const waiting = queryParameters(waitQuery);
  app.get("/api/v1/status/:queue_id", guard, named, waiting, (c) =>
    showStatus(c, c.req.valid("param").queue_id, c.req.valid("query").wait, parts),
  );
  app.get("/api/v1/results/:queue_id", guard, named, waiting, (c) =>
    showResult(c, c.req.valid("param").queue_id, c.req.valid("query").wait, parts),
  );
  app.get("/api/v1/tickets", guard, queryParameters(ticketsQuery), (c) =>
    showTickets(c, c.req.valid("query"), parts),
  );
  app.delete("/api/v1/tickets/:queue_id", guard, named, (c) =>
    cancelTicket(c, c.req.valid("param").queue_id, parts),
  );
}

async function showStatus(
  c: RouteContext,
  queueId: string,
  wait: number | undefined,
  parts: TicketParts,
): Promise<Response> {
  const { ticket, headers } = await findAwaited(c, queueId, wait, parts);
  if (!ticket) return refuse(c, noSuchTicket);
  c.set("queueId", queueId);
  const json = statusJson(ticket, await contextOf(parts, ticket));
  return textAnswer(200, json, jsonType, c.get("correlationId"), headers);
}

async function showResult(
  c: RouteContext,
  queueId: string,
  wait: number | undefined,
  parts: TicketParts,
): Promise<Response> {
  const { ticket, headers } = await findAwaited(c, queueId, wait, parts);
  if (!ticket) return refuse(c, noSuchTicket);
  c.set("queueId", queueId);
  const result = resultOf(ticket, await contextOf(parts, ticket), parts.clock.nowMs());
  switch (result.kind) {
    case "judged":
      return textAnswer(200, result.json, jsonType, c.get("correlationId"), headers);
    case "pending": {
      const retryAfter = { "retry-after": String(result.body.retry_after) };
      return jsonAnswer(202, result.body, c.get("correlationId"), { ...retryAfter, ...headers });
    }
    case "problem":
      return refuse(c, { ...result.problem, headers: { ...result.problem.headers, ...headers } });
  }
}

async function showTickets(
  c: RouteContext,
  { status, provider, limit, cursor }: z.infer<typeof ticketsQuery>,
  parts: TicketParts,
): Promise<Response> {
  const filters = { status: status ?? null, provider: provider ?? null };
  const tenant = c.get("tenant") ?? "";
  const listed = (after: ListPosition | null) => parts.gateway.list({ tenant, ...filters, limit, after });
  return showList(c, parts, cursor, filters, listed);
}

/** A page of tickets. @param cursor absent: from the newest */
export async function showList(
  c: RouteContext,
  parts: ContextParts,
  cursor: string | undefined,
  filters: Filters,
  listed: (after: ListPosition | null) => Promise<TicketList>,
): Promise<Response> {
  const read = cursor === undefined ? null : readCursor(cursor, filters);
  if (read !== null && read.kind !== "position") {
    const message = read.kind === "others" ? "belongs to other filters" : "is none of this service's";
    return refuse(c, notValid("address", [{ path: "cursor", message }]));
  }
  const list = await listed(read?.position ?? null);
  const contexts = await contextsOf(parts, list.tickets);
  const isOperators = filters.of !== undefined;
  const tickets = contexts.map(({ ticket, context }) =>
    statusJson(ticket, context, isOperators ? { tenant: ticket.about.tenant } : {}),
  );
  const next = JSON.stringify(list.next && cursorOf(list.next, filters));
  const json = `{"tickets":[${tickets.join(",")}],"cursor":${next},"complete":${list.complete}}`;
  return textAnswer(200, json, jsonType, c.get("correlationId"));
}

async function cancelTicket(c: RouteContext, queueId: string, parts: TicketParts): Promise<Response> {
  const ticket = await parts.gateway.cancel(queueId, c.get("tenant") ?? "");
  return showCancelled(c, parts, ticket);
}

/** @param ticket as it is after it was to be cancelled; `null`: there is none. @param beside of the answer */
export async function showCancelled(
  c: RouteContext,
  parts: ContextParts,
  ticket: Ticket | null,
  beside: object = {},
): Promise<Response> {
  if (ticket === null) return refuse(c, noSuchTicket);
  c.set("queueId", ticket.about.id);
  const { status } = ticket.state;
  switch (status) {
    case "cancelled": {
      const json = statusJson(ticket, await contextOf(parts, ticket), beside);
      return textAnswer(200, json, jsonType, c.get("correlationId"));
    }
    case "completed":
    case "failed":
    case "expired":
      return refuse(c, endedOtherwise(status));
    case "queued":
    case "processing":
      throw new Error("a ticket that was cancelled has not ended");
  }
}
