/**
 * Who is connected, and what is under way on each connection: node:http does not tell, and an end without loss must know. What counts is a
 * *whole* request: one that has come to its end and is not answered. Nothing of another kind holds up an end for long.
 */
import type { Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { wait } from "../../gateway/deadline.ts";
import type { Clock } from "../../gateway/ports.ts";

export interface Connections {
  /** A request comes to its handler; its body may be under way still. */
  begin(outgoing: ServerResponse, handle: () => Promise<void>): void;
  /** The answer that is being made, or being sent, on a connection. */
  answerOn(socket: Socket): ServerResponse | null;
  /** Is a request that came on it not answered to its end? */
  isBusy(socket: Socket): boolean;
  /** Says from now on in each answer that it is the last one on its connection, which moves its client on. Whoever comes is let in. */
  sayLeaving(): void;
  /**
   * Lets nobody in any more, and says so in each answer from now on.
   *
   * @param refuse ends a connection whose request has come in part, with an answer
   * @returns when the last connection is gone, and the last handler done: a request with a key goes on without its client
   */
  leave(clock: Pick<Clock, "after">, refuse: (socket: Socket) => void): Promise<void>;
}

interface Connection {
  answer: ServerResponse | null;
  /** Requests that came and are not answered to their end: clients may send one behind another. */
  open: number;
  bytesRead: number;
  /** When a look found that more had been read than before. */
  heardAtMs: number;
}

const lookMs = 25;
/** What a client has sent when it could not know of the end is here by then. */
const silenceMs = 250;
/** So long a request may trickle in where nothing else is under way. */
const trickleMs = 1_000;

export function watchConnections(server: Server): Connections {
  const connections = new Map<Socket, Connection>();
  let everIn = 0;
  const handlers = new Set<Promise<void>>();
  let isLeaving = false;

  server.on("connection", (socket: Socket) => {
    everIn++;
    connections.set(socket, { answer: null, open: 0, bytesRead: 0, heardAtMs: 0 });
    socket.once("close", () => connections.delete(socket));
  });

  /** Whoever has knocked is let in first: a connection that the system has taken and we have not is cut by closing the door. */
  async function closeDoor(): Promise<void> {
    let before = -1;
    for (let turn = 0; turn < 2 || (before !== everIn && turn < 100); turn++) {
      before = everIn;
      await new Promise(setImmediate);
    }
    // Not the method of node:http, which cuts kept connections at once: a request may be on its way on each.
    NetServer.prototype.close.call(server);
  }

  function sayLeaving(): void {
    isLeaving = true;
    for (const { answer } of connections.values()) if (answer) sayLast(answer);
  }

  return {
    begin(outgoing, handle) {
      // An answer has the socket only once those before it are sent.
      const here = connections.get(outgoing.req.socket);
      if (here !== undefined) {
        here.open++;
        outgoing.once("close", () => here.open--);
      }
      const connection = outgoing.socket && connections.get(outgoing.socket);
      if (connection) {
        connection.answer = outgoing;
        outgoing.once("close", () => {
          if (connection.answer === outgoing) connection.answer = null;
        });
      }
      if (isLeaving) sayLast(outgoing);
      const handler = handle().finally(() => handlers.delete(handler));
      handlers.add(handler);
    },

    answerOn: (socket) => connections.get(socket)?.answer ?? null,

    isBusy: (socket) => (connections.get(socket)?.open ?? 0) > 0,

    sayLeaving,

    async leave(clock, refuse) {
      sayLeaving();
      await closeDoor();
      const beganAtMs = performance.now();
      /** Since when no whole request has been under way. */
      let aloneAtMs = beganAtMs;
      while (connections.size > 0 || handlers.size > 0) {
        const isAlone = ![...connections.values()].some(isWhole);
        const nowMs = performance.now();
        if (!isAlone) aloneAtMs = nowMs;
        for (const [socket, connection] of connections) {
          listen(socket, connection, nowMs);
          if (isWhole(connection)) continue;
          const isSilent = nowMs - Math.max(beganAtMs, connection.heardAtMs) >= silenceMs;
          if (!isSilent && nowMs - aloneAtMs < trickleMs) continue;
          if (isIdle(socket, connection)) socket.destroySoon();
          else if (isAlone) {
            connections.delete(socket);
            refuse(socket);
          }
        }
        await wait(clock, lookMs);
      }
    },
  };
}

/** This answer is the last on its connection, and says so. */
function sayLast(answer: ServerResponse): void {
  if (!answer.headersSent) answer.shouldKeepAlive = false;
}

function isWhole({ answer }: Connection): boolean {
  return answer !== null && answer.req.complete;
}

/** Nothing of a request is here. The head of a later one that comes in pieces looks so too. */
function isIdle(socket: Socket, { answer }: Connection): boolean {
  return answer === null && (socket.bytesRead === 0 || socket.bytesWritten > 0);
}

function listen(socket: Socket, connection: Connection, nowMs: number): void {
  if (socket.bytesRead !== connection.bytesRead) connection.heardAtMs = nowMs;
  connection.bytesRead = socket.bytesRead;
}
