/** `GET /api/v1/status/…/events`: what happens to a ticket, as it happens: as Server-Sent Events or, where an upgrade is asked for, over a WebSocket. */
import type { z } from "zod";
import { isEnded, type Ticket, type TicketCopy, type TicketEvent } from "../domain/ticket/ticket.ts";
import type { Clock } from "../gateway/ports.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { follow, type FollowParts, type Message } from "../push/follow.ts";
import type { Live } from "../push/live.ts";
import type { Tell } from "../telemetry/events.ts";
import { eventsQuery, lastEventId, ticketParameter } from "../wire/schemas.ts";
import { pathParameters, queryParameters } from "./address.ts";
import { stopping } from "./errors.ts";
import { eventStream, headersOf } from "./event-stream.ts";
import { eventNotice, forTenant, isTerminal, noticeJson } from "./notices.ts";
import type { Platform } from "./platform.ts";
import { noRoomToListen, noSuchTicket, notValid, wrongWebSocket } from "./problems.ts";
import { refuse, type Guard, type RouteContext, type Routes } from "./route-context.ts";

export interface LiveStatusParts {
  readonly gateway: Gateway;
  readonly live: Live;
  readonly clock: Clock;
  readonly platform: Platform;
  readonly isStopping: () => boolean;
  readonly tell: Tell;
}

export function liveStatusRoutes(app: Routes, guard: Guard, parts: LiveStatusParts): void {
  const named = pathParameters(ticketParameter);
  app.get("/api/v1/status/:queue_id/events", guard, named, queryParameters(eventsQuery), (c) =>
    showEvents(c, c.req.valid("param").queue_id, c.req.valid("query"), parts),
  );
}

async function showEvents(
  c: RouteContext,
  queueId: string,
  { after = 0 }: z.infer<typeof eventsQuery>,
  parts: LiveStatusParts,
): Promise<Response> {
  const resumed = lastEventId.safeParse(c.req.header("last-event-id") ?? 0);
  if (!resumed.success) {
    const message = "must be the number of an event";
    return refuse(c, notValid("address", [{ path: "last-event-id", message }]));
  }
  const ticket = await parts.gateway.find(queueId, c.get("tenant") ?? "");
  if (ticket === null) return refuse(c, noSuchTicket);
  c.set("queueId", queueId);
  // A client that comes again has the same address, and a later event in its header.
  const told = Math.max(after, resumed.data);
  if (isEnded(ticket.state) && told >= ticket.progress.events) return nothingMore(c);
  return isUpgrade(c, parts.platform)
    ? showOverSocket(c, ticket, told, parts)
    : showAsStream(c, ticket, told, parts);
}

async function showAsStream(
  c: RouteContext,
  ticket: Ticket | TicketCopy,
  told: number,
  parts: LiveStatusParts,
): Promise<Response> {
  const { live, platform } = parts;
  const correlationId = c.get("correlationId");
  // Nobody would read the body, or give its place back.
  if (c.req.method === "HEAD") return new Response(null, { headers: headersOf(correlationId) });
  const { id } = ticket.about;
  const ear = await live.listen({ kind: "ticket", id, event: told }, c.get("tenant") ?? "", "stream");
  if (ear === null) return refuseListener(c, parts);
  platform.onHangUp(c, ear.leave);
  const { response, reader } = eventStream({
    correlationId,
    onGone: ear.leave,
    cutOff: platform.cutOff && (() => platform.cutOff?.(c)),
  });
  platform.finishLater(c, follow(followParts(parts), id, told, ear, reader));
  return response;
}

async function showOverSocket(
  c: RouteContext,
  ticket: Ticket | TicketCopy,
  told: number,
  parts: LiveStatusParts,
): Promise<Response> {
  const { live, platform } = parts;
  if (!isHandshake(c)) return refuse(c, wrongWebSocket);
  const { id } = ticket.about;
  const { sockets } = platform;
  if (sockets.kind === "at_ticket") return handed(c, await sockets.hand(c, id, told));
  const ear = await live.listen({ kind: "ticket", id, event: told }, c.get("tenant") ?? "", "socket");
  if (ear === null) return refuseListener(c, parts);
  const reader = sockets.take(c, ear.leave);
  void follow(followParts(parts), id, told, ear, reader);
  return new Response(null, { status: 101 });
}

/** What its ticket says to it. */
function handed(c: RouteContext, answer: Response): Response {
  switch (answer.status) {
    case 404:
      return refuse(c, noSuchTicket);
    case 503:
      return refuse(c, noRoomToListen);
    default:
      return answer;
  }
}

function followParts({ gateway, clock, live, tell }: LiveStatusParts): FollowParts {
  return {
    tickets: gateway.tickets,
    clock,
    messageOf,
    isEnd: isTerminal,
    looksInSilence: live.looksInSilence,
    onFault(error, queueId) {
      const errorName = error instanceof Error ? error.name : typeof error;
      tell({ kind: "background_fault", errorName, queueId });
    },
  };
}

/** What is told of an event to its ticket's tenant. */
function messageOf(ticket: Ticket | TicketCopy, event: TicketEvent): Message {
  const notice = eventNotice(ticket, event, forTenant);
  return {
    number: event.number,
    type: notice.type,
    data: notice.data,
    whole: () => noticeJson(notice),
  };
}

function refuseListener(c: RouteContext, { isStopping }: LiveStatusParts): Response {
  return refuse(c, isStopping() ? stopping : noRoomToListen);
}

/** An EventSource that is told so does not come again. */
function nothingMore(c: RouteContext): Response {
  const headers = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-correlation-id": c.get("correlationId"),
  };
  return new Response(null, { status: 204, headers });
}

function isUpgrade(c: RouteContext, { sockets }: Platform): boolean {
  if (sockets.kind === "here") return sockets.isAsked(c);
  return c.req.header("upgrade")?.toLowerCase() === "websocket";
}

/** RFC 6455 4.2.1. */
function isHandshake(c: RouteContext): boolean {
  const isKey = /^[+/0-9A-Za-z]{22}==$/.test(c.req.header("sec-websocket-key") ?? "");
  return c.req.method === "GET" && isKey && c.req.header("sec-websocket-version") === "13";
}
