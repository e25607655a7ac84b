/** To listen to tickets, each of which is an object elsewhere: over a WebSocket to it, during which it sleeps. */
import type { Context } from "hono";
import { createEar } from "../../push/ear.ts";
import { createLivePlaces, type Live, type Topic } from "../../push/live.ts";
import { timers } from "../clock.ts";
import type { Environment } from "../environment.ts";
import type { SocketKind } from "../objects/ticket-sockets.ts";
import type { TicketObject } from "../objects/ticket-object.ts";
import { feedSocket } from "./tenant-index.ts";
import { askObject } from "./ask-object.ts";

/** After a socket was lost: objects are moved, and go with each deployment. */
const againMs = 1_000;

export function remoteLive(env: Environment): Live {
  const places = createLivePlaces();
  return {
    // A socket that is lost is noticed.
    looksInSilence: false,
    async listen(topic, tenant, kind) {
      const leavePlace = places.enter(tenant, kind);
      if (leavePlace === null) return null;
      let socket: WebSocket | null = null;
      let isOver = false;
      // A ticket says at once whether it has moved since. A feed does not.
      const ear = createEar(timers, topic.kind === "feed" ? "hint" : "silence", () => {
        isOver = true;
        leavePlace();
        socket?.close(1000);
      });

      /** @returns false: its ticket has no room for one more */
      async function open(isFirst: boolean): Promise<boolean> {
        const { status, webSocket } = await socketFor(env, topic, isFirst);
        if (webSocket === null) {
          // Where the ticket is gone, who looks sees so.
          ear.hear("hint");
          return status !== 503;
        }
        socket = webSocket;
        webSocket.addEventListener("message", () => ear.hear("hint"));
        webSocket.addEventListener("close", lost);
        webSocket.accept();
        if (isOver) webSocket.close(1000);
        return true;
      }

      function lost(): void {
        if (isOver) return;
        ear.hear("hint");
        timers.after(againMs, () => {
          if (!isOver) open(false).then((isOpen) => isOpen || lost(), lost);
        });
      }

      const isOpen = await open(true).catch((error: unknown) => {
        ear.leave();
        throw error;
      });
      if (isOpen) return ear;
      ear.leave();
      return null;
    },
  };
}

/** @param isFirst otherwise nothing is known of what happened meanwhile */
function socketFor(env: Environment, topic: Topic, isFirst: boolean): Promise<Response> {
  return topic.kind === "feed"
    ? feedSocket(env, topic.tenant)
    : askTicket(env, topic.id, "worker", isFirst ? topic.event : 0);
}

/** Hands a tenant's socket to its ticket. @returns its answer: 101, 404 or 503 */
export async function socketAtTicket(c: Context, queueId: string, told: number): Promise<Response> {
  return await askTicket(c.env as Environment, queueId, "tenant", told);
}

/** Of the request that wants a socket nothing goes on: neither its key nor its address. */
function askTicket(env: Environment, id: string, kind: SocketKind, told: number): Promise<Response> {
  const headers = { upgrade: "websocket" };
  return askObject<TicketObject, Response>(env.TICKET_OBJECTS, id, (ticket) =>
    ticket.fetch(new Request(`https://ticket/${kind}/${told}`, { headers })),
  );
}
