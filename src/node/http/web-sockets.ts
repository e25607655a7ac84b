/** WebSockets under the routes. An upgrade is answered by the routes as any other request is; one that they take leaves HTTP. */
import { ServerResponse, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import type { Farewell, Reader } from "../../push/follow.ts";

/** Nobody sends us anything: what comes is only read for its end. */
const mostBytesIn = 4_096;
/** Who is told more than this and doesn't read it is cut off: it can come again, from where it was. */
const mostUnreadBytes = 262_144;
/** So long the other side may take to say goodbye, too; less where the process ends. */
const goodbyeMs = 10_000;
const hastyMs = 500;

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  // It would cost each connection more memory than all that is ever sent on it.
  perMessageDeflate: false,
  maxPayload: mostBytesIn,
  // None is spoken here, whatever a client would like.
  handleProtocols: () => false,
});

/** What came behind the head of an upgrade that is not answered yet. */
const heads = new WeakMap<IncomingMessage, Buffer>();

/** The one path on which there are any; elsewhere an upgrade is passed over, as HTTP allows. */
export function wantsWebSocket({ headers, url = "" }: IncomingMessage): boolean {
  return (
    headers.upgrade?.toLowerCase() === "websocket" && /^\/api\/v1\/status\/[^/?]*\/events(\?|$)/.test(url)
  );
}

/** @returns where an upgrade is answered as long as it is HTTP */
export function responseTo(incoming: IncomingMessage, socket: Duplex, head: Buffer): ServerResponse {
  const outgoing = new ServerResponse(incoming);
  heads.set(incoming, head);
  outgoing.shouldKeepAlive = false;
  // node:http has taken its hands off the socket.
  socket.on("error", () => socket.destroy());
  outgoing.assignSocket(socket as Socket);
  outgoing.once("finish", () => (socket as Socket).destroySoon());
  return outgoing;
}

/** An upgrade that was passed over has the same headers, and node:http still reads its connection. */
export function isUpgraded(incoming: IncomingMessage): boolean {
  return heads.has(incoming);
}

/** @param onGone hears when the other side is gone */
export function takeWebSocket(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  onGone: () => void,
): Reader {
  const { socket } = incoming;
  outgoing.detachSocket(socket);
  let taken: WebSocket | null = null;
  server.handleUpgrade(incoming, socket, heads.get(incoming) ?? Buffer.alloc(0), (webSocket) => {
    taken = webSocket;
  });
  heads.delete(incoming);
  // It was destroyed meanwhile, or is none that the library takes.
  if (taken === null) {
    onGone();
    return goneReader;
  }
  return readerOver(taken, onGone);
}

const goneReader: Reader = { take: () => false, beat: () => false, end() {} };

function readerOver(socket: WebSocket, onGone: () => void): Reader {
  let isAnswering = true;

  function mayGoOn(): boolean {
    if (socket.readyState !== socket.OPEN) return false;
    if (socket.bufferedAmount <= mostUnreadBytes) return true;
    leave(1013, hastyMs);
    return false;
  }

  function leave(code: number, patienceMs: number): void {
    socket.close(code);
    const timer = setTimeout(() => socket.terminate(), patienceMs).unref();
    socket.once("close", () => clearTimeout(timer));
  }

  socket.on("close", onGone);
  // `close` follows.
  socket.on("error", () => {});
  socket.on("pong", () => (isAnswering = true));
  // The library answers it; one that asks and asks and does not read is as slow as any.
  socket.on("ping", mayGoOn);
  return {
    take(message) {
      if (!mayGoOn()) return false;
      socket.send(message.whole());
      return true;
    },
    beat() {
      if (!mayGoOn()) return false;
      if (!isAnswering) {
        socket.terminate();
        return false;
      }
      isAnswering = false;
      socket.ping();
      return true;
    },
    end: (why) => leave(codeOf(why), why === "stopping" ? hastyMs : goodbyeMs),
  };
}

/** RFC 6455 7.4.1, and its registry. After any but 1000 it is worth coming again. */
function codeOf(why: Farewell): number {
  switch (why) {
    case "ended":
      return 1000;
    case "time":
      return 1001;
    case "stopping":
      return 1012;
    case "fault":
      return 1011;
  }
}
