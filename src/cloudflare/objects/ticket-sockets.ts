/**
 * The WebSockets of one ticket's object. They are the platform's own, so that the object sleeps while nothing happens, and is woken with them. What
 * a socket was told last stands with it.
 */
import type { Ticket, TicketEvent } from "../../domain/ticket/ticket.ts";
import { eventNotice, forTenant, isTerminal, noticeJson } from "../../http/notices.ts";

/** A tenant's own, which is told each event; or one of a Worker, which looks for itself and is told that there is something to see. */
export type SocketKind = "tenant" | "worker";

export interface TicketSockets {
  /**
   * @param told the event behind which it is told
   * @returns the answer to an upgrade: 101; 503 where there is no room
   */
  take(ticket: Ticket, kind: SocketKind, told: number): Response;
  /** What has happened, once it is stored: what is sent within a transaction goes out also where that is rolled back. */
  tell(ticket: Ticket): void;
  /** When the next has been open for as long as it may be; `Infinity`: there is none. */
  dueMs(): number;
  endDue(): void;
  /** The ticket is forgotten. */
  end(): void;
}

/** Kept by the platform while the object sleeps. */
interface Kept {
  readonly told: number;
  readonly untilMs: number;
}

const mostSockets = 100;
const longestMs = 15 * 60_000;
/** Who is told more than this and doesn't read it is cut off: it can come again, from where it was. */
const mostUnreadBytes = 262_144;

export function ticketSockets(
  ctx: Pick<DurableObjectState, "acceptWebSocket" | "getWebSockets" | "setWebSocketAutoResponse">,
  events: () => readonly TicketEvent[],
  nowMs: () => number,
): TicketSockets {
  const openOnes = (kind?: SocketKind) =>
    ctx.getWebSockets(kind).filter((socket) => keptOf(socket) !== closed);

  function endAll(code: number, isOver: (kept: Kept) => boolean): void {
    for (const socket of openOnes()) {
      const kept = keptOf(socket);
      if (kept !== closed && isOver(kept)) close(socket, code);
    }
  }

  return {
    take(ticket, kind, told) {
      if (openOnes().length >= mostSockets) return new Response(null, { status: 503 });
      const { 0: theirs, 1: ours } = new WebSocketPair();
      ctx.acceptWebSocket(ours, [kind]);
      // Whoever asks in words whether we are there is answered while the object sleeps.
      ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
      ours.serializeAttachment({ told, untilMs: nowMs() + longestMs } satisfies Kept);
      tellOne(ours, kind, ticket, events());
      return new Response(null, { status: 101, webSocket: theirs });
    },
    tell(ticket) {
      if (openOnes().length === 0) return;
      const happened = events();
      for (const kind of ["tenant", "worker"] as const)
        for (const socket of openOnes(kind)) tellOne(socket, kind, ticket, happened);
    },
    dueMs: () => Math.min(...openOnes().map(untilMsOf)),
    endDue: () => endAll(1001, ({ untilMs }) => untilMs <= nowMs()),
    end: () => endAll(1000, () => true),
  };
}

/** One that we have closed stays in the platform's list, as open, until the other side has closed it, too. */
const closed = "closed";

function keptOf(socket: WebSocket): Kept | typeof closed {
  return socket.deserializeAttachment() as Kept | typeof closed;
}

function untilMsOf(socket: WebSocket): number {
  const kept = keptOf(socket);
  return kept === closed ? Infinity : kept.untilMs;
}

function close(socket: WebSocket, code: number): void {
  socket.serializeAttachment(closed);
  socket.close(code);
}

function tellOne(socket: WebSocket, kind: SocketKind, ticket: Ticket, happened: readonly TicketEvent[]) {
  const kept = keptOf(socket);
  if (kept === closed) return;
  const { told, untilMs } = kept;
  const untold = happened.filter(({ number }) => number > told);
  for (const event of kind === "tenant" ? untold : untold.slice(-1)) {
    if (socket.bufferedAmount > mostUnreadBytes) return close(socket, 1013);
    socket.send(kind === "tenant" ? noticeJson(eventNotice(ticket, event, forTenant)) : String(event.number));
  }
  const last = happened.at(-1);
  if (last === undefined) return;
  socket.serializeAttachment({ told: Math.max(told, last.number), untilMs } satisfies Kept);
  if (isTerminal(last)) close(socket, 1000);
}
